//! The UDP socket: who gets a handshake, and with which certificate.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::Connection;
use crate::connection_id::ConnectionIds;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::server::{Handshake, Server, Shared};
use crate::varint;

/// A UDP socket that serves HTTP/3.
///
/// Create and use it within a tokio runtime. [`Endpoint::accept`] may be called from several tasks; the packets of all
/// connections are received by a task on the runtime that called [`Endpoint::bind`], while each connection lives on the
/// runtime that calls [`Incoming::handshake`].
pub struct Endpoint {
    pub(crate) quic: quinn::Endpoint,
    pub(crate) server: Arc<Shared>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("quic", &self.quic).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Serves on a bound socket: [`Server::new`], and its only [`Server::listen`].
    ///
    /// # Errors
    /// If `tls` does not offer TLS 1.3 or the socket cannot be used.
    pub fn bind(socket: UdpSocket, tls: Arc<rustls::ServerConfig>, limits: Limits) -> io::Result<Endpoint> {
        Server::new(&tls, limits, ConnectionIds::default())?.listen(socket, 0)
    }

    /// The address that the socket is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.quic.local_addr()
    }

    /// The server that this is a socket of.
    pub fn server(&self) -> Server {
        Server(self.server.clone())
    }

    /// The next client that may have a handshake; `None` once the endpoint is closed.
    ///
    /// Clients over a limit are refused or asked to prove their address here, without a task or a handshake.
    pub async fn accept(&self) -> Option<Incoming> {
        let server = &self.server;
        loop {
            let incoming = self.quic.accept().await?;
            let is_proved = incoming.remote_address_validated() || !incoming.may_retry();
            match Handshake::begin(server, incoming.remote_address().ip(), is_proved) {
                Ok(handshake) => return Some(Incoming { quic: incoming, handshake }),
                // It fails only for a client that has been validated already.
                Err(Refusal::RetryAbove | Refusal::RetryAbovePerIp) => drop(incoming.retry()),
                Err(_) => incoming.refuse(),
            }
        }
    }

    /// Refuses all further clients. Connections stay as they are.
    pub fn stop_accepting(&self) {
        self.quic.set_server_config(None);
    }

    /// Closes every connection at once; [`Endpoint::accept`] returns `None` from now on.
    pub fn close(&self) {
        self.quic.close(varint::quic(h3::error::Code::H3_NO_ERROR.value()), b"");
    }

    /// Waits until every connection has ended and its last packets are sent.
    pub async fn wait_idle(&self) {
        self.quic.wait_idle().await;
    }
}

/// A client that may have a handshake. Dropping it refuses the client.
pub struct Incoming {
    quic: quinn::Incoming,
    handshake: Handshake,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(&self.quic).finish()
    }
}

impl Incoming {
    /// Where the packets come from.
    pub fn remote_address(&self) -> SocketAddr {
        self.quic.remote_address()
    }

    /// Shakes hands and opens HTTP/3. The connection then lives on the current runtime.
    pub async fn handshake(self) -> Result<Connection, ConnectError> {
        let Incoming { quic, handshake } = self;
        let server = handshake.server();
        let connection = tokio::time::timeout(server.limits.handshake_timeout, async {
            let quic = quic.accept_with(server.handshake_config())?.await?;
            Connection::open(quic, Arc::clone(&server.limits)).await
        });
        connection.await.unwrap_or_else(|_| {
            server.refused(Refusal::HandshakeTimeout);
            Err(ConnectError::Timeout)
        })
    }
}

/// Why a client did not become a connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The handshake took longer than [`Limits::handshake_timeout`].
    #[error("the handshake took too long")]
    Timeout,
    /// QUIC or TLS failed.
    #[error(transparent)]
    Quic(#[from] quinn::ConnectionError),
    /// HTTP/3 could not be opened.
    #[error(transparent)]
    Http3(#[from] h3::error::ConnectionError),
}
