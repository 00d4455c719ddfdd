//! TCP connections: the TLS handshake, and which HTTP is spoken.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bytes::BytesMut;
use pingora_core::protocols::l4::stream::Stream as TcpIo;
use pingora_core::protocols::{ALPN, SocketDigest, Stream};
use pingora_core::server::ShutdownWatch;
use std::os::fd::AsRawFd;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::door::Door;
use super::listener::Listening;
use super::{h1, h2};
use crate::worker::Worker;

/// How a client that knows that the gateway speaks HTTP/2 begins (RFC 9113, section 3.4).
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A SETTINGS frame belongs to the preface; this much of it is waited for.
const FRAME_HEAD: usize = 9;

/// Serves a TCP connection to its end.
pub(crate) async fn serve(
    worker: Arc<Worker>,
    socket: TcpStream,
    address: SocketAddr,
    listening: Arc<Listening>,
    shutdown: ShutdownWatch,
) {
    let io = match open(socket, address) {
        Ok(io) => io,
        Err(error) => return log::debug!("{address}: {error}"),
    };
    let limits = &listening.limits;
    let door = Arc::new(Door::new(worker, listening.clone(), address, listening.tls.is_some()));
    match &listening.tls {
        Some(tls) => match timeout(limits.handshake_timeout, tls.tls_handshake(io)).await {
            Ok(Ok(io)) => {
                let h2 = matches!(pingora_core::protocols::Ssl::selected_alpn_proto(&io), Some(ALPN::H2));
                let io: Stream = Box::new(io);
                if h2 { h2::serve(door, io, shutdown).await } else { h1::serve(door, io, shutdown).await }
            }
            Ok(Err(error)) => log::debug!("{address}: TLS handshake: {error}"),
            Err(_) => log::debug!("{address}: the TLS handshake took too long"),
        },
        None => {
            let mut io = io;
            let h2 = listening.h2c
                && match timeout(limits.header_timeout, begins_as_h2(&mut io)).await {
                    Ok(Ok(h2)) => h2,
                    Ok(Err(_)) | Err(_) => return,
                };
            let io: Stream = Box::new(io);
            if h2 { h2::serve(door, io, shutdown).await } else { h1::serve(door, io, shutdown).await }
        }
    }
}

/// Reads until it is clear whether the client speaks HTTP/2, and puts what it read back.
async fn begins_as_h2(io: &mut TcpIo) -> std::io::Result<bool> {
    let mut start = BytesMut::with_capacity(256);
    let h2 = loop {
        if io.read_buf(&mut start).await? == 0 {
            break false;
        }
        let known = start.len().min(H2_PREFACE.len());
        if start.get(..known) != H2_PREFACE.get(..known) {
            break false;
        }
        if start.len() >= H2_PREFACE.len() + FRAME_HEAD {
            break true;
        }
    };
    io.rewind(&start);
    Ok(h2)
}

fn open(socket: TcpStream, address: SocketAddr) -> std::io::Result<TcpIo> {
    let socket = tokio::net::TcpStream::from_std(socket)?;
    socket.set_nodelay(true)?;
    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    // A new digest knows no address yet, so setting it cannot fail.
    let _ = digest.peer_addr.set(Some(address.into()));
    let mut io = TcpIo::from(socket);
    pingora_core::protocols::GetSocketDigest::set_socket_digest(&mut io, digest);
    Ok(io)
}
