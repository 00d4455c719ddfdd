//! What a cluster is made of, resolved.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use sluicegate_core::compression::Encoding;
use sluicegate_core::upstream_protocol::UpstreamProtocol;

use super::{DescriptorsSpec, Planner};
use crate::config::ClusterConfig;
use crate::tls;

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
    /// What they decompress; requests compressed otherwise are sent to them as they are without.
    pub accept_encoding: Vec<Encoding>,
    /// Where what is known of its services comes from; `None` means that nothing is.
    pub descriptors: Option<DescriptorsSpec>,
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
    /// gRPC-Web over HTTP/2.
    GrpcWeb,
    /// Connect over HTTP/2.
    Connect,
    /// HTTP that is no RPC.
    Http,
    /// WebTransport over HTTP/3: sessions, carried whole.
    WebTransport,
    /// WebSocket over HTTP/1.1, carried whole.
    WebSocket,
}

/// What a cluster, and a route to it, is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Calls.
    Calls,
    /// Requests that are no calls.
    Requests,
    /// WebTransport sessions, whatever is in them.
    WebTransport,
    /// WebSockets, whatever is in them.
    WebSockets,
}

impl Traffic {
    /// Whether it is sessions, which are carried whole.
    pub(crate) fn is_sessions(self) -> bool {
        matches!(self, Traffic::WebTransport | Traffic::WebSockets)
    }

    /// What a cluster for it is called in a sentence.
    pub(crate) fn cluster(self) -> &'static str {
        match self {
            Traffic::Calls => "a cluster that takes calls",
            Traffic::Requests => "an `http` cluster",
            Traffic::WebTransport => "a `webtransport` cluster",
            Traffic::WebSockets => "a `websocket` cluster",
        }
    }

    /// What its clusters may speak over TLS.
    fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Traffic::Calls => &[b"h2"],
            Traffic::Requests => &[b"h2", b"http/1.1"],
            // QUIC has TLS 1.3 and no other, whatever else a configuration allows.
            Traffic::WebTransport => &[b"h3"],
            Traffic::WebSockets => &[b"http/1.1"],
        }
    }
}

impl ClusterProtocol {
    pub(crate) fn traffic(self) -> Traffic {
        match self {
            ClusterProtocol::Grpc | ClusterProtocol::GrpcWeb | ClusterProtocol::Connect => Traffic::Calls,
            ClusterProtocol::Http => Traffic::Requests,
            ClusterProtocol::WebTransport => Traffic::WebTransport,
            ClusterProtocol::WebSocket => Traffic::WebSockets,
        }
    }

    /// What calls are translated to on their way to it.
    pub(crate) fn translated(self) -> Option<UpstreamProtocol> {
        match self {
            ClusterProtocol::GrpcWeb => Some(UpstreamProtocol::GrpcWeb),
            ClusterProtocol::Connect => Some(UpstreamProtocol::Connect),
            ClusterProtocol::Grpc
            | ClusterProtocol::Http
            | ClusterProtocol::WebTransport
            | ClusterProtocol::WebSocket => None,
        }
    }
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// Of two picked at random, the one with fewer calls.
    LeastRequest,
}

impl Planner<'_> {
    /// A cluster, unless a problem was noted.
    pub(super) fn plan_cluster(&self, config: &ClusterConfig) -> Option<ClusterSpec> {
        let always_secure = config.protocol == ClusterProtocol::WebTransport;
        let secure = config.endpoints.first()?.get_ref().secure || always_secure;
        for endpoint in config.endpoints.iter().filter(|endpoint| endpoint.get_ref().secure != secure) {
            let (what, hint) = match always_secure {
                true => ("WebTransport is always encrypted, and this endpoint is not", "write `https://`"),
                false => {
                    ("a cluster has `http://` or `https://` endpoints, not both", "make two clusters of it")
                }
            };
            self.findings.error_with_hint(endpoint.span(), what, hint);
        }
        if let Some(tls) = &config.tls
            && !secure
        {
            let what = "`tls` is for `https://` endpoints, and these are `http://`";
            self.findings.error(tls.span.clone(), what);
        }
        let descriptors =
            config.descriptors.as_ref().map(|descriptors| self.plan_descriptors(descriptors, config.json));
        let server_name = config.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
        Some(ClusterSpec {
            name: config.name.as_ref()?.get_ref().as_str().into(),
            protocol: config.protocol,
            endpoints: config
                .endpoints
                .iter()
                .map(|endpoint| EndpointSpec { authority: endpoint.get_ref().authority.clone() })
                .collect(),
            tls: if secure { Some(self.upstream_tls(config)?) } else { None },
            server_name: server_name.map(|name| name.get_ref().as_str().into()),
            balance: config.balance,
            connect_timeout: config.connect_timeout,
            max_connections_per_worker: config.max_connections_per_worker,
            max_streams_per_connection: config.max_streams_per_connection,
            ping_interval: config.ping_interval,
            ping_timeout: config.ping_timeout,
            idle_timeout: config.idle_timeout,
            max_attempts: config.max_attempts,
            accept_encoding: config.accept_encoding.clone(),
            descriptors: descriptors.flatten(),
        })
    }

    fn upstream_tls(&self, config: &ClusterConfig) -> Option<Arc<rustls::ClientConfig>> {
        let ca = config.tls.as_ref().and_then(|tls| tls.ca.as_ref());
        let path = ca.map(|ca| self.folder.join(ca.get_ref().as_str()));
        let span = ca.map_or(config.span.clone(), |ca| ca.span());
        let roots = match tls::roots(path.as_deref()) {
            Ok(roots) => roots,
            Err(reason) => {
                let path = path.unwrap_or_default();
                let what = format!("the authorities cannot be read from {}: {reason}", path.display());
                self.findings.error(span, what);
                return None;
            }
        };
        tls::client_config(roots, config.protocol.traffic().alpn())
            .map_err(|error| self.findings.error(span, format!("TLS cannot be used: {error}")))
            .ok()
    }
}
