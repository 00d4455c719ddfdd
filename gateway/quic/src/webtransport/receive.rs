//! The receiving half of a stream of a session.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use quinn::ReadError;
use sluicegate_core::wire::{Gone, Receive};
use tokio::time::timeout;

use super::error_code::{self, BUFFERED_STREAM_REJECTED};
use super::flow::Violation;
use super::stream::{NO_CODE, StreamError, StreamState};
use crate::shared::lock;

/// Bytes that are dropped, and not refused at once, of a peer whose call is over.
const LEFT: usize = 4 << 10;

/// What the peer sends on a stream of a session. Dropping it refuses the rest.
#[derive(Debug)]
pub struct WtReceive {
    stream: Arc<StreamState>,
    /// Wakes whoever waits for this stream, here or in the other half.
    quic_waker: Waker,
    error: Option<StreamError>,
    /// The rest is another's to refuse.
    is_left: bool,
}

impl WtReceive {
    pub(crate) fn new(stream: Arc<StreamState>) -> WtReceive {
        WtReceive { quic_waker: Waker::from(Arc::clone(&stream.wakers)), stream, error: None, is_left: false }
    }

    /// The QUIC stream's number.
    pub fn id(&self) -> u64 {
        self.stream.id
    }

    /// Refuses a stream that nobody had room for.
    pub(super) fn reject(self) {
        if let Some(receive) = &self.stream.receive {
            lock(receive).stop(BUFFERED_STREAM_REJECTED);
        }
    }

    /// Refuses the rest with an application error code, such as those in [`error_code`](crate::error_code).
    pub fn stop_with(&mut self, code: u32) {
        self.forward_stop(Some(code));
    }

    /// Passes on that whoever gets these bytes wants no more of them: what
    /// [`WtTransmit::poll_stopped`](crate::WtTransmit::poll_stopped) said of another session's stream. A code that no
    /// application can have sent arrives without one here too.
    pub fn forward_stop(&mut self, code: Option<u32>) {
        if let Some(receive) = &self.stream.receive {
            lock(receive).stop(code.map_or(NO_CODE, error_code::to_http3));
            self.stream.give_up();
        }
    }

    /// How the peer's direction ended before its time, after `poll_data` has failed.
    pub fn error(&self) -> Option<StreamError> {
        self.error
    }

    /// Resolves when the peer has reset its direction or the session has ended, also while bytes in front of that wait to
    /// be read, up to a few thousand of them; never once the peer has finished.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stream.wakers.reader.register(cx.waker());
        if let Some(error) = self.error {
            return Poll::Ready(error);
        }
        self.stream.poll_reset(&self.quic_waker)
    }

    /// Waits for the end of the stream, and refuses what it still brings when this is dropped.
    async fn see_end(mut self, patience: Duration) {
        let mut dropped = 0;
        let ended = async {
            while let Ok(Some(bytes)) = poll_fn(|cx| self.poll_data(cx)).await {
                dropped += bytes.len();
                if dropped > LEFT {
                    // The peer is not given credit for more, so it has to wait.
                    poll_fn(|cx| self.poll_reset(cx)).await;
                    return;
                }
            }
        };
        let _ = timeout(patience, ended).await;
    }

    fn fail(&mut self, error: StreamError) -> Gone {
        self.error = Some(error);
        error.gone()
    }
}

impl Receive for WtReceive {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        self.stream.wakers.reader.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(Err(self.fail(StreamError::SessionGone)));
        }
        let Some(receive) = &self.stream.receive else {
            return Poll::Ready(Ok(None));
        };
        let mut receive = lock(receive);
        let read = receive.poll_read(&mut Context::from_waker(&self.quic_waker));
        let counted = match (&self.stream.account, &read) {
            (None, _) => Ok(false),
            (Some(account), Poll::Ready(Ok(read))) => account.read(&receive, read.as_ref()),
            (Some(account), _) => account.arrived(&receive).map(|()| false),
        };
        drop(receive);
        match counted {
            Ok(false) => {}
            Ok(true) => self.stream.tell_of_credit(),
            Err(Violation) => {
                let error = self.stream.violated();
                return Poll::Ready(Err(self.fail(error)));
            }
        }
        Poll::Ready(match ready!(read) {
            Ok(read) => Ok(read),
            Err(ReadError::Reset(code)) => {
                self.stream.give_up();
                let error = self.stream.reset(code.into_inner());
                Err(self.fail(error))
            }
            Err(_) => Err(self.fail(StreamError::SessionGone)),
        })
    }

    /// QUIC gives credit when bytes are read, and these are read one chunk at a time.
    fn release(&mut self, _bytes: usize) {}

    /// Leaves the peer [`Limits::linger`](crate::Limits::linger) to end its direction, and refuses the rest of it then.
    ///
    /// A browser that is told to stop while it still has to end its stream takes that for an error: Chromium of the
    /// request, Firefox of the response too, which then never reaches the page.
    fn stop(&mut self) {
        let read = self.poll_data(&mut Context::from_waker(Waker::noop()));
        let is_over = matches!(read, Poll::Ready(Ok(None) | Err(_)));
        if !is_over && let Some(session) = self.stream.session.upgrade() {
            let rest = WtReceive::new(Arc::clone(&self.stream));
            self.is_left = true;
            tokio::spawn(rest.see_end(session.linger()));
        }
    }
}

impl Drop for WtReceive {
    fn drop(&mut self) {
        // The other half keeps the stream alive, so this does not happen by itself.
        if !self.is_left {
            self.stop_with(error_code::NO_ERROR);
        }
    }
}
