//! The client's side: sessions to WebTransport servers that others run.
//!
//! Each session has a QUIC connection of its own. Its flow-control windows then are the session's, so that a session
//! whose streams nobody reads holds up no other, and whatever an upstream does to a connection ends one session.
//!
//! A server is not trusted more than a client is: its streams, frames, capsules and datagrams pass the same guard,
//! demultiplexer and limits. `h3`'s client reads the control stream behind them, because it knows what a server may not
//! do there; the CONNECT and its answer go past it, as `h3` writes neither the tokens of all drafts nor hands over the
//! stream that capsules arrive on.

mod connection;
mod error;
mod head;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::time::timeout;

use crate::Session;
use crate::limits::Limits;
use crate::varint;
use connection::Connection;
pub use error::OpenError;

/// A UDP socket from which sessions to WebTransport servers are opened.
///
/// Create and use it within a tokio runtime. Packets are received by a task on the runtime that called
/// [`Client::bind`]; a session is carried by a task on the runtime that called [`Client::open`].
#[derive(Debug)]
pub struct Client {
    quic: quinn::Endpoint,
    config: quinn::ClientConfig,
    limits: Arc<Limits>,
}

/// What a session is asked for with.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The host to ask, which need not be the name in the server's certificate.
    pub authority: Authority,
    /// Path and query.
    pub path: PathAndQuery,
    /// Whose script asks, if there is one.
    pub origin: Option<HeaderValue>,
    /// The subprotocols to offer, the one preferred first.
    pub protocols: Vec<String>,
    /// Further header fields. Those that belong to a connection or to a draft of WebTransport are left out, so that
    /// these may be the fields of another request for a session.
    pub headers: HeaderMap,
}

/// A session that a server has accepted.
#[derive(Debug)]
pub struct Opened {
    /// The session. Dropping it closes its connection too.
    pub session: Session,
    /// The subprotocol that the server has chosen, one of those offered.
    pub subprotocol: Option<String>,
    /// The header fields of the answer.
    pub headers: HeaderMap,
}

impl Client {
    /// Opens a socket. One of `[::]:0` reaches IPv4 addresses too, where the system allows that.
    ///
    /// The ALPN of `tls` is replaced by `h3`, and early data is turned off because a session in it could be replayed.
    /// Fails if `tls` does not offer TLS 1.3 or the socket cannot be used. Of `limits`, what concerns one connection
    /// applies; [`Limits::max_sessions`] does not.
    pub fn bind(local: SocketAddr, tls: Arc<rustls::ClientConfig>, limits: Limits) -> io::Result<Client> {
        let mut tls = Arc::unwrap_or_clone(tls);
        tls.alpn_protocols = vec![b"h3".to_vec()];
        tls.enable_early_data = false;
        let tls = QuicClientConfig::try_from(tls)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        // A setting that is as good as off would turn WebTransport off for the server.
        let limits = Limits { max_sessions: 1, ..limits.sound() };
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(limits.transport()));
        Ok(Client { quic: quinn::Endpoint::client(local)?, config, limits: Arc::new(limits) })
    }

    /// The address that the socket is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.quic.local_addr()
    }

    /// How many connections are open, being opened or being closed.
    pub fn connections(&self) -> usize {
        self.quic.open_connections()
    }

    /// Opens a connection to a server whose certificate is for `server_name`, and a session on it in the newest draft
    /// that the server speaks. Dropping the future closes the connection.
    ///
    /// The session makes progress on its own, in a task that ends with it.
    pub async fn open(
        &self,
        address: SocketAddr,
        server_name: &str,
        opening: Opening,
    ) -> Result<Opened, OpenError> {
        let connecting = async {
            let quic = self.quic.connect_with(self.config.clone(), address, server_name)?.await?;
            Connection::open(quic, Arc::clone(&self.limits)).await
        };
        let connection = timeout(self.limits.handshake_timeout, connecting).await;
        let connection = connection.map_err(|_| OpenError::HandshakeTimeout)??;
        let opened = timeout(self.limits.header_timeout, connection.session(opening)).await;
        opened.map_err(|_| OpenError::AnswerTimeout)?
    }

    /// Closes every connection at once, and with them the sessions.
    pub fn close(&self) {
        self.quic.close(varint::quic(h3::error::Code::H3_NO_ERROR.value()), b"");
    }

    /// Waits until every connection has ended and its last packets are sent.
    pub async fn wait_idle(&self) {
        self.quic.wait_idle().await;
    }
}
