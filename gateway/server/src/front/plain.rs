//! Requests that are not RPCs: the pages of the gateway itself, sites behind it, or 404.
//!
//! They go through pingora-proxy's `HttpProxy` on every HTTP version, WebSocket upgrades included. An HTTP/1.1 request
//! is a session of Pingora's already; HTTP/2 and HTTP/3 streams become one in [`session`].

mod cors;
mod probe;
mod session;
mod site;
mod ticket;

use std::sync::Arc;

use http::uri::Authority;
use pingora_core::apps::{HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_http::RequestHeader;
use sluicegate_core::protocol::Head;
use sluicegate_core::wire::{Receive, Transmit};

use super::door::Door;
pub(crate) use probe::SelfSigned;
use session::PlainSession;
pub(crate) use site::{Page, Pages, Sites, sites};

/// Serves an HTTP/1.1 request. The session has not read it yet: Pingora's proxy does that itself.
pub(crate) async fn serve_session(
    door: &Arc<Door>,
    mut session: ServerSession,
    shutdown: &ShutdownWatch,
) -> Option<ReusedHttpStream> {
    // The request is not read yet, so what goes with it goes with the connection.
    session.set_connection_user_context(Some(Box::new(door.clone())));
    door.worker.running.sites.process_new_http(session, shutdown).await
}

/// Serves a request of an HTTP/2 or HTTP/3 stream.
pub(crate) fn serve<R: Receive, T: Transmit>(
    door: Arc<Door>,
    head: Head,
    authority: Option<Authority>,
    receive: R,
    transmit: T,
    shutdown: ShutdownWatch,
) {
    let Some(mut request) = request_header(head, authority.as_ref()) else { return };
    request.extensions_mut().insert(door.clone());
    let address = (door.address, door.listening.address);
    let session = PlainSession::new(request, receive, transmit, address);
    tokio::spawn(async move {
        let session = ServerSession::new_custom(Box::new(session));
        door.worker.running.sites.process_new_http(session, &shutdown).await;
    });
}

/// The head in Pingora's form. Upstreams find the authority in `host`, as in HTTP/1.1.
fn request_header(head: Head, authority: Option<&Authority>) -> Option<RequestHeader> {
    let mut request =
        RequestHeader::build(head.method, head.path.as_str().as_bytes(), Some(head.headers.len() + 1))
            .ok()?;
    for (name, value) in &head.headers {
        request.append_header(name.clone(), value.clone()).ok()?;
    }
    if let Some(authority) = authority {
        request.insert_header(http::header::HOST, authority.as_str()).ok()?;
    }
    request.set_version(match head.transport {
        sluicegate_core::call::Transport::Http2 => http::Version::HTTP_2,
        _ => http::Version::HTTP_3,
    });
    Some(request)
}
