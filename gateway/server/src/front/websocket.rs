//! WebSockets that carry gRPC, one call each: `grpc-ws-1` at the listener's path, and `grpc-websockets` of improbable's
//! gRPC-Web client at the paths of methods.
//!
//! Every other upgrade is a site's business.
//!
//! Source: RFC 6455, RFC 8441, docs/grpc-webtransport.md.

mod closing;
mod connection;
mod fault;
mod h2_stream;
pub(super) mod proxy;
mod rationed;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use h2::RecvStream;
use h2::server::SendResponse;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use pingora_core::protocols::Stream;
use sluicegate_core::call::Transport;
use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::websocket::{OnWebSocket, close};
use sluicegate_core::protocol::{Head, Reply, Services, grpc_websockets, grpc_ws, grpc_wt};
use sluicegate_core::wire::ResponseHeaders;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::announce::{Announcing, Draining};
use super::door::{Door, Entrance, may_open};
use super::pipe::pipe;
use crate::carry::{Asked, refuse};
use crate::plan::WebSocket;
use closing::{failure_code, finish};
use connection::Connection;
use fault::{Fault, Watched};
use h2_stream::H2Stream;
use rationed::Rationed;

/// What is read from a connection at once.
const READ_BUFFER: usize = 16 << 10;
/// Frames are gathered up to this size before they are written. Whatever was gathered is written when no more is there.
const WRITE_BUFFER: usize = 16 << 10;
/// What is gathered at most while the client takes nothing: what a call hands over at once, and answers to pings.
const MAX_WRITE_BUFFER: usize = 512 << 10;
/// What surrounds a message in a WebSocket's: the prefix, and a byte of `grpc-websockets`.
const AROUND_MESSAGE: usize = 6;
/// What is read of a WebSocket before its call is known, which is before any filter could refuse it: the headers of the
/// call, and as much again for the frames around them, for pings, and for what the client sends right behind.
const BEFORE_CALL: usize = 2 * grpc_wt::MAX_BLOCK;
/// The version of the protocol (RFC 6455, section 4.1).
const VERSION: &str = "13";

/// A request for a WebSocket that carries a call.
pub(super) struct Upgrade {
    on: &'static OnWebSocket,
    path: PathAndQuery,
    /// What tells the client that its request was understood; empty over HTTP/2, which has other ways.
    accept_key: String,
    /// Whom a ticket has admitted.
    identity: Option<Arc<str>>,
}

/// Tells whether a request asks for a WebSocket that carries a call, and what it is answered if it may not have one.
pub(super) fn upgrade(door: &Door, head: &Head, host: &str) -> Option<Result<Upgrade, ResponseHeaders>> {
    let asks = head.method == Method::GET
        && has_token(&head.headers, &header::CONNECTION, "upgrade")
        && has_token(&head.headers, &header::UPGRADE, "websocket");
    let websocket = door.listening.websocket.as_ref().filter(|_| asks)?;
    let on = carried(door, websocket, head, host)?;
    let upgrade = on.and_then(|on| {
        admit(door, websocket, head, host)?;
        check_no_body(&head.headers)?;
        let accept_key = accept_key(&head.headers)?;
        let identity = take_ticket(door, on, head)?;
        Ok(Upgrade { on, path: head.path.clone(), accept_key, identity })
    });
    Some(upgrade)
}

/// The same for an extended CONNECT of HTTP/2, which asks for a WebSocket by its `:protocol` and needs no key.
///
/// Source: RFC 8441, section 5.
pub(super) fn extended_connect(
    door: &Door,
    head: &Head,
    host: &str,
) -> Option<Result<Upgrade, ResponseHeaders>> {
    let websocket = door.listening.websocket.as_ref().filter(|_| door.listening.websocket_over_h2)?;
    let on = carried(door, websocket, head, host)?;
    let upgrade = on.and_then(|on| {
        admit(door, websocket, head, host)?;
        check_version(&head.headers, StatusCode::BAD_REQUEST)?;
        let identity = take_ticket(door, on, head)?;
        Ok(Upgrade { on, path: head.path.clone(), accept_key: String::new(), identity })
    });
    Some(upgrade)
}

/// Which protocol a WebSocket would carry; `None` if it is none of ours.
fn carried(
    door: &Door,
    websocket: &WebSocket,
    head: &Head,
    host: &str,
) -> Option<Result<&'static OnWebSocket, ResponseHeaders>> {
    let offers = |on: &OnWebSocket| has_token(&head.headers, &header::SEC_WEBSOCKET_PROTOCOL, on.subprotocol);
    if head.path.path() == &*websocket.path {
        let on = [&grpc_ws::WITH_WINDOWS, &grpc_ws::ON_WEBSOCKET].into_iter().find(|on| offers(on));
        return Some(on.ok_or_else(|| refused(StatusCode::BAD_REQUEST)));
    }
    if !offers(&grpc_websockets::ON_WEBSOCKET) {
        return None;
    }
    let path = MethodPath::parse(head.path.clone())?;
    door.worker.running.plan.routes.find_path(host, &path)?;
    Some(Ok(&grpc_websockets::ON_WEBSOCKET))
}

/// Whether the client may open a WebSocket now. Nothing else keeps a page from calling with its visitor's network
/// access, for browsers ask nobody before they open one.
fn admit(door: &Door, websocket: &WebSocket, head: &Head, host: &str) -> Result<(), ResponseHeaders> {
    if !may_open(&websocket.origins, &head.headers, host) {
        return Err(refused(StatusCode::FORBIDDEN));
    }
    if door.worker.running.drain.has_begun() {
        return Err(refused(StatusCode::SERVICE_UNAVAILABLE));
    }
    Ok(())
}

/// Whom the client's ticket admits, where tickets admit. It is looked at last, because that spends it. The URLs of
/// `grpc-websockets` are those of methods, which have no query; its calls are let in as other requests at methods' paths.
fn take_ticket(door: &Door, on: &OnWebSocket, head: &Head) -> Result<Option<Arc<str>>, ResponseHeaders> {
    match &door.listening.tickets {
        Some(tickets) if on.protocol.name == grpc_ws::PROTOCOL.name => {
            tickets.admit(head.path.query()).map_err(refused)
        }
        _ => Ok(None),
    }
}

/// The answer to the client's key, if its version is the one that is spoken here.
///
/// Source: RFC 6455, section 4.2.
fn accept_key(headers: &HeaderMap) -> Result<String, ResponseHeaders> {
    check_version(headers, StatusCode::UPGRADE_REQUIRED).map_err(|mut refusal| {
        refusal.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        refusal
    })?;
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next().map(HeaderValue::as_bytes), keys.next()) {
        // 16 bytes in base64.
        (Some(key), None) if key.len() == 24 => Ok(derive_accept_key(key)),
        _ => Err(refused(StatusCode::BAD_REQUEST)),
    }
}

/// What follows the request of an upgrade belongs to the WebSocket. Whoever on the way takes it for a body would disagree
/// about where the WebSocket begins.
fn check_no_body(headers: &HeaderMap) -> Result<(), ResponseHeaders> {
    let is_empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    if is_empty && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(());
    }
    Err(refused(StatusCode::BAD_REQUEST))
}

fn check_version(headers: &HeaderMap, status: StatusCode) -> Result<(), ResponseHeaders> {
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    let mut refusal = refused(status);
    refusal.headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    Err(refusal)
}

fn refused(status: StatusCode) -> ResponseHeaders {
    ResponseHeaders { status, headers: HeaderMap::new() }
}

/// Whether a field that is a list of tokens has this one.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut tokens = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Answers the request of an HTTP/1.1 connection, and serves the WebSocket that it becomes. `ahead` is what was read
/// behind the request.
pub(super) async fn serve_h1(
    door: &Arc<Door>,
    mut io: Stream,
    ahead: BytesMut,
    upgrade: Upgrade,
    host: Arc<str>,
) {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        upgrade.accept_key, upgrade.on.subprotocol
    );
    let answer = async {
        io.write_all(head.as_bytes()).await?;
        io.flush().await
    };
    if !matches!(timeout(door.listening.limits.header_timeout, answer).await, Ok(Ok(()))) {
        return;
    }
    serve(door, io, ahead, upgrade, host).await;
}

/// Answers an extended CONNECT, and serves the WebSocket on its stream.
pub(super) async fn serve_h2(
    door: Arc<Door>,
    mut respond: SendResponse<Bytes>,
    body: RecvStream,
    upgrade: Upgrade,
    host: Arc<str>,
) {
    let mut response = http::Response::new(());
    let subprotocol = HeaderValue::from_static(upgrade.on.subprotocol);
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    // An error means that the client is gone.
    if let Ok(send) = respond.send_response(response, false) {
        serve(&door, H2Stream::new(send, body), BytesMut::new(), upgrade, host).await;
    }
}

/// Serves a WebSocket to its end: reads the first message and carries the call.
async fn serve<S>(door: &Arc<Door>, io: S, ahead: BytesMut, upgrade: Upgrade, host: Arc<str>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(websocket) = &door.listening.websocket else { return };
    let _counted = door.listening.websockets.begin();
    let (io, ahead) = (Rationed::new(io, BEFORE_CALL), Vec::from(ahead));
    let mut stream =
        WebSocketStream::from_partially_read(io, ahead, Role::Server, Some(config(websocket))).await;
    let Upgrade { on, path, identity, .. } = upgrade;
    let first = timeout(door.listening.limits.header_timeout, first_message(&mut stream));
    let first = tokio::select! {
        first = first => first,
        // A client that has asked for nothing yet can ask elsewhere.
        () = door.worker.running.drain.begins() => return finish(stream, Some(CloseCode::Away.into())).await,
    };
    let message = match first {
        Ok(Ok(message)) => message,
        Ok(Err(code)) => return finish(stream, code).await,
        Err(_) => return finish(stream, Some(close::code(grpc_wt::stream::PROTOCOL_ERROR))).await,
    };
    stream.get_mut().lift();
    let (driver, receive, transmit) = pipe();
    // The schema is let go of here: the WebSocket may live for days, and another schema take its place.
    let opened = (on.first)(message, path.clone())
        .and_then(|head| (on.protocol.open)(head, &Services::everywhere(&door.worker.running.schema.load())));
    let fault = Fault::default();
    let draining = Arc::new(Draining::default());
    match opened {
        Ok(mut opened) => {
            opened.decoder = Box::new(Watched::new(opened.decoder, fault.clone()));
            let (carrying, draining) = (door.clone(), draining.clone());
            tokio::spawn(async move {
                let entrance = Entrance { transport: Transport::WebSocket, host, identity };
                if on.protocol.name != grpc_ws::PROTOCOL.name {
                    return carrying.carry(on.protocol, opened, entrance, receive, transmit).await;
                }
                let transmit = Announcing::new(transmit, None, draining.clone());
                draining.watch(carrying.carry(on.protocol, opened, entrance, receive, transmit)).await;
            });
        }
        Err(Reply::Status(status, encoder)) => {
            let client = door.client(on.protocol, Transport::WebSocket);
            let asked = Asked { client, host, path };
            tokio::spawn(refuse(door.worker.clone(), status, encoder, asked, transmit));
        }
        // There is no HTTP status any more, so the protocols never ask for one.
        Err(Reply::Http(..)) => {
            return finish(stream, Some(close::code(grpc_wt::stream::PROTOCOL_ERROR))).await;
        }
    }
    let mut connection = pin!(Connection::new(stream, driver, on, fault, websocket.window).run());
    tokio::select! {
        () = &mut connection => return,
        () = door.worker.running.drain.begins() => draining.begin(),
    }
    connection.await;
}

/// The limits of a WebSocket, all by name.
fn config(websocket: &WebSocket) -> WebSocketConfig {
    let message = websocket.max_message as usize + AROUND_MESSAGE;
    // Blocks of headers have a limit of their own, which is not lower for those who allow only short messages.
    let message = message.max(grpc_wt::MAX_BLOCK + AROUND_MESSAGE);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(message))
        .max_frame_size(Some(message))
        .accept_unmasked_frames(false)
}

/// Waits for the first message. `Err` is the code to close with, if the client is still there.
async fn first_message<S>(stream: &mut WebSocketStream<S>) -> Result<Bytes, Option<u16>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match stream.next().await {
            Some(Ok(Message::Binary(message))) => return Ok(message),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(_))) => return Err(Some(CloseCode::Unsupported.into())),
            Some(Ok(Message::Close(_) | Message::Frame(_))) | None => return Err(None),
            Some(Err(error)) => return Err(failure_code(&error)),
        }
    }
}
