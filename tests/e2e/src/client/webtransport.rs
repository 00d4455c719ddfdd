//! grpc-wt on `web-transport-quinn`: one client-opened stream per call.

use std::net::SocketAddr;

use bytes::Bytes;
use url::Url;
use web_transport_quinn::{ReadError, RecvStream, SendStream, Session, WriteError};

use super::carrier::Broken;

/// Where sessions are opened.
pub(super) const PATH: &str = "/grpc-wt/v1";
/// The code a client cancels with: gRPC's CANCELLED.
const CANCELLED: u32 = 1;

#[derive(Debug)]
pub(super) struct Connection {
    session: SessionOf,
    // Dropping it would end the connection.
    _endpoint: quinn::Endpoint,
}

pub(super) struct SessionOf(pub(super) Session);

impl std::fmt::Debug for SessionOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Connection {
    pub(super) async fn dial(address: SocketAddr) -> Connection {
        let endpoint = super::quic_endpoint();
        let quic = endpoint.connect(address, "localhost").unwrap().await.unwrap();
        let url = Url::parse(&format!("https://localhost:{}{PATH}", address.port())).unwrap();
        let session = Session::connect(quic, url).await.unwrap();
        Connection { session: SessionOf(session), _endpoint: endpoint }
    }

    /// A stream that begins with these headers.
    pub(super) async fn open(&mut self, headers: Bytes) -> (Send, Receive) {
        let (mut send, receive) = self.open_raw().await;
        send.write(headers).await.unwrap();
        (send, receive)
    }

    pub(super) fn session(&self) -> &Session {
        &self.session.0
    }

    /// A stream on which nothing was written yet.
    pub(super) async fn open_raw(&mut self) -> (Send, Receive) {
        let (send, receive) = self.session.0.open_bi().await.unwrap();
        (Send { stream: send, ended: false }, Receive(receive))
    }
}

pub(super) struct Send {
    stream: SendStream,
    ended: bool,
}

impl Send {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        self.stream.write_all(&bytes).await.map_err(|error| {
            let code = match &error {
                WriteError::Stopped(code) => Some(u64::from(*code)),
                _ => None,
            };
            Broken::new(code, error)
        })
    }

    pub(super) fn finish(&mut self) -> Result<(), Broken> {
        self.ended = true;
        self.stream.finish().map_err(|error| Broken::new(None, error))
    }
}

pub(super) struct Receive(RecvStream);

impl Receive {
    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        let read = self.0.read_chunk(64 << 10, true).await;
        read.map(|chunk| chunk.map(|chunk| chunk.bytes)).map_err(|error| {
            let code = match &error {
                ReadError::Reset(code) => Some(u64::from(*code)),
                _ => None,
            };
            Broken::new(code, error)
        })
    }
}

/// As the specification has it: stop the response, and reset the request unless it has ended.
pub(super) fn cancel(mut send: Send, mut receive: Receive) {
    let _ = receive.0.stop(CANCELLED);
    if !send.ended {
        let _ = send.stream.reset(CANCELLED);
    }
}
