//! The sending half of a stream of a session.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use quinn::WriteError;
use sluicegate_core::wire::{Gone, Reset, ResponseHeaders, Transmit};

use super::error_code::{self, BUFFERED_STREAM_REJECTED};
use super::flow::Kind;
use super::stream::{NO_CODE, StreamError, StreamState};
use crate::adapter::stopped::Stopped;
use crate::shared::lock;

/// The most credit that is given at once, so that one chunk does not outgrow what QUIC is willing to take soon.
const MAX_CREDIT: usize = 64 << 10;

/// What the peer gets on a stream of a session. Flush it before dropping it: an unfinished one is reset.
pub struct WtTransmit {
    stream: Arc<StreamState>,
    quic_waker: Waker,
    stopped: Stopped,
    /// Credit of the session's flow control that has been taken and not been used.
    credit: u64,
}

impl std::fmt::Debug for WtTransmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WtTransmit").field("stream", &self.stream.id).finish_non_exhaustive()
    }
}

impl WtTransmit {
    pub(crate) fn new(stream: Arc<StreamState>) -> WtTransmit {
        let quic_waker = Waker::from(Arc::clone(&stream.wakers));
        WtTransmit { stream, quic_waker, stopped: Stopped::Unwatched, credit: 0 }
    }

    /// The QUIC stream's number.
    pub fn id(&self) -> u64 {
        self.stream.id
    }

    /// Ends the stream abruptly with an application error code, such as those in [`error_code`](crate::error_code).
    pub fn reset_with(&mut self, code: u32) {
        self.forward_reset(Some(code));
    }

    /// Passes on that these bytes have ended abruptly: what [`WtReceive::error`](crate::WtReceive::error) said of another
    /// session's stream. A code that no application can have sent arrives without one here too.
    pub fn forward_reset(&mut self, code: Option<u32>) {
        if let Some(send) = &self.stream.send {
            lock(send).reset(code.map_or(NO_CODE, error_code::to_http3));
        }
    }

    /// Resolves when the peer has told us to stop sending or the session has ended, even if nothing is being written;
    /// never once the peer has acknowledged everything. Unlike [`poll_gone`](Transmit::poll_gone) it says nothing of
    /// the other direction. The task that asked last, here or there, is the one that is woken.
    pub fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stream.wakers.watcher.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(StreamError::SessionGone);
        }
        let WtTransmit { stream, stopped, .. } = self;
        let begin = || stream.send.as_ref().map_or(Stopped::Unwatched, |send| Stopped::watch(&lock(send)));
        let code = ready!(stopped.poll(cx, begin, || stream.stopped()));
        Poll::Ready(code.map_or(StreamError::SessionGone, StreamError::from_http3))
    }

    /// Refuses a stream that nobody had room for.
    pub(super) fn reject(self) {
        if let Some(send) = &self.stream.send {
            lock(send).reset(BUFFERED_STREAM_REJECTED);
        }
    }

    fn send(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        if self.stream.is_gone() {
            return Err(Gone::Connection);
        }
        self.credit = self.credit.saturating_sub(bytes.len() as u64);
        let Some(send) = &self.stream.send else {
            return Err(Gone::Protocol);
        };
        let mut send = lock(send);
        send.send(bytes);
        if end {
            send.finish();
        }
        send.flush_now().map_err(write_error)
    }
}

impl Transmit for WtTransmit {
    /// A stream has no head of its own: what there is to say stands in its first frame.
    fn send_head(&mut self, _head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        self.send(Bytes::new(), end)
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        ready!(self.poll_flushed(cx))?;
        let wanted = wanted.clamp(1, MAX_CREDIT) as u64;
        if self.credit == 0 {
            let session = self.stream.session.upgrade().ok_or(Gone::Connection)?;
            self.credit = session.sending.budget(Kind::Data).reserve(wanted);
            if self.credit == 0 {
                // The driver tells the peer.
                session.driver.wake();
            }
        }
        if self.credit == 0 {
            // The waker was registered before the session was asked, so a raise in between is not missed.
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.credit.min(wanted) as usize))
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        self.send(bytes, end)
    }

    /// A stream has no trailers of its own either.
    fn send_trailers(&mut self, _trailers: HeaderMap) -> Result<(), Gone> {
        self.send(Bytes::new(), true)
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.stream.wakers.writer.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(Err(Gone::Connection));
        }
        let Some(send) = &self.stream.send else {
            return Poll::Ready(Err(Gone::Protocol));
        };
        lock(send).poll_flush(cx).map_err(write_error)
    }

    fn reset(&mut self, reset: Reset) {
        self.reset_with(error_code::from_reset(reset));
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        if let Poll::Ready(error) = self.poll_stopped(cx) {
            return Poll::Ready(error.gone());
        }
        // A peer that resets its own direction cancels the call too, also while nobody reads it.
        let error = ready!(self.stream.poll_reset(&self.quic_waker));
        Poll::Ready(error.gone())
    }
}

impl Drop for WtTransmit {
    fn drop(&mut self) {
        self.reset(Reset::INTERNAL);
        if let Some(session) = self.stream.session.upgrade()
            && session.sending.budget(Kind::Data).release(self.credit)
        {
            session.credit();
        }
    }
}

fn write_error(error: WriteError) -> Gone {
    match error {
        WriteError::Stopped(code) => StreamError::from_http3(code.into_inner()).gone(),
        _ => Gone::Connection,
    }
}
