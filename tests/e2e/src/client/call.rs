//! A call: a request and a response that move independently.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::carrier::{Broken, Receive, Send, cancel};
use super::response::{Received, ResponseStream};
use super::{
    Client, Connection, Encoding, Exchanged, Protocol, connect, grpc_timeout, websocket, webtransport,
};
use crate::frame::{self, frame, message};
use crate::within;

/// How a call differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    metadata: HeaderMap,
    timeout: Option<Duration>,
    authority: Option<String>,
    method: Option<http::Method>,
    content_type: Option<String>,
    plain: bool,
}

/// A call that is about to be made.
#[derive(Debug)]
pub struct CallBuilder<'a> {
    client: &'a mut Client,
    path: &'a str,
    options: Options,
}

impl<'a> CallBuilder<'a> {
    pub(super) fn new(client: &'a mut Client, path: &'a str) -> CallBuilder<'a> {
        CallBuilder { client, path, options: Options::default() }
    }

    /// Appends metadata.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.options.metadata.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Sends a deadline.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Asks for this host instead of `localhost`.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.options.authority = Some(authority.to_owned());
        self
    }

    /// Sends another HTTP method than POST.
    #[must_use]
    pub fn method(mut self, method: http::Method) -> Self {
        self.options.method = Some(method);
        self
    }

    /// Makes an ordinary HTTP request, with no header field of an RPC.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.options.plain = true;
        self
    }

    /// Sends another content type than the protocol's.
    #[must_use]
    pub fn content_type(mut self, content_type: &str) -> Self {
        self.options.content_type = Some(content_type.to_owned());
        self
    }

    /// Sends the head.
    pub async fn open(self) -> Call {
        let CallBuilder { client, path, options } = self;
        let protocol = client.protocol;
        let (send, receive) = within(&format!("{protocol:?} to send the head of {path}"), async {
            match &mut client.connection {
                Connection::H1(dial) => {
                    let (send, receive) = dial.open(request(protocol, path, &options)).await;
                    (Send::H1(send), Receive::H1(receive))
                }
                Connection::H2(connection) => {
                    let (send, receive) = connection.open(request(protocol, path, &options)).await;
                    (Send::H2(send), Receive::H2(receive))
                }
                Connection::H3(connection) => {
                    let (send, receive) = connection.open(request(protocol, path, &options)).await;
                    (Send::H3(send), Receive::H3(receive))
                }
                Connection::WebTransport(connection) => {
                    let headers = headers(protocol, &options);
                    let head = match protocol.encoding() {
                        Encoding::Connect => connect::headers(path, &headers),
                        _ => frame::headers(path, &headers),
                    };
                    let (send, receive) = connection.open(head).await;
                    (Send::WebTransport(send), Receive::WebTransport(receive))
                }
                Connection::WebSocket(dial) => {
                    let host = options.authority.as_deref().unwrap_or("localhost");
                    let headers = headers(protocol, &options);
                    let (send, receive) = websocket::call(*dial, host, path, &headers).await;
                    (Send::WebSocket(send), Receive::WebSocket(receive))
                }
            }
        })
        .await;
        Call {
            request: RequestStream { encoding: protocol.encoding(), send },
            response: ResponseStream::new(protocol.encoding(), receive),
        }
    }
}

fn request(protocol: Protocol, path: &str, options: &Options) -> Request<()> {
    let authority = options.authority.as_deref().unwrap_or("localhost");
    let mut request = Request::new(());
    *request.method_mut() = options.method.clone().unwrap_or(http::Method::POST);
    *request.uri_mut() = format!("https://{authority}{path}").parse().unwrap();
    *request.headers_mut() = headers(protocol, options);
    request
}

fn headers(protocol: Protocol, options: &Options) -> HeaderMap {
    if options.plain {
        return options.metadata.clone();
    }
    let content_type = match protocol.encoding() {
        Encoding::Grpc | Encoding::Wt => "application/grpc+proto",
        Encoding::Web => "application/grpc-web+proto",
        Encoding::WebText => "application/grpc-web-text+proto",
        Encoding::Connect => "application/connect+proto",
    };
    let content_type = options.content_type.as_deref().unwrap_or(content_type);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", content_type.parse().unwrap());
    match protocol.encoding() {
        Encoding::Grpc => drop(headers.insert("te", HeaderValue::from_static("trailers"))),
        Encoding::Web | Encoding::WebText => {
            headers.insert("x-grpc-web", HeaderValue::from_static("1"));
        }
        Encoding::Connect => {
            headers.insert("connect-protocol-version", HeaderValue::from_static("1"));
        }
        Encoding::Wt => {}
    }
    match (options.timeout, protocol.encoding()) {
        (None, _) => {}
        (Some(timeout), Encoding::Connect) => {
            headers.insert("connect-timeout-ms", timeout.as_millis().to_string().parse().unwrap());
        }
        (Some(timeout), _) => {
            headers.insert("grpc-timeout", grpc_timeout(timeout).parse().unwrap());
        }
    }
    for (name, value) in &options.metadata {
        let name = match (protocol.encoding(), name.as_str()) {
            (Encoding::Connect, "grpc-encoding") => HeaderName::from_static("connect-content-encoding"),
            (Encoding::Connect, "grpc-accept-encoding") => HeaderName::from_static("connect-accept-encoding"),
            _ => name.clone(),
        };
        headers.append(name, value.clone());
    }
    headers
}

/// A call in progress.
#[derive(Debug)]
pub struct Call {
    /// The client's direction.
    pub request: RequestStream,
    /// The gateway's direction.
    pub response: ResponseStream,
}

impl Call {
    pub(super) fn of_stream(
        encoding: Encoding,
        send: webtransport::Send,
        receive: webtransport::Receive,
    ) -> Call {
        Call {
            request: RequestStream { encoding, send: Send::WebTransport(send) },
            response: ResponseStream::new(encoding, Receive::WebTransport(receive)),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Broken> {
        self.request.send(payload).await
    }

    /// Ends the client's direction.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn half_close(&mut self) -> Result<(), Broken> {
        self.request.half_close().await
    }

    /// What the gateway sends next.
    pub async fn recv(&mut self) -> Received {
        self.response.recv().await
    }

    /// Takes the call back.
    pub fn cancel(self) {
        cancel(self.request.send, self.response.into_receive());
    }

    /// Resets an HTTP/2 call with this code.
    pub fn reset(mut self, reason: u32) {
        match &mut self.request.send {
            Send::H2(send) => send.reset(reason),
            _ => panic!("only HTTP/2 has codes of its own here"),
        }
    }

    /// Sends these messages, half-closes, and reads all of the response.
    pub async fn exchange(mut self, messages: &[&[u8]]) -> Exchanged {
        // Both directions move at once, so that neither waits for the other's window. A gateway that answers early
        // stops the request, which is not an error.
        let Call { request, response } = &mut self;
        let upload = async {
            for message in messages {
                request.send(message).await?;
            }
            request.half_close().await
        };
        let (_, exchanged) = within("a whole exchange", async { tokio::join!(upload, response.all()) }).await;
        exchanged
    }
}

/// The client's direction.
pub struct RequestStream {
    encoding: Encoding,
    send: Send,
}

impl std::fmt::Debug for RequestStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestStream({:?})", self.encoding)
    }
}

impl RequestStream {
    /// Sends a message.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), Broken> {
        self.send_raw(message(payload)).await
    }

    /// Sends bytes that need not be a message, in base64 where the protocol wants it.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn send_raw(&mut self, bytes: Bytes) -> Result<(), Broken> {
        let bytes = self.encode(bytes);
        within("the gateway to take bytes", self.send.write(bytes)).await
    }

    /// Sends a message, however long the gateway takes to take it.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn send_patiently(&mut self, payload: &[u8]) -> Result<(), Broken> {
        let bytes = self.encode(message(payload));
        self.send.write(bytes).await
    }

    /// Sends bytes of an ordinary HTTP request.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn send_plain(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let bytes = Bytes::copy_from_slice(bytes);
        within("the gateway to take bytes", self.send.write(bytes)).await
    }

    /// Sends a message if the gateway takes it soon: true when all of it was taken, false when no more is taken. After
    /// that the request stands inside a message.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn try_send(&mut self, payload: &[u8]) -> Result<bool, Broken> {
        match tokio::time::timeout(crate::QUIET, self.send_patiently(payload)).await {
            Ok(sent) => sent.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Ends the client's direction.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn half_close(&mut self) -> Result<(), Broken> {
        within("the gateway to take the half-close", async {
            if self.encoding == Encoding::Wt {
                self.send.write(frame(0x80, b"")).await?;
            }
            self.send.finish().await
        })
        .await
    }

    /// Ends the transport's direction and nothing else, which grpc-wt has as another way to half-close.
    ///
    /// # Errors
    /// When the gateway wants no more.
    pub async fn finish(&mut self) -> Result<(), Broken> {
        within("the gateway to take the end of the request", self.send.finish()).await
    }

    fn encode(&self, bytes: Bytes) -> Bytes {
        match self.encoding {
            Encoding::WebText => STANDARD.encode(bytes).into(),
            _ => bytes,
        }
    }

    /// Ends an HTTP/2 request with trailers.
    pub fn half_close_with(&mut self, trailers: HeaderMap) {
        match &mut self.send {
            Send::H2(send) => send.finish_with(trailers),
            _ => panic!("only HTTP/2 clients send trailers here"),
        }
    }
}
