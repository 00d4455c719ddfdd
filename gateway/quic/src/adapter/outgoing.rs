//! The sending half of a QUIC stream, with what waits to be written.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::WriteError;

use crate::varint;

/// Writes chunks without copying them. At most one message's worth waits here, because whoever sends asks
/// [`Outgoing::poll_flush`] first.
#[derive(Debug)]
pub(crate) struct Outgoing {
    stream: quinn::SendStream,
    waiting: VecDeque<Bytes>,
    end: End,
    /// The code for a stream that is dropped before its end: an unfinished response must not look complete.
    abandoned: u64,
}

/// How the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not yet.
    Open,
    /// With a FIN behind what waits.
    Finishing,
    /// FIN or RESET is with QUIC.
    Done,
}

impl Outgoing {
    /// Wraps a stream that is reset with `abandoned` if it is dropped before its end.
    pub(crate) fn new(stream: quinn::SendStream, abandoned: u64) -> Outgoing {
        Outgoing { stream, waiting: VecDeque::new(), end: End::Open, abandoned }
    }

    pub(crate) fn id(&self) -> u64 {
        quinn::VarInt::from(self.stream.id()).into_inner()
    }

    /// A future that resolves when the client tells us to stop sending, or `Ok(None)` once all is acknowledged.
    pub(crate) fn stopped(
        &self,
    ) -> impl Future<Output = Result<Option<quinn::VarInt>, quinn::StoppedError>> + Send + Sync + use<> {
        self.stream.stopped()
    }

    /// Whether QUIC has taken everything so far, the end included.
    pub(crate) fn is_flushed(&self) -> bool {
        self.waiting.is_empty() && self.end != End::Finishing
    }

    /// Says with which code the stream is reset if this is dropped before its end.
    pub(crate) fn reset_with(&mut self, abandoned: u64) {
        self.abandoned = abandoned;
    }

    /// Appends bytes.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && self.end == End::Open {
            self.waiting.push_back(bytes);
        }
    }

    /// Ends the stream behind what waits.
    pub(crate) fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Finishing;
        }
    }

    /// Gives QUIC as much as it takes now; the rest is left to [`Outgoing::poll_flush`].
    pub(crate) fn flush_now(&mut self) -> Result<(), WriteError> {
        match self.poll_flush(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Waits until QUIC has taken everything, the end included.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        while !self.waiting.is_empty() {
            let chunks = self.waiting.make_contiguous();
            let written = std::task::ready!(pin!(self.stream.write_chunks(chunks)).poll(cx))?;
            self.waiting.drain(..written.chunks.min(self.waiting.len()));
        }
        if self.end == End::Finishing {
            self.end = End::Done;
            // It fails only for a stream that was reset or stopped, which whoever sends learns by other means.
            let _ = self.stream.finish();
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the stream abruptly, unless it has ended. What waits is dropped.
    pub(crate) fn reset(&mut self, code: u64) {
        if self.end != End::Done {
            self.revoke(code);
        }
    }

    /// The same, even if the end is on its way already.
    pub(crate) fn revoke(&mut self, code: u64) {
        self.end = End::Done;
        self.waiting.clear();
        // It fails only for a stream that is over already.
        let _ = self.stream.reset(varint::quic(code));
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.reset(self.abandoned);
    }
}
