//! What only WebSockets show: the handshake, messages and their fragments, and closes.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use sluicegate_e2e::client::websocket::{OverH2, PATH, WebSocket, open};
use sluicegate_e2e::client::{Client, Dial, Protocol};
use sluicegate_e2e::frame::{frame, message};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Event, Upstream, method};
use sluicegate_e2e::within;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::stage::Stage;

const MIB: usize = 1 << 20;
const GRPC_WS: (&str, &str) = ("sec-websocket-protocol", "grpc-ws-1");
const GRPC_WEBSOCKETS: (&str, &str) = ("sec-websocket-protocol", "grpc-websockets");
/// The end of a request.
pub(crate) const END: &[u8] = b"\x80\0\0\0\0";

struct Rig {
    upstream: Upstream,
    gateway: Gateway,
    dial: Dial,
}

impl Rig {
    async fn new() -> Rig {
        let Stage { upstream, gateway, client: _ } = Stage::new(Protocol::GrpcWs).await;
        let dial = Dial { address: gateway.target().plain, tls: false };
        Rig { upstream, gateway, dial }
    }

    /// A WebSocket on which nothing was sent yet.
    async fn open(&self) -> WebSocket {
        open(self.dial, &format!("localhost{PATH}"), &[GRPC_WS]).await.unwrap()
    }

    /// A WebSocket with the headers of a call.
    async fn call(&self, path: &str) -> WebSocket {
        let mut socket = self.open().await;
        send(&mut socket, frame(0x40, format!(":path: {path}\r\n").as_bytes())).await;
        socket
    }
}

pub(crate) async fn send<S>(socket: &mut WebSocketStream<S>, bytes: impl Into<Bytes>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    within("the gateway to take a message", socket.send(Message::Binary(bytes.into()))).await.unwrap();
}

/// All messages up to the close, and its code; `None` when the connection ended without one.
pub(crate) async fn rest<S>(socket: &mut WebSocketStream<S>) -> (Vec<Bytes>, Option<u16>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = Vec::new();
    loop {
        match within("a message", socket.next()).await {
            Some(Ok(Message::Binary(bytes))) => messages.push(bytes),
            Some(Ok(Message::Close(close))) => return (messages, close.map(|close| close.code.into())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => return (messages, None),
        }
    }
}

/// The `grpc-status` of the trailers, which must come last, before a normal close.
async fn status<S>(socket: &mut WebSocketStream<S>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (messages, code) = rest(socket).await;
    assert_eq!(code, Some(1000));
    let last = messages.last().expect("trailers");
    assert_eq!(last[0], 0x80);
    let block = std::str::from_utf8(&last[5..]).unwrap();
    block.lines().find_map(|line| line.strip_prefix("grpc-status: ")).expect("a status").to_owned()
}

#[tokio::test]
async fn the_handshake_is_answered_by_its_rules() {
    let Rig { upstream: _upstream, gateway, dial } = Rig::new().await;
    let check = async |path: &str, headers: &[(&'static str, &str)], want: Result<(), u16>| {
        let seen = match within("a handshake", open(dial, &format!("localhost{path}"), headers)).await {
            Ok(_) => Ok(()),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(seen, want, "{path} {headers:?}");
    };
    let several = ("sec-websocket-protocol", "other, grpc-ws-1");
    let other = ("sec-websocket-protocol", "grpc-ws-2");
    let listed = ("origin", "https://app.example.com");
    let evil = ("origin", "https://evil.example.com");
    let own = ("origin", "http://localhost");
    check(PATH, &[GRPC_WS], Ok(())).await;
    check(PATH, &[several, listed], Ok(())).await;
    for (headers, status) in [
        (vec![], 400),
        (vec![other], 400),
        (vec![GRPC_WEBSOCKETS], 400),
        (vec![GRPC_WS, evil], 403),
        // Only what is listed is allowed.
        (vec![GRPC_WS, own], 403),
        (vec![GRPC_WS, ("origin", "null")], 403),
        (vec![GRPC_WS, listed, evil], 403),
    ] {
        check(PATH, &headers, Err(status)).await;
    }
    check(method::UNARY, &[GRPC_WEBSOCKETS], Ok(())).await;
    check(method::UNARY, &[GRPC_WEBSOCKETS, evil], Err(403)).await;
    // Upgrades that are not the gateway's are a site's, and there is none.
    check(method::UNARY, &[GRPC_WS], Err(404)).await;
    check("/chat", &[GRPC_WEBSOCKETS], Err(404)).await;
    check("/chat", &[], Err(404)).await;
    let counted = ("transport", "websocket");
    gateway.until_metric("sluicegate_downstream_cx_active", &[counted], 0.0).await;
    assert_eq!(gateway.metric("sluicegate_downstream_cx_total", &[counted]).await, 3.0);
}

#[tokio::test]
async fn the_path_can_be_probed() {
    let Rig { upstream: _upstream, gateway, dial: _ } = Rig::new().await;
    for (protocol, webtransport) in [(Protocol::WebTextH1, false), (Protocol::WebH2, true)] {
        let mut client = Client::connect(protocol, gateway.target()).await;
        let mut call = client.call(PATH).plain().method(http::Method::GET).open().await;
        call.request.finish().await.unwrap();
        let probe: serde_json::Value = serde_json::from_slice(&call.response.body().await).unwrap();
        assert_eq!((&probe["websocket"], &probe["webtransport"]), (&PATH.into(), &webtransport.into()));
    }
}

#[tokio::test]
async fn a_handshake_of_another_version_learns_which_is_spoken() {
    let Rig { upstream: _upstream, gateway: _gateway, dial } = Rig::new().await;
    let check = async |fields: &str, want: &str| {
        let mut socket = dial.dial().await;
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
             Sec-WebSocket-Protocol: grpc-ws-1\r\n{fields}\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("a head", socket.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.to_lowercase().contains(&want.to_lowercase()), "{head}");
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // The example of RFC 6455, section 1.3.
    check(
        &format!("{key}Sec-WebSocket-Version: 13\r\n"),
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    )
    .await;
    check(&format!("{key}Sec-WebSocket-Version: 8\r\n"), "Sec-WebSocket-Version: 13\r\n").await;
    check(&format!("{key}Sec-WebSocket-Version: 8\r\n"), "HTTP/1.1 426 ").await;
    check(key, "HTTP/1.1 426 ").await;
    check("Sec-WebSocket-Version: 13\r\n", "HTTP/1.1 400 ").await;
    check(&format!("{key}Sec-WebSocket-Version: 13\r\nContent-Length: 1\r\n"), "HTTP/1.1 400 ").await;
    check(&format!("{key}Sec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked\r\n"), "HTTP/1.1 400 ")
        .await;
    check(&format!("{key}Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n"), "HTTP/1.1 101 ").await;
    check(&format!("{key}{key}Sec-WebSocket-Version: 13\r\n"), "HTTP/1.1 400 ").await;
    check("Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n", "HTTP/1.1 400 ").await;
}

#[tokio::test]
async fn no_extension_is_agreed_on() {
    let Rig { upstream: _upstream, gateway: _gateway, dial } = Rig::new().await;
    let offer = ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
    // The client would refuse an answer that it cannot follow.
    let mut socket = open(dial, &format!("localhost{PATH}"), &[GRPC_WS, offer]).await.unwrap();
    // A message that is marked as compressed breaks the protocol.
    let mut compressed = Frame::message(vec![1], OpCode::Data(Data::Binary), true);
    compressed.header_mut().rsv1 = true;
    socket.send(Message::Frame(compressed)).await.unwrap();
    assert_eq!(rest(&mut socket).await, (vec![], Some(1002)));
}

#[tokio::test]
async fn nothing_is_served_where_it_is_not_configured() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).without_websocket().start().await;
    let dial = Dial { address: gateway.target().plain, tls: false };
    for (path, subprotocol) in [(PATH, GRPC_WS), (method::UNARY, GRPC_WEBSOCKETS)] {
        let refused = open(dial, &format!("localhost{path}"), &[subprotocol]).await;
        let Err(Error::Http(response)) = refused else { panic!("{path} was taken for a WebSocket") };
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_request_may_come_in_fragments_with_pings_between() {
    let rig = Rig::new().await;
    let mut socket = rig.call(method::UNARY).await;
    let request = message(b"hello");
    for (at, byte) in request.iter().enumerate() {
        let kind = if at == 0 { Data::Binary } else { Data::Continue };
        let part = Frame::message(vec![*byte], OpCode::Data(kind), false);
        socket.send(Message::Frame(part)).await.unwrap();
        socket.send(Message::Ping(vec![at as u8].into())).await.unwrap();
    }
    socket.send(Message::Frame(Frame::message(vec![], OpCode::Data(Data::Continue), true))).await.unwrap();
    send(&mut socket, END).await;
    let (messages, code) = rest(&mut socket).await;
    assert_eq!((messages.len(), &messages[1], code), (3, &request, Some(1000)));
    assert!(messages[0].starts_with(b"\x40") && messages[2].starts_with(b"\x80"), "{messages:?}");
}

#[tokio::test]
async fn a_ping_is_answered_while_nothing_else_moves() {
    let mut rig = Rig::new().await;
    let mut socket = rig.call(method::SILENT).await;
    rig.upstream.next_call().await;
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    loop {
        match within("a pong", socket.next()).await.unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(payload, "are you there"),
            Message::Binary(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_that_are_no_frame_end_the_call() {
    let rig = Rig::new().await;
    for bad in [
        Bytes::new(),
        Bytes::from_static(b"\0\0\0"),
        message(b"cut").slice(..6),
        [message(b"one"), message(b"two")].concat().into(),
        frame(0x40, b":path: /test.Echo/Unary\r\n"),
        frame(0x02, b""),
        frame(0x80, b"grpc-status: 0\r\n"),
    ] {
        let mut socket = rig.call(method::BIDI).await;
        send(&mut socket, bad.clone()).await;
        assert_eq!(status(&mut socket).await, "13", "{bad:?}");
    }
}

#[tokio::test]
async fn a_first_message_that_opens_no_call_is_told_why() {
    let rig = Rig::new().await;
    let long = format!(":path: /test.Echo/Unary\r\nx: {}\r\n", "x".repeat(17 << 10));
    for (first, want) in [
        (message(b"hello"), "13"),
        (frame(0x40, b"x: y\r\n"), "13"),
        (frame(0x40, b":path: /\r\n"), "12"),
        (frame(0x40, b":path: /no.Such/Method\r\n"), "12"),
        (frame(0x40, b":path: /test.Echo/Unary\r\ncontent-type: text/html\r\n"), "3"),
        (frame(0x40, long.as_bytes()), "8"),
    ] {
        let mut socket = rig.open().await;
        send(&mut socket, first.clone()).await;
        assert_eq!(status(&mut socket).await, want, "{first:?}");
    }
}

/// Whoever has not said what it calls gets no room for a large message.
#[tokio::test]
async fn little_is_gathered_before_a_call_is_known() {
    let rig = Rig::new().await;
    let mut large = BytesMut::from(&[0x82, 0xff][..]);
    large.put_u64(4 * MIB as u64);
    large.put_u32(0);
    large.put_slice(&[0; 64 << 10]);
    let pings = [0x89, 0x80, 0, 0, 0, 0].repeat(10 << 10);
    for bytes in [&large[..], &pings] {
        let mut socket = rig.open().await;
        socket.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(rest(&mut socket).await, (vec![], Some(1009)));
    }
}

#[tokio::test]
async fn text_and_what_breaks_the_protocol_close_with_their_codes() {
    let mut rig = Rig::new().await;
    let unmasked = {
        let mut bytes = BytesMut::new();
        bytes.put_slice(&[0x82, 1, 0]);
        bytes
    };
    let reserved = BytesMut::from(&[0x83, 0x80, 0, 0, 0, 0][..]);
    let orphan = BytesMut::from(&[0x80, 0x80, 0, 0, 0, 0][..]);
    let long_ping = [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0][..], &[0; 126]].concat();
    for (what, bytes) in [
        ("unmasked", &unmasked[..]),
        ("reserved opcode", &reserved[..]),
        ("orphan", &orphan[..]),
        ("long ping", &long_ping),
    ] {
        let mut socket = rig.call(method::SILENT).await;
        let mut seen = rig.upstream.next_call().await;
        socket.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(rest(&mut socket).await.1, Some(1002), "{what}");
        assert_eq!(seen.until_reset().await, 8, "{what}");
    }
    // Before a call and in it.
    let mut socket = rig.open().await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(rest(&mut socket).await.1, Some(1003));
    let mut socket = rig.call(method::SILENT).await;
    let mut seen = rig.upstream.next_call().await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(rest(&mut socket).await.1, Some(1003));
    assert_eq!(seen.until_reset().await, 8);
    // Not even UTF-8.
    let mut socket = rig.call(method::SILENT).await;
    let text = Frame::message(vec![0xff], OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(text)).await.unwrap();
    assert_eq!(rest(&mut socket).await.1, Some(1007));
}

/// The length in the head of a WebSocket frame alone decides.
#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_is_there() {
    let mut rig = Rig::new().await;
    let mut socket = rig.call(method::CLIENT_STREAM).await;
    send(&mut socket, message(b"small")).await;
    let mut seen = rig.upstream.next_call().await;
    assert_eq!(seen.next().await, Event::Message(5));
    let mut head = BytesMut::from(&[0x82, 0xff][..]);
    head.put_u64(4 * MIB as u64 + 7);
    head.put_u32(0);
    head.put_slice(&[0; 1000]);
    socket.get_mut().write_all(&head).await.unwrap();
    assert_eq!(status(&mut socket).await, "8");
    assert_eq!(seen.until_reset().await, 8);
    // So do fragments whose sum is too large.
    let mut socket = rig.call(method::CLIENT_STREAM).await;
    let mut kind = Data::Binary;
    for _ in 0..5 {
        let part = Frame::message(vec![0; MIB], OpCode::Data(kind), false);
        // The last of them is not read any more.
        let _ = socket.send(Message::Frame(part)).await;
        kind = Data::Continue;
    }
    assert_eq!(status(&mut socket).await, "8");
}

#[tokio::test]
async fn a_response_message_of_any_size_is_one_message() {
    let rig = Rig::new().await;
    for size in [0, 1, 16 << 10, 100_000, 4 * MIB] {
        let mut socket = rig.call(method::SERVER_STREAM).await;
        send(&mut socket, message(format!("2,{size}").as_bytes())).await;
        send(&mut socket, END).await;
        let (messages, code) = rest(&mut socket).await;
        let lengths: Vec<_> = messages[1..messages.len() - 1].iter().map(Bytes::len).collect();
        assert_eq!((lengths, code), (vec![size + 5; 2], Some(1000)));
    }
}

/// A response that breaks off inside a message cannot be told of in trailers.
#[tokio::test]
async fn a_break_inside_a_message_is_a_close() {
    let rig = Rig::new().await;
    let mut socket = rig.call(method::DIE_MID_MESSAGE).await;
    send(&mut socket, message(b"one")).await;
    send(&mut socket, END).await;
    let (messages, code) = rest(&mut socket).await;
    assert_eq!(code, Some(4014));
    assert!(messages.iter().all(|message| message[0] != 0x80), "{messages:?}");
}

#[tokio::test]
async fn every_way_to_leave_resets_the_upstream() {
    let mut rig = Rig::new().await;
    for code in [Some(4001), Some(1000), Some(1001), None] {
        let mut socket = rig.call(method::HEAD_ONLY).await;
        send(&mut socket, END).await;
        let mut seen = rig.upstream.next_call().await;
        assert_eq!(seen.until_half_closed().await, None);
        let close = code.map(|code: u16| CloseFrame { code: code.into(), reason: "".into() });
        socket.send(Message::Close(close)).await.unwrap();
        assert_eq!(seen.next().await, Event::Reset(8), "{code:?}");
        assert_eq!(rest(&mut socket).await.1, code);
    }
    // Without a word.
    let mut socket = rig.call(method::HEAD_ONLY).await;
    send(&mut socket, END).await;
    let mut seen = rig.upstream.next_call().await;
    assert_eq!(seen.until_half_closed().await, None);
    drop(socket);
    assert_eq!(seen.next().await, Event::Reset(8));
    rig.gateway.until_metric("sluicegate_downstream_rq_active", &[], 0.0).await;
    rig.gateway.until_metric("sluicegate_downstream_cx_active", &[("transport", "websocket")], 0.0).await;
}

#[tokio::test]
async fn nothing_may_follow_the_end_of_the_request() {
    let mut rig = Rig::new().await;
    let mut socket = rig.call(method::SILENT).await;
    send(&mut socket, END).await;
    let mut seen = rig.upstream.next_call().await;
    send(&mut socket, message(b"late")).await;
    assert_eq!(rest(&mut socket).await.1, Some(4033));
    assert_eq!(seen.until_reset().await, 8);
}

#[tokio::test]
async fn headers_that_do_not_come_are_not_waited_for() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).limit("header_timeout = \"300ms\"").start().await;
    let dial = Dial { address: gateway.target().plain, tls: false };
    let mut socket = open(dial, &format!("localhost{PATH}"), &[GRPC_WS]).await.unwrap();
    // What keeps a WebSocket alive is no beginning of a call.
    socket.send(Message::Ping(Bytes::new())).await.unwrap();
    assert_eq!(rest(&mut socket).await.1, Some(4033));
}

#[tokio::test]
async fn a_call_in_progress_outlives_the_start_of_the_drain() {
    let Rig { mut upstream, mut gateway, dial } = Rig::new().await;
    let mut idle = open(dial, &format!("localhost{PATH}"), &[GRPC_WS]).await.unwrap();
    let mut socket = open(dial, &format!("localhost{PATH}"), &[GRPC_WS]).await.unwrap();
    send(&mut socket, frame(0x40, format!(":path: {}\r\n", method::BIDI).as_bytes())).await;
    upstream.next_call().await;
    gateway.terminate().await;
    // One that has asked for nothing goes at once.
    assert_eq!(rest(&mut idle).await.1, Some(1001));
    // The client of a call is told to go elsewhere, before the headers of its response or behind them.
    let mut heads = 0;
    loop {
        match within("the notice", socket.next()).await.unwrap().unwrap().into_data() {
            notice if notice == frame(0x24, b"") => break,
            head => heads += usize::from(head.starts_with(b"\x40")),
        }
    }
    // And the call goes on.
    send(&mut socket, message(b"still here")).await;
    send(&mut socket, END).await;
    let (messages, code) = rest(&mut socket).await;
    assert_eq!((messages[1 - heads].clone(), messages.len()), (message(b"still here"), 3 - heads));
    assert_eq!(code, Some(1000));
    drop((idle, socket));
    assert_eq!(gateway.ended().await.code(), Some(0));
}

/// A client that does not read stops the upstream, and costs no memory.
#[tokio::test]
async fn a_flood_waits_for_its_client() {
    let mut rig = Rig::new().await;
    let mut warm = rig.call(method::UNARY).await;
    send(&mut warm, message(b"")).await;
    send(&mut warm, END).await;
    assert_eq!(status(&mut warm).await, "0");
    let before = rig.gateway.resident_memory();
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(rig.call(method::FLOOD).await);
        rig.upstream.next_call().await;
    }
    // Meanwhile others are served, and what was read by nobody is not gathered.
    for _ in 0..50 {
        let mut socket = rig.call(method::UNARY).await;
        send(&mut socket, message(b"hello")).await;
        send(&mut socket, END).await;
        assert_eq!(status(&mut socket).await, "0");
    }
    let grown = rig.gateway.resident_memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "memory grew by {} MiB", grown / MIB);
}

/// What `grpc-websockets` has on the wire: the bytes are those of the client that it was made for.
#[tokio::test]
async fn grpc_websockets_is_spoken_at_the_paths_of_methods() {
    let mut rig = Rig::new().await;
    let dial = rig.dial;
    let call = async |path: &str, headers: &'static [u8]| {
        let mut socket = open(dial, &format!("localhost{path}"), &[GRPC_WEBSOCKETS]).await.unwrap();
        send(&mut socket, headers).await;
        socket
    };
    let headers = b"content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\nx-echo: a, b\r\n";
    let mut socket = call(method::METADATA, headers).await;
    send(&mut socket, [&[0][..], &message(b"hello")].concat()).await;
    send(&mut socket, &[1][..]).await;
    let (messages, code) = rest(&mut socket).await;
    assert_eq!(code, Some(1000));
    let (head, end) = (messages.first().unwrap(), messages.last().unwrap());
    assert!(head[0] == 0x80 && end[0] == 0x80 && messages.len() >= 2, "{messages:?}");
    let (head, end) = (String::from_utf8_lossy(&head[5..]), String::from_utf8_lossy(&end[5..]));
    assert!(head.contains("content-type: application/grpc-web+proto\r\n"), "{head}");
    assert!(head.contains("x-echo: a, b\r\n") && end.contains("x-echo: a, b\r\n"), "{head} {end}");
    assert!(end.contains("grpc-status: 0\r\n") && !head.contains("grpc-status"), "{head} {end}");

    // Messages both ways, in the pieces that the client likes.
    let mut socket = call(method::BIDI, b"content-type: application/grpc-web+proto\r\n").await;
    let (start, end) = (message(b"in pieces").slice(..7), message(b"in pieces").slice(7..));
    for bytes in [&start[..], &end, b"", &message(b"two")] {
        send(&mut socket, [&[0][..], bytes].concat()).await;
    }
    send(&mut socket, &[1][..]).await;
    let (messages, _) = rest(&mut socket).await;
    assert_eq!(messages[1..3], [message(b"in pieces"), message(b"two")]);

    // Two frames of headers, even when there is nothing to say.
    let mut socket = call(method::TRAILERS_ONLY, b"content-type: application/grpc-web+proto").await;
    send(&mut socket, &[1][..]).await;
    let (messages, code) = rest(&mut socket).await;
    assert_eq!((messages.len(), code), (2, Some(1000)));
    assert!(String::from_utf8_lossy(&messages[1]).contains("grpc-status: 9\r\n"), "{messages:?}");

    // It closes to cancel.
    while rig.upstream.try_next_call().is_some() {}
    let mut socket = call(method::SILENT, b"").await;
    let mut seen = rig.upstream.next_call().await;
    socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(seen.until_reset().await, 8);
    let line = rig.gateway.log_line("of the cancelled call", |line| line["path"] == method::SILENT).await;
    assert_eq!(
        (&line["client_protocol"], &line["transport"]),
        (&"grpc_websockets".into(), &"websocket".into())
    );
}

#[tokio::test]
async fn a_larger_limit_lets_larger_messages_through() {
    let upstream = Upstream::start().await;
    let route = Route::new("large").cluster("main").key("max_request_message = \"16MiB\"");
    let config = Config::default().route(route).cluster("main", &[&upstream]);
    let gateway = config.websocket("max_message = \"8MiB\"").start().await;
    let mut client = Client::connect(Protocol::GrpcWs, gateway.target()).await;
    for (size, code) in [(8 * MIB, 0), (8 * MIB + (17 << 10), 8)] {
        let returned = client.exchange(method::CLIENT_STREAM, &[&vec![1; size]]).await;
        assert_eq!(returned.code(), code, "{size}");
    }
}

const VERSION: (&str, &str) = ("sec-websocket-version", "13");

#[tokio::test]
async fn http2_carries_websockets_on_streams() {
    let mut rig = Rig::new().await;
    let mut client = OverH2::connect(rig.dial).await;
    assert!(client.is_offered());
    let url = format!("localhost{PATH}");
    // Several on one connection, one of which is never read.
    let mut flood = client.open(&url, &[GRPC_WS, VERSION]).await.unwrap();
    send(&mut flood, frame(0x40, format!(":path: {}\r\n", method::FLOOD).as_bytes())).await;
    let mut flooding = rig.upstream.next_call().await;
    for _ in 0..3 {
        let mut socket = client.open(&url, &[GRPC_WS, VERSION]).await.unwrap();
        send(&mut socket, frame(0x40, format!(":path: {}\r\n", method::BIDI).as_bytes())).await;
        let large = message(&vec![7; MIB]);
        let head = within("the headers", socket.next()).await.unwrap().unwrap();
        assert!(head.into_data().starts_with(b"\x40"));
        for _ in 0..3 {
            send(&mut socket, large.clone()).await;
            let echo = within("an echo", socket.next()).await.unwrap().unwrap();
            assert!(echo.into_data() == large);
        }
        send(&mut socket, END).await;
        let (messages, code) = rest(&mut socket).await;
        assert_eq!((messages.len(), code), (1, Some(1000)));
    }
    let line = rig.gateway.log_line("of a call", |line| line["path"] == method::BIDI).await;
    assert_eq!((&line["transport"], &line["grpc_status"]), (&"websocket".into(), &0.into()));
    // A reset of the stream cancels.
    drop(flood);
    assert_eq!(flooding.until_reset().await, 8);
    let mut socket =
        client.open(&format!("localhost{}", method::UNARY), &[GRPC_WEBSOCKETS, VERSION]).await.unwrap();
    send(&mut socket, &b"content-type: application/grpc-web+proto"[..]).await;
    send(&mut socket, [&[0][..], &message(b"hello")].concat()).await;
    send(&mut socket, &[1][..]).await;
    assert_eq!(rest(&mut socket).await.0[1], message(b"hello"));
}

#[tokio::test]
async fn http2_refuses_websockets_by_the_same_rules() {
    let rig = Rig::new().await;
    let mut client = OverH2::connect(rig.dial).await;
    let evil = ("origin", "https://evil.example.com");
    for (path, headers, status) in [
        (PATH, vec![VERSION], 400),
        (PATH, vec![GRPC_WS], 400),
        (PATH, vec![GRPC_WS, VERSION, evil], 403),
        (method::UNARY, vec![GRPC_WEBSOCKETS, VERSION, evil], 403),
        // Not the gateway's, and nobody else gets a CONNECT.
        (method::UNARY, vec![GRPC_WS, VERSION], 405),
        ("/chat", vec![VERSION], 405),
    ] {
        let refused = client.open(&format!("localhost{path}"), &headers).await.err();
        assert_eq!(refused.map(|status| status.as_u16()), Some(status), "{path} {headers:?}");
    }
}

/// Browsers that are told so open all their WebSockets on streams, and sites are not served there.
#[tokio::test]
async fn http2_offers_websockets_unless_there_are_sites() {
    let upstream = Upstream::start().await;
    let site = Config::in_front_of(&[&upstream]).route(Route::new("site").cluster("site")).cluster_of(
        "site",
        &["http://127.0.0.1:9".to_owned()],
        "protocol = \"http\"\n",
    );
    let calls = || Config::in_front_of(&[&upstream]);
    for (config, offered) in [
        (calls(), true),
        (calls().without_websocket(), false),
        (calls().websocket("over_h2 = false"), false),
        (site, false),
    ] {
        let gateway = config.start().await;
        let client = OverH2::connect(Dial { address: gateway.target().plain, tls: false }).await;
        assert_eq!(client.is_offered(), offered, "{config:?}");
    }
}
