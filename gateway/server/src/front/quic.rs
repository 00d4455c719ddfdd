//! QUIC connections: HTTP/3 requests and WebTransport sessions side by side.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use pingora_core::server::ShutdownWatch;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Reply;
use sluicegate_core::wire::{Receive, Reset, ResponseHeaders, Transmit};
use sluicegate_quic::{Event, H3Transmit, Incoming, Limits, Request};

use super::door::{Admission, Door, authority};
use super::listener::Listening;
use super::{plain, webtransport};
use crate::carry::{Asked, refuse};
use crate::worker::Worker;

/// The limits of a listener, as QUIC knows them.
pub(crate) fn limits(listening: &Listening) -> Limits {
    let limits = &listening.limits;
    let quic = &limits.quic;
    Limits {
        receive_window: quic.connection_window,
        stream_receive_window: quic.stream_window,
        max_bidi_streams: quic.max_streams,
        max_incoming: quic.max_incoming,
        retry_above: quic.retry_above,
        max_connections: limits.max_connections,
        handshake_timeout: limits.handshake_timeout,
        header_timeout: limits.header_timeout,
        idle_timeout: quic.idle_timeout,
        max_field_section: limits.max_header_bytes,
        max_sessions: if listening.webtransport.is_some() { quic.max_sessions } else { 0 },
        datagram_buffer: quic.datagram_buffer,
        ..Limits::default()
    }
}

/// Serves a QUIC connection to its end.
pub(crate) async fn serve(
    worker: Arc<Worker>,
    incoming: Incoming,
    address: SocketAddr,
    listening: Arc<Listening>,
    shutdown: ShutdownWatch,
) {
    let mut connection = match incoming.handshake().await {
        Ok(connection) => connection,
        Err(error) => return log::debug!("{address}: QUIC handshake: {error}"),
    };
    let drain = worker.running.drain.clone();
    let _hold = drain.hold();
    let door = Arc::new(Door::new(worker, listening, address, true));
    let mut draining = false;
    let drained = drain.begins();
    tokio::pin!(drained);
    loop {
        let event = tokio::select! {
            biased;
            event = connection.next() => event,
            () = &mut drained, if !draining => {
                connection.drain();
                draining = true;
                continue;
            }
        };
        match event {
            Some(Event::Request(request)) => enter(&door, request, &shutdown),
            Some(Event::Session(request)) => drop(tokio::spawn(webtransport::serve(door.clone(), request))),
            None => return,
        }
    }
}

/// Lets a request in.
fn enter(door: &Arc<Door>, request: Request, shutdown: &ShutdownWatch) {
    let Request { head, authority: pseudo, receive, mut transmit } = request;
    let Some(authority) = authority(pseudo.as_ref().map(|authority| authority.as_str()), &head.headers)
    else {
        return transmit.reset(Reset::from_h2(h2::Reason::PROTOCOL_ERROR.into()));
    };
    let host = door.host(authority);
    if head.method == Method::CONNECT {
        return reply(receive, transmit, status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let path = head.path.clone();
    match door.admit(head, &host) {
        Admission::Call(protocol, Ok(opened)) => {
            let client = door.client(protocol.name, Transport::Http3);
            tokio::spawn(door.carry(*opened, client, host, receive, transmit));
        }
        Admission::Call(protocol, Err(Reply::Status(status, encoder))) => {
            let client = door.client(protocol.name, Transport::Http3);
            let asked = Asked { client, host, path };
            tokio::spawn(refuse(door.worker.clone(), status, encoder, asked, transmit));
        }
        Admission::Call(_, Err(Reply::Http(status, headers))) => {
            reply(receive, transmit, ResponseHeaders { status, headers });
        }
        Admission::Reply(head) => reply(receive, transmit, head),
        Admission::Plain(head) => plain::serve(door.clone(), head, host, receive, transmit, shutdown.clone()),
    }
}

fn status(status: StatusCode) -> ResponseHeaders {
    ResponseHeaders { status, ..ResponseHeaders::default() }
}

/// Sends a response that has only a head.
fn reply(mut receive: impl Receive, mut transmit: H3Transmit, head: ResponseHeaders) {
    tokio::spawn(async move {
        // An error means that the client is gone, and with it the need to answer.
        if transmit.send_head(head, true).is_ok() {
            let _ = std::future::poll_fn(|cx| transmit.poll_flushed(cx)).await;
            receive.stop();
        }
    });
}
