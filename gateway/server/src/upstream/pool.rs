//! One worker's connections to one endpoint.
//!
//! Calls share connections: many streams on one, because fewer connections mean larger reads and writes. Another one
//! is opened when the upstream's stream limit is reached, or when calls have waited a while for flow-control credit on
//! the ones there are: an upstream with a small connection window would otherwise let one stuck call starve the rest.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::uri::Authority;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection;
use crate::plan::ClusterSpec;

/// How long calls wait for credit on a connection before new calls go to another one.
const STARVED_AFTER: Duration = Duration::from_millis(5);
/// How long calls wait for a further connection before they make do with one whose calls wait for credit.
const PATIENCE: Duration = Duration::from_millis(250);
/// First and longest pause between attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// One worker's connections to one endpoint.
#[derive(Debug)]
pub(crate) struct Pool {
    authority: Authority,
    cluster: Arc<ClusterSpec>,
    failing: AtomicBool,
    open: AtomicUsize,
    waiting: AtomicBool,
    /// Told when a connection is there again after there was none: the server may be another than before.
    reconnected: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    /// Since when a connection is being opened.
    connecting: Option<Instant>,
    /// Calls that wait for a connection or for a stream on one.
    waiters: Vec<Waker>,
    /// Whether there was ever a connection.
    was_connected: bool,
    /// Attempts to connect that failed, ever; a waiter compares it with what it saw first.
    failures: u64,
    consecutive_failures: u32,
    retry_at: Option<Instant>,
    last_error: Option<Arc<str>>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

/// How busy a connection is.
#[derive(Debug)]
pub(crate) struct Load {
    calls: AtomicUsize,
    /// Calls that were ever begun.
    begun: AtomicUsize,
    /// Calls whose upload waits for credit, and since when, in milliseconds after `origin`.
    blocked: AtomicUsize,
    blocked_since: AtomicU64,
    origin: Instant,
}

impl Load {
    pub(crate) fn new() -> Load {
        Load {
            calls: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            blocked_since: AtomicU64::new(0),
            origin: Instant::now(),
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that were ever begun.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    fn is_starved(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) > 0
            && self.now().saturating_sub(self.blocked_since.load(Ordering::Relaxed))
                >= STARVED_AFTER.as_millis() as u64
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_millis() as u64
    }
}

/// Why a call got no stream.
#[derive(Clone, Debug)]
pub(crate) struct NotConnected(pub(crate) Arc<str>);

impl Pool {
    pub(crate) fn new(authority: Authority, cluster: Arc<ClusterSpec>, reconnected: Arc<Notify>) -> Pool {
        Pool {
            authority,
            cluster,
            failing: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            reconnected,
            state: Mutex::default(),
        }
    }

    /// A future that resolves to the right to open one stream.
    pub(crate) fn acquire(self: &Arc<Self>) -> Acquire {
        Acquire { pool: self.clone(), failures_seen: None }
    }

    /// Whether the last attempt to connect failed and the pause after it is not over.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
            && self.lock().retry_at.is_some_and(|retry_at| Instant::now() < retry_at)
    }

    pub(crate) fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a connection out of use; calls on it go on.
    pub(crate) fn remove(&self, load: &Arc<Load>) {
        let mut state = self.lock();
        state.connections.retain(|connection| !Arc::ptr_eq(&connection.load, load));
        self.open.store(state.connections.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, and a half-updated list of connections would still be usable.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn connected(self: &Arc<Self>, result: Result<(SendRequest<Bytes>, Arc<Load>), Arc<str>>) {
        let mut state = self.lock();
        state.connecting = None;
        match result {
            Ok((sender, load)) => {
                if std::mem::replace(&mut state.was_connected, true) && state.connections.is_empty() {
                    self.reconnected.notify_one();
                }
                state.connections.push(Connection { sender, load });
                state.consecutive_failures = 0;
                state.retry_at = None;
                self.failing.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                state.failures += 1;
                state.consecutive_failures = state.consecutive_failures.saturating_add(1);
                let pause = backoff(state.consecutive_failures);
                state.retry_at = Some(Instant::now() + pause);
                state.last_error = Some(error);
                self.failing.store(state.connections.is_empty(), Ordering::Relaxed);
                if !state.connections.is_empty() && !state.waiters.is_empty() {
                    // These calls wait for a stream, and nothing else would tell them that another attempt is due.
                    let pool = self.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        pool.stream_freed();
                    });
                }
            }
        }
        self.open.store(state.connections.len(), Ordering::Relaxed);
        self.waiting.store(false, Ordering::Relaxed);
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Notes how a connection went that was tried for a session, which shares it with nobody. One that failed is not tried
    /// again for a while as long as there are other endpoints: each attempt keeps a client waiting.
    pub(crate) fn tried(&self, reached: bool) {
        let mut state = self.lock();
        if reached {
            state.retry_at = None;
        } else {
            state.retry_at = Some(Instant::now() + backoff(u32::MAX));
        }
        self.failing.store(!reached, Ordering::Relaxed);
    }

    /// A stream is free again: lets a waiting call have another look.
    fn stream_freed(&self) {
        if self.waiting.load(Ordering::Relaxed) {
            let mut state = self.lock();
            let waiters = std::mem::take(&mut state.waiters);
            self.waiting.store(false, Ordering::Relaxed);
            drop(state);
            waiters.into_iter().for_each(Waker::wake);
        }
    }
}

/// Half of the full pause up to all of it, so that workers do not knock in step.
fn backoff(failures: u32) -> Duration {
    let full = BACKOFF.0.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF.1);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Waits for the right to open one stream.
#[derive(Debug)]
pub(crate) struct Acquire {
    pool: Arc<Pool>,
    failures_seen: Option<u64>,
}

impl Future for Acquire {
    type Output = Result<(SendRequest<Bytes>, Lease), NotConnected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let pool = self.pool.clone();
        let mut state = pool.lock();
        let pausing = state.retry_at.is_some_and(|retry_at| Instant::now() < retry_at);
        if let Some((sender, load)) = state.take_stream(&pool, !pausing, cx) {
            load.calls.fetch_add(1, Ordering::Relaxed);
            load.begun.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Ok((sender, Lease { pool: pool.clone(), load, blocked: false })));
        }
        let failed_since = self.failures_seen.is_some_and(|seen| seen != state.failures);
        if state.connections.is_empty() && state.connecting.is_none() && (failed_since || pausing) {
            let error = state.last_error.clone().unwrap_or_else(|| "not connected".into());
            return Poll::Ready(Err(NotConnected(error)));
        }
        self.failures_seen = Some(state.failures);
        if state.connecting.is_none()
            && state.connections.len() < pool.cluster.max_connections_per_worker.max(1)
            && !pausing
        {
            state.connecting = Some(Instant::now());
            if !state.connections.is_empty() {
                let pool = pool.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(PATIENCE).await;
                    pool.stream_freed();
                });
            }
            connection::open(pool.clone(), pool.authority.clone(), pool.cluster.clone(), Pool::connected);
        }
        if !state.waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
            state.waiters.push(cx.waker().clone());
        }
        pool.waiting.store(true, Ordering::Relaxed);
        Poll::Pending
    }
}

impl State {
    /// A stream on the best connection, unless all are at their limits. A starved connection is used only when no
    /// further one may be opened, because there are enough or it is too early to try (`may_try`), or when that takes too
    /// long.
    fn take_stream(
        &mut self,
        pool: &Pool,
        may_try: bool,
        cx: &mut Context<'_>,
    ) -> Option<(SendRequest<Bytes>, Arc<Load>)> {
        let in_time = self.connecting.is_none_or(|since| since.elapsed() < PATIENCE);
        let may_open = self.connections.len() < pool.cluster.max_connections_per_worker && may_try && in_time;
        let mut best: Option<(bool, usize, usize)> = None;
        let mut index = 0;
        while let Some(connection) = self.connections.get_mut(index) {
            // An error means that the connection is closed or closing (GOAWAY): it takes no more calls.
            if let Poll::Ready(Err(_)) = connection.sender.poll_ready(cx) {
                self.connections.swap_remove(index);
                pool.open.store(self.connections.len(), Ordering::Relaxed);
                continue;
            }
            let calls = connection.load.calls();
            // At least one: a stream that an upstream allows none of waits in the connection, which alone learns when
            // the upstream changes its mind.
            let limit = connection
                .sender
                .current_max_send_streams()
                .min(pool.cluster.max_streams_per_connection)
                .max(1);
            if calls < limit {
                let rank = (connection.load.is_starved(), calls, index);
                best = Some(best.map_or(rank, |best| best.min(rank)));
            }
            index += 1;
        }
        let (starved, _, index) = best?;
        if starved && may_open {
            return None;
        }
        let connection = self.connections.get(index)?;
        Some((connection.sender.clone(), connection.load.clone()))
    }
}

/// One stream's place on a connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    load: Arc<Load>,
    blocked: bool,
}

impl Lease {
    /// Notes whether the call waits for credit to send.
    pub(crate) fn set_blocked(&mut self, blocked: bool) {
        if blocked == self.blocked {
            return;
        }
        self.blocked = blocked;
        if blocked {
            if self.load.blocked.fetch_add(1, Ordering::Relaxed) == 0 {
                self.load.blocked_since.store(self.load.now(), Ordering::Relaxed);
            }
        } else {
            self.load.blocked.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.set_blocked(false);
        self.load.calls.fetch_sub(1, Ordering::Relaxed);
        self.pool.stream_freed();
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_core::metrics::FilterMetrics;

    use super::*;
    use crate::plan::{Sources, from_text};
    use crate::upstream::Endpoint;

    #[test]
    fn sessions_tell_whether_an_endpoint_can_be_reached() {
        let text = "[[listeners]]\nlisten = '127.0.0.1:0'\n[[routes]]\ncluster = 'c'
            [[clusters]]\nname = 'c'\nendpoints = ['http://c:1']";
        let metrics = FilterMetrics::detached();
        let sources = Sources { kinds: &[], metrics: &metrics, self_signed: None };
        let (plan, _) = from_text("test", text, std::path::Path::new(""), &sources).unwrap();
        let endpoint = Endpoint::new(Authority::from_static("c:1"), &plan.clusters[0], 1, &Arc::default());
        let pool = endpoint.pool(0).unwrap();
        assert!(!pool.is_failing());
        pool.tried(false);
        assert!(pool.is_failing() && endpoint.is_failing());
        pool.tried(true);
        assert!(!pool.is_failing() && !endpoint.is_failing());
    }

    #[test]
    fn backs_off_and_never_for_longer_than_the_limit() {
        assert!(backoff(1) <= BACKOFF.0 && backoff(1) >= BACKOFF.0 / 2);
        assert!(backoff(4) > backoff(1));
        assert!((1..100).all(|failures| backoff(failures) <= BACKOFF.1));
    }
}
