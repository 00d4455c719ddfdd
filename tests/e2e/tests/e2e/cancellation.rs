//! A call that its client takes back, at each point of its life. The upstream always sees `RST_STREAM(CANCEL)`.

use sluicegate_e2e::client::{Client, Protocol, Received};
use sluicegate_e2e::frame::message;
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::upstream::{Event, Upstream, method};

use crate::stage::Stage;

over!(every protocol: at_once, after_the_headers, inside_a_message, after_the_half_close, during_the_response);
over!(every protocol: before_the_response_head);
over!(every multiplexed protocol: while_the_upstream_does_not_read, by_closing_the_connection);

const CANCEL: u32 = 8;

async fn at_once(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway } = Stage::new(protocol).await;
    client.call(method::SILENT).open().await.cancel();
    // Whether the upstream ever heard of that call is a race, but it is not left with it.
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    let mut seen = upstream.next_call().await;
    if seen.path == method::SILENT {
        assert_eq!(seen.until_reset().await, CANCEL);
    }
    gateway.until_metric("sluicegate_downstream_rq_active", &[], 0.0).await;
}

async fn after_the_headers(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway } = Stage::new(protocol).await;
    let call = client.call(method::SILENT).open().await;
    let mut seen = upstream.next_call().await;
    call.cancel();
    assert_eq!(seen.next().await, Event::Reset(CANCEL));
    let is_cancelled =
        |line: &serde_json::Value| line["response_flags"] == "DR" || line["response_flags"] == "DC";
    let line = gateway.log_line("with DR or DC", is_cancelled).await;
    assert_eq!(line["grpc_status"], 1);
}

async fn inside_a_message(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::SILENT).open().await;
    call.send(b"whole").await.unwrap();
    call.request.send_raw(message(&[7; 1000]).slice(..300)).await.unwrap();
    let mut seen = upstream.next_call().await;
    assert_eq!(seen.next().await, Event::Message(5));
    call.cancel();
    assert_eq!(seen.next().await, Event::Reset(CANCEL));
}

async fn after_the_half_close(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::HEAD_ONLY).open().await;
    call.send(b"").await.unwrap();
    call.half_close().await.unwrap();
    let mut seen = upstream.next_call().await;
    assert_eq!(seen.until_half_closed().await, None);
    call.cancel();
    assert_eq!(seen.next().await, Event::Reset(CANCEL));
}

async fn before_the_response_head(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::SILENT).open().await;
    call.half_close().await.unwrap();
    let mut seen = upstream.next_call().await;
    assert_eq!(seen.until_half_closed().await, None);
    call.cancel();
    assert_eq!(seen.next().await, Event::Reset(CANCEL));
}

async fn during_the_response(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::FLOOD).open().await;
    call.half_close().await.unwrap();
    for _ in 0..3 {
        assert!(matches!(call.recv().await, Received::Message(_)));
    }
    call.cancel();
    assert_eq!(upstream.next_call().await.until_reset().await, CANCEL);
}

async fn while_the_upstream_does_not_read(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::NOT_READING).open().await;
    let mut seen = upstream.next_call().await;
    let chunk = vec![7; 256 << 10];
    while call.request.try_send(&chunk).await.unwrap() {}
    call.cancel();
    assert_eq!(seen.until_reset().await, CANCEL);
}

/// Where a call has a connection of its own, the end of that lies behind the bytes that nobody reads, so it is not seen.
/// Such a call ends when nothing has moved for the idle timeout.
#[tokio::test]
async fn while_the_upstream_does_not_read_on_a_connection_of_its_own() {
    let mut upstream = Upstream::start().await;
    // Twice as long as it takes to see that nothing moves: a gateway that has ended the call takes everything again.
    let route = Route::new("short").cluster("main").key("idle_timeout = \"1s\"");
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    for protocol in [Protocol::WebH1, Protocol::WebTextH1, Protocol::GrpcWs, Protocol::GrpcWsTls] {
        let mut client = Client::connect(protocol, gateway.target()).await;
        let mut call = client.call(method::NOT_READING).open().await;
        let mut seen = upstream.next_call().await;
        let chunk = vec![7; 256 << 10];
        while call.request.try_send(&chunk).await.is_ok_and(|taken| taken) {}
        call.cancel();
        assert_eq!(seen.until_reset().await, CANCEL);
    }
}

async fn by_closing_the_connection(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let call = client.call(method::SILENT).open().await;
    let mut seen = upstream.next_call().await;
    drop(client);
    assert_eq!(seen.next().await, Event::Reset(CANCEL));
    drop(call);
}
