//! TCP connections: the TLS handshake, and which HTTP is spoken.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bytes::BytesMut;
use pingora_core::protocols::l4::ext::{TcpKeepalive, set_tcp_keepalive};
use pingora_core::protocols::l4::stream::Stream as TcpIo;
use pingora_core::protocols::{ALPN, SocketDigest, Ssl, Stream};
use pingora_core::server::ShutdownWatch;
use std::os::fd::AsRawFd;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::buffered::Buffered;
use super::door::Door;
use super::listener::Listening;
use super::{h1, h2};
use crate::worker::Worker;

/// How a client that knows that the gateway speaks HTTP/2 begins (RFC 9113, section 3.4).
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A SETTINGS frame belongs to the preface; this much of it is waited for.
const FRAME_HEAD: usize = 9;

/// How a quiet connection is probed: a stream may be silent for longer than a NAT on the way remembers it, and who
/// vanishes meanwhile is noticed after a minute.
const KEEP_ALIVE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_secs(30),
    interval: Duration::from_secs(10),
    count: 3,
    // As the system has it: a client that takes nothing for a while is the calls' business.
    #[cfg(target_os = "linux")]
    user_timeout: Duration::ZERO,
};

/// Serves a TCP connection to its end.
pub(crate) async fn serve(
    worker: Arc<Worker>,
    socket: TcpStream,
    address: SocketAddr,
    listening: Arc<Listening>,
    shutdown: ShutdownWatch,
) {
    let drain = worker.running.drain.clone();
    // A connection that has not shown what it is when the gateway drains is not waited for.
    let started = tokio::select! {
        started = Box::pin(start(socket, address, &listening)) => started,
        () = drain.begins() => return,
    };
    match started {
        Ok((io, h2)) => {
            let secure = listening.tls.is_some();
            let door = Arc::new(Door::new(worker, listening, address, secure));
            match h2 {
                true => Box::pin(h2::serve(door, io, shutdown)).await,
                false => Box::pin(h1::serve(door, io, shutdown)).await,
            }
        }
        Err(reason) => log::debug!("{address}: {reason}"),
    }
}

/// Shakes hands if the listener wants to, and tells whether HTTP/2 is spoken.
async fn start(
    socket: TcpStream,
    address: SocketAddr,
    listening: &Listening,
) -> Result<(Stream, bool), String> {
    let mut io = open(socket, address).map_err(|error| error.to_string())?;
    let limits = &listening.limits;
    match &listening.tls {
        Some(tls) => {
            let tls = tls.load_full();
            let io = timeout(limits.handshake_timeout, tls.tls_handshake(io)).await;
            let io = io
                .map_err(|_| "the TLS handshake took too long".to_owned())?
                .map_err(|error| format!("TLS handshake: {error}"))?;
            Ok(match io.selected_alpn_proto() {
                Some(ALPN::H2) => (Box::new(io), true),
                _ => (Box::new(Buffered::new(io)), false),
            })
        }
        None if listening.h2c => {
            let h2 = timeout(limits.header_timeout, begins_as_h2(&mut io)).await;
            let h2 = h2.map_err(|_| "nothing came".to_owned())?.map_err(|error| error.to_string())?;
            Ok(if h2 { (Box::new(io), true) } else { (Box::new(Buffered::new(io)), false) })
        }
        None => Ok((Box::new(Buffered::new(io)), false)),
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
    set_tcp_keepalive(&socket, &KEEP_ALIVE).map_err(std::io::Error::other)?;
    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    // A new digest knows no address yet, so setting it cannot fail.
    let _ = digest.peer_addr.set(Some(address.into()));
    let mut io = TcpIo::from(socket);
    pingora_core::protocols::GetSocketDigest::set_socket_digest(&mut io, digest);
    Ok(io)
}
