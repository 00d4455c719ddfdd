//! Clients for every protocol, behind one interface.

mod call;
mod carrier;
mod connect;
mod h1;
mod h2;
mod h3;
mod response;
mod web;
pub mod websocket;
mod webtransport;

use std::net::SocketAddr;
use std::time::Duration;

pub use call::{Call, CallBuilder, Options, RequestStream};
pub use h1::Dial;
pub use h3::{config as quic_config, endpoint as quic_endpoint};
pub use response::{End, Head, Received, ResponseStream};

/// A client protocol and what carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over plaintext HTTP/2.
    GrpcH2c,
    /// gRPC over HTTP/2 and TLS.
    GrpcTls,
    /// gRPC over HTTP/3.
    GrpcH3,
    /// gRPC-Web over HTTP/1.1 and TLS.
    WebH1,
    /// gRPC-Web over HTTP/2 and TLS.
    WebH2,
    /// gRPC-Web over HTTP/3.
    WebH3,
    /// gRPC-Web in base64 over plaintext HTTP/1.1.
    WebTextH1,
    /// gRPC-Web in base64 over HTTP/2 and TLS.
    WebTextH2,
    /// gRPC-Web in base64 over HTTP/3.
    WebTextH3,
    /// Connect's streaming protocol over HTTP/1.1 and TLS.
    ConnectH1,
    /// Connect's streaming protocol over HTTP/2 and TLS.
    ConnectH2,
    /// Connect's streaming protocol over HTTP/3.
    ConnectH3,
    /// Connect's streaming protocol over a stream of a WebTransport session, as `connect-bidi-web` has it.
    ConnectWt,
    /// gRPC over a stream of a WebTransport session.
    GrpcWt,
    /// gRPC over a WebSocket.
    GrpcWs,
    /// gRPC over a WebSocket and TLS.
    GrpcWsTls,
}

/// What carries a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/1.1, plaintext or TLS.
    H1 {
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// HTTP/2, plaintext or TLS.
    H2 {
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// HTTP/3.
    H3,
    /// WebTransport over HTTP/3.
    WebTransport,
    /// A WebSocket over HTTP/1.1, plaintext or TLS.
    WebSocket {
        /// Whether TLS is spoken.
        tls: bool,
    },
}

/// How a client writes messages and reads the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// gRPC: the status is in HTTP trailers.
    Grpc,
    /// gRPC-Web: the status is in the body.
    Web,
    /// gRPC-Web, the body in base64.
    WebText,
    /// Connect: the status is in the body, as JSON.
    Connect,
    /// grpc-wt and grpc-ws: head and status are in the stream.
    Wt,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 16] = [
        Protocol::GrpcH2c,
        Protocol::GrpcTls,
        Protocol::GrpcH3,
        Protocol::WebH1,
        Protocol::WebH2,
        Protocol::WebH3,
        Protocol::WebTextH1,
        Protocol::WebTextH2,
        Protocol::WebTextH3,
        Protocol::ConnectH1,
        Protocol::ConnectH2,
        Protocol::ConnectH3,
        Protocol::ConnectWt,
        Protocol::GrpcWt,
        Protocol::GrpcWs,
        Protocol::GrpcWsTls,
    ];

    /// What carries it.
    pub fn transport(self) -> Transport {
        match self {
            Protocol::GrpcH2c => Transport::H2 { tls: false },
            Protocol::GrpcTls | Protocol::WebH2 | Protocol::WebTextH2 | Protocol::ConnectH2 => {
                Transport::H2 { tls: true }
            }
            Protocol::WebH1 | Protocol::ConnectH1 => Transport::H1 { tls: true },
            Protocol::WebTextH1 => Transport::H1 { tls: false },
            Protocol::GrpcH3 | Protocol::WebH3 | Protocol::WebTextH3 | Protocol::ConnectH3 => Transport::H3,
            Protocol::ConnectWt | Protocol::GrpcWt => Transport::WebTransport,
            Protocol::GrpcWs => Transport::WebSocket { tls: false },
            Protocol::GrpcWsTls => Transport::WebSocket { tls: true },
        }
    }

    /// How it writes a call.
    pub fn encoding(self) -> Encoding {
        match self {
            Protocol::GrpcH2c | Protocol::GrpcTls | Protocol::GrpcH3 => Encoding::Grpc,
            Protocol::WebH1 | Protocol::WebH2 | Protocol::WebH3 => Encoding::Web,
            Protocol::WebTextH1 | Protocol::WebTextH2 | Protocol::WebTextH3 => Encoding::WebText,
            Protocol::ConnectH1 | Protocol::ConnectH2 | Protocol::ConnectH3 | Protocol::ConnectWt => {
                Encoding::Connect
            }
            Protocol::GrpcWt | Protocol::GrpcWs | Protocol::GrpcWsTls => Encoding::Wt,
        }
    }

    /// Whether a response may be read while the request is still being sent. HTTP/1.1 promises no such thing.
    pub fn is_full_duplex(self) -> bool {
        !matches!(self.transport(), Transport::H1 { .. })
    }

    /// Whether the status comes in the body, as browsers need it.
    pub fn is_web(self) -> bool {
        matches!(self.encoding(), Encoding::Web | Encoding::WebText | Encoding::Connect)
    }
}

/// Where clients connect to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Plaintext HTTP/1.1 and HTTP/2.
    pub plain: SocketAddr,
    /// TLS for HTTP/1.1 and HTTP/2; the same port number over UDP for HTTP/3 and WebTransport.
    pub tls: SocketAddr,
}

/// A client with its connection.
#[derive(Debug)]
pub struct Client {
    protocol: Protocol,
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    /// Each call has a connection of its own.
    H1(h1::Dial),
    H2(h2::Connection),
    H3(h3::Connection),
    WebTransport(webtransport::Connection),
    /// Each call has a connection of its own.
    WebSocket(Dial),
}

impl Client {
    /// Connects.
    pub async fn connect(protocol: Protocol, target: Target) -> Client {
        let what = format!("{protocol:?} to connect");
        let connection = crate::within(&what, async {
            match protocol.transport() {
                Transport::H1 { tls: false } => {
                    Connection::H1(h1::Dial { address: target.plain, tls: false })
                }
                Transport::H1 { tls: true } => Connection::H1(h1::Dial { address: target.tls, tls: true }),
                Transport::H2 { tls: false } => Connection::H2(h2::Connection::plain(target.plain).await),
                Transport::H2 { tls: true } => Connection::H2(h2::Connection::tls(target.tls).await),
                Transport::H3 => Connection::H3(h3::Connection::dial(target.tls).await),
                Transport::WebSocket { tls } => {
                    let address = if tls { target.tls } else { target.plain };
                    Connection::WebSocket(Dial { address, tls })
                }
                Transport::WebTransport => {
                    Connection::WebTransport(webtransport::Connection::dial(target.tls).await)
                }
            }
        });
        let connection = connection.await;
        Client { protocol, connection }
    }

    /// The protocol it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Prepares a call.
    pub fn call<'a>(&'a mut self, path: &'a str) -> CallBuilder<'a> {
        CallBuilder::new(self, path)
    }

    /// The session that its calls are streams of.
    pub fn session(&self) -> &web_transport_quinn::Session {
        let Connection::WebTransport(connection) = &self.connection else {
            panic!("{:?} has no session", self.protocol)
        };
        connection.session()
    }

    /// Opens a stream of a WebTransport session and sends nothing but these bytes.
    pub async fn open_stream(&mut self, bytes: &'static [u8]) -> Call {
        let Connection::WebTransport(connection) = &mut self.connection else {
            panic!("{:?} has no streams of its own", self.protocol)
        };
        let (send, receive) = crate::within("a stream of the session", connection.open_raw()).await;
        let mut call = Call::of_stream(self.protocol.encoding(), send, receive);
        call.request.send_raw(bytes.into()).await.unwrap();
        call
    }

    /// Makes a call with these messages and reads all of its response.
    pub async fn exchange(&mut self, path: &str, messages: &[&[u8]]) -> Exchanged {
        let call = self.call(path).open().await;
        call.exchange(messages).await
    }
}

/// Everything a call returned.
#[derive(Debug)]
pub struct Exchanged {
    /// The HTTP status and the initial metadata; `None` when the call was reset before it.
    pub head: Option<Head>,
    /// The messages.
    pub messages: Vec<bytes::Bytes>,
    /// How it ended.
    pub end: Result<End, String>,
}

impl Exchanged {
    /// The end, which must be one with a status.
    pub fn end(&self) -> &End {
        match &self.end {
            Ok(end) => end,
            Err(broken) => panic!("the call ended without a status: {broken}"),
        }
    }

    /// The status code, which must be there.
    pub fn code(&self) -> u8 {
        self.end().code
    }
}

/// How a `grpc-timeout` of this length is written.
fn grpc_timeout(timeout: Duration) -> String {
    format!("{}m", timeout.as_millis())
}
