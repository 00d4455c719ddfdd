//! TCP connections: the TLS handshake, and which HTTP is spoken.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use pingora_core::protocols::l4::stream::Stream as TcpIo;
use pingora_core::protocols::{ALPN, SocketDigest, Stream};
use pingora_core::server::ShutdownWatch;
use std::os::fd::AsRawFd;
use tokio::time::timeout;

use super::door::Door;
use super::listener::Listening;
use super::{h1, h2};
use crate::worker::Worker;

/// How a client that knows that the gateway speaks HTTP/2 begins (RFC 9113, section 3.4).
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
            let mut io: Stream = Box::new(io);
            let mut start = [0; H2_PREFACE.len()];
            let h2 = listening.h2c
                && match timeout(limits.header_timeout, io.try_peek(&mut start)).await {
                    Ok(Ok(peeked)) => peeked && start == *H2_PREFACE,
                    Ok(Err(_)) | Err(_) => return,
                };
            if h2 { h2::serve(door, io, shutdown).await } else { h1::serve(door, io, shutdown).await }
        }
    }
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
