//! Ending without losing calls.
//!
//! On SIGTERM listeners close, HTTP/2 and HTTP/3 clients get a GOAWAY, and the process ends as soon as the last call is
//! done, or when `drain_timeout` has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use sluicegate_core::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Whether the gateway is draining, and what it still waits for.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    begun: watch::Sender<bool>,
    busy: Arc<Busy>,
}

#[derive(Debug, Default)]
struct Busy {
    count: AtomicUsize,
    /// Those of them that are neither calls nor connections.
    sockets: AtomicUsize,
    idle: Notify,
}

impl Drain {
    pub(crate) fn new() -> Drain {
        Drain { begun: watch::Sender::new(false), busy: Arc::default() }
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Resolves when it begins.
    pub(crate) async fn begins(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// Holds the end of the process up until the guard is dropped: for calls, and for connections whose last bytes are
    /// still to be written.
    pub(crate) fn hold(&self) -> Hold {
        self.busy.count.fetch_add(1, Ordering::Relaxed);
        Hold { busy: self.busy.clone(), is_socket: false }
    }

    /// The same for a socket that still has to send the last packets of connections.
    pub(crate) fn hold_for_socket(&self) -> Hold {
        self.busy.sockets.fetch_add(1, Ordering::Relaxed);
        self.busy.count.fetch_add(1, Ordering::Relaxed);
        Hold { busy: self.busy.clone(), is_socket: true }
    }

    /// Begins to drain and waits until nothing holds it up, but not longer than `limit`.
    pub(crate) async fn run(&self, limit: Duration) {
        self.begun.send_replace(true);
        let done = async {
            loop {
                let idle = self.busy.idle.notified();
                if self.busy.count.load(Ordering::Acquire) == 0 {
                    return;
                }
                idle.await;
            }
        };
        if tokio::time::timeout(limit, done).await.is_err() {
            let Busy { count, sockets, .. } = &*self.busy;
            log::warn!(
                "{} calls or connections were cut off at the drain timeout",
                count.load(Ordering::Relaxed).saturating_sub(sockets.load(Ordering::Relaxed))
            );
        }
    }
}

/// Something that the end of the process waits for.
#[derive(Debug)]
pub(crate) struct Hold {
    busy: Arc<Busy>,
    is_socket: bool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_socket {
            self.busy.sockets.fetch_sub(1, Ordering::Relaxed);
        }
        if self.busy.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.busy.idle.notify_waiters();
        }
    }
}

/// Tells Pingora to stop only once the drain is over: its own grace period is a fixed time.
pub(crate) struct DrainThenStop {
    pub(crate) drain: Drain,
    pub(crate) limit: Duration,
    /// Changes at each SIGHUP, which asks for certificates to be read again.
    pub(crate) reload: watch::Sender<u64>,
    /// Run once signals are listened to: whoever is told before could send one that kills the process.
    pub(crate) ready: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

#[async_trait]
impl ShutdownSignalWatch for DrainThenStop {
    async fn recv(&self) -> ShutdownSignal {
        // SIGQUIT hands sockets over to a new process in Pingora's way, which does not work with ours; it drains too.
        let kinds =
            [SignalKind::terminate(), SignalKind::quit(), SignalKind::interrupt(), SignalKind::hangup()];
        let [Ok(mut terminate), Ok(mut quit), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else {
            log::error!("cannot listen to signals");
            return ShutdownSignal::FastShutdown;
        };
        let ready = async {
            (self.ready)().await;
            std::future::pending().await
        };
        // Once the gateway drains, no handshake could use another certificate; SIGHUP does nothing then.
        let reload = async {
            while hangup.recv().await.is_some() {
                self.reload.send_modify(|asked| *asked = asked.wrapping_add(1));
            }
            std::future::pending().await
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = quit.recv() => {}
            _ = interrupt.recv() => return ShutdownSignal::FastShutdown,
            () = ready => {}
            () = reload => {}
        }
        log::info!("draining for at most {:?}", self.limit);
        tokio::select! {
            () = self.drain.run(self.limit) => ShutdownSignal::GracefulTerminate,
            _ = interrupt.recv() => ShutdownSignal::FastShutdown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_with_the_last_hold() {
        let drain = Drain::new();
        let hold = drain.hold();
        let running = tokio::spawn({
            let drain = drain.clone();
            async move { drain.run(Duration::from_secs(60)).await }
        });
        drain.begins().await;
        assert!(drain.has_begun() && !running.is_finished());
        drop(hold);
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn ends_at_the_limit_whatever_is_held() {
        let drain = Drain::new();
        let _hold = drain.hold();
        drain.run(Duration::from_secs(60)).await;
    }
}
