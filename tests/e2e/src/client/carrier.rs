//! The bytes of one exchange, whatever carries them.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{h1, h2, h3, websocket, webtransport};

/// The exchange broke off; the text says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The code of the reset, as the transport has it: HTTP/2, HTTP/3 or WebTransport.
    pub code: Option<u64>,
    /// What the transport said.
    pub what: String,
}

impl Broken {
    pub(super) fn new(code: Option<u64>, what: impl ToString) -> Broken {
        Broken { code, what: what.to_string() }
    }
}

/// The sending half.
pub(super) enum Send {
    H1(h1::Send),
    H2(h2::Send),
    H3(h3::Send),
    WebTransport(webtransport::Send),
    WebSocket(websocket::Send),
}

impl Send {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        match self {
            Send::H1(send) => send.write(bytes).await,
            Send::H2(send) => send.write(bytes).await,
            Send::H3(send) => send.write(bytes).await,
            Send::WebTransport(send) => send.write(bytes).await,
            Send::WebSocket(send) => send.write(bytes).await,
        }
    }

    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        match self {
            Send::H1(send) => send.finish().await,
            Send::H2(send) => send.finish(),
            Send::H3(send) => send.finish().await,
            Send::WebTransport(send) => send.finish(),
            Send::WebSocket(send) => send.finish().await,
        }
    }
}

/// The receiving half.
pub(super) enum Receive {
    H1(h1::Receive),
    H2(h2::Receive),
    H3(h3::Receive),
    WebTransport(webtransport::Receive),
    WebSocket(websocket::Receive),
}

impl Receive {
    /// The head; WebTransport streams and WebSockets have none at this level.
    pub(super) async fn head(&mut self) -> Result<(StatusCode, HeaderMap), Broken> {
        match self {
            Receive::H1(receive) => receive.head().await,
            Receive::H2(receive) => receive.head().await,
            Receive::H3(receive) => receive.head().await,
            Receive::WebTransport(_) | Receive::WebSocket(_) => Ok((StatusCode::OK, HeaderMap::new())),
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        match self {
            Receive::H1(receive) => receive.data().await,
            Receive::H2(receive) => receive.data().await,
            Receive::H3(receive) => receive.data().await,
            Receive::WebTransport(receive) => receive.data().await,
            Receive::WebSocket(receive) => receive.data().await,
        }
    }

    /// The trailers after the end.
    pub(super) async fn trailers(&mut self) -> Result<Option<HeaderMap>, Broken> {
        match self {
            Receive::H1(_) | Receive::WebTransport(_) | Receive::WebSocket(_) => Ok(None),
            Receive::H2(receive) => receive.trailers().await,
            Receive::H3(receive) => receive.trailers().await,
        }
    }
}

/// Takes an exchange back: what a client does that is no longer interested.
pub(super) fn cancel(send: Send, receive: Receive) {
    match (send, receive) {
        // Dropping both halves closes the connection.
        (Send::H1(_), Receive::H1(_)) => {}
        (Send::H2(mut send), Receive::H2(_)) => send.reset(::h2::Reason::CANCEL.into()),
        (Send::H3(send), Receive::H3(receive)) => h3::cancel(send, receive),
        (Send::WebTransport(send), Receive::WebTransport(receive)) => webtransport::cancel(send, receive),
        (Send::WebSocket(send), Receive::WebSocket(receive)) => websocket::cancel(send, receive),
        _ => unreachable!("both halves belong to one exchange"),
    }
}
