//! The UDP socket: who gets a handshake, and with which certificate.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quinn::crypto::rustls::QuicServerConfig;

use crate::Connection;
use crate::limits::Limits;
use crate::varint;

/// A UDP socket that serves HTTP/3.
///
/// Create and use it within a tokio runtime. [`Endpoint::accept`] may be called from several tasks; the packets of all
/// connections are received by a task on the runtime that called [`Endpoint::bind`], while each connection lives on the
/// runtime that calls [`Incoming::handshake`].
#[derive(Debug)]
pub struct Endpoint {
    quic: quinn::Endpoint,
    /// Kept to replace the certificate only: the key of the Retry tokens stays the same.
    config: Mutex<quinn::ServerConfig>,
    handshakes: Arc<AtomicUsize>,
    limits: Arc<Limits>,
}

impl Endpoint {
    /// Serves on a bound socket.
    ///
    /// The ALPN of `tls` is replaced by `h3`, and early data is turned off because a request in it could be replayed.
    /// Fails if `tls` does not offer TLS 1.3 or the socket cannot be used.
    pub fn bind(socket: UdpSocket, tls: Arc<rustls::ServerConfig>, limits: Limits) -> io::Result<Endpoint> {
        let limits = Arc::new(limits);
        let mut config = quinn::ServerConfig::with_crypto(crypto(&tls)?);
        config.transport_config(Arc::new(limits.transport()));
        config.max_incoming(limits.max_incoming);
        let quic = quinn::Endpoint::new(
            quinn::EndpointConfig::default(),
            Some(config.clone()),
            socket,
            Arc::new(quinn::TokioRuntime),
        )?;
        Ok(Endpoint { quic, config: Mutex::new(config), handshakes: Arc::default(), limits })
    }

    /// The address that the socket is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.quic.local_addr()
    }

    /// How many connections are open or shaking hands.
    pub fn connections(&self) -> usize {
        self.quic.open_connections()
    }

    /// Uses another certificate for the handshakes to come. Fails as [`Endpoint::bind`] does.
    pub fn set_tls(&self, tls: Arc<rustls::ServerConfig>) -> io::Result<()> {
        let crypto = crypto(&tls)?;
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.crypto = crypto;
        self.quic.set_server_config(Some(config.clone()));
        Ok(())
    }

    /// The next client that may have a handshake; `None` once the endpoint is closed.
    ///
    /// Clients over a limit are refused or asked to prove their address here, without a task or a handshake.
    pub async fn accept(&self) -> Option<Incoming> {
        loop {
            let incoming = self.quic.accept().await?;
            let handshakes = self.handshakes.load(Ordering::Relaxed);
            let full = handshakes >= self.limits.max_incoming
                || self.quic.open_connections() >= self.limits.max_connections;
            if full {
                incoming.refuse();
            } else if handshakes >= self.limits.retry_above
                && !incoming.remote_address_validated()
                && incoming.may_retry()
            {
                // It fails only for a client that has been validated already.
                let _ = incoming.retry();
            } else {
                self.handshakes.fetch_add(1, Ordering::Relaxed);
                return Some(Incoming {
                    quic: incoming,
                    limits: Arc::clone(&self.limits),
                    slot: HandshakeSlot(Arc::clone(&self.handshakes)),
                });
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

/// The TLS part of the configuration.
fn crypto(tls: &rustls::ServerConfig) -> io::Result<Arc<QuicServerConfig>> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = 0;
    QuicServerConfig::try_from(tls)
        .map(Arc::new)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Counts a handshake while it lasts.
#[derive(Debug)]
struct HandshakeSlot(Arc<AtomicUsize>);

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client that may have a handshake. Dropping it refuses the client.
#[derive(Debug)]
pub struct Incoming {
    quic: quinn::Incoming,
    limits: Arc<Limits>,
    slot: HandshakeSlot,
}

impl Incoming {
    /// Where the packets come from.
    pub fn remote_address(&self) -> SocketAddr {
        self.quic.remote_address()
    }

    /// Shakes hands and opens HTTP/3. The connection then lives on the current runtime.
    pub async fn handshake(self) -> Result<Connection, ConnectError> {
        let Incoming { quic, limits, slot } = self;
        let patience = limits.handshake_timeout;
        let connection = tokio::time::timeout(patience, async {
            let quic = quic.accept()?.await?;
            Connection::open(quic, limits).await
        });
        let connection = connection.await.map_err(|_| ConnectError::Timeout)?;
        drop(slot);
        connection
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
