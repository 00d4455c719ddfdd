//! Why a session was not opened.

use http::{HeaderMap, StatusCode};
use quinn::ConnectionError;

/// Why a session to a server was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection could be begun: the address or the name cannot be used from this socket.
    #[error("the address or the server's name cannot be used: {0}")]
    Connect(#[from] quinn::ConnectError),
    /// The server's certificate was not accepted, ours was not, or there is no common version or protocol.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The connection failed in another way before the session was asked for, or the server closed it.
    #[error("no connection to the server: {0}")]
    Unreachable(ConnectionError),
    /// The connection failed while the server had not answered, or the server closed it.
    #[error("the connection was lost: {0}")]
    Lost(ConnectionError),
    /// The handshake with the server's settings behind it took longer than
    /// [`Limits::handshake_timeout`](crate::Limits::handshake_timeout). This is also how a server that is not there
    /// shows.
    #[error("the server did not complete the handshake in time")]
    HandshakeTimeout,
    /// The answer took longer than [`Limits::header_timeout`](crate::Limits::header_timeout).
    #[error("the server did not answer the request for a session in time")]
    AnswerTimeout,
    /// The server speaks HTTP/3, but its settings show no draft of WebTransport, or no extended CONNECT.
    #[error("the server does not speak WebTransport")]
    NoWebTransport,
    /// The server takes no datagrams, which WebTransport needs.
    #[error("the server takes no datagrams")]
    NoDatagrams,
    /// The request's header fields are more than the server's settings allow.
    #[error("the request is larger than the server accepts")]
    HeadersTooLarge,
    /// The server has begun to shut down and does not process the request.
    #[error("the server is shutting down")]
    GoingAway,
    /// The server has reset the request with this HTTP/3 error code instead of answering it.
    #[error("the server reset the request with {0:#x}")]
    Rejected(u64),
    /// The server answered with a redirect, which is not followed: the drafts forbid it.
    #[error("the server redirects with {0}")]
    Redirected(StatusCode, HeaderMap),
    /// The server answered with another status than success.
    #[error("the server refused with {0}")]
    Refused(StatusCode, HeaderMap),
    /// The server broke a protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl OpenError {
    /// Whether the server has certainly not processed the request, so that another one may be tried.
    pub fn is_unprocessed(&self) -> bool {
        match self {
            OpenError::Connect(_)
            | OpenError::Tls(_)
            | OpenError::Unreachable(_)
            | OpenError::HandshakeTimeout
            | OpenError::NoWebTransport
            | OpenError::NoDatagrams
            | OpenError::GoingAway => true,
            OpenError::Rejected(code) => *code == h3::error::Code::H3_REQUEST_REJECTED.value(),
            OpenError::Lost(_)
            | OpenError::AnswerTimeout
            | OpenError::HeadersTooLarge
            | OpenError::Redirected(..)
            | OpenError::Refused(..)
            | OpenError::Protocol(_) => false,
        }
    }

    /// The same error, once the server may have got the request.
    pub(super) fn after_request(self) -> OpenError {
        match self {
            OpenError::Unreachable(error) => OpenError::Lost(error),
            OpenError::HandshakeTimeout => OpenError::AnswerTimeout,
            other => other,
        }
    }
}

/// QUIC's error codes for alerts of TLS (RFC 9001, section 4.8).
const TLS_ALERTS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

/// As it is before the session has been asked for.
impl From<ConnectionError> for OpenError {
    fn from(error: ConnectionError) -> OpenError {
        let tls = match &error {
            ConnectionError::TransportError(error) => Some(u64::from(error.code)),
            ConnectionError::ConnectionClosed(close) => Some(u64::from(close.error_code)),
            ConnectionError::TimedOut => return OpenError::HandshakeTimeout,
            _ => None,
        };
        match tls {
            Some(code) if TLS_ALERTS.contains(&code) => OpenError::Tls(error.to_string()),
            _ => OpenError::Unreachable(error),
        }
    }
}
