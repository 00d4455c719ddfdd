//! The metrics, with the names and labels that Envoy's operators know. docs/metrics.md is their reference.
//!
//! No label value comes from traffic: methods are those that the configuration names or descriptors tell of, all others
//! count as `_other`. What a call counts is resolved once for each route, cluster, method and client protocol, so that a
//! call only increments.

use std::sync::{Arc, OnceLock};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};
use sluicegate_core::metrics::FilterMetrics;
use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::{self, Protocol};
use sluicegate_core::schema::{Method, Schema};
use sluicegate_core::status::Code;

use super::datagrams::DatagramMetrics;
use super::families;
use super::listeners::ListenerFamilies;
use super::sessions::SessionFamilies;
use super::tickets::TicketFamilies;
use crate::plan::Plan;

/// Upper bounds of the latency histogram in milliseconds: Envoy's defaults.
const LATENCY_BUCKETS: &[f64] = &[
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0,
    300000.0, 600000.0, 1800000.0, 3600000.0,
];
const CALL_LABELS: &[&str] = &["route", "cluster", "service", "method", "client_protocol"];

/// Every metric the gateway itself exports.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    pub(crate) filters: FilterMetrics,
    pub(crate) listeners: ListenerFamilies,
    pub(crate) datagrams: DatagramMetrics,
    pub(crate) proxied: SessionFamilies,
    pub(crate) tickets: TicketFamilies,
    calls: IntCounterVec,
    active_calls: IntGaugeVec,
    call_time: HistogramVec,
    request_messages: IntCounterVec,
    response_messages: IntCounterVec,
    upstream_calls: IntCounterVec,
    upstream_retries: IntCounterVec,
    upstream_connect_failures: IntCounterVec,
    descriptor_failures: IntCounterVec,
    descriptor_methods: IntGaugeVec,
    connections: IntCounterVec,
    active_connections: IntGaugeVec,
    refused_connections: IntCounterVec,
    sessions: IntCounterVec,
    active_sessions: IntGaugeVec,
    session_streams: IntCounterVec,
    active_session_streams: IntGaugeVec,
    /// Calls that matched no route.
    pub(crate) no_route: IntCounter,
    /// Requests for a call that opened none.
    pub(crate) refused_heads: IntCounter,
    /// Panics that were caught; each ended one call.
    pub(crate) panics: IntCounter,
    /// Lines the access log had no room for.
    pub(crate) log_dropped: IntCounter,
    /// 1 while the gateway takes new work.
    pub(crate) live: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new_custom(None, None)?;
        let counters =
            |name: &str, help: &str, labels: &[&str]| families::counters(&registry, name, help, labels);
        let gauges =
            |name: &str, help: &str, labels: &[&str]| families::gauges(&registry, name, help, labels);
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("sluicegate_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let call_time = HistogramVec::new(
            HistogramOpts::new("sluicegate_downstream_rq_time", "How long calls took, in milliseconds.")
                .buckets(LATENCY_BUCKETS.to_vec()),
            CALL_LABELS,
        )?;
        registry.register(Box::new(call_time.clone()))?;
        let live = IntGauge::new(
            "sluicegate_server_live",
            "1 while the gateway takes new work, 0 while it drains.",
        )?;
        registry.register(Box::new(live.clone()))?;
        Ok(Metrics {
            calls: counters(
                "downstream_rq_total",
                "Calls that ended, by gRPC status.",
                &[CALL_LABELS, &["grpc_status"]].concat(),
            )?,
            active_calls: gauges("downstream_rq_active", "Calls in progress.", CALL_LABELS)?,
            call_time,
            request_messages: counters("grpc_request_message_count", "Messages from clients.", CALL_LABELS)?,
            response_messages: counters(
                "grpc_response_message_count",
                "Messages from upstreams.",
                CALL_LABELS,
            )?,
            upstream_calls: counters(
                "cluster_upstream_rq_total",
                "Attempts of calls at endpoints.",
                &["cluster"],
            )?,
            upstream_retries: counters(
                "cluster_upstream_rq_retry",
                "Attempts beyond a call's first: another endpoint after a refusal or a failed connection.",
                &["cluster"],
            )?,
            upstream_connect_failures: counters(
                "cluster_upstream_cx_connect_fail",
                "Attempts that got no connection.",
                &["cluster"],
            )?,
            descriptor_failures: counters(
                "descriptors_refresh_failures_total",
                "Attempts to learn a cluster's descriptors that failed; what was known stays.",
                &["cluster"],
            )?,
            descriptor_methods: gauges(
                "descriptors_methods",
                "Methods that a cluster's descriptors tell of.",
                &["cluster"],
            )?,
            connections: counters(
                "downstream_cx_total",
                "Client connections accepted.",
                &["listener", "transport"],
            )?,
            active_connections: gauges(
                "downstream_cx_active",
                "Client connections open.",
                &["listener", "transport"],
            )?,
            refused_connections: counters(
                "downstream_cx_refused",
                "Client connections refused, by the limit that was reached.",
                &["listener", "limit"],
            )?,
            sessions: counters("webtransport_sessions_total", "WebTransport sessions opened.", &["draft"])?,
            active_sessions: gauges(
                "webtransport_sessions_active",
                "WebTransport sessions open.",
                &["draft"],
            )?,
            session_streams: counters(
                "webtransport_streams_total",
                "WebTransport streams opened.",
                &["draft"],
            )?,
            active_session_streams: gauges(
                "webtransport_streams_active",
                "WebTransport streams open.",
                &["draft"],
            )?,
            no_route: counter("downstream_rq_no_route", "Calls that matched no route.")?,
            refused_heads: counter(
                "downstream_rq_refused",
                "Requests that asked for a call but opened none: a path that names no method, a bad timeout.",
            )?,
            panics: counter("panics_total", "Panics caught; each ended one call.")?,
            log_dropped: counter(
                "access_log_dropped_total",
                "Access log lines dropped because the writer was behind.",
            )?,
            live,
            filters: FilterMetrics::new(registry.clone())?,
            proxied: SessionFamilies::new(&registry)?,
            tickets: TicketFamilies::new(&registry)?,
            datagrams: DatagramMetrics::new(&registry)?,
            listeners: ListenerFamilies::new(&registry)?,
            registry,
        })
    }

    pub(crate) fn cluster(&self, name: &str) -> ClusterMetrics {
        ClusterMetrics {
            attempts: self.upstream_calls.with_label_values(&[name]),
            retries: self.upstream_retries.with_label_values(&[name]),
            connect_failures: self.upstream_connect_failures.with_label_values(&[name]),
        }
    }

    pub(crate) fn descriptors(&self, cluster: &str) -> DescriptorMetrics {
        DescriptorMetrics {
            failures: self.descriptor_failures.with_label_values(&[cluster]),
            methods: self.descriptor_methods.with_label_values(&[cluster]),
        }
    }

    pub(crate) fn connections(&self, listener: &str, transport: &str) -> ConnectionMetrics {
        ConnectionMetrics {
            total: self.connections.with_label_values(&[listener, transport]),
            active: self.active_connections.with_label_values(&[listener, transport]),
        }
    }

    pub(crate) fn refused(&self, listener: &str, limit: &str) -> IntCounter {
        self.refused_connections.with_label_values(&[listener, limit])
    }

    /// Counts a session until the guard is dropped. Drafts come from the dialect table.
    pub(crate) fn session(&self, draft: &'static str) -> Active {
        self.sessions.with_label_values(&[draft]).inc();
        Active::new(self.active_sessions.with_label_values(&[draft]))
    }

    /// Counters of the streams of one session.
    pub(crate) fn session_streams(&self, draft: &'static str) -> ConnectionMetrics {
        ConnectionMetrics {
            total: self.session_streams.with_label_values(&[draft]),
            active: self.active_session_streams.with_label_values(&[draft]),
        }
    }
}

/// What attempts at a cluster count.
#[derive(Debug)]
pub(crate) struct ClusterMetrics {
    pub(crate) attempts: IntCounter,
    pub(crate) retries: IntCounter,
    pub(crate) connect_failures: IntCounter,
}

/// What a source of descriptors counts.
#[derive(Debug)]
pub(crate) struct DescriptorMetrics {
    pub(crate) failures: IntCounter,
    pub(crate) methods: IntGauge,
}

/// What connections (or streams) of one kind count.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionMetrics {
    total: IntCounter,
    active: IntGauge,
}

impl ConnectionMetrics {
    pub(super) fn new(total: IntCounter, active: IntGauge) -> ConnectionMetrics {
        ConnectionMetrics { total, active }
    }

    /// Counts one until the guard is dropped.
    pub(crate) fn begin(&self) -> Active {
        self.total.inc();
        Active::new(self.active.clone())
    }
}

/// One of what a gauge counts.
#[derive(Debug)]
pub(crate) struct Active(IntGauge);

impl Active {
    pub(super) fn new(gauge: IntGauge) -> Active {
        gauge.inc();
        Active(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What a call counts, resolved.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    pub(crate) active: IntGauge,
    pub(crate) time: Histogram,
    pub(crate) request_messages: IntCounter,
    pub(crate) response_messages: IntCounter,
    by_status: Box<[OnceLock<IntCounter>]>,
    calls: IntCounterVec,
    labels: [String; 5],
}

impl CallMetrics {
    fn new(metrics: &Metrics, labels: [&str; 5]) -> CallMetrics {
        CallMetrics {
            active: metrics.active_calls.with_label_values(&labels),
            time: metrics.call_time.with_label_values(&labels),
            request_messages: metrics.request_messages.with_label_values(&labels),
            response_messages: metrics.response_messages.with_label_values(&labels),
            by_status: Code::ALL.iter().map(|_| OnceLock::new()).collect(),
            calls: metrics.calls.clone(),
            labels: labels.map(str::to_owned),
        }
    }

    /// Counts the end of a call.
    pub(crate) fn ended(&self, code: Code) {
        if let Some(cell) = self.by_status.get(usize::from(code.number())) {
            cell.get_or_init(|| {
                let [route, cluster, service, method, protocol] = &self.labels;
                self.calls.with_label_values(&[route, cluster, service, method, protocol, code.as_str()])
            })
            .inc();
        }
    }
}

/// The counters of every call that a plan and a schema allow, made when first needed. What two tables name alike counts
/// as one, so nothing is lost when a schema takes the place of another.
#[derive(Debug)]
pub(crate) struct CallTable {
    routes: Box<[RouteTable]>,
    /// For each method of the schema. Upstreams may tell of any number, and few of them are called.
    known: Box<[OnceLock<ByRoute>]>,
}

/// For one method of the schema and each route.
#[derive(Debug)]
struct ByRoute(Box<[OnceLock<Cells>]>);

#[derive(Debug)]
struct RouteTable {
    clusters: usize,
    methods: usize,
    /// For the methods that the route names, and one for all others.
    named: Cells,
}

#[derive(Debug)]
struct Cells(Box<[OnceLock<Arc<CallMetrics>>]>);

impl Cells {
    fn new(count: usize) -> Cells {
        Cells((0..count).map(|_| OnceLock::new()).collect())
    }
}

impl CallTable {
    /// The counters for the routes of a plan and the methods of a schema.
    pub(crate) fn new(plan: &Plan, schema: &Schema) -> CallTable {
        let routes = plan
            .routes
            .routes()
            .iter()
            .map(|route| {
                let (clusters, methods) = (route.clusters.len(), route.labels_len());
                let named = Cells::new(clusters * methods * protocol::ALL.len());
                RouteTable { clusters, methods, named }
            })
            .collect();
        CallTable { routes, known: schema.methods().map(|_| OnceLock::new()).collect() }
    }

    /// The counters for a call of a `known` method of the schema, or of one that it does not know. `cluster` is an index
    /// within the route, `client_protocol` one of [`protocol::ALL`].
    pub(crate) fn get(
        &self,
        metrics: &Metrics,
        route: &crate::route::Route,
        cluster: (usize, &str),
        path: &MethodPath,
        known: Option<&Method>,
        client_protocol: &'static Protocol,
    ) -> Option<Arc<CallMetrics>> {
        let table = self.routes.get(route.index)?;
        let protocol = protocol::ALL.iter().position(|row| row.name == client_protocol.name)?;
        debug_assert!(cluster.0 < table.clusters);
        let place = protocol * table.clusters + cluster.0;
        let (cell, service, method) = match known {
            // What the schema knows by its path has the names that are in the path.
            Some(known) => {
                let by_route = self.known.get(known.index)?;
                let by_route =
                    by_route.get_or_init(|| ByRoute(self.routes.iter().map(|_| OnceLock::new()).collect()));
                let cells = by_route.0.get(route.index)?;
                let cells = cells.get_or_init(|| Cells::new(table.clusters * protocol::ALL.len()));
                (cells.0.get(place)?, path.service(), path.method())
            }
            None => {
                let label = route.label(path);
                (table.named.0.get(place * table.methods + label.index)?, label.service, label.method)
            }
        };
        let labels = [&*route.name, cluster.1, service, method, client_protocol.name];
        Some(cell.get_or_init(|| Arc::new(CallMetrics::new(metrics, labels))).clone())
    }
}
