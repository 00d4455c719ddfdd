//! HTTP/2 on the `h2` crate.

use std::future::poll_fn;
use std::net::SocketAddr;

use ::h2::client::{Builder, ResponseFuture, SendRequest};
use ::h2::{Reason, RecvStream, SendStream};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::carrier::Broken;
use super::h1::{dial_plain, dial_tls};

#[derive(Debug)]
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn plain(address: SocketAddr) -> Connection {
        Connection::on(dial_plain(address).await).await
    }

    pub(super) async fn tls(address: SocketAddr) -> Connection {
        Connection::on(dial_tls(address, "h2").await).await
    }

    async fn on(socket: impl AsyncRead + AsyncWrite + Unpin + std::marker::Send + 'static) -> Connection {
        let (requests, connection) = Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(16 << 20)
            .handshake(socket)
            .await
            .unwrap();
        // An error of the connection is one of each of its streams too.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Connection { requests, driver }
    }

    pub(super) async fn open(&mut self, request: Request<()>) -> (Send, Receive) {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, send) = requests.send_request(request, false).unwrap();
        (Send(send), Receive::Awaiting(response))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

pub(super) struct Send(SendStream<Bytes>);

impl Send {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Broken> {
        while !bytes.is_empty() {
            self.0.reserve_capacity(bytes.len());
            let room = match poll_fn(|cx| self.0.poll_capacity(cx)).await {
                Some(Ok(room)) => room,
                Some(Err(error)) => return Err(broken(&error)),
                None => return Err(Broken::new(None, "the stream is closed")),
            };
            let next = bytes.split_to(room.min(bytes.len()));
            self.0.send_data(next, false).map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), Broken> {
        self.0.send_data(Bytes::new(), true).map_err(|error| broken(&error))
    }

    pub(super) fn finish_with(&mut self, trailers: HeaderMap) {
        self.0.send_trailers(trailers).unwrap();
    }

    pub(super) fn reset(&mut self, reason: u32) {
        self.0.send_reset(Reason::from(reason));
    }
}

pub(super) enum Receive {
    Awaiting(ResponseFuture),
    Body(RecvStream),
}

impl Receive {
    pub(super) async fn head(&mut self) -> Result<(StatusCode, HeaderMap), Broken> {
        let Receive::Awaiting(response) = self else { panic!("the head is read once") };
        let (head, body) = response.await.map_err(|error| broken(&error))?.into_parts();
        *self = Receive::Body(body);
        Ok((head.status, head.headers))
    }

    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        let Receive::Body(body) = self else { panic!("the head is read first") };
        match body.data().await {
            None => Ok(None),
            Some(Ok(bytes)) => {
                let _ = body.flow_control().release_capacity(bytes.len());
                Ok(Some(bytes))
            }
            Some(Err(error)) => Err(broken(&error)),
        }
    }

    pub(super) async fn trailers(&mut self) -> Result<Option<HeaderMap>, Broken> {
        let Receive::Body(body) = self else { panic!("the head is read first") };
        body.trailers().await.map_err(|error| broken(&error))
    }
}

fn broken(error: &::h2::Error) -> Broken {
    Broken::new(error.reason().map(|reason| u32::from(reason).into()), error)
}
