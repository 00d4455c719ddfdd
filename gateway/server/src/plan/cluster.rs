//! What a cluster is made of, resolved.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

/// Endpoints that serve the same thing.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Its name, unique in a plan.
    pub name: Arc<str>,
    /// What its endpoints speak.
    pub protocol: ClusterProtocol,
    /// Where they are; at least one.
    pub endpoints: Vec<EndpointSpec>,
    /// How to talk TLS to them; `None` means cleartext.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// How to choose among them.
    pub balance: Balance,
    /// How long a connection may take to be established, TLS included.
    pub connect_timeout: Duration,
    /// Connections to one endpoint that one worker may hold.
    pub max_connections_per_worker: usize,
    /// Calls at once on one connection, if the endpoint allows that many.
    pub max_streams_per_connection: usize,
    /// How often a connection that carries calls is checked with a PING; `None` never.
    pub ping_interval: Option<Duration>,
    /// How long the answer to a PING may take before the connection is given up.
    pub ping_timeout: Duration,
    /// How long a connection without calls is kept; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// Endpoints tried for one call, as long as nothing of it was sent.
    pub max_attempts: usize,
}

/// One place of a cluster.
#[derive(Clone, Debug)]
pub struct EndpointSpec {
    /// `host:port`, as written in the configuration; an IPv6 address stands in brackets.
    pub authority: Arc<str>,
    /// The host, without brackets.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// The address, when the host is one; a DNS name is resolved when connecting.
    pub address: Option<SocketAddr>,
    /// The name its certificate must have; `None` in cleartext.
    pub server_name: Option<ServerName<'static>>,
}

/// What the endpoints of a cluster speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterProtocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// HTTP that is no RPC.
    Http,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// Of two picked at random, the one with fewer calls.
    LeastRequest,
}
