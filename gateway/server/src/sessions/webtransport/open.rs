//! Opening a session at an endpoint.

use std::sync::Arc;

use http::header;
use sluicegate_quic::{OpenError, Opened, SessionRequest};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::observe::sessions::Refuser;
use crate::sessions::ledger::Ledger;
use crate::sessions::reach::{Dial, Failure, Unreached};
use crate::sessions::{Refusal, headers};
use crate::upstream::connection::host_and_port;
use crate::upstream::{Cluster, Endpoint};

/// What endpoints are asked for.
pub(super) struct Opening {
    cluster: Arc<Cluster>,
    worker: usize,
    opening: sluicegate_quic::Opening,
}

impl Opening {
    /// What the filters have left of the client's request.
    pub(super) fn new(ledger: &Ledger, request: &SessionRequest) -> Opening {
        Opening {
            cluster: ledger.cluster.clone(),
            worker: ledger.worker.index,
            opening: sluicegate_quic::Opening {
                authority: request.authority.clone(),
                path: ledger.request.path.clone(),
                origin: ledger.request.headers.get(header::ORIGIN).cloned(),
                protocols: request.protocols.clone(),
                headers: headers::to_upstream(&ledger.request),
            },
        }
    }
}

impl Dial for Opening {
    type Opened = Opened;

    async fn dial(&self, endpoint: &Endpoint) -> Result<Opened, Failure> {
        let spec = &self.cluster.spec;
        let (host, port) = host_and_port(&endpoint.authority, spec);
        let unreached = |why: String, late| Failure::Unreached(Unreached { why, late });
        let resolved = timeout(spec.connect_timeout, lookup_host((host, port))).await;
        let addresses = resolved
            .map_err(|_| unreached(format!("looking up {host} took too long"), true))?
            .map_err(|error| unreached(format!("{host} cannot be looked up: {error}"), false))?;
        let Some(sockets) = &self.cluster.quic else {
            return Err(unreached("the cluster has no TLS".to_owned(), false));
        };
        let server_name = spec.server_name.as_deref().unwrap_or(host);
        let mut last = None;
        for address in addresses {
            let opened = match sockets.client(self.worker, address) {
                Ok(client) => client.open(address, server_name, self.opening.clone()).await,
                Err(error) => {
                    last = Some(unreached(format!("no UDP socket: {error}"), false));
                    continue;
                }
            };
            match opened {
                Ok(opened) => return Ok(opened),
                Err(error) if error.is_unprocessed() => {
                    let late = matches!(error, OpenError::HandshakeTimeout);
                    last = Some(unreached(error.to_string(), late));
                    // Another address of an endpoint that does not answer is hardly worth as long a wait again.
                    if late {
                        break;
                    }
                }
                Err(OpenError::Refused(status, headers) | OpenError::Redirected(status, headers)) => {
                    let headers = headers::of_client(&headers);
                    return Err(Failure::Refused(Box::new(Refusal {
                        headers,
                        ..Refusal::new(Refuser::Upstream, status)
                    })));
                }
                Err(error) => {
                    let late = matches!(error, OpenError::AnswerTimeout);
                    return Err(Failure::Broken(Unreached { why: error.to_string(), late }));
                }
            }
        }
        Err(last.unwrap_or_else(|| unreached(format!("{host} has no address"), false)))
    }
}
