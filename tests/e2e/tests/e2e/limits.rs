//! Messages that are too large or no messages at all: the upstream never gets them.

use bytes::Bytes;
use sluicegate_e2e::client::{Protocol, Transport};
use sluicegate_e2e::frame::{frame, message};
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::upstream::{Event, Seen, Upstream, method};

use crate::stage::Stage;

over!(every protocol: request_message_over_the_limit, response_message_over_the_limit, limit_of_the_route);
over!(every protocol: length_prefix_that_promises_too_much, truncated_prefix, length_prefix_that_promises_too_little);
over!(every protocol: unknown_frame_from_the_client, trailers_from_the_client);

const MIB: usize = 1 << 20;

async fn request_message_over_the_limit(protocol: Protocol) {
    if matches!(protocol.transport(), Transport::WebSocket { .. }) {
        // A message is gathered before its prefix is looked at; `websocket.rs` has this test's twin.
        return;
    }
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::UNARY).open().await;
    call.send(b"small").await.unwrap();
    let large = message(&vec![7; 4 * MIB + 1]);
    call.request.send_raw(large.slice(..1000)).await.unwrap();
    // The rest never follows: the prefix alone decides.
    let end = call.response.end().await;
    assert_eq!(end.code, 8, "{}", end.message);
    assert_reset_without(upstream.next_call().await, 4 * MIB + 1).await;
}

async fn response_message_over_the_limit(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let wanted = format!("1,{}", 4 * MIB + 1);
    let returned = client.exchange(method::SERVER_STREAM, &[wanted.as_bytes()]).await;
    assert_eq!((returned.code(), returned.messages.len()), (8, 0));
    upstream.next_call().await.until_reset().await;
}

async fn limit_of_the_route(protocol: Protocol) {
    let upstream = Upstream::start().await;
    let route = Route::new("small").cluster("main").key("max_request_message = \"1KiB\"");
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    let mut client = sluicegate_e2e::client::Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[&[7; 1024]]).await.code(), 0);
    assert_eq!(client.exchange(method::UNARY, &[&[7; 1025]]).await.code(), 8);
    assert_eq!(client.exchange(method::BIDI, &[b"a", &[7; 1025]]).await.code(), 8);
}

async fn length_prefix_that_promises_too_much(protocol: Protocol) {
    assert_internal(protocol, message(&[7; 100]).slice(..50)).await;
}

async fn truncated_prefix(protocol: Protocol) {
    assert_internal(protocol, Bytes::from_static(&[0, 0, 0])).await;
}

async fn length_prefix_that_promises_too_little(protocol: Protocol) {
    // What is left over is read as the next prefix, whose flags no frame of any protocol has.
    assert_internal(protocol, Bytes::from_static(&[0, 0, 0, 0, 1, b'a', 4, 4, 4, 4, 4])).await;
}

async fn unknown_frame_from_the_client(protocol: Protocol) {
    assert_internal(protocol, frame(4, b"what")).await;
}

async fn trailers_from_the_client(protocol: Protocol) {
    assert_internal(protocol, frame(0x80, b"grpc-status: 0\r\n")).await;
}

/// Sends a good message and then these bytes, to a method that would answer each message.
async fn assert_internal(protocol: Protocol, bytes: Bytes) {
    let Stage { mut client, mut upstream, gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::CLIENT_STREAM).open().await;
    call.send(b"good").await.unwrap();
    call.request.send_raw(bytes).await.unwrap();
    // The gateway may have answered already.
    let _ = call.request.finish().await;
    let end = call.response.end().await;
    assert_eq!(end.code, 13, "{}", end.message);
    // What was left over after a short message may have gone on before its sense was known, but no more than that.
    assert_reset_without(upstream.next_call().await, 100).await;
    let line = gateway.log_line("with DPE", |line| line["response_flags"] == "DPE").await;
    assert_eq!(line["grpc_status"], 13);
}

/// The upstream may have got earlier messages, unless the reset overtook them.
async fn assert_reset_without(mut seen: Seen, size: usize) {
    loop {
        match seen.next().await {
            Event::Message(got) if got != size => {}
            Event::Reset(8) => return,
            other => panic!("{other:?}"),
        }
    }
}
