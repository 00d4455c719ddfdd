//! What one connection may take: time, header fields, and its place among others.

use futures_util::future::select_all;
use sluicegate_e2e::client::{Client, Protocol, Transport};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::raw_h2::{RawH2, kind};
use sluicegate_e2e::upstream::{Event, Upstream, method};
use sluicegate_e2e::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::stage::Stage;

over!(every protocol: too_many_header_bytes);
over!(every HTTP version: alternative_services);

async fn too_many_header_bytes(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway } = Stage::new(protocol).await;
    let call = client.call(method::UNARY).metadata("x-large", &"a".repeat(20 << 10)).open().await;
    let returned = call.exchange(&[b""]).await;
    // Some transports refuse such a request before it is one that could be answered with a status.
    if let Ok(end) = &returned.end {
        assert_eq!(end.code, 8);
    }
    assert!(upstream.try_next_call().is_none());
    let mut client = Client::connect(protocol, gateway.target()).await;
    let call = client.call(method::UNARY).metadata("x-large", &"a".repeat(8 << 10)).open().await;
    assert_eq!(call.exchange(&[b""]).await.code(), 0);
    assert_eq!(upstream.next_call().await.values("x-large")[0].len(), 8 << 10);
}

/// Responses over TLS tell browsers that there is HTTP/3 on the same port.
async fn alternative_services(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::UNARY, &[b""]).await;
    if protocol == Protocol::GrpcH3 {
        return;
    }
    let headers = returned.head.unwrap().headers;
    match protocol.transport() {
        Transport::H1 { tls: true } | Transport::H2 { tls: true } => {
            let wanted = format!("h3=\":{}\"", gateway.target().tls.port());
            assert!(headers["alt-svc"].to_str().unwrap().starts_with(&wanted), "{headers:?}");
        }
        _ => assert!(!headers.contains_key("alt-svc")),
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let upstream = Upstream::start().await;
    let config = Config::in_front_of(&[&upstream]);
    let config = config.limit("header_timeout = \"200ms\"").limit("handshake_timeout = \"200ms\"");
    let gateway = config.start().await;
    let target = gateway.target();
    for (address, bytes) in [
        // Nothing at all, a piece of each kind of head, and no TLS handshake.
        (target.plain, b"".as_slice()),
        (target.plain, b"PRI * HT"),
        (target.plain, b"GET / HTTP/1.1\r\nhost: loc"),
        (target.tls, b""),
        (target.tls, b"\x16\x03\x01"),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        let what = format!("the end of a connection that sent {bytes:?}");
        // Whether it is closed or reset is all the same.
        let _ = within(&what, socket.read_to_end(&mut rest)).await;
    }
}

#[tokio::test]
async fn an_idle_h2_connection_is_closed_with_goaway() {
    let upstream = Upstream::start().await;
    // This client never answers the PING by which the gateway learns that the GOAWAY has arrived.
    let config = Config::in_front_of(&[&upstream]);
    let config = config.limit("idle_timeout = \"200ms\"").limit("handshake_timeout = \"200ms\"");
    let gateway = config.start().await;
    let mut raw = RawH2::connect(gateway.target().plain).await;
    let goaway = raw.until(|frame| frame.kind == kind::GOAWAY).await.expect("GOAWAY before the end");
    assert_eq!(goaway.payload[4..8], [0; 4], "NO_ERROR");
    assert_eq!(raw.until(|_| false).await, None, "the connection closes");
}

#[tokio::test]
async fn a_call_keeps_its_connection_from_being_idle() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).limit("idle_timeout = \"200ms\"").start().await;
    let (mut held, mut seen) = (Vec::new(), Vec::new());
    for protocol in Protocol::ALL {
        let mut client = Client::connect(protocol, gateway.target()).await;
        let mut call = client.call(method::HOLD).open().await;
        call.send(b"held").await.unwrap();
        call.half_close().await.unwrap();
        seen.push(upstream.next_call().await);
        seen.last_mut().unwrap().until_half_closed().await;
        held.push((protocol, client, call));
    }
    // Longer than a connection may be idle; nothing happens in that time that could be waited for.
    let ends = seen.iter_mut().map(|seen| Box::pin(seen.next()));
    let early = tokio::time::timeout(sluicegate_e2e::QUIET, select_all(ends)).await;
    assert!(early.is_err(), "{:?}", early.map(|(event, call, _)| (event, held[call].0)));
    held.iter().for_each(|_| upstream.release());
    for (protocol, _client, mut call) in held {
        assert_eq!(call.response.all().await.code(), 0, "{protocol:?}");
    }
}

#[tokio::test]
async fn more_connections_than_one_address_may_have_are_closed() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).limit("max_connections_per_ip = 3").start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
        clients.push(client);
    }
    let mut refused = TcpStream::connect(gateway.target().plain).await.unwrap();
    let mut nothing = Vec::new();
    let read = within("the fourth connection to be closed", refused.read_to_end(&mut nothing)).await;
    assert!(!matches!(read, Ok(1..)), "{nothing:?}");
    assert_eq!(
        gateway.metric("sluicegate_downstream_cx_refused", &[("limit", "max_connections_per_ip")]).await,
        1.0
    );
    // Who leaves makes room.
    clients.pop();
    gateway.until_metric("sluicegate_downstream_cx_active", &[], 2.0).await;
    let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

/// Two lengths are how requests are smuggled. The chunks count, and nothing that follows them is a request.
///
/// Source: RFC 9112, section 6.3.
#[tokio::test]
async fn a_length_beside_chunks_ends_the_connection() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut socket = TcpStream::connect(gateway.target().plain).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web\r\n",
        method::UNARY
    );
    let lengths = "content-length: 100\r\ntransfer-encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n0\r\n\r\n";
    let second = "content-length: 5\r\n\r\n\0\0\0\0\0";
    socket.write_all([&head, lengths, &head, second].concat().as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let _ = within("the end of the connection", socket.read_to_end(&mut response)).await;
    if let Some(mut seen) = upstream.try_next_call() {
        assert_eq!(seen.next().await, Event::Message(0));
    }
    assert!(upstream.try_next_call().is_none());
}

#[tokio::test]
async fn nonsense_hurts_nobody() {
    let upstream = Upstream::start().await;
    let mut gateway = Config::in_front_of(&[&upstream]).start().await;
    let target = gateway.target();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // xorshift64, for the same nonsense in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut nonsense = |length: usize| -> Vec<u8> {
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .flatten()
        .take(length)
        .collect()
    };
    for round in 0..100 {
        udp.send_to(&nonsense(1200), target.tls).await.unwrap();
        for (address, prefix) in [
            (target.plain, b"".as_slice()),
            (target.plain, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            (target.plain, b"POST /test.Echo/Unary HTTP/1.1\r\n"),
            (target.tls, b"\x16\x03\x01\x02\x00\x01"),
        ] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            // The gateway may have closed the connection already.
            let _ = socket.write_all(&[prefix, &nonsense(round * 10)].concat()).await;
        }
    }
    for protocol in Protocol::ALL {
        let mut client = Client::connect(protocol, target).await;
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0, "{protocol:?}");
    }
    assert!(gateway.is_running());
    assert_eq!(gateway.metric("sluicegate_panics_total", &[]).await, 0.0);
}
