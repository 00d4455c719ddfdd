//! Reads a session's CONNECT stream, and writes what waits there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h3::error::Code;
use quinn::ReadError;

use super::capsule::{Capsule, CapsuleDecoder};
use super::session::SessionState;
use crate::adapter::arriving::Arriving;
use crate::guard::{Guard, Piece};
use crate::shared::{Shared, lock};

/// A future that lasts as long as the CONNECT stream.
pub(crate) struct Driver {
    session: Arc<SessionState>,
    shared: Arc<Shared>,
    stream: Arriving,
    guard: Guard,
    capsules: CapsuleDecoder,
    /// Whether the client's direction is over.
    ended: bool,
}

impl Driver {
    pub(crate) fn new(
        session: Arc<SessionState>,
        shared: Arc<Shared>,
        stream: Arriving,
        guard: Guard,
    ) -> Driver {
        Driver { session, shared, stream, guard, capsules: CapsuleDecoder::default(), ended: false }
    }

    /// Reads what has arrived. Pending until the client's direction is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended {
            match self.guard.next() {
                Ok(Some(Piece::Data(bytes))) => self.capsules(bytes),
                // Trailers and DATA's own header say nothing.
                Ok(Some(_)) => {}
                Ok(None) => match std::task::ready!(self.stream.poll_read(cx)) {
                    Ok(Some(bytes)) => self.guard.push(bytes),
                    Ok(None) => {
                        if let Err(error) = self.guard.end() {
                            self.shared.close(error.code(), &error.to_string());
                        }
                        self.over(0, "");
                    }
                    Err(ReadError::Reset(_)) => {
                        self.over(0, "");
                        lock(&self.session.connect).reset(Code::H3_REQUEST_CANCELLED.value());
                    }
                    Err(_) => self.over(0, ""),
                },
                Err(error) => {
                    self.shared.close(error.code(), &error.to_string());
                    self.over(0, "");
                }
            }
        }
        Poll::Ready(())
    }

    fn capsules(&mut self, mut bytes: Bytes) {
        while !self.ended {
            match self.capsules.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(Capsule::Close { code, reason })) => self.over(code, &reason),
                Ok(Some(Capsule::Drain)) => self.session.peer_drains(),
                Ok(Some(Capsule::MaxData(limit))) => self.session.raise(limit),
                Err(_) => {
                    self.over(0, "");
                    // RFC 9297, section 3.3: the message is malformed.
                    let code = Code::H3_MESSAGE_ERROR.value();
                    self.stream.stop(code);
                    lock(&self.session.connect).reset(code);
                }
            }
        }
    }

    /// The client has ended the session: so do we, with a FIN unless the stream has its end already.
    fn over(&mut self, code: u32, reason: &str) {
        self.ended = true;
        self.session.end(code, reason);
        lock(&self.session.connect).finish();
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.session.driver.register(cx.waker());
        let read = this.poll_read(cx);
        let flushed = lock(&this.session.connect).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            this.session.written.notify_waiters();
        }
        if let Poll::Ready(Err(_)) = flushed {
            lock(&this.session.connect).reset(Code::H3_REQUEST_CANCELLED.value());
            // The client told us to stop sending on the CONNECT stream, which ends the session, or it is gone.
            this.session.end(0, "");
            this.stream.stop(Code::H3_REQUEST_CANCELLED.value());
            this.ended = true;
            this.session.written.notify_waiters();
        }
        if this.session.is_ended() {
            this.shared.registry.remove(this.session.id);
        }
        if read.is_ready() || this.ended { flushed.map(drop) } else { Poll::Pending }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The connection is gone, or the CONNECT stream is over.
        self.session.end(0, "");
        self.shared.registry.remove(self.session.id);
        // Nobody else writes what waits, so it waits no longer.
        lock(&self.session.connect).reset(Code::H3_REQUEST_CANCELLED.value());
        self.session.written.notify_waiters();
    }
}
