//! One upstream server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::{Authority, Scheme};
use tokio::sync::Notify;

use super::pool::Pool;
use crate::plan::ClusterSpec;

/// One upstream server, and every worker's connections to it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `host:port`, as configured: what is dialled, and `:authority` of its calls.
    pub(crate) authority: Authority,
    /// `http` for cleartext, `https` for TLS.
    pub(crate) scheme: Scheme,
    calls: AtomicUsize,
    pools: Box<[Arc<Pool>]>,
}

impl Endpoint {
    /// `reconnected` is told when a worker has a connection again after it had none.
    pub(crate) fn new(
        authority: Authority,
        cluster: &Arc<ClusterSpec>,
        workers: usize,
        reconnected: &Arc<Notify>,
    ) -> Endpoint {
        let scheme = if cluster.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let pool = |_| Arc::new(Pool::new(authority.clone(), cluster.clone(), reconnected.clone()));
        let pools = (0..workers).map(pool).collect();
        Endpoint { authority, scheme, calls: AtomicUsize::new(0), pools }
    }

    /// Calls it is working on, from all workers.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts a call until the guard is dropped.
    pub(crate) fn begin_call(self: &Arc<Self>) -> CallAtEndpoint {
        self.calls.fetch_add(1, Ordering::Relaxed);
        CallAtEndpoint(self.clone())
    }

    /// The connections that this worker has to it.
    pub(crate) fn pool(&self, worker: usize) -> Option<&Arc<Pool>> {
        self.pools.get(worker)
    }

    /// Connections open to it, from all workers.
    pub(crate) fn connections(&self) -> usize {
        self.pools.iter().map(|pool| pool.connections()).sum()
    }

    /// Whether no worker could connect to it lately.
    pub(crate) fn is_failing(&self) -> bool {
        self.pools.iter().any(|pool| pool.is_failing()) && self.connections() == 0
    }
}

/// One call counted at an endpoint.
#[derive(Debug)]
pub(crate) struct CallAtEndpoint(Arc<Endpoint>);

impl CallAtEndpoint {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for CallAtEndpoint {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Endpoints that are never dialled.
    pub(crate) fn endpoints(count: usize) -> Vec<Arc<Endpoint>> {
        (0..count)
            .map(|_| {
                Arc::new(Endpoint {
                    authority: Authority::from_static("127.0.0.1:1"),
                    scheme: Scheme::HTTP,
                    calls: AtomicUsize::new(0),
                    pools: Box::new([]),
                })
            })
            .collect()
    }
}
