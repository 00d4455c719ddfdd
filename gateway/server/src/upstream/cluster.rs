//! A named group of endpoints that serve the same calls.

use std::sync::Arc;

use tokio::sync::Notify;

use super::balance::Balancer;
use super::endpoint::Endpoint;
use super::quic::QuicSockets;
use crate::observe::metrics::ClusterMetrics;
use crate::plan::{ClusterProtocol, ClusterSpec};

/// A named group of endpoints that serve the same calls.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) spec: Arc<ClusterSpec>,
    pub(crate) endpoints: Box<[Arc<Endpoint>]>,
    pub(crate) metrics: ClusterMetrics,
    /// What sessions at `webtransport` endpoints are opened from; `None` for clusters of another kind.
    pub(crate) quic: Option<QuicSockets>,
    /// Told when a worker has a connection again to an endpoint that it had none to.
    pub(crate) reconnected: Arc<Notify>,
    balancer: Balancer,
}

impl Cluster {
    pub(crate) fn new(spec: Arc<ClusterSpec>, workers: usize, metrics: ClusterMetrics) -> Cluster {
        let reconnected = Arc::default();
        let endpoints = spec
            .endpoints
            .iter()
            .map(|endpoint| Arc::new(Endpoint::new(endpoint.authority.clone(), &spec, workers, &reconnected)))
            .collect();
        let quic = match spec.protocol {
            ClusterProtocol::WebTransport => QuicSockets::new(&spec, workers),
            _ => None,
        };
        Cluster { balancer: Balancer::new(spec.balance), endpoints, metrics, quic, reconnected, spec }
    }

    /// Chooses an endpoint that was not tried yet, preferring those that can be reached from this worker.
    ///
    /// `tried` has a bit for each of the first 64 endpoints; later ones may be tried twice.
    pub(crate) fn choose(&self, worker: usize, tried: u64) -> Option<usize> {
        let untried = |index: usize| is_untried(index, tried);
        let reachable = |index: usize| {
            self.endpoints.get(index).and_then(|e| e.pool(worker)).is_some_and(|pool| !pool.is_failing())
        };
        self.balancer
            .choose(&self.endpoints, |index| untried(index) && reachable(index))
            // All that are left failed lately: trying one is how a returning endpoint is found again.
            .or_else(|| self.balancer.choose(&self.endpoints, untried))
    }

    /// Whether an endpoint is left that was not tried yet.
    pub(crate) fn has_untried(&self, tried: u64) -> bool {
        (0..self.endpoints.len()).any(|index| is_untried(index, tried))
    }
}

fn is_untried(index: usize, tried: u64) -> bool {
    index >= 64 || tried & (1 << index) == 0
}
