//! Watching for a client that no longer wants a stream, even while nothing is being written.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quinn::{StoppedError, VarInt};

use super::outgoing::Outgoing;

/// Whether the client has told us to stop sending. Nothing is allocated until somebody asks.
pub(crate) enum Stopped {
    /// Nobody has asked.
    Unwatched,
    /// Waits for it. One allocation per stream, because quinn's future has no name.
    Watched(Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>),
    /// It no longer can: all is acknowledged.
    Over,
    /// It has, with this code; `None` when its connection is lost.
    Gone(Option<u64>),
}

impl Stopped {
    /// Resolves when the client is gone, with the code of its STOP_SENDING, or `None` when its connection is lost.
    /// `begin` is called once, to begin watching; `told` once, when a STOP_SENDING has come.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        begin: impl FnOnce() -> Stopped,
        told: impl FnOnce(),
    ) -> Poll<Option<u64>> {
        if let Stopped::Unwatched = self {
            *self = begin();
        }
        let stopped = match self {
            Stopped::Watched(future) => ready!(future.as_mut().poll(cx)),
            Stopped::Gone(gone) => return Poll::Ready(*gone),
            Stopped::Unwatched | Stopped::Over => return Poll::Pending,
        };
        let gone = match stopped {
            Ok(Some(code)) => {
                told();
                Some(code.into_inner())
            }
            Ok(None) => {
                *self = Stopped::Over;
                return Poll::Pending;
            }
            Err(_) => None,
        };
        *self = Stopped::Gone(gone);
        Poll::Ready(gone)
    }

    /// Begins to watch a stream.
    pub(crate) fn watch(stream: &Outgoing) -> Stopped {
        Stopped::Watched(Box::pin(stream.stopped()))
    }
}
