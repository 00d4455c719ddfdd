//! The configuration of a gateway under test.

use std::fmt::Write;
use std::path::Path;

use super::Gateway;
use crate::certificate::certificates;
use crate::upstream::Upstream;

/// A configuration that is being put together: a TLS listener with QUIC and WebTransport, a plaintext one, the admin
/// interface, and the routes and clusters a test adds.
#[derive(Debug)]
pub struct Config {
    /// Where the listeners are; empty for 127.0.0.1.
    host: String,
    top: String,
    tls: String,
    quic: String,
    webtransport: String,
    /// Keys of `websocket`; `None` for no WebSockets.
    websocket: Option<String>,
    limits: String,
    routes: String,
    clusters: String,
}

/// A route that is being put together.
#[derive(Debug)]
pub struct Route {
    name: String,
    keys: String,
    filters: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        let empty = String::new;
        Config {
            host: empty(),
            top: empty(),
            tls: empty(),
            quic: empty(),
            webtransport: empty(),
            websocket: Some(empty()),
            limits: empty(),
            routes: empty(),
            clusters: empty(),
        }
    }
}

impl Config {
    /// A gateway that passes every call to these upstreams, which form the cluster `main`.
    pub fn in_front_of(upstreams: &[&Upstream]) -> Config {
        Config::default().route(Route::new("all").cluster("main")).cluster("main", upstreams)
    }

    /// Puts the listeners at a loopback address that no other test uses, so that nobody else can get their ports when
    /// they are closed.
    #[must_use]
    pub fn alone_at(mut self, host: &str) -> Config {
        self.host = host.to_owned();
        self
    }

    /// Adds a line at the top level, such as `drain_timeout = "1s"`.
    #[must_use]
    pub fn top(mut self, line: &str) -> Config {
        writeln!(self.top, "{line}").unwrap();
        self
    }

    /// Adds to the TLS of its listener, such as `client_ca = "authority.pem"`.
    #[must_use]
    pub fn tls(mut self, key: &str) -> Config {
        write!(self.tls, ", {key}").unwrap();
        self
    }

    /// Adds a line to the listener with QUIC, such as `quic_endpoints = 2`.
    #[must_use]
    pub fn quic(mut self, line: &str) -> Config {
        writeln!(self.quic, "{line}").unwrap();
        self
    }

    /// Adds to `webtransport` of its listener, such as `connect = false`.
    #[must_use]
    pub fn webtransport(mut self, key: &str) -> Config {
        write!(self.webtransport, ", {key}").unwrap();
        self
    }

    /// Adds to `websocket` of both listeners, such as `max_message = "8MiB"`.
    #[must_use]
    pub fn websocket(mut self, key: &str) -> Config {
        write!(self.websocket.get_or_insert_default(), ", {key}").unwrap();
        self
    }

    /// Takes calls over WebSockets nowhere.
    #[must_use]
    pub fn without_websocket(mut self) -> Config {
        self.websocket = None;
        self
    }

    /// Adds to the limits of both listeners, such as `max_streams = 7`.
    #[must_use]
    pub fn limit(mut self, limit: &str) -> Config {
        let separator = if self.limits.is_empty() { "" } else { ", " };
        write!(self.limits, "{separator}{limit}").unwrap();
        self
    }

    /// Adds a route after those there are.
    #[must_use]
    pub fn route(mut self, route: Route) -> Config {
        let Route { name, keys, filters } = route;
        write!(self.routes, "[[routes]]\nname = \"{name}\"\n{keys}").unwrap();
        if !filters.is_empty() {
            writeln!(self.routes, "filters = [{}]", filters.join(", ")).unwrap();
        }
        self.routes.push('\n');
        self
    }

    /// Adds a cluster of upstreams.
    #[must_use]
    pub fn cluster(self, name: &str, upstreams: &[&Upstream]) -> Config {
        let endpoints: Vec<String> = upstreams.iter().map(|upstream| upstream.url()).collect();
        let tls = endpoints.iter().any(|endpoint| endpoint.starts_with("https:"));
        let keys = if tls { "tls = { ca = \"authority.pem\" }\n" } else { "" };
        self.cluster_of(name, &endpoints, keys)
    }

    /// Adds a cluster of endpoints, with further lines such as `balance = "round_robin"`.
    #[must_use]
    pub fn cluster_of(mut self, name: &str, endpoints: &[String], keys: &str) -> Config {
        write!(self.clusters, "[[clusters]]\nname = \"{name}\"\nendpoints = {endpoints:?}\n{keys}\n")
            .unwrap();
        self
    }

    /// Starts a gateway with this configuration and waits until it is ready.
    pub async fn start(&self) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        Gateway::start(folder).await
    }

    /// Writes the configuration and its certificates.
    fn write(&self, folder: &Path) {
        let Config { host, top, tls, quic, websocket, limits, routes, clusters, webtransport } = self;
        let websocket = websocket.as_ref().map_or_else(String::new, |keys| {
            format!("websocket = {{ origins = [\"https://app.example.com\"]{keys} }}")
        });
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        let text = format!(
            r#"{top}
[admin]
listen = "127.0.0.1:0"

[[listeners]]
listen = "{host}:0"
tls = {{ cert = "cert.pem", key = "key.pem"{tls} }}
quic = true
{quic}
webtransport = {{ path = "/grpc-wt/v1", origins = ["https://app.example.com"]{webtransport} }}
{websocket}
limits = {{ {limits} }}

[[listeners]]
listen = "{host}:0"
openapi = "/openapi.json"
{websocket}
limits = {{ {limits} }}

{routes}{clusters}"#
        );
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("sluicegate.toml", &text);
        write("cert.pem", &certificates().server_pem);
        write("key.pem", &certificates().key_pem);
        write("authority.pem", &certificates().authority_pem);
    }
}

impl Route {
    /// A route that takes everything that reaches it.
    pub fn new(name: &str) -> Route {
        Route { name: name.to_owned(), keys: String::new(), filters: Vec::new() }
    }

    /// Sends its calls to this cluster.
    #[must_use]
    pub fn cluster(self, name: &str) -> Route {
        self.key(&format!("cluster = \"{name}\""))
    }

    /// Adds a line, such as `services = ["test.*"]`.
    #[must_use]
    pub fn key(mut self, line: &str) -> Route {
        writeln!(self.keys, "{line}").unwrap();
        self
    }

    /// Adds a filter after those there are, such as `{ use = "cors", … }`.
    #[must_use]
    pub fn filter(mut self, table: &str) -> Route {
        self.filters.push(table.to_owned());
        self
    }
}
