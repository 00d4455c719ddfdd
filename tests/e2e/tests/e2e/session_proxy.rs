//! WebTransport sessions that the gateway carries whole, to servers on web-transport-quinn, wtransport and
//! h3-webtransport. The test holds both ends of a session.

mod admission;
mod ends;
mod foreign;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use quinn::TransportConfig;
use quinn::crypto::rustls::QuicServerConfig;
use sluicegate_e2e::certificate::server_tls;
use sluicegate_e2e::client::quic_endpoint;
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::within;
use web_transport_quinn::proto::{ConnectError as ProtoError, ConnectRequest, ConnectResponse};
use web_transport_quinn::{
    ClientError, ConnectError, ReadError, RecvStream, Request, SendStream, Server, Session, SessionError,
    WebTransportError,
};

/// The lines of a cluster of WebTransport servers with the tests' certificate.
const WEBTRANSPORT: &str =
    "protocol = \"webtransport\"\ntls = { ca = \"authority.pem\", server_name = \"localhost\" }";
const ORIGIN: &str = "https://app.example.com";

/// A QUIC endpoint with the tests' certificate that speaks HTTP/3.
fn server_endpoint(transport: TransportConfig) -> quinn::Endpoint {
    let tls = QuicServerConfig::try_from(server_tls(&["h3"])).unwrap();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(Arc::new(transport));
    quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A server on web-transport-quinn.
struct Upstream {
    server: Server,
    address: SocketAddr,
}

impl Upstream {
    fn new() -> Upstream {
        Upstream::with(TransportConfig::default())
    }

    fn with(transport: TransportConfig) -> Upstream {
        let endpoint = server_endpoint(transport);
        let address = endpoint.local_addr().unwrap();
        Upstream { server: Server::new(endpoint), address }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The next request for a session.
    async fn request(&mut self) -> Request {
        within("a request for a session at the upstream", self.server.accept()).await.unwrap()
    }

    /// Accepts the next request.
    async fn session(&mut self) -> Session {
        let request = self.request().await;
        let response = match request.protocols.last() {
            Some(last) => ConnectResponse::OK.with_protocol(last),
            None => ConnectResponse::OK,
        };
        request.respond(response).await.unwrap()
    }
}

struct Rig {
    upstream: Upstream,
    gateway: Gateway,
    // Dropping it would end the connections.
    endpoint: quinn::Endpoint,
    /// Where clients connect to, if not to the gateway itself.
    through: Option<SocketAddr>,
}

/// A session of which both ends are at hand.
struct Pair {
    client: Session,
    upstream: Session,
}

impl Rig {
    async fn new() -> Rig {
        Rig::configured(|config| config, |route| route).await
    }

    /// A gateway with a route `live` to one upstream.
    async fn configured(config: impl FnOnce(Config) -> Config, route: impl FnOnce(Route) -> Route) -> Rig {
        Rig::behind(Upstream::new(), config, route).await
    }

    async fn behind(
        upstream: Upstream,
        config: impl FnOnce(Config) -> Config,
        route: impl FnOnce(Route) -> Route,
    ) -> Rig {
        let live = Route::new("live").key("path_prefix = \"/live\"").cluster("live");
        let live = route(live.key(&format!("origins = [\"{ORIGIN}\"]")));
        let base = Config::default().route(live).cluster_of("live", &[upstream.url()], WEBTRANSPORT);
        let gateway = config(base).start().await;
        Rig::of(upstream, gateway)
    }

    fn of(upstream: Upstream, gateway: Gateway) -> Rig {
        Rig { upstream, gateway, endpoint: quic_endpoint(), through: None }
    }

    fn asking(&self, path: &str) -> ConnectRequest {
        let port = self.gateway.target().tls.port();
        ConnectRequest::new(url::Url::parse(&format!("https://localhost:{port}{path}")).unwrap())
    }

    /// Opens a session as a client.
    async fn connect(&self, request: ConnectRequest) -> Result<Session, StatusCode> {
        let address = self.through.unwrap_or(self.gateway.target().tls);
        let quic = self.endpoint.connect(address, "localhost").unwrap().await.unwrap();
        match within("an answer for the client", Session::connect(quic, request)).await {
            Ok(session) => Ok(session),
            Err(ClientError::HttpError(
                ConnectError::ErrorStatus(status)
                | ConnectError::ProtoError(ProtoError::WrongStatus(Some(status))),
            )) => Err(status),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// The status that a request is refused with, without an upstream that answers.
    async fn refused(&self, request: ConnectRequest) -> u16 {
        self.connect(request).await.map(|_| "a session").unwrap_err().as_u16()
    }

    /// Opens a session with both ends.
    async fn open(&mut self, request: ConnectRequest) -> Pair {
        let Rig { upstream, .. } = self;
        // The borrow of the upstream is apart from that of the rest.
        let mut server = std::mem::replace(upstream, Upstream::new());
        let (client, session) = tokio::join!(self.connect(request), server.session());
        self.upstream = server;
        Pair { client: client.unwrap(), upstream: session }
    }

    async fn pair(&mut self) -> Pair {
        let request = self.asking("/live");
        self.open(request).await
    }
}

fn header(name: &'static str, value: &str) -> (HeaderName, http::HeaderValue) {
    (HeaderName::from_static(name), value.parse().unwrap())
}

/// Everything up to the end of a stream.
async fn all(stream: &mut RecvStream) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    while let Some(chunk) = within("bytes of a stream", stream.read_chunk(1 << 20, true)).await? {
        all.extend_from_slice(&chunk.bytes);
    }
    Ok(all)
}

/// Says something on a stream and ends it.
async fn say(stream: &mut SendStream, what: &[u8]) {
    within("a stream to take bytes", stream.write_all(what)).await.unwrap();
    stream.finish().unwrap();
}

/// The code and reason that a session ended with; `None` when it was lost.
async fn closed(session: &Session) -> Option<(u32, String)> {
    match within("the end of a session", session.closed()).await {
        SessionError::WebTransportError(WebTransportError::Closed(code, reason)) => Some((code, reason)),
        _ => None,
    }
}

/// A datagram that gets through: they may be lost, but not for ever.
async fn datagram(from: &Session, to: &Session, payload: &'static [u8]) -> Bytes {
    within("a datagram", async {
        loop {
            from.send_datagram(Bytes::from_static(payload)).unwrap();
            tokio::select! {
                received = to.read_datagram() => return received.unwrap(),
                () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {}
            }
        }
    })
    .await
}
