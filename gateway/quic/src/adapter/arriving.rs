//! The receiving half of a QUIC stream.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use quinn::ReadError;

use crate::varint;

/// How many chunks are taken from QUIC at once. A chunk is what one packet brought, and each visit takes the lock of
/// the whole connection.
const BATCH: usize = 8;

/// Reads chunks without copying them, those first that were read while finding out what the stream is.
#[derive(Debug)]
pub(crate) struct Arriving {
    stream: quinn::RecvStream,
    /// Read and not yet given out.
    waiting: VecDeque<Bytes>,
    /// The code for a stream that is dropped before its end.
    abandoned: u64,
    ended: bool,
}

impl Arriving {
    /// Wraps a stream whose rest is refused with `abandoned` if it is dropped before its end.
    pub(crate) fn new(stream: quinn::RecvStream, abandoned: u64) -> Arriving {
        Arriving { stream, waiting: VecDeque::new(), abandoned, ended: false }
    }

    pub(crate) fn id(&self) -> u64 {
        quinn::VarInt::from(self.stream.id()).into_inner()
    }

    /// Gives bytes back, to be read again.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.waiting.push_front(bytes);
        }
    }

    /// Says with which code the rest is refused if this is dropped.
    pub(crate) fn refuse_with(&mut self, abandoned: u64) {
        self.abandoned = abandoned;
    }

    /// The next bytes, never none of them; `None` at the end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadError>> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                return Poll::Ready(Ok(Some(bytes)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            let mut chunks = [const { Bytes::new() }; BATCH];
            let read = ready!(pin!(self.stream.read_chunks(&mut chunks)).poll(cx));
            match read {
                Ok(Some(read)) => {
                    let mut chunks = chunks.into_iter().take(read).filter(|chunk| !chunk.is_empty());
                    // The usual single chunk does not go through the queue.
                    let first = chunks.next();
                    self.waiting.extend(chunks);
                    if first.is_some() {
                        return Poll::Ready(Ok(first));
                    }
                }
                Ok(None) => self.ended = true,
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
            self.waiting.clear();
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
