//! The metrics of sessions that are carried whole.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::families;
use super::metrics::{Active, ConnectionMetrics};

const LABELS: &[&str] = &["route", "cluster", "protocol"];

/// The metrics that the sessions of every route have.
#[derive(Debug)]
pub(crate) struct SessionFamilies {
    total: IntCounterVec,
    active: IntGaugeVec,
    refused: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    streams: IntCounterVec,
    active_streams: IntGaugeVec,
    datagrams_dropped: IntCounterVec,
}

impl SessionFamilies {
    pub(super) fn new(registry: &Registry) -> Result<SessionFamilies, prometheus::Error> {
        let counters = |name: &str, help: &str, label: &[&str]| {
            families::counters(registry, name, help, &[LABELS, label].concat())
        };
        let gauges = |name: &str, help: &str| families::gauges(registry, name, help, LABELS);
        Ok(SessionFamilies {
            total: counters("proxied_sessions_total", "Sessions carried to upstreams.", &[])?,
            active: gauges("proxied_sessions_active", "Sessions that are open to upstreams.")?,
            refused: counters(
                "proxied_sessions_refused_total",
                "Requests for sessions that were refused, by what refused them.",
                &["by"],
            )?,
            received: counters("proxied_session_bytes_received_total", "Bytes from clients.", &[])?,
            sent: counters("proxied_session_bytes_sent_total", "Bytes to clients.", &[])?,
            streams: counters("proxied_session_streams_total", "Streams of sessions carried.", &[])?,
            active_streams: gauges("proxied_session_streams_active", "Streams of sessions being carried.")?,
            datagrams_dropped: counters(
                "webtransport_datagrams_dropped_total",
                "Datagrams that could not be passed on at once, by who would have got them.",
                &["to"],
            )?,
        })
    }

    /// What the sessions of one route count with one of its clusters.
    pub(crate) fn of(&self, route: &str, cluster: &str, protocol: &str) -> SessionMetrics {
        let labels = &[route, cluster, protocol];
        let dropped = |to| self.datagrams_dropped.with_label_values(&[&labels[..], &[to]].concat());
        let refused = |by: Refuser| self.refused.with_label_values(&[&labels[..], &[by.label()]].concat());
        SessionMetrics {
            total: self.total.with_label_values(labels),
            active: self.active.with_label_values(labels),
            refused: Refuser::ALL.map(refused),
            received: self.received.with_label_values(labels),
            sent: self.sent.with_label_values(labels),
            streams: ConnectionMetrics::new(
                self.streams.with_label_values(labels),
                self.active_streams.with_label_values(labels),
            ),
            dropped_to_client: dropped("client"),
            dropped_to_upstream: dropped("upstream"),
        }
    }
}

/// What refuses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refuser {
    /// The route's `origins`.
    Origin,
    /// The gateway, which drains.
    Drain,
    /// A filter.
    Filter,
    /// The upstream, which answered so.
    Upstream,
    /// Nobody: no upstream could be reached.
    Unreachable,
}

impl Refuser {
    const ALL: [Refuser; 5] =
        [Refuser::Origin, Refuser::Drain, Refuser::Filter, Refuser::Upstream, Refuser::Unreachable];

    fn label(self) -> &'static str {
        match self {
            Refuser::Origin => "origin",
            Refuser::Drain => "drain",
            Refuser::Filter => "filter",
            Refuser::Upstream => "upstream",
            Refuser::Unreachable => "unreachable",
        }
    }
}

/// What sessions count, resolved.
#[derive(Debug)]
pub(crate) struct SessionMetrics {
    total: IntCounter,
    active: IntGauge,
    refused: [IntCounter; Refuser::ALL.len()],
    /// Bytes from the client.
    pub(crate) received: IntCounter,
    /// Bytes to the client.
    pub(crate) sent: IntCounter,
    pub(crate) streams: ConnectionMetrics,
    pub(crate) dropped_to_client: IntCounter,
    pub(crate) dropped_to_upstream: IntCounter,
}

impl SessionMetrics {
    /// Counts a session until the guard is dropped.
    pub(crate) fn begin(&self) -> Active {
        self.total.inc();
        Active::new(self.active.clone())
    }

    /// Counts a session that is none.
    pub(crate) fn refused(&self, by: Refuser) {
        let counter =
            Refuser::ALL.iter().position(|one| *one == by).and_then(|place| self.refused.get(place));
        if let Some(counter) = counter {
            counter.inc();
        }
    }
}
