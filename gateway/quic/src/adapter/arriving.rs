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

/// Bytes that are read ahead to see a reset behind them.
const AHEAD: usize = 4 << 10;

/// Reads chunks without copying them, those first that were read while finding out what the stream is.
#[derive(Debug)]
pub(crate) struct Arriving {
    stream: quinn::RecvStream,
    /// Read and not yet given out.
    waiting: VecDeque<Bytes>,
    /// How many bytes those are. A chunk may hold one, so they are not added up each time.
    buffered: usize,
    /// The code for a stream that is dropped before its end.
    abandoned: u64,
    /// Nothing more comes from QUIC.
    ended: bool,
    /// Why not. It stays, so that whoever reads on after an error does not take it for the end.
    failed: Option<ReadError>,
}

impl Arriving {
    /// Wraps a stream whose rest is refused with `abandoned` if it is dropped before its end.
    pub(crate) fn new(stream: quinn::RecvStream, abandoned: u64) -> Arriving {
        Arriving { stream, waiting: VecDeque::new(), buffered: 0, abandoned, ended: false, failed: None }
    }

    pub(crate) fn id(&self) -> u64 {
        quinn::VarInt::from(self.stream.id()).into_inner()
    }

    /// Gives bytes back, to be read again.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.buffered += bytes.len();
            self.waiting.push_front(bytes);
        }
    }

    /// How many bytes have been read and not been given out.
    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    /// Says with which code the rest is refused if this is dropped.
    pub(crate) fn refuse_with(&mut self, abandoned: u64) {
        self.abandoned = abandoned;
    }

    /// The next bytes, never none of them; `None` at the end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadError>> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                self.buffered -= bytes.len();
                return Poll::Ready(Ok(Some(bytes)));
            }
            if let Some(error) = &self.failed {
                return Poll::Ready(Err(error.clone()));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            ready!(self.poll_fill(cx));
        }
    }

    /// Resolves when the client resets the stream, even if nobody reads; with `None` when it no longer can.
    ///
    /// It reads ahead a little, because QUIC tells of a reset only where it would have data. (`received_reset` of quinn
    /// does otherwise, but whoever reads to the end after it leaves a waker behind in the connection: for each call on
    /// a session, until the session ends.) A reset behind more than [`AHEAD`] is noticed when that has been read; a
    /// client that takes its call back stops the response too, which is noticed at once.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        loop {
            if let Some(error) = &self.failed {
                return Poll::Ready(match error {
                    ReadError::Reset(code) => Some(code.into_inner()),
                    _ => None,
                });
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if self.buffered() >= AHEAD {
                return Poll::Pending;
            }
            ready!(self.poll_fill(cx));
            // Whoever reads was not told that there is something now.
            cx.waker().wake_by_ref();
        }
    }

    /// Reads more from QUIC, or learns how the stream ended.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut chunks = [const { Bytes::new() }; BATCH];
        let read = ready!(pin!(self.stream.read_chunks(&mut chunks)).poll(cx));
        match read {
            Ok(Some(read)) => {
                for chunk in chunks.into_iter().take(read).filter(|chunk| !chunk.is_empty()) {
                    self.buffered += chunk.len();
                    self.waiting.push_back(chunk);
                }
            }
            Ok(None) => self.ended = true,
            Err(error) => {
                self.ended = true;
                self.failed = Some(error);
            }
        }
        Poll::Ready(())
    }

    /// Refuses the rest, unless the end has been read.
    pub(crate) fn stop(&mut self, code: u64) {
        if !self.ended {
            self.ended = true;
            self.waiting.clear();
            self.buffered = 0;
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
