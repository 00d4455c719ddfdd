//! A call, as filters and routes see it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};

use crate::path::MethodPath;
use crate::status::Status;

/// One call, whatever its client speaks.
#[derive(Debug)]
pub struct Call {
    /// Which method is called. What is matched and authorised here is what the upstream gets.
    pub path: MethodPath,
    /// The host the client asked for, without a port, lower-case; empty when it named none.
    pub host: Arc<str>,
    /// The request's metadata. Names that belong to one hop or to the protocol itself are not in it.
    pub metadata: HeaderMap,
    /// The codec of the messages, as a gRPC content type such as `application/grpc+proto`.
    pub content_type: HeaderValue,
    /// How the client's compressed messages are compressed.
    pub encoding: Option<HeaderValue>,
    /// What the client can decompress.
    pub accept_encoding: Option<HeaderValue>,
    /// When the call must be over.
    pub deadline: Option<Instant>,
    /// Whether the client itself set that deadline; only then the upstream is told.
    pub deadline_from_client: bool,
    /// When its head had arrived.
    pub received: Instant,
    /// Who calls.
    pub client: Client,
    /// Who an authenticating filter found the caller to be.
    pub identity: Option<Arc<str>>,
}

/// The client end of a call.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address.
    pub address: SocketAddr,
    /// The same as a header value, made once for each connection.
    pub forwarded_for: HeaderValue,
    /// The client protocol, as in [`crate::protocol::Protocol::name`].
    pub protocol: &'static str,
    /// What carries it.
    pub transport: Transport,
    /// Whether the transport is encrypted.
    pub secure: bool,
}

/// What carries a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
    /// One stream of a WebTransport session.
    WebTransport,
    /// A WebSocket of its own.
    WebSocket,
}

impl Transport {
    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Http1 => "http/1.1",
            Transport::Http2 => "h2",
            Transport::Http3 => "h3",
            Transport::WebTransport => "webtransport",
            Transport::WebSocket => "websocket",
        }
    }
}

/// The head of a response, in gRPC's terms.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// Initial metadata. Names that belong to one hop or to the protocol itself are not in it.
    pub metadata: HeaderMap,
    /// The codec of the messages; `None` when there will be none.
    pub content_type: Option<HeaderValue>,
    /// How the upstream's compressed messages are compressed.
    pub encoding: Option<HeaderValue>,
    /// What the upstream can decompress.
    pub accept_encoding: Option<HeaderValue>,
}

/// How a call ends: the status and the trailing metadata about to be sent.
#[derive(Clone, Debug)]
pub struct End {
    /// The status.
    pub status: Status,
    /// Trailing metadata, without the status.
    pub trailers: HeaderMap,
}

impl From<Status> for End {
    fn from(mut status: Status) -> End {
        let trailers = status.metadata.take().map(|metadata| *metadata).unwrap_or_default();
        End { status, trailers }
    }
}
