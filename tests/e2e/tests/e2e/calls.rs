//! Calls of every kind that succeed.

use sluicegate_e2e::client::{Client, Encoding, Head, Protocol, Received, Transport};
use sluicegate_e2e::frame::frame;
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;
use tokio::task::JoinSet;

use crate::stage::Stage;

over!(every protocol: unary, server_streaming, client_streaming, half_duplex, empty_messages, large_messages);
over!(every protocol: many_calls_on_one_connection, compressed_messages);
over!(every full-duplex protocol: full_duplex);
over!(every protocol: head_before_any_message);

#[tokio::test]
async fn all_protocols_at_once() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut clients = JoinSet::new();
    for name in 0..30 {
        let protocol = Protocol::ALL[name % Protocol::ALL.len()];
        let target = gateway.target();
        clients.spawn(async move {
            let mut client = Client::connect(protocol, target).await;
            for round in 0..30 {
                let message = format!("{protocol:?} {name} {round}").repeat(round + 1);
                let call = client.call(method::METADATA).metadata("x-echo", &message).open().await;
                let returned = call.exchange(&[message.as_bytes()]).await;
                assert_eq!(returned.code(), 0, "{protocol:?}");
                assert_eq!(returned.end().trailers["x-echo"], message);
                assert_eq!(returned.messages, [message]);
            }
        });
    }
    within("thirty clients", clients.join_all()).await;
    assert_eq!(upstream.accepted(), 900);
    gateway.until_metric("sluicegate_downstream_rq_active", &[], 0.0).await;
}

async fn unary(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::UNARY, &[b"hello"]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));

    let seen = upstream.next_call().await;
    assert_eq!(seen.path, method::UNARY);
    assert_eq!(seen.values("content-type"), ["application/grpc+proto"]);
    assert_eq!(seen.values("te"), ["trailers"]);
}

async fn server_streaming(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::SERVER_STREAM, &[b"50,3000"]).await;
    assert_eq!(returned.code(), 0);
    assert_eq!(returned.messages.len(), 50);
    for (index, message) in returned.messages.iter().enumerate() {
        assert_eq!(message, &vec![index as u8; 3000]);
    }
}

async fn client_streaming(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let messages = vec![[7; 3000].as_slice(); 50];
    let returned = client.exchange(method::CLIENT_STREAM, &messages).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["50,150000".into()]));
}

async fn half_duplex(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::BIDI, &[b"one", b"two", b"three"]).await;
    assert_eq!(returned.code(), 0);
    assert_eq!(returned.messages, ["one", "two", "three"]);
}

async fn full_duplex(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::BIDI).open().await;
    for round in 0..100 {
        let message = format!("round {round}");
        call.send(message.as_bytes()).await.unwrap();
        assert_eq!(call.response.message().await, message);
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

async fn head_before_any_message(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::BIDI).open().await;
    // Before the client has sent a message, and so before the upstream has one to answer.
    if !matches!(protocol.transport(), Transport::WebTransport | Transport::WebSocket { .. }) {
        assert_eq!(call.response.head().await.unwrap().status, 200);
    }
    call.send(b"now").await.unwrap();
    assert_eq!(call.response.message().await, "now");
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

async fn empty_messages(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::UNARY, &[b""]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["".into()]));
    let returned = client.exchange(method::BIDI, &[b"", b"", b"a", b""]).await;
    assert_eq!(returned.messages, ["", "", "a", ""]);
    let none = client.exchange(method::BIDI, &[]).await;
    assert_eq!((none.code(), none.messages.len()), (0, 0));
    let none = client.exchange(method::SERVER_STREAM, &[b"0,0"]).await;
    assert_eq!((none.code(), none.messages.len()), (0, 0));
}

async fn large_messages(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    // The second is just below the default limit of 4 MiB.
    for size in [1 << 20, (39 << 20) / 10] {
        let message: Vec<u8> = (0..size).map(|index| (index / 7) as u8).collect();
        let returned = client.exchange(method::UNARY, &[&message]).await;
        assert_eq!(returned.code(), 0);
        assert!(returned.messages == [message.as_slice()], "a message of {size} bytes comes back unchanged");
    }
}

/// Compression is between the client and the upstream: compressed messages cross untouched.
async fn compressed_messages(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let head = exchange_compressed(&mut client).await;
    let name = match protocol.encoding() {
        Encoding::Connect => "connect-content-encoding",
        _ => "grpc-encoding",
    };
    assert_eq!(head.headers[name], "gzip");
    let seen = upstream.next_call().await;
    assert_eq!(seen.values("grpc-encoding"), ["gzip"]);
    assert_eq!(seen.values("grpc-accept-encoding"), ["gzip"]);
}

/// Sends a compressed message and a plain one, which must come back as they are, and gives the response's head.
pub(crate) async fn exchange_compressed(client: &mut Client) -> Head {
    let call = client
        .call(method::COMPRESSED)
        .metadata("grpc-encoding", "gzip")
        .metadata("grpc-accept-encoding", "gzip");
    let mut call = call.open().await;
    call.request.send_raw(frame(1, b"not really gzip")).await.unwrap();
    call.send(b"plain").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.recv().await, Received::Compressed("not really gzip".into()));
    assert_eq!(call.response.message().await, "plain");
    assert_eq!(call.response.end().await.code, 0);
    call.response.head().await.unwrap()
}

async fn many_calls_on_one_connection(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    for round in 0..50 {
        let message = format!("round {round}");
        let returned = client.exchange(method::UNARY, &[message.as_bytes()]).await;
        assert_eq!((returned.code(), returned.messages), (0, vec![message.into()]));
    }
    // And at the same time.
    let mut calls = Vec::new();
    for _ in 0..50 {
        calls.push(client.call(method::BIDI).open().await);
    }
    for (round, call) in calls.iter_mut().enumerate() {
        call.send(format!("call {round}").as_bytes()).await.unwrap();
    }
    for (round, call) in calls.iter_mut().enumerate() {
        call.half_close().await.unwrap();
        assert_eq!(call.response.message().await, format!("call {round}"));
        assert_eq!(call.response.end().await.code, 0);
    }
}
