//! QUIC connections: HTTP/3 requests and WebTransport sessions side by side.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora_core::server::ShutdownWatch;
use sluicegate_core::wire::{Reset, Transmit};
use sluicegate_quic::{Event, Incoming, Limits, Refusal, Request};

use super::door::{Door, authority};
use super::enter::enter;
use super::listener::Listening;
use super::webtransport;
use crate::observe::metrics::Metrics;
use crate::plan::Listener;
use crate::worker::Worker;

/// The limits of a listener, as QUIC knows them.
pub(crate) fn limits(listener: &Listener, metrics: &Metrics) -> Limits {
    let limits = &listener.limits;
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
        max_sessions: if listener.offers_webtransport { quic.max_sessions } else { 0 },
        datagram_buffer: quic.datagram_buffer,
        observer: Arc::new(metrics.listeners.quic(&listener.address.to_string(), limit)),
        ..Limits::default()
    }
}

/// The key of the limit that refused something.
fn limit(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::MaxFieldSection => "max_header_bytes",
        other => other.name(),
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
            Some(Event::Request(arrived)) => request(&door, arrived, &shutdown),
            Some(Event::Session(request)) => drop(tokio::spawn(webtransport::serve(door.clone(), request))),
            None => return,
        }
    }
}

/// Lets a request in, unless it names two authorities.
fn request(door: &Arc<Door>, request: Request, shutdown: &ShutdownWatch) {
    let Request { head, authority: pseudo, receive, mut transmit } = request;
    match authority(pseudo.as_ref().map(|authority| authority.as_str()), &head.headers) {
        Some(authority) => {
            let host = door.host(authority);
            enter(door, head, (host, pseudo), receive, transmit, shutdown);
        }
        None => transmit.reset(Reset::from_h2(h2::Reason::PROTOCOL_ERROR.into())),
    }
}
