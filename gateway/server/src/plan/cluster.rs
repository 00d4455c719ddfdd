//! What a cluster is made of, resolved.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;

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
    /// The name that its endpoints' certificates must have, checked to be one; `None` means that each endpoint's own
    /// host is the name.
    pub server_name: Option<Arc<str>>,
    /// How to choose among them.
    pub balance: Balance,
    /// How long a connection may take to be established, TLS included.
    pub connect_timeout: Duration,
    /// Connections to one endpoint that one worker may hold.
    pub max_connections_per_worker: usize,
    /// Calls at once on one connection, if the endpoint allows that many.
    pub max_streams_per_connection: usize,
    /// How often a connection that carries calls is checked with a PING.
    pub ping_interval: Duration,
    /// How long the answer to a PING may take before the connection is given up.
    pub ping_timeout: Duration,
    /// How long a connection without calls is kept.
    pub idle_timeout: Duration,
    /// Endpoints tried for one call, as long as nothing of it was sent.
    pub max_attempts: usize,
}

/// One place of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Host and port as configured; without a port it is the scheme's. A DNS name is resolved when connecting.
    pub authority: Authority,
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
