//! WebSockets that the gateway carries whole, over HTTP/1.1 and on streams of HTTP/2, to servers on tokio-tungstenite.
//! The test holds both ends of a WebSocket.

#![allow(clippy::result_large_err, reason = "the signature of tungstenite's handshake callbacks")]

mod admission;
mod ends;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use sluicegate_e2e::certificate::server_tls;
use sluicegate_e2e::client::Dial;
use sluicegate_e2e::client::websocket::OverH2;
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::{QUIET, within};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

const MIB: usize = 1 << 20;
const ORIGIN: (&str, &str) = ("origin", "https://app.example.com");

/// A connection of either kind.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Socket = WebSocketStream<Box<dyn Io>>;

/// What a client's handshake ended with: the WebSocket and the header fields of the answer, or the status, the fields and
/// the body of a refusal.
type Answer = Result<(Socket, HeaderMap), (u16, HeaderMap, Vec<u8>)>;

/// A server on tokio-tungstenite.
struct Upstream {
    listener: TcpListener,
    tls: bool,
}

impl Upstream {
    async fn new() -> Upstream {
        Upstream { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), tls: false }
    }

    fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.listener.local_addr().unwrap())
    }

    async fn connection(&self) -> Box<dyn Io> {
        let (socket, _) = within("a connection at the upstream", self.listener.accept()).await.unwrap();
        if !self.tls {
            return Box::new(socket);
        }
        let tls = TlsAcceptor::from(Arc::new(server_tls(&["http/1.1"])));
        Box::new(within("a TLS handshake", tls.accept(socket)).await.unwrap())
    }

    /// Answers the next request as `answer` does, and gives it with the WebSocket.
    async fn answer(
        &self,
        answer: impl Fn(&Request, Response) -> Result<Response, ErrorResponse> + Unpin,
    ) -> (Request, Result<Socket, Error>) {
        let mut seen = None;
        let callback = |request: &Request, response: Response| {
            let answer = answer(request, response);
            let (parts, ()) = request.clone().into_parts();
            seen = Some(Request::from_parts(parts, ()));
            answer
        };
        let io = self.connection().await;
        let socket = within("a handshake", tokio_tungstenite::accept_hdr_async(io, callback)).await;
        (seen.expect("a request"), socket)
    }

    /// Accepts the next WebSocket.
    async fn socket(&self) -> Socket {
        self.answer(|_, response| Ok(response)).await.1.unwrap()
    }
}

/// How clients open WebSockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Http1,
    Http2,
}

struct Rig {
    upstream: Upstream,
    gateway: Gateway,
    over: Over,
}

struct Pair {
    client: Socket,
    upstream: Socket,
}

impl Rig {
    async fn new(over: Over) -> Rig {
        Rig::configured(over, |config| config, |route| route).await
    }

    async fn configured(
        over: Over,
        config: impl FnOnce(Config) -> Config,
        route: impl FnOnce(Route) -> Route,
    ) -> Rig {
        Rig::behind(over, Upstream::new().await, "", config, route).await
    }

    async fn behind(
        over: Over,
        upstream: Upstream,
        keys: &str,
        config: impl FnOnce(Config) -> Config,
        route: impl FnOnce(Route) -> Route,
    ) -> Rig {
        let live = Route::new("live").key("path_prefix = \"/live\"").cluster("live");
        let live = route(live.key(&format!("origins = [{:?}]", ORIGIN.1)));
        let keys = format!("protocol = \"websocket\"\n{keys}");
        let base = Config::default().route(live).cluster_of("live", &[upstream.url()], &keys);
        Rig { gateway: config(base).start().await, upstream, over }
    }

    /// Opens a WebSocket as a client.
    async fn connect(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let dial = Dial { address: self.gateway.target().plain, tls: false };
        match self.over {
            Over::Http1 => {
                let url = format!("ws://localhost{path}");
                let mut request =
                    tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url)
                        .unwrap();
                for (name, value) in headers {
                    request.headers_mut().append(*name, value.parse().unwrap());
                }
                let io: Box<dyn Io> = Box::new(dial.dial().await);
                match within("an answer", tokio_tungstenite::client_async(request, io)).await {
                    Ok((socket, response)) => Ok((socket, response.headers().clone())),
                    Err(Error::Http(response)) => {
                        let (parts, body) = response.into_parts();
                        Err((parts.status.as_u16(), parts.headers, body.unwrap_or_default()))
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            Over::Http2 => {
                let mut client = OverH2::connect(dial).await;
                assert!(client.is_offered());
                let headers: Vec<_> =
                    [("sec-websocket-version", "13")].iter().chain(headers).copied().collect();
                let opened = within("an answer", client.open_io(&format!("localhost{path}"), &headers)).await;
                let (io, fields) = opened?;
                let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
                Ok((WebSocketStream::from_raw_socket(Box::new(io) as Box<dyn Io>, role, None).await, fields))
            }
        }
    }

    async fn open(&self, path: &str) -> Pair {
        let (client, upstream) = tokio::join!(self.connect(path, &[ORIGIN]), self.upstream.socket());
        let (client, _) = client.unwrap_or_else(|(status, ..)| panic!("refused with {status}"));
        Pair { client, upstream }
    }
}

async fn next(socket: &mut Socket) -> Message {
    within("a message", socket.next()).await.expect("the WebSocket is open").unwrap()
}

async fn send(socket: &mut Socket, message: impl Into<Message>) {
    within("a WebSocket to take a message", socket.send(message.into())).await.unwrap();
}

macro_rules! over_both {
    ($($behaviour:ident),+ $(,)?) => { $(
        mod $behaviour {
            #[tokio::test]
            async fn http1() { super::$behaviour(super::Over::Http1).await; }
            #[tokio::test]
            async fn http2() { super::$behaviour(super::Over::Http2).await; }
        }
    )+ };
}
use over_both;

over_both!(
    messages_of_every_kind_both_ways,
    more_than_all_buffers_both_ways,
    a_reader_that_stalls_stops_its_writer
);

async fn messages_of_every_kind_both_ways(over: Over) {
    let rig = Rig::new(over).await;
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    for message in [
        Message::text("text ☺"),
        Message::binary(vec![1, 2, 3]),
        Message::binary(Vec::new()),
        Message::Pong(Bytes::from_static(b"unasked")),
    ] {
        send(&mut client, message.clone()).await;
        assert_eq!(next(&mut upstream).await, message);
        send(&mut upstream, message.clone()).await;
        assert_eq!(next(&mut client).await, message);
    }
    // The ends answer pings themselves; nobody in between does.
    let ping = Bytes::from_static(b"ping");
    send(&mut client, Message::Ping(ping.clone())).await;
    assert!(tokio::time::timeout(QUIET, client.next()).await.is_err());
    assert_eq!(next(&mut upstream).await, Message::Ping(ping.clone()));
    within("the answer to be taken", upstream.flush()).await.unwrap();
    assert_eq!(next(&mut client).await, Message::Pong(ping));
}

async fn more_than_all_buffers_both_ways(over: Over) {
    let rig = Rig::new(over).await;
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    let big = Bytes::from(vec![9; 3 * MIB]);
    let echo = tokio::spawn(async move {
        let message = next(&mut upstream).await;
        send(&mut upstream, message).await;
        upstream
    });
    send(&mut client, Message::Binary(big.clone())).await;
    assert!(next(&mut client).await == Message::Binary(big));
    echo.await.unwrap();
}

async fn a_reader_that_stalls_stops_its_writer(over: Over) {
    let rig = Rig::new(over).await;
    let before = rig.gateway.resident_memory();
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    let chunk = Bytes::from(vec![1; 64 << 10]);
    let mut sent = 0;
    while tokio::time::timeout(QUIET, client.send(Message::Binary(chunk.clone()))).await.is_ok() {
        sent += 1;
        assert!(sent < 1024, "nothing holds the writer up");
    }
    let grown = rig.gateway.resident_memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{} MiB", grown / MIB);
    // The other direction goes on, and so does this one once it is read.
    send(&mut upstream, "still").await;
    assert_eq!(next(&mut client).await, Message::text("still"));
    for _ in 0..sent {
        assert_eq!(next(&mut upstream).await, Message::Binary(chunk.clone()));
    }
}

#[tokio::test]
async fn tls_to_the_upstream() {
    let upstream = Upstream { tls: true, ..Upstream::new().await };
    let tls = "tls = { ca = \"authority.pem\", server_name = \"localhost\" }";
    let rig = Rig::behind(Over::Http1, upstream, tls, |config| config, |route| route).await;
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    send(&mut client, "over TLS").await;
    assert_eq!(next(&mut upstream).await, Message::text("over TLS"));
}
