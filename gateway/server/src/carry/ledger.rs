//! What is known about one call: what filters see and remember, and what metrics and the log will say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use sluicegate_core::call::{Call, End, ResponseHead};
use sluicegate_core::chain::Passage;
use sluicegate_core::schema::MethodKind;
use sluicegate_core::status::{Code, Flag, Status};

use super::filtering::broken;
use crate::observe::access_log::Line;
use crate::observe::metrics::CallMetrics;
use crate::route::Route;
use crate::upstream::{Cluster, Endpoint};
use crate::worker::Worker;

/// What is known about one call. Dropping it closes the books, whichever way the call ended: `Chain::end` has run
/// exactly once, the metrics are counted and the log line is written.
pub(crate) struct Ledger {
    pub(crate) worker: Arc<Worker>,
    pub(crate) call: Call,
    pub(crate) started: SystemTime,
    /// Where the call goes; `None` when no route matches.
    pub(crate) route: Option<Routed>,
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) attempts: u32,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) request_messages: u64,
    pub(super) response_messages: u64,
    /// How it ended, once it has.
    outcome: Option<Outcome>,
}

/// A call's route, cluster and counters.
pub(crate) struct Routed {
    pub(crate) route: Arc<Route>,
    pub(crate) cluster: Arc<Cluster>,
    /// What kind of method is called, as it was known when the call began.
    pub(crate) kind: Option<MethodKind>,
    pub(crate) metrics: Arc<CallMetrics>,
    /// What the route's filters remember; gone once they were told of the end.
    pub(crate) passage: Option<Passage>,
}

struct Outcome {
    code: Code,
    message: std::borrow::Cow<'static, str>,
    flag: Option<Flag>,
    details: Option<Arc<str>>,
}

impl Ledger {
    pub(crate) fn new(worker: Arc<Worker>, call: Call, route: Option<Routed>) -> Box<Ledger> {
        if let Some(routed) = &route {
            routed.metrics.active.inc();
        }
        Box::new(Ledger {
            worker,
            call,
            started: SystemTime::now(),
            route,
            endpoint: None,
            attempts: 0,
            bytes_received: 0,
            bytes_sent: 0,
            request_messages: 0,
            response_messages: 0,
            outcome: None,
        })
    }

    /// The head of the gateway's own refusal, with what the filters add to it.
    pub(super) fn refusal(&mut self, end: &mut End) -> ResponseHead {
        let mut head = ResponseHead::default();
        if let Some(Routed { route, passage: Some(passage), .. }) = &mut self.route {
            let filters = AssertUnwindSafe(|| route.chain.refusal(&mut head, &mut self.call, passage));
            if catch_unwind(filters).is_err() {
                self.worker.running.metrics.panics.inc();
                *end = End::from(broken());
            }
        }
        head
    }

    /// The call has ended: tells the filters, once, and notes what the log will say.
    pub(super) fn end(&mut self, end: &mut End, details: Option<Arc<str>>) {
        if let Some(routed) = &mut self.route
            && let Some(passage) = routed.passage.take()
        {
            // This may run while the ledger is dropped, where a panic would leave the books open.
            let filters = AssertUnwindSafe(|| routed.route.chain.end(end, &self.call, passage));
            if catch_unwind(filters).is_err() {
                self.worker.running.metrics.panics.inc();
                *end = End::from(broken());
            }
        }
        self.outcome = Some(Outcome {
            code: end.status.code,
            message: end.status.message.clone(),
            flag: end.status.flag,
            details,
        });
    }

    /// Notes that the client left before it had the whole response.
    pub(super) fn client_gone(&mut self, flag: Flag) {
        match &mut self.outcome {
            Some(outcome) => outcome.flag = outcome.flag.or(Some(flag)),
            None => self.end(&mut End::from(Status::cancelled("the client is gone").with_flag(flag)), None),
        }
    }

    fn close(&mut self) {
        if self.outcome.is_none() {
            self.client_gone(Flag::ClientConnectionTermination);
        }
        let Some(outcome) = &self.outcome else { return };
        let duration_ms = self.call.received.elapsed().as_secs_f64() * 1e3;
        match &self.route {
            Some(Routed { metrics, .. }) => {
                metrics.active.dec();
                metrics.ended(outcome.code);
                metrics.time.observe(duration_ms);
                metrics.request_messages.inc_by(self.request_messages);
                metrics.response_messages.inc_by(self.response_messages);
            }
            None => self.worker.running.metrics.no_route.inc(),
        }
        if !self.worker.log.is_on() {
            return;
        }
        let call = &self.call;
        self.worker.log.push(
            self.started,
            Line {
                start_time: "",
                client_address: call.client.address,
                client_protocol: call.client.protocol,
                transport: call.client.transport.as_str(),
                host: &call.host,
                path: call.path.as_str(),
                route: self.route.as_ref().map(|routed| &*routed.route.name),
                upstream_cluster: self.route.as_ref().map(|routed| &*routed.cluster.spec.name),
                upstream_host: self.endpoint.as_ref().map(|endpoint| endpoint.authority.as_str()),
                attempts: self.attempts,
                grpc_status: outcome.code.number(),
                grpc_message: &outcome.message,
                response_flags: outcome.flag.map_or("-", Flag::as_str),
                response_code_details: outcome.details.as_deref(),
                duration_ms: (duration_ms * 1e3).round() / 1e3,
                bytes_received: self.bytes_received,
                bytes_sent: self.bytes_sent,
                request_messages: self.request_messages,
                response_messages: self.response_messages,
                identity: call.identity.as_deref(),
            },
        );
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}
