//! WebTransport sessions: whether one may open, and what it is for.

mod calls;

use std::sync::Arc;

use http::StatusCode;
use sluicegate_core::protocol::grpc_wt;
use sluicegate_quic::SessionRequest;

use super::door::{Door, may_open};
use crate::sessions::webtransport as sessions;

/// Serves a session to its end, or refuses it.
pub(crate) async fn serve(door: Arc<Door>, request: SessionRequest) {
    let host = door.host(request.authority.as_str());
    let is_for_calls =
        door.listening.webtransport.as_ref().is_some_and(|calls| request.path.path() == &*calls.path);
    if !is_for_calls && let Some(route) = sessions::find(&door, &request, &host) {
        return Box::pin(sessions::serve(door, host, route, request)).await;
    }
    match check(&door, &request, &host) {
        Ok(admitted) => calls::serve(door, host, request, admitted).await,
        Err(status) => request.refuse(status).await,
    }
}

/// How a session opens.
struct Admitted {
    subprotocol: Option<&'static str>,
    /// Whom a ticket has admitted.
    identity: Option<Arc<str>>,
}

/// Whether a session may open, and how.
fn check(door: &Door, request: &SessionRequest, host: &str) -> Result<Admitted, StatusCode> {
    let Some(webtransport) = &door.listening.webtransport else { return Err(StatusCode::NOT_FOUND) };
    if request.path.path() != &*webtransport.path {
        return Err(StatusCode::NOT_FOUND);
    }
    if !may_open(&webtransport.origins, &request.headers, host) {
        return Err(StatusCode::FORBIDDEN);
    }
    if door.worker.running.drain.has_begun() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let subprotocol = match request.protocols.iter().any(|offered| offered == grpc_wt::SUBPROTOCOL) {
        true => Some(grpc_wt::SUBPROTOCOL),
        // Older browsers cannot offer any; then the path alone decides.
        false if request.protocols.is_empty() => None,
        false => return Err(StatusCode::BAD_REQUEST),
    };
    // Last, because it spends the ticket.
    let identity = match &door.listening.tickets {
        Some(tickets) => tickets.admit(request.path.query())?,
        None => None,
    };
    Ok(Admitted { subprotocol, identity })
}
