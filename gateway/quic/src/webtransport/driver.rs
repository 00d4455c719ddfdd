//! Reads a session's CONNECT stream, and writes what waits there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use quinn::ReadError;

use super::capsule::{Capsule, CapsuleDecoder};
use super::error_code::FLOW_CONTROL_ERROR;
use super::state::SessionState;
use crate::adapter::TURNS;
use crate::adapter::arriving::Arriving;
use crate::guard::{Guard, GuardError, HEADERS, Piece};
use crate::shared::{Shared, lock};

/// A future that lasts as long as the CONNECT stream.
pub(crate) struct Driver {
    session: Arc<SessionState>,
    shared: Arc<Shared>,
    stream: Arriving,
    guard: Guard,
    capsules: CapsuleDecoder,
    stage: Stage,
    /// The peer has raised limits, and whoever waits for it has not been told. That takes a look at every stream, so it is
    /// done once for all capsules that have arrived.
    is_raised: bool,
}

/// How far the peer's direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// `WT_CLOSE_SESSION` has come, behind which there may only be the end.
    Closed,
    Over,
}

impl Driver {
    pub(crate) fn new(
        session: Arc<SessionState>,
        shared: Arc<Shared>,
        stream: Arriving,
        guard: Guard,
    ) -> Driver {
        let capsules = CapsuleDecoder::new(session.receiving.is_some());
        Driver { session, shared, stream, guard, capsules, stage: Stage::Open, is_raised: false }
    }

    /// Reads what has arrived. Pending until the peer's direction is over, or others have had their turn.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut turns = 0;
        while self.stage != Stage::Over {
            if turns == TURNS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            turns += 1;
            match self.guard.next() {
                Ok(Some(Piece::Data(bytes))) => self.data(bytes),
                // Trailers and DATA's own header say nothing.
                Ok(Some(Piece::DataHeader(_) | Piece::Frame { frame_type: HEADERS, .. })) => {}
                // RFC 9114, section 4.4.
                Ok(Some(Piece::Frame { .. })) => {
                    self.stage = Stage::Over;
                    let code = Code::H3_FRAME_UNEXPECTED;
                    self.shared.close(code, "a frame that has no place on a CONNECT stream");
                    self.session.lose();
                }
                Ok(None) => match ready!(self.stream.poll_read(cx)) {
                    Ok(Some(bytes)) => self.guard.push(bytes),
                    Ok(None) => self.finished(),
                    Err(ReadError::Reset(_)) => {
                        self.stage = Stage::Over;
                        self.session.lose();
                        lock(&self.session.connect).reset(Code::H3_REQUEST_CANCELLED.value());
                    }
                    Err(_) => {
                        self.stage = Stage::Over;
                        self.session.lose();
                    }
                },
                Err(error) => self.unreadable(error),
            }
        }
        Poll::Ready(())
    }

    fn data(&mut self, mut bytes: Bytes) {
        while self.stage == Stage::Open {
            match self.capsules.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(Capsule::Close { code, reason })) => {
                    self.stage = Stage::Closed;
                    self.close(code, &reason);
                }
                Ok(Some(Capsule::Drain)) => self.session.peer_drains(),
                Ok(Some(Capsule::Max(kind, limit))) => {
                    self.is_raised = true;
                    if self.session.raise(kind, limit).is_err() {
                        self.fail(FLOW_CONTROL_ERROR);
                    }
                }
                Ok(Some(Capsule::Blocked(kind, limit))) => {
                    if self.session.peer_blocked(kind, limit).is_err() {
                        self.fail(FLOW_CONTROL_ERROR);
                    }
                }
                // RFC 9297, section 3.3: the message is malformed.
                Err(_) => self.fail(Code::H3_MESSAGE_ERROR.value()),
            }
        }
        if self.stage == Stage::Closed && !bytes.is_empty() {
            self.fail(Code::H3_MESSAGE_ERROR.value());
        }
    }

    /// The peer has ended its direction.
    fn finished(&mut self) {
        if let Err(error) = self.guard.end() {
            return self.unreadable(error);
        }
        if !self.capsules.is_between_capsules() {
            return self.fail(Code::H3_MESSAGE_ERROR.value());
        }
        self.stage = Stage::Over;
        self.close(0, "");
    }

    /// The peer has closed the session: so do we, with a FIN unless the stream has its end already.
    fn close(&self, code: u32, reason: &str) {
        self.session.close(code, reason);
        lock(&self.session.connect).finish();
    }

    /// The frames on the stream are broken, which the whole connection answers for.
    fn unreadable(&mut self, error: GuardError) {
        self.stage = Stage::Over;
        self.shared.refuse_frame(error);
        self.session.lose();
    }

    /// Ends the session with both directions of its CONNECT stream.
    fn fail(&mut self, code: u64) {
        self.stage = Stage::Over;
        self.session.fail(code);
        self.stream.stop(code);
        // Also behind a FIN that answered a close.
        lock(&self.session.connect).revoke(code);
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.session.driver.register(cx.waker());
        let read = this.poll_read(cx);
        if std::mem::take(&mut this.is_raised) {
            this.session.credit();
        }
        if let Some(code) = this.session.fault() {
            this.stage = Stage::Over;
            this.stream.stop(code);
        }
        this.session.write_capsules();
        let flushed = lock(&this.session.connect).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            this.session.written.notify_waiters();
        }
        if let Poll::Ready(Err(_)) = flushed {
            // The peer told us to stop sending on the CONNECT stream, which ends the session, or it is gone.
            this.session.lose();
            let code = Code::H3_REQUEST_CANCELLED.value();
            lock(&this.session.connect).reset(code);
            this.stream.stop(code);
            this.stage = Stage::Over;
            this.session.written.notify_waiters();
        }
        if this.session.is_ended() {
            this.shared.registry.remove(this.session.id);
        }
        if read.is_ready() || this.stage == Stage::Over { flushed.map(drop) } else { Poll::Pending }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The connection is gone, or the CONNECT stream is over.
        self.session.lose();
        self.shared.registry.remove(self.session.id);
        // Nobody else writes what waits, so it waits no longer.
        lock(&self.session.connect).reset(Code::H3_REQUEST_CANCELLED.value());
        self.session.written.notify_waiters();
    }
}
