//! The metrics of listeners: what their limits refuse, and how their certificates do.

use std::fmt;
use std::time::SystemTime;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use sluicegate_quic::{Observer, Refusal};

use super::families;

/// The metrics that every listener has.
#[derive(Debug)]
pub(crate) struct ListenerFamilies {
    quic_refused: IntCounterVec,
    expiration: IntGaugeVec,
    reloads: IntCounterVec,
    reload_failures: IntCounterVec,
}

impl ListenerFamilies {
    pub(super) fn new(registry: &Registry) -> Result<ListenerFamilies, prometheus::Error> {
        let counters =
            |name: &str, help: &str, labels: &[&str]| families::counters(registry, name, help, labels);
        let gauges = |name: &str, help: &str, labels: &[&str]| families::gauges(registry, name, help, labels);
        Ok(ListenerFamilies {
            quic_refused: counters(
                "quic_refused_total",
                "What limits on QUIC refused, by the limit that was reached.",
                &["listener", "limit"],
            )?,
            expiration: gauges(
                "tls_certificate_expiration_unix_time_seconds",
                "When the certificate in use stops being valid.",
                &["listener"],
            )?,
            reloads: counters(
                "tls_reloads_total",
                "Certificates that took the place of another.",
                &["listener"],
            )?,
            reload_failures: counters(
                "tls_reload_failures_total",
                "Changes of certificate files that could not be used.",
                &["listener"],
            )?,
        })
    }

    /// What the limits on QUIC of one listener count. `key` names a limit as the configuration does.
    pub(crate) fn quic(&self, listener: &str, key: fn(Refusal) -> &'static str) -> QuicRefusals {
        let counter = |refusal| self.quic_refused.with_label_values(&[listener, key(refusal)]);
        QuicRefusals { listener: listener.to_owned(), counters: Refusal::ALL.map(counter).into() }
    }

    /// What the certificate of one listener counts.
    pub(crate) fn tls(&self, listener: &str) -> TlsMetrics {
        TlsMetrics {
            expiration: self.expiration.with_label_values(&[listener]),
            reloads: self.reloads.with_label_values(&[listener]),
            failures: self.reload_failures.with_label_values(&[listener]),
        }
    }
}

/// A counter for each limit on QUIC.
pub(crate) struct QuicRefusals {
    listener: String,
    /// By the number of the refusal.
    counters: Box<[IntCounter]>,
}

impl fmt::Debug for QuicRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuicRefusals({})", self.listener)
    }
}

impl Observer for QuicRefusals {
    fn refused(&self, what: Refusal) {
        if let Some(counter) = self.counters.get(what as usize) {
            counter.inc();
        }
    }
}

/// What the certificate of one listener counts.
#[derive(Clone, Debug)]
pub(crate) struct TlsMetrics {
    expiration: IntGauge,
    /// Certificates that took the place of another.
    pub(crate) reloads: IntCounter,
    /// Changes that could not be used.
    pub(crate) failures: IntCounter,
}

impl TlsMetrics {
    /// A certificate that is valid until then is in use.
    pub(crate) fn expires(&self, until: SystemTime) {
        // Before 1970 is as good as 1970: both have been long ago.
        let seconds = until.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.expiration.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}
