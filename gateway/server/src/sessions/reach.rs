//! Asking an upstream for a session.

use std::sync::Arc;

use http::StatusCode;
use sluicegate_core::status::Flag;

use super::Refusal;
use super::ledger::Ledger;
use crate::observe::sessions::Refuser;
use crate::upstream::Endpoint;

/// How an endpoint is asked.
pub(super) trait Dial {
    /// What it is when the endpoint agrees.
    type Opened: Send;

    /// Asks one endpoint.
    fn dial(&self, endpoint: &Endpoint) -> impl Future<Output = Result<Self::Opened, Failure>> + Send;
}

/// Why an endpoint gave no session.
pub(super) enum Failure {
    /// It has certainly not processed the request, so another one may be asked.
    Unreached(Unreached),
    /// It may have processed the request and then failed.
    Broken(Unreached),
    /// It answered that there is none.
    Refused(Box<Refusal>),
}

/// What the log says about an endpoint that did not answer.
pub(super) struct Unreached {
    pub(super) why: String,
    /// It took too long.
    pub(super) late: bool,
}

/// Asks endpoints of the session's cluster, one after the other as long as nothing was opened.
pub(super) async fn reach<D: Dial>(dial: &D, ledger: &mut Ledger) -> Result<D::Opened, Refusal> {
    let worker = ledger.worker.index;
    let mut tried = 0u64;
    let mut last = None;
    while ledger.attempts < u32::try_from(ledger.cluster.spec.max_attempts).unwrap_or(u32::MAX) {
        let cluster = &ledger.cluster;
        let Some(index) = cluster.choose(worker, tried).filter(|_| cluster.has_untried(tried)) else { break };
        let Some(endpoint) = cluster.endpoints.get(index).cloned() else { break };
        tried |= 1u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
        cluster.metrics.attempts.inc();
        if ledger.attempts > 0 {
            cluster.metrics.retries.inc();
        }
        ledger.attempts += 1;
        ledger.endpoint = Some(endpoint.begin_call());
        match dial.dial(&endpoint).await {
            Ok(opened) => {
                note(&endpoint, worker, true);
                // What is open is told of a drain when it begins and ends before it does; what opened meanwhile is not.
                if ledger.worker.running.drain.has_begun() {
                    return Err(Refusal::draining());
                }
                return Ok(opened);
            }
            Err(Failure::Unreached(failure)) => {
                ledger.cluster.metrics.connect_failures.inc();
                note(&endpoint, worker, false);
                let (cluster, authority) = (&ledger.cluster.spec.name, &endpoint.authority);
                log::warn!("cluster {cluster}: no session at {authority}: {}", failure.why);
                last = Some(failure);
            }
            Err(Failure::Broken(failure)) => return Err(unreachable(failure)),
            Err(Failure::Refused(refusal)) => {
                note(&endpoint, worker, true);
                return Err(*refusal);
            }
        }
    }
    Err(last.map_or_else(
        || Refusal {
            flag: Some(Flag::NoHealthyUpstream),
            ..Refusal::new(Refuser::Unreachable, StatusCode::SERVICE_UNAVAILABLE)
        },
        unreachable,
    ))
}

/// Lets the balancer know whether the endpoint can be reached.
fn note(endpoint: &Arc<Endpoint>, worker: usize, reached: bool) {
    if let Some(pool) = endpoint.pool(worker) {
        pool.tried(reached);
    }
}

fn unreachable(failure: Unreached) -> Refusal {
    let (status, flag) = match failure.late {
        true => (StatusCode::GATEWAY_TIMEOUT, Flag::UpstreamTimeout),
        false => (StatusCode::BAD_GATEWAY, Flag::UpstreamConnectionFailure),
    };
    Refusal { flag: Some(flag), details: Some(failure.why), ..Refusal::new(Refuser::Unreachable, status) }
}
