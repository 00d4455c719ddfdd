//! What has moved in a session so far, and for how long nothing has.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::observe::sessions::SessionMetrics;

/// Who sent something. The other one gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Upstream,
}

impl From {
    /// Who gets it.
    pub(super) fn other(self) -> From {
        match self {
            From::Client => From::Upstream,
            From::Upstream => From::Client,
        }
    }
}

/// What has moved in a session. One task writes it; atomics only let its parts share it.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) metrics: SessionMetrics,
    begun: Instant,
    /// When something moved last, in milliseconds after `begun`.
    last: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    streams: AtomicU64,
    datagrams_received: AtomicU64,
    datagrams_sent: AtomicU64,
    datagrams_dropped: AtomicU64,
}

impl Moved {
    pub(super) fn new(metrics: SessionMetrics) -> Moved {
        Moved {
            metrics,
            begun: Instant::now(),
            last: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            datagrams_received: AtomicU64::new(0),
            datagrams_sent: AtomicU64::new(0),
            datagrams_dropped: AtomicU64::new(0),
        }
    }

    /// Bytes were passed on.
    pub(super) fn bytes(&self, from: From, bytes: usize) {
        let (counter, total) = match from {
            From::Client => (&self.received, &self.metrics.received),
            From::Upstream => (&self.sent, &self.metrics.sent),
        };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
        total.inc_by(bytes as u64);
        self.touch();
    }

    /// A stream was opened.
    pub(super) fn stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.touch();
    }

    /// A datagram came, and was passed on or not.
    pub(super) fn datagram(&self, from: From, bytes: usize, passed: bool) {
        let came = match from {
            From::Client => &self.datagrams_received,
            From::Upstream => &self.datagrams_sent,
        };
        if passed {
            came.fetch_add(1, Ordering::Relaxed);
            return self.bytes(from, bytes);
        }
        self.datagrams_dropped.fetch_add(1, Ordering::Relaxed);
        match from {
            From::Client => self.metrics.dropped_to_upstream.inc(),
            From::Upstream => self.metrics.dropped_to_client.inc(),
        }
    }

    /// Resolves when nothing has moved for this long; never without a limit.
    pub(super) async fn idle(&self, limit: Option<Duration>) {
        let Some(limit) = limit else { return pending().await };
        loop {
            let seen = self.last.load(Ordering::Relaxed);
            sleep_until(self.begun + Duration::from_millis(seen) + limit).await;
            if self.last.load(Ordering::Relaxed) == seen {
                return;
            }
        }
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// Datagrams passed on from the client, passed on to it, and dropped.
    pub(super) fn datagrams(&self) -> [u64; 3] {
        [&self.datagrams_received, &self.datagrams_sent, &self.datagrams_dropped]
            .map(|counter| counter.load(Ordering::Relaxed))
    }

    fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;

    #[tokio::test(start_paused = true)]
    async fn is_idle_when_nothing_has_moved_for_long() {
        let moved = Moved::new(Metrics::new().unwrap().proxied.of("r", "c", "websocket"));
        let idle = moved.idle(Some(Duration::from_secs(10)));
        let mover = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                moved.bytes(From::Client, 1);
            }
            pending::<()>().await;
        };
        tokio::select! {
            () = idle => {}
            () = mover => {}
        }
        assert_eq!(moved.begun.elapsed().as_secs(), 5 * 9 + 10);
        assert_eq!((moved.received(), moved.sent()), (5, 0));
    }

    #[test]
    fn a_dropped_datagram_counts_for_who_would_have_got_it() {
        let moved = Moved::new(Metrics::new().unwrap().proxied.of("r", "c", "webtransport"));
        moved.datagram(From::Client, 10, true);
        moved.datagram(From::Upstream, 20, true);
        moved.datagram(From::Upstream, 30, false);
        assert_eq!(moved.datagrams(), [1, 1, 1]);
        assert_eq!((moved.received(), moved.sent()), (10, 20));
        assert_eq!((moved.metrics.dropped_to_client.get(), moved.metrics.dropped_to_upstream.get()), (1, 0));
    }
}
