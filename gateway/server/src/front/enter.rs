//! Letting the request of an HTTP/2 or HTTP/3 stream in. (An HTTP/1.1 request is tied to its connection's task.)

use std::future::poll_fn;
use std::sync::Arc;

use http::uri::Authority;
use http::{Method, StatusCode};
use pingora_core::server::ShutdownWatch;
use sluicegate_core::protocol::{Head, Reply};
use sluicegate_core::wire::{Receive, ResponseHeaders, Transmit};

use super::door::{Admission, Door, Entrance};
use super::plain;
use crate::carry::{Asked, refuse};

/// Lets a request in: it becomes a call, is answered, or goes to a site. `authority` is its pseudo-header.
pub(super) fn enter(
    door: &Arc<Door>,
    head: Head,
    (host, authority): (Arc<str>, Option<Authority>),
    receive: impl Receive,
    transmit: impl Transmit,
    shutdown: &ShutdownWatch,
) {
    let (path, transport) = (head.path.clone(), head.transport);
    // No protocol of ours uses it, and a gateway that proxied it would open every port behind it.
    if head.method == Method::CONNECT {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return answer(ResponseHeaders { status, ..ResponseHeaders::default() }, receive, transmit);
    }
    match door.admit(head, &host) {
        Admission::Call(protocol, Ok(opened)) => {
            let entrance = Entrance { transport, host, identity: None };
            tokio::spawn(door.carry(protocol, *opened, entrance, receive, transmit));
        }
        Admission::Call(protocol, Err(Reply::Status(status, encoder))) => {
            let asked = Asked { client: door.client(protocol, transport), host, path };
            tokio::spawn(refuse(door.worker.clone(), status, encoder, asked, transmit));
        }
        Admission::Call(_, Err(Reply::Http(status, headers))) => {
            answer(ResponseHeaders { status, headers }, receive, transmit);
        }
        Admission::Reply(head) => answer(head, receive, transmit),
        Admission::Plain(head) => {
            plain::serve(door.clone(), head, authority, receive, transmit, shutdown.clone())
        }
    }
}

/// Sends a response that has only a head.
fn answer(head: ResponseHeaders, mut receive: impl Receive, mut transmit: impl Transmit) {
    tokio::spawn(async move {
        // An error means that the client is gone, and with it the need to answer.
        if transmit.send_head(head, true).is_ok() {
            let _ = poll_fn(|cx| transmit.poll_flushed(cx)).await;
            receive.stop();
        }
    });
}
