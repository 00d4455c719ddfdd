//! What the parts of one connection share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::task::AtomicWaker;
use h3::error::Code;

use crate::adapter::outgoing::Outgoing;
use crate::guard::GuardError;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::resets::Resets;
use crate::settings::PeerSettings;
use crate::varint;
use crate::webtransport::registry::Registry;

/// Locks for a moment; nothing waits while it holds one of these. What a panic elsewhere left behind is still sound.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which side of its connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// One per connection.
pub(crate) struct Shared {
    pub(crate) role: Role,
    pub(crate) quic: quinn::Connection,
    pub(crate) limits: Arc<Limits>,
    /// Our control stream, once `h3` has opened it.
    pub(crate) control: OnceLock<Arc<Mutex<Outgoing>>>,
    pub(crate) registry: Registry,
    pub(crate) live: Arc<Live>,
    pub(crate) resets: Arc<Resets>,
    peer: OnceLock<PeerSettings>,
    /// What the other side did that the connection was closed for.
    broken: OnceLock<String>,
    /// The number of the next bidirectional stream of the other side.
    next_stream: AtomicU64,
    /// The first request that is not processed any more, or `u64::MAX`.
    goaway: AtomicU64,
    /// The same, as the server says that we are a client of.
    peer_goaway: AtomicU64,
}

impl Shared {
    pub(crate) fn new(quic: quinn::Connection, limits: Arc<Limits>, role: Role) -> Shared {
        Shared {
            role,
            registry: Registry::new(quic.clone(), Arc::clone(&limits)),
            resets: Arc::new(Resets::new(quic.clone(), Arc::clone(&limits))),
            quic,
            limits,
            control: OnceLock::new(),
            live: Arc::default(),
            peer: OnceLock::new(),
            broken: OnceLock::new(),
            next_stream: AtomicU64::new(0),
            goaway: AtomicU64::new(u64::MAX),
            peer_goaway: AtomicU64::new(u64::MAX),
        }
    }

    /// Closes the connection because of what the other side did.
    pub(crate) fn close(&self, code: Code, reason: &str) {
        log::debug!("closing the connection of {}: {code}: {reason}", self.quic.remote_address());
        if code != Code::H3_NO_ERROR {
            let _ = self.broken.set(reason.to_owned());
        }
        self.quic.close(varint::quic(code.value()), reason.as_bytes());
    }

    /// What the connection was closed for, if the other side broke a rule.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Closes the connection because of a frame that the guard does not let through.
    pub(crate) fn refuse_frame(&self, error: GuardError) {
        if let GuardError::ExcessiveLoad { .. } = error {
            self.limits.observer.refused(Refusal::MaxFrame);
        }
        self.close(error.code(), &error.to_string());
    }

    /// The other side's settings have arrived.
    pub(crate) fn peer_settings(&self, settings: PeerSettings) {
        // Only the first frame counts; a second one ends the connection.
        let _ = self.peer.set(settings);
    }

    /// The other side's settings, once they are known.
    pub(crate) fn peer(&self) -> Option<&PeerSettings> {
        self.peer.get()
    }

    /// A bidirectional stream of the other side has been accepted. Whether requests on it may be processed.
    pub(crate) fn accepted(&self, stream: u64) -> bool {
        self.next_stream.fetch_max(stream + 4, Ordering::Relaxed);
        stream < self.goaway.load(Ordering::Relaxed)
    }

    /// Decides which requests are not processed any more. `None` when that has been decided before.
    pub(crate) fn begin_goaway(&self) -> Option<u64> {
        let next = self.next_stream.load(Ordering::Relaxed);
        self.goaway.compare_exchange(u64::MAX, next, Ordering::Relaxed, Ordering::Relaxed).ok().map(|_| next)
    }

    /// The server has sent GOAWAY: it processes no requests from this one on, and wants its sessions to end soon.
    pub(crate) fn peer_goaway(&self, first_refused: u64) {
        self.peer_goaway.fetch_min(first_refused, Ordering::Relaxed);
        for session in self.registry.all() {
            session.peer_drains();
        }
    }

    /// Whether the server has said that it does not process this request.
    pub(crate) fn is_refused_by_peer(&self, stream: u64) -> bool {
        stream >= self.peer_goaway.load(Ordering::Relaxed)
    }
}

/// Counts the halves of requests and the sessions that are in use.
#[derive(Debug, Default)]
pub(crate) struct Live {
    count: AtomicUsize,
    waker: AtomicWaker,
}

impl Live {
    /// Counts one more until the guard is dropped.
    pub(crate) fn guard(self: &Arc<Live>) -> LiveGuard {
        self.count.fetch_add(1, Ordering::Relaxed);
        LiveGuard(Arc::clone(self))
    }

    /// Whether nothing is in use; otherwise the task is woken when nothing is any more.
    pub(crate) fn poll_idle(&self, cx: &mut std::task::Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.count.load(Ordering::Acquire) == 0
    }
}

/// One in use.
#[derive(Debug)]
pub(crate) struct LiveGuard(Arc<Live>);

impl Drop for LiveGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.waker.wake();
        }
    }
}
