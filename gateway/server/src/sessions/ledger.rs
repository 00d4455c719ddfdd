//! What is known about one session: what its filters remember, and what metrics and the log will say.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::StatusCode;
use sluicegate_core::call::Transport;
use sluicegate_core::chain::Passage;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::Flag;

use super::moved::Moved;
use super::{Refusal, moved};
use crate::observe::access_log::SessionLine;
use crate::observe::metrics::Active;
use crate::route::Route;
use crate::upstream::Cluster;
use crate::upstream::endpoint::CallAtEndpoint;
use crate::worker::Worker;

/// What is known about one session. Dropping it closes the books: whatever became of the session, one line is logged.
pub(super) struct Ledger {
    pub(super) worker: Arc<Worker>,
    pub(super) request: SessionRequest,
    pub(super) route: Arc<Route>,
    pub(super) cluster: Arc<Cluster>,
    /// What the filters remember, as long as the session.
    pub(super) passage: Passage,
    pub(super) moved: Arc<Moved>,
    pub(super) attempts: u32,
    /// The endpoint tried last, which counts the session as one of its calls.
    pub(super) endpoint: Option<CallAtEndpoint>,
    pub(super) subprotocol: Option<String>,
    started: SystemTime,
    begun: Instant,
    status: Option<StatusCode>,
    open: Option<Active>,
    flag: Option<Flag>,
    details: Option<String>,
    ended: Option<(Ender, Option<u32>)>,
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ender {
    Client,
    Upstream,
    Gateway,
}

impl std::convert::From<moved::From> for Ender {
    fn from(from: moved::From) -> Ender {
        match from {
            moved::From::Client => Ender::Client,
            moved::From::Upstream => Ender::Upstream,
        }
    }
}

impl Ledger {
    /// Opens the books for a request that has taken its route. `None` if the route leads nowhere, which no plan has.
    pub(super) fn new(worker: Arc<Worker>, request: SessionRequest, route: Arc<Route>) -> Option<Ledger> {
        let picked = route.clusters.pick(fastrand::u32(..));
        let cluster = worker.running.clusters.get(picked.cluster)?.clone();
        let metrics =
            worker.running.metrics.proxied.of(&route.name, &cluster.spec.name, request.client.protocol);
        Some(Ledger {
            worker,
            request,
            cluster,
            passage: route.chain.begin(),
            route,
            moved: Arc::new(Moved::new(metrics)),
            attempts: 0,
            endpoint: None,
            subprotocol: None,
            started: SystemTime::now(),
            begun: Instant::now(),
            status: None,
            open: None,
            flag: None,
            details: None,
            ended: None,
        })
    }

    /// The client has been told that its session is open.
    pub(super) fn opened(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.open = Some(self.moved.metrics.begin());
    }

    /// The client is about to be told that there is no session.
    pub(super) fn refused(&mut self, refusal: &Refusal) {
        self.moved.metrics.refused(refusal.by);
        self.status = Some(refusal.status);
        self.flag = refusal.flag;
        self.details = refusal.details.clone();
    }

    /// The session has ended.
    pub(super) fn ended(&mut self, by: Ender, code: Option<u32>, flag: Option<Flag>) {
        self.ended = Some((by, code));
        self.flag = flag;
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if !self.worker.log.is_on() {
            return;
        }
        // Whoever drops the books without an end was dropped itself: with its connection, or with the process.
        let lost = (self.status.is_none() || self.open.is_some()) && self.ended.is_none();
        let flag = self.flag.or(lost.then_some(Flag::ClientConnectionTermination));
        let request = &self.request;
        let is_webtransport = request.client.transport == Transport::Http3;
        let datagrams = is_webtransport.then(|| self.moved.datagrams());
        self.worker.log.push_session(
            self.started,
            SessionLine {
                start_time: "",
                client_address: request.client.address,
                client_protocol: request.client.protocol,
                transport: request.client.transport.as_str(),
                host: &request.host,
                path: request.path.path(),
                route: &self.route.name,
                upstream_cluster: &self.cluster.spec.name,
                upstream_host: self.endpoint.as_ref().map(|at| at.endpoint().authority.as_str()),
                attempts: self.attempts,
                http_status: self.status.map_or(0, |status| status.as_u16()),
                response_flags: flag.map_or("-", Flag::as_str),
                response_code_details: self.details.as_deref(),
                subprotocol: self.subprotocol.as_deref(),
                closed_by: self.ended.map(|(by, _)| match by {
                    Ender::Client => "client",
                    Ender::Upstream => "upstream",
                    Ender::Gateway => "gateway",
                }),
                close_code: self.ended.and_then(|(_, code)| code),
                duration_ms: (self.begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
                bytes_received: self.moved.received(),
                bytes_sent: self.moved.sent(),
                streams: is_webtransport.then(|| self.moved.streams()),
                datagrams_received: datagrams.map(|[received, _, _]| received),
                datagrams_sent: datagrams.map(|[_, sent, _]| sent),
                datagrams_dropped: datagrams.map(|[_, _, dropped]| dropped),
                identity: request.identity.as_deref(),
            },
        );
    }
}
