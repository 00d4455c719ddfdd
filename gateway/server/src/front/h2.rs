//! HTTP/2 connections, on our own loop over the stream that was accepted.
//!
//! It costs half of what a session of the proxy framework costs for each call, and it passes request trailers and exact
//! reset codes. What the framework would have watched over is watched over here: every limit is set by name, requests
//! are checked, and malformed ones are counted.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::v2::server::default_h2_options;
use pingora_core::server::ShutdownWatch;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Head;
use sluicegate_core::wire::{Gone, Receive, Reset, ResponseHeaders, Transmit};
use tokio::io::BufReader;
use tokio::time::timeout;

use super::door::{Door, authority};
use super::enter::enter;
use super::websocket;
use super::websocket::proxy::Proxied;
use crate::carry::timer::{Expired, Timer};
use crate::plan::ListenerLimits;

/// Read buffer of a connection: large messages cost mostly system calls.
const READ_BUFFER: usize = 32 << 10;
/// Response bytes of one stream that may wait for its connection.
const SEND_BUFFER: usize = 256 << 10;

/// How long a client may take to acknowledge that its connection is closing, once it has no streams.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes that the `h2` crate may charge for DATA frames that wait to be read, 256 for each small one, before it ends
/// the connection. Its default, half of the connection's window, would end connections whose clients merely stream
/// short messages faster than an upstream reads them.
const DATA_FRAME_BUDGET: usize = 8 << 20;

/// Calls that were answered before their request had ended, and whose late frames are expected for a second, for each
/// stream that may be open at once. Frames of streams that are forgotten count as errors of the client.
const RESETS_REMEMBERED: usize = 10;

/// The settings and limits of a connection, all by name.
pub(crate) fn builder(limits: &ListenerLimits) -> Builder {
    let h2 = &limits.h2;
    let mut builder = default_h2_options();
    builder
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_header_bytes)
        .initial_window_size(h2.initial_stream_window)
        .initial_connection_window_size(h2.initial_connection_window)
        .max_frame_size(h2.max_frame_size)
        .max_pending_accept_reset_streams(h2.max_pending_reset_streams)
        .max_local_error_reset_streams(Some(h2.max_local_error_resets))
        .max_concurrent_reset_streams(RESETS_REMEMBERED * limits.max_streams as usize)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(DATA_FRAME_BUDGET.max(h2.initial_connection_window as usize));
    builder
}

/// Serves an HTTP/2 connection to its end.
pub(crate) async fn serve(door: Arc<Door>, io: Stream, shutdown: ShutdownWatch) {
    let drain = door.worker.running.drain.clone();
    let _hold = drain.hold();
    let limits = &door.listening.limits;
    let mut builder = builder(limits);
    if door.listening.websocket_over_h2 {
        builder.enable_connect_protocol();
    }
    let handshake = builder.handshake::<_, Bytes>(BufReader::with_capacity(READ_BUFFER, io));
    let mut connection = match timeout(limits.header_timeout, handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return log::debug!("{}: HTTP/2 handshake: {error}", door.address),
        Err(_) => return log::debug!("{}: the HTTP/2 handshake took too long", door.address),
    };
    let mut idle = Timer::new(None, Some(limits.idle_timeout));
    let mut malformed = 0;
    let mut draining = false;
    let mut parting = false;
    let drained = drain.begins();
    tokio::pin!(drained);
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = connection.accept() => accepted,
            () = &mut drained, if !draining => {
                connection.graceful_shutdown();
                idle.restart(FAREWELL);
                (draining, parting) = (true, true);
                continue;
            }
            Expired::Idle | Expired::Deadline = std::future::poll_fn(|cx| idle.poll(cx)) => {
                if !connection.has_streams() {
                    if parting {
                        // The client does not even answer the goodbye.
                        return;
                    }
                    connection.graceful_shutdown();
                    idle.restart(FAREWELL);
                    parting = true;
                }
                continue;
            }
        };
        let (request, respond) = match accepted {
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => return log::debug!("{}: HTTP/2: {error}", door.address),
            None => return,
        };
        idle.moved();
        if !self::request(&door, request, respond, &shutdown) {
            malformed += 1;
            if malformed > limits.h2.max_malformed_streams {
                return abandon(connection, &door).await;
            }
        }
    }
}

/// Ends a connection whose client sends nothing but nonsense.
async fn abandon(mut connection: Connection<BufReader<Stream>, Bytes>, door: &Door) {
    log::info!("{}: too many malformed requests on one connection", door.address);
    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
    let closed = std::future::poll_fn(|cx| connection.poll_closed(cx));
    let _ = timeout(door.listening.limits.handshake_timeout, closed).await;
}

/// Lets a request in. False when it is malformed.
fn request(
    door: &Arc<Door>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    shutdown: &ShutdownWatch,
) -> bool {
    let (parts, body) = request.into_parts();
    let Some(authority) =
        authority(parts.uri.authority().map(|authority| authority.as_str()), &parts.headers)
    else {
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return false;
    };
    let host = door.host(authority);
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let head = Head { method: parts.method, path, headers: parts.headers, transport: Transport::Http2 };
    let protocol = parts.extensions.get::<h2::ext::Protocol>();
    if protocol.is_some_and(|protocol| protocol.as_str() == "websocket") {
        if let Some(upgrade) = websocket::extended_connect(door, &head, &host) {
            match upgrade {
                Ok(upgrade) => {
                    drop(tokio::spawn(websocket::serve_h2(door.clone(), respond, body, upgrade, host)))
                }
                // An error means that the client is gone, and with it the need to answer.
                Err(refusal) => drop(respond.send_response(response(refusal), true)),
            }
            return true;
        }
        // A request with `:protocol` has an `:authority` (RFC 8441, section 4).
        let named = parts.uri.authority().map_or(&*host, |authority| authority.as_str());
        if let Some(proxied) = Proxied::extended_connect(door, &head, &host, named) {
            drop(tokio::spawn(proxied.serve_h2(door.clone(), respond, body)));
            return true;
        }
    }
    let transmit = H2Transmit { respond, stream: None, alt_svc: door.listening.alt_svc.clone() };
    let asked = (host, parts.uri.into_parts().authority);
    enter(door, head, asked, H2Receive { body }, transmit, shutdown);
    true
}

fn response(head: ResponseHeaders) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// What a client sends on one stream.
pub(crate) struct H2Receive {
    body: RecvStream,
}

impl Receive for H2Receive {
    // A reset ends both directions.
    const TELLS_OF_LEAVING: bool = true;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        loop {
            match std::task::ready!(self.body.poll_data(cx)) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => return Poll::Ready(Ok(Some(chunk))),
                Some(Err(error)) => return Poll::Ready(Err(gone(&error))),
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, Gone>> {
        self.body.poll_trailers(cx).map_err(|error| gone(&error))
    }

    fn is_ended(&self) -> bool {
        self.body.is_end_stream()
    }

    fn release(&mut self, bytes: usize) {
        // An error means that the stream is over; there is nothing left to give credit for.
        let _ = self.body.flow_control().release_capacity(bytes);
    }

    fn stop(&mut self) {
        // Dropping both halves after a complete response sends RST_STREAM(NO_ERROR), as RFC 9113, section 8.1 asks.
    }
}

/// What a client gets on one stream.
pub(crate) struct H2Transmit {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    alt_svc: Option<HeaderValue>,
}

impl H2Transmit {
    /// Why something could not be sent. The error says only that the stream is closed, the stream says why.
    fn failed(&mut self, error: &h2::Error) -> Gone {
        match self.poll_gone(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(gone) => gone,
            Poll::Pending => gone(error),
        }
    }
}

impl Transmit for H2Transmit {
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        let mut response = response(head);
        if let Some(alt_svc) = self.alt_svc.take() {
            response.headers_mut().insert(header::ALT_SVC, alt_svc);
        }
        match self.respond.send_response(response, end) {
            Ok(stream) => {
                self.stream = Some(stream);
                Ok(())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(Gone::Protocol)) };
        stream.reserve_capacity(wanted);
        match stream.capacity() {
            0 => match std::task::ready!(stream.poll_capacity(cx)) {
                Some(Ok(credit)) => Poll::Ready(Ok(credit)),
                Some(Err(error)) => Poll::Ready(Err(gone(&error))),
                // The stream is no longer sending: the client reset it.
                None => Poll::Ready(Err(match self.poll_gone(cx) {
                    Poll::Ready(gone) => gone,
                    Poll::Pending => Gone::Connection,
                })),
            },
            credit => Poll::Ready(Ok(credit)),
        }
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        let Some(stream) = &mut self.stream else { return Err(Gone::Protocol) };
        stream.send_data(bytes, end).map_err(|error| self.failed(&error))
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        let Some(stream) = &mut self.stream else { return Err(Gone::Protocol) };
        stream.send_trailers(trailers).map_err(|error| self.failed(&error))
    }

    fn reset(&mut self, reset: Reset) {
        match &mut self.stream {
            Some(stream) => stream.send_reset(Reason::from(reset.reason)),
            None => self.respond.send_reset(Reason::from(reset.reason)),
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let reason = match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        reason.map(|reason| match reason {
            Ok(reason) => Gone::Reset(Reset::from_h2(reason.into())),
            Err(error) => gone(&error),
        })
    }
}

fn gone(error: &h2::Error) -> Gone {
    match error.reason() {
        Some(reason) if error.is_reset() && error.is_remote() => Gone::Reset(Reset::from_h2(reason.into())),
        Some(_) if error.is_reset() => Gone::Protocol,
        _ => Gone::Connection,
    }
}
