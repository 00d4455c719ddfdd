//! The same messages on WebSockets, one for each stream: what pages use where there is no WebTransport.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::pipe::{Pipe, exchange};
use super::{API_KEY, Lane, Turns};
use crate::echo;
use crate::failure::{During, Failure};
use crate::frame::PREFIX;
use crate::payload::Payload;
use crate::workload::Workload;

pub(super) struct WebSocketLane {
    target: SocketAddr,
    payload: Payload,
    ahead: usize,
}

pub(super) async fn connect(target: SocketAddr, workload: &Workload) -> Result<Vec<WebSocketLane>, Failure> {
    let lane = |_| WebSocketLane { target, payload: Payload::new(workload.message), ahead: workload.ahead() };
    Ok((0..workload.connections * workload.streams).map(lane).collect())
}

impl Lane for WebSocketLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        let socket = TcpStream::connect(self.target).await.during("connecting")?;
        socket.set_nodelay(true)?;
        let url = format!("ws://{}{}", self.target, echo::websocket::PATH);
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("x-api-key", HeaderValue::from_static(API_KEY));
        let (socket, _) = tokio_tungstenite::client_async(request, socket).await.during("the upgrade")?;
        let mut socket = Socket(socket);
        exchange(&mut socket, &self.payload, self.ahead, turns, latencies).await?;
        socket.0.close(None).await?;
        match socket.0.next().await {
            None | Some(Ok(Message::Close(_))) => Ok(()),
            Some(other) => Err(Failure::new(format!("{other:?} behind the last message"))),
        }
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Pipe for Socket {
    async fn send(&mut self, framed: Bytes) -> Result<(), Failure> {
        Ok(self.0.send(Message::Binary(framed)).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        match self.0.next().await {
            Some(Ok(Message::Binary(mut framed))) if framed.len() >= PREFIX => Ok(framed.split_off(PREFIX)),
            Some(Ok(other)) => Err(Failure::new(format!("unexpected {other:?}"))),
            Some(Err(error)) => Err(error.into()),
            None => Err(Failure::new("the WebSocket ended early")),
        }
    }
}
