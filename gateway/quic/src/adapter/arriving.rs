//! The receiving half of a QUIC stream.

use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use quinn::ReadError;

use crate::varint;

/// Reads chunks without copying them, those first that were read while finding out what the stream is.
#[derive(Debug)]
pub(crate) struct Arriving {
    stream: quinn::RecvStream,
    replay: Bytes,
    /// The code for a stream that is dropped before its end.
    abandoned: u64,
    ended: bool,
}

impl Arriving {
    /// Wraps a stream whose rest is refused with `abandoned` if it is dropped before its end.
    pub(crate) fn new(stream: quinn::RecvStream, abandoned: u64) -> Arriving {
        Arriving { stream, replay: Bytes::new(), abandoned, ended: false }
    }

    pub(crate) fn id(&self) -> u64 {
        quinn::VarInt::from(self.stream.id()).into_inner()
    }

    /// Gives bytes back, to be read again. Only once nothing waits to be replayed any more.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.replay = bytes;
    }

    /// Says with which code the rest is refused if this is dropped.
    pub(crate) fn refuse_with(&mut self, abandoned: u64) {
        self.abandoned = abandoned;
    }

    /// The next bytes, never none of them; `None` at the end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadError>> {
        if !self.replay.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.replay))));
        }
        if self.ended {
            return Poll::Ready(Ok(None));
        }
        loop {
            match ready!(pin!(self.stream.read_chunk(usize::MAX, true)).poll(cx)) {
                Ok(Some(chunk)) if chunk.bytes.is_empty() => {}
                Ok(Some(chunk)) => return Poll::Ready(Ok(Some(chunk.bytes))),
                Ok(None) => {
                    self.ended = true;
                    return Poll::Ready(Ok(None));
                }
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Resolves when the client resets the stream, even if nobody reads; with `None` when it no longer can.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(pin!(self.stream.received_reset()).poll(cx)) {
            Ok(code) => Poll::Ready(code.map(quinn::VarInt::into_inner)),
            Err(_) => Poll::Ready(None),
        }
    }

    /// Refuses the rest, unless the end has been read.
    pub(crate) fn stop(&mut self, code: u64) {
        if !self.ended {
            self.ended = true;
            self.replay = Bytes::new();
            // It fails only for a stream that is over already.
            let _ = self.stream.stop(varint::quic(code));
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.stop(self.abandoned);
    }
}
