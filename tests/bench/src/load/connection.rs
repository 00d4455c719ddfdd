//! HTTP/2 connections without TLS, and what gRPC and gRPC-Web over them have in common.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request, Version, request};
use tokio::net::TcpStream;

use super::API_KEY;
use crate::echo::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::failure::{During, Failure};

/// Opens a connection and keeps it going in the background.
pub(super) async fn open(target: SocketAddr) -> Result<SendRequest<Bytes>, Failure> {
    let socket = TcpStream::connect(target).await.during(format_args!("connecting to {target}"))?;
    socket.set_nodelay(true)?;
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .enable_push(false)
        .handshake(socket)
        .await?;
    // When it breaks, every stream on it fails and says why.
    tokio::task::spawn_local(connection);
    Ok(requests)
}

/// The head of a call that the proxies let through.
pub(super) fn post(target: SocketAddr, path: &str) -> request::Builder {
    Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!("http://{target}{path}"))
        .header("x-api-key", API_KEY)
}

/// The next bytes of a body. `None` at its end.
pub(super) async fn read(body: &mut RecvStream) -> Result<Option<Bytes>, Failure> {
    let Some(bytes) = body.data().await else { return Ok(None) };
    let bytes = bytes.during("reading a response")?;
    body.flow_control().release_capacity(bytes.len())?;
    Ok(Some(bytes))
}

/// Checks the HTTP status, and the gRPC status if the response has already ended with it.
pub(super) fn check_head(head: &http::response::Parts) -> Result<(), Failure> {
    if head.status != http::StatusCode::OK || head.headers.contains_key("grpc-status") {
        return Err(Failure::new(format!("answered {} {:?}", head.status, head.headers)));
    }
    Ok(())
}

/// Checks that trailers say that a call went well.
pub(super) fn check_trailers(trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    match trailers.and_then(|trailers| trailers.get("grpc-status")) {
        Some(status) if status == "0" => Ok(()),
        _ => Err(Failure::new(format!("the call ended with {trailers:?}"))),
    }
}
