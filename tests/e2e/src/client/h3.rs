//! HTTP/3 on `quinn` and `h3`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::h3::client::{RequestStream, SendRequest};
use ::h3::error::{Code, StreamError};
use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, StatusCode};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::task::JoinHandle;

use super::carrier::Broken;
use crate::certificate::client_tls;

/// A QUIC endpoint that trusts the tests' authority and offers `h3`.
pub fn endpoint() -> quinn::Endpoint {
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(config());
    endpoint
}

/// How such an endpoint connects.
pub fn config() -> quinn::ClientConfig {
    let tls = QuicClientConfig::try_from(client_tls(&["h3"])).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    let mut transport = quinn::TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(60).try_into().unwrap()));
    config.transport_config(Arc::new(transport));
    config
}

#[derive(Debug)]
pub(super) struct Connection {
    requests: Requests,
    quic: quinn::Connection,
    driver: JoinHandle<()>,
    // Dropping it would end the connection.
    _endpoint: quinn::Endpoint,
}

struct Requests(SendRequest<h3_quinn::OpenStreams, Bytes>);

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SendRequest")
    }
}

impl Connection {
    pub(super) async fn dial(address: SocketAddr) -> Connection {
        let endpoint = endpoint();
        let quic = endpoint.connect(address, "localhost").unwrap().await.unwrap();
        let (mut driver, requests) =
            ::h3::client::new(h3_quinn::Connection::new(quic.clone())).await.unwrap();
        let driver = tokio::spawn(async move { drop(driver.wait_idle().await) });
        Connection { requests: Requests(requests), quic, driver, _endpoint: endpoint }
    }

    pub(super) async fn open(&mut self, request: Request<()>) -> (Send, Receive) {
        let (send, receive) = self.requests.0.send_request(request).await.unwrap().split();
        (Send(send), Receive(receive))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
        self.quic.close(0u32.into(), b"");
    }
}

pub(super) struct Send(RequestStream<h3_quinn::SendStream<Bytes>, Bytes>);

impl Send {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        self.0.send_data(bytes).await.map_err(|error| broken(&error))
    }

    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        self.0.finish().await.map_err(|error| broken(&error))
    }
}

pub(super) struct Receive(RequestStream<h3_quinn::RecvStream, Bytes>);

impl Receive {
    pub(super) async fn head(&mut self) -> Result<(StatusCode, HeaderMap), Broken> {
        let (head, ()) = self.0.recv_response().await.map_err(|error| broken(&error))?.into_parts();
        Ok((head.status, head.headers))
    }

    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        let data = self.0.recv_data().await.map_err(|error| broken(&error))?;
        Ok(data.map(|mut bytes| bytes.copy_to_bytes(bytes.remaining())))
    }

    pub(super) async fn trailers(&mut self) -> Result<Option<HeaderMap>, Broken> {
        self.0.recv_trailers().await.map_err(|error| broken(&error))
    }
}

/// Dropping the response stops it with the code 0: `stop_sending` of h3-quinn 0.0.10 panics while a read is in flight,
/// and `h3` reads ahead.
pub(super) fn cancel(mut send: Send, receive: Receive) {
    send.0.stop_stream(Code::H3_REQUEST_CANCELLED);
    drop(receive);
}

fn broken(error: &StreamError) -> Broken {
    let code = match error {
        StreamError::RemoteTerminate { code, .. } => Some(code.value()),
        _ => None,
    };
    Broken::new(code, error)
}
