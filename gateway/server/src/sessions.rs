//! Sessions that are carried whole: WebTransport to `webtransport` clusters, WebSockets to `websocket` clusters.
//!
//! A request for one takes its route, must come from a page that the route's `origins` allow, passes the filters that
//! guard sessions, and is asked of an endpoint. Only when the upstream has answered is the client answered, with what the
//! upstream said. From then on what is in the session moves both ways and is looked at by nobody.

mod admit;
mod headers;
mod ledger;
mod moved;
mod reach;
pub(crate) mod websocket;
pub(crate) mod webtransport;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use sluicegate_core::status::{Flag, Status};

use crate::drain::Drain;
use crate::observe::sessions::Refuser;

/// How long before the end of a drain sessions are closed at the latest, so that clients still get to know; and how long
/// one may take to be told that it is over.
const FAREWELL: Duration = Duration::from_secs(1);

/// Resolves when a draining gateway must close what is still open.
async fn last_moment(drain: Drain, patience: Duration) {
    drain.begins().await;
    tokio::time::sleep(patience.saturating_sub(FAREWELL.min(patience / 4))).await;
}

/// Why there is no session, as the client is told and the log says.
#[derive(Debug)]
struct Refusal {
    by: Refuser,
    status: StatusCode,
    headers: HeaderMap,
    /// What of a body fits into an answer whose reader seldom looks at it.
    body: Bytes,
    flag: Option<Flag>,
    /// For the log only.
    details: Option<String>,
}

impl Refusal {
    fn new(by: Refuser, status: StatusCode) -> Refusal {
        Refusal { by, status, headers: HeaderMap::new(), body: Bytes::new(), flag: None, details: None }
    }

    /// Whoever comes to a gateway that drains can go elsewhere.
    fn draining() -> Refusal {
        let details = Some("the gateway drains".to_owned());
        Refusal { details, ..Refusal::new(Refuser::Drain, StatusCode::SERVICE_UNAVAILABLE) }
    }

    /// What a filter says, in HTTP.
    fn by_filter(status: Status) -> Refusal {
        Refusal {
            headers: status.metadata.map(|metadata| *metadata).unwrap_or_default(),
            body: format!("{}\n", status.message).into(),
            flag: status.flag,
            ..Refusal::new(Refuser::Filter, status.code.to_http())
        }
    }
}
