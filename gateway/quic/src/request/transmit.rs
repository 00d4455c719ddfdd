//! The response to a request.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use h3::error::StreamError;
use h3::server::RequestStream;
use http::{HeaderMap, Response};
use quinn::WriteError;
use sluicegate_core::wire::{Gone, Reset, ResponseHeaders, Transmit};

use super::error_code;
use super::receive::gone;
use crate::adapter::SendHalf;
use crate::adapter::outgoing::Outgoing;
use crate::adapter::stopped::Stopped;
use crate::guard::DATA;
use crate::resets::Resets;
use crate::shared::{LiveGuard, lock};
use crate::varint;

/// The most credit that is given at once, so that one chunk does not outgrow what QUIC is willing to take soon.
const MAX_CREDIT: usize = 64 << 10;

/// What a client gets in response. Flush it before dropping it: an unfinished one is reset.
///
/// `h3` encodes heads and trailers; the body goes past it, straight to the stream that both share.
pub struct H3Transmit {
    h3: RequestStream<SendHalf, Bytes>,
    stream: Arc<Mutex<Outgoing>>,
    stopped: Stopped,
    resets: Arc<Resets>,
    _live: LiveGuard,
}

impl std::fmt::Debug for H3Transmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H3Transmit").field("stream", &lock(&self.stream).id()).finish_non_exhaustive()
    }
}

impl H3Transmit {
    pub(crate) fn new(
        h3: RequestStream<SendHalf, Bytes>,
        stream: Arc<Mutex<Outgoing>>,
        resets: Arc<Resets>,
        live: LiveGuard,
    ) -> H3Transmit {
        H3Transmit { h3, stream, stopped: Stopped::Unwatched, resets, _live: live }
    }

    fn end_if(&self, end: bool) -> Result<(), Gone> {
        let mut stream = lock(&self.stream);
        if end {
            stream.finish();
        }
        stream.flush_now().map_err(write_error)
    }
}

/// Lets `h3` encode something. What it writes stays with the stream, so the future is done with after one step: what
/// QUIC does not take at once is written by [`Transmit::poll_flushed`].
fn once(encode: impl Future<Output = Result<(), StreamError>>) -> Result<(), Gone> {
    match pin!(encode).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map_err(|error| gone(&error)),
        Poll::Pending => Ok(()),
    }
}

impl Transmit for H3Transmit {
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        let mut response = Response::new(());
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        once(self.h3.send_response(response))?;
        self.end_if(end)
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        ready!(self.poll_flushed(cx))?;
        Poll::Ready(Ok(wanted.clamp(1, MAX_CREDIT)))
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        if !bytes.is_empty() {
            let mut header = BytesMut::with_capacity(9);
            varint::write(DATA, &mut header);
            varint::write(bytes.len() as u64, &mut header);
            let mut stream = lock(&self.stream);
            stream.send(header.freeze());
            stream.send(bytes);
        }
        self.end_if(end)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        once(self.h3.send_trailers(trailers))?;
        self.end_if(true)
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        lock(&self.stream).poll_flush(cx).map_err(write_error)
    }

    fn reset(&mut self, reset: Reset) {
        lock(&self.stream).reset(error_code::to_http3(reset));
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let H3Transmit { stream, stopped, resets, .. } = self;
        let gone = ready!(stopped.poll(cx, || Stopped::watch(&lock(stream)), || resets.count()));
        Poll::Ready(gone.map_or(Gone::Connection, |code| Gone::Reset(error_code::from_http3(code))))
    }
}

impl Drop for H3Transmit {
    fn drop(&mut self) {
        // `h3` keeps the stream alive a little longer, so this does not happen by itself.
        self.reset(Reset::INTERNAL);
    }
}

fn write_error(error: WriteError) -> Gone {
    match error {
        WriteError::Stopped(code) => Gone::Reset(error_code::from_http3(code.into_inner())),
        _ => Gone::Connection,
    }
}
