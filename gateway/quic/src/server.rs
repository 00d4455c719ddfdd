//! What the endpoints of one port have in common: certificate, keys and counts.

use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use quinn::crypto::rustls::QuicServerConfig;

use crate::endpoint::Endpoint;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// A server of HTTP/3, on one socket or on several that share a port.
///
/// Whatever packets need that can come to any of the sockets is here: the keys of Retry tokens and of stateless resets,
/// the certificate, and the counts that the limits are about.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) limits: Arc<Limits>,
    /// TLS aside.
    config: quinn::ServerConfig,
    endpoint: quinn::EndpointConfig,
    tls: ArcSwap<QuicServerConfig>,
    handshakes: AtomicUsize,
    endpoints: Mutex<Vec<quinn::Endpoint>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Server {
    /// A server that listens nowhere yet.
    ///
    /// # Errors
    /// If `tls` does not offer TLS 1.3 with a cipher suite that QUIC needs.
    pub fn new(tls: &rustls::ServerConfig, limits: Limits) -> io::Result<Server> {
        let tls = crypto(tls)?;
        let mut config = quinn::ServerConfig::with_crypto(tls.clone());
        config.transport_config(Arc::new(limits.transport()));
        config.max_incoming(limits.max_incoming);
        Ok(Server(Arc::new(Shared {
            limits: Arc::new(limits),
            config,
            endpoint: quinn::EndpointConfig::default(),
            tls: ArcSwap::new(tls),
            handshakes: AtomicUsize::new(0),
            endpoints: Mutex::default(),
        })))
    }

    /// Serves on a bound socket too. Packets are received by a task on the current tokio runtime.
    ///
    /// # Errors
    /// If the socket cannot be used.
    pub fn listen(&self, socket: UdpSocket) -> io::Result<Endpoint> {
        let quic = quinn::Endpoint::new(
            self.0.endpoint.clone(),
            Some(self.0.config.clone()),
            socket,
            Arc::new(quinn::TokioRuntime),
        )?;
        self.0.endpoints().push(quic.clone());
        Ok(Endpoint { quic, server: self.0.clone() })
    }

    /// Uses another certificate, and lets in the clients that it names, for the handshakes to come on all sockets.
    ///
    /// # Errors
    /// As [`Server::new`]; the certificate in use stays then.
    pub fn set_tls(&self, tls: &rustls::ServerConfig) -> io::Result<()> {
        self.0.tls.store(crypto(tls)?);
        Ok(())
    }
}

impl Shared {
    /// What a handshake that begins now is done with.
    pub(crate) fn handshake_config(&self) -> Arc<quinn::ServerConfig> {
        let mut config = self.config.clone();
        config.crypto = self.tls.load_full();
        Arc::new(config)
    }

    /// How many connections are open or shaking hands.
    pub(crate) fn connections(&self) -> usize {
        self.endpoints().iter().map(quinn::Endpoint::open_connections).sum()
    }

    /// How many handshakes are in progress.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Says that something was refused.
    pub(crate) fn refused(&self, what: Refusal) {
        self.limits.observer.refused(what);
    }

    fn endpoints(&self) -> std::sync::MutexGuard<'_, Vec<quinn::Endpoint>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a handshake while it lasts.
pub(crate) struct Handshake(Arc<Shared>);

impl Handshake {
    pub(crate) fn begin(server: &Arc<Shared>) -> Handshake {
        server.handshakes.fetch_add(1, Ordering::Relaxed);
        Handshake(server.clone())
    }

    pub(crate) fn server(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The TLS part of the configuration. The ALPN is replaced by `h3`, and early data is turned off because a request in it
/// could be replayed.
fn crypto(tls: &rustls::ServerConfig) -> io::Result<Arc<QuicServerConfig>> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = 0;
    QuicServerConfig::try_from(tls)
        .map(Arc::new)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
