//! grpc-ws on `tokio-tungstenite`: a WebSocket for each call, on a connection of HTTP/1.1 or a stream of HTTP/2.

use std::future::poll_fn;

use ::h2::client::SendRequest;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::carrier::Broken;
use super::h1::{Dial, Socket};
use crate::frame;

/// Where WebSockets are opened.
pub const PATH: &str = "/grpc-ws/v1";
/// The code a client cancels with: 4000, and gRPC's CANCELLED.
const CANCELLED: u16 = 4001;
/// The code of a call that has ended in order.
const NORMAL: u16 = 1000;

/// A WebSocket, and whatever carries it.
pub type WebSocket = WebSocketStream<Box<dyn Socket>>;

/// Opens a WebSocket at the path of a host, with further header fields.
///
/// # Errors
/// What the handshake failed with; a refusal is [`Error::Http`].
pub async fn open(dial: Dial, url: &str, headers: &[(&'static str, &str)]) -> Result<WebSocket, Error> {
    let mut request = format!("ws://{url}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let (socket, _) = tokio_tungstenite::client_async(request, dial.dial().await).await?;
    Ok(socket)
}

/// A client that may open WebSockets on streams of HTTP/2 (RFC 8441).
pub struct OverH2(SendRequest<Bytes>);

impl OverH2 {
    /// Connects, and waits for the gateway's settings.
    pub async fn connect(dial: Dial) -> OverH2 {
        // What one WebSocket does not read must not hold up the others.
        let mut builder = ::h2::client::Builder::new();
        builder.initial_window_size(64 << 10).initial_connection_window_size(16 << 20);
        let (sender, connection) = builder.handshake(dial.dial().await).await.unwrap();
        tokio::spawn(connection);
        let mut client = OverH2(sender);
        // Whatever the answer is, the settings come before it.
        let request = Request::get("http://localhost/nothing").body(()).unwrap();
        client.0.send_request(request, true).unwrap().0.await.unwrap();
        client
    }

    /// Whether the gateway says that WebSockets may be opened.
    pub fn is_offered(&self) -> bool {
        self.0.is_extended_connect_protocol_enabled()
    }

    /// Opens a WebSocket on a stream. Dropping it resets the stream.
    ///
    /// # Errors
    /// The status that it was refused with.
    pub async fn open(
        &mut self,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<DuplexStream>, StatusCode> {
        match self.open_io(url, headers).await {
            Ok((io, _)) => Ok(WebSocketStream::from_raw_socket(io, Role::Client, None).await),
            Err((status, ..)) => Err(StatusCode::from_u16(status).unwrap()),
        }
    }

    /// The same with nothing that speaks WebSocket on the stream yet, and with the header fields of the answer.
    ///
    /// # Errors
    /// The status, the header fields and the body of the refusal.
    pub async fn open_io(
        &mut self,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(DuplexStream, HeaderMap), (u16, HeaderMap, Vec<u8>)> {
        let mut request = Request::connect(format!("http://{url}")).body(()).unwrap();
        request.extensions_mut().insert(::h2::ext::Protocol::from_static("websocket"));
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let (response, mut send) = self.0.send_request(request, false).unwrap();
        let (head, mut body) = response.await.unwrap().into_parts();
        if head.status != StatusCode::OK {
            let mut rest = Vec::new();
            while let Some(Ok(bytes)) = body.data().await {
                rest.extend_from_slice(&bytes);
            }
            return Err((head.status.as_u16(), head.headers, rest));
        }
        let (near, far) = tokio::io::duplex(64 << 10);
        let (mut read, mut write) = tokio::io::split(far);
        tokio::spawn(async move {
            while let Some(Ok(bytes)) = body.data().await {
                if write.write_all(&bytes).await.is_err() {
                    return;
                }
                let _ = body.flow_control().release_capacity(bytes.len());
            }
            let _ = write.shutdown().await;
        });
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(length @ 1..) = read.read(&mut buffer).await {
                let mut left = Bytes::copy_from_slice(&buffer[..length]);
                while !left.is_empty() {
                    send.reserve_capacity(left.len());
                    let Some(Ok(credit)) = poll_fn(|cx| send.poll_capacity(cx)).await else { return };
                    if send.send_data(left.split_to(credit.min(left.len())), false).is_err() {
                        return;
                    }
                }
            }
            send.send_reset(::h2::Reason::CANCEL);
        });
        Ok((near, head.headers))
    }
}

/// Opens a WebSocket and sends the head of a call.
pub(super) async fn call(dial: Dial, host: &str, path: &str, headers: &HeaderMap) -> (Send, Receive) {
    let socket =
        open(dial, &format!("{host}{PATH}"), &[("sec-websocket-protocol", "grpc-ws-1")]).await.unwrap();
    let (sink, stream) = socket.split();
    let mut send = Send { sink, left: 0 };
    send.write(frame::headers(path, headers)).await.unwrap();
    (send, Receive(stream))
}

pub(super) struct Send {
    sink: SplitSink<WebSocket, Message>,
    /// Bytes of the current frame, and so of the current message, that are to follow.
    left: usize,
}

impl Send {
    /// Sends frames, each as a message. A part of a frame becomes a fragment.
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let first = self.left == 0;
            if first {
                // Of a prefix that is cut nothing is known but that more belongs to it.
                self.left = bytes.get(1..5).map_or(bytes.len() + 1, |length| {
                    5 + u32::from_be_bytes(length.try_into().unwrap()) as usize
                });
            }
            let part = bytes.split_to(self.left.min(bytes.len()));
            self.left -= part.len();
            self.fragment(part, first, self.left == 0).await?;
        }
        Ok(())
    }

    /// Ends a message that was begun. A WebSocket does not end in one direction; a frame of its own ends the request.
    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        match std::mem::take(&mut self.left) {
            0 => Ok(()),
            _ => self.fragment(Bytes::new(), false, true).await,
        }
    }

    async fn fragment(&mut self, bytes: Bytes, first: bool, last: bool) -> Result<(), Broken> {
        let kind = if first { Data::Binary } else { Data::Continue };
        let fragment = Frame::message(bytes, OpCode::Data(kind), last);
        self.sink.send(Message::Frame(fragment)).await.map_err(|error| Broken::new(None, error))
    }
}

pub(super) struct Receive(SplitStream<WebSocket>);

impl Receive {
    /// The next message; `None` once the WebSocket is closed because the call has ended.
    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
                    assert_eq!(bytes.len() - 5, length, "a message is one frame");
                    return Ok(Some(bytes));
                }
                Some(Ok(Message::Close(Some(close)))) => match u16::from(close.code) {
                    NORMAL => return Ok(None),
                    code => return Err(Broken::new(Some(code.into()), format!("closed with {code}"))),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?} from a gateway"),
                Some(Err(error)) => return Err(Broken::new(None, error)),
                None => return Err(Broken::new(None, "the connection ended")),
            }
        }
    }
}

/// Closes the WebSocket, as the specification has it.
pub(super) fn cancel(mut send: Send, receive: Receive) {
    tokio::spawn(async move {
        let frame = CloseFrame { code: CANCELLED.into(), reason: "".into() };
        // The gateway may be gone; then there is nothing to cancel.
        let _ = send.sink.send(Message::Close(Some(frame))).await;
        drop(receive);
    });
}
