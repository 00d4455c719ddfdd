//! The harness without a gateway: clients that speak native gRPC, directly to the upstream.

use std::time::Duration;

use sluicegate_e2e::client::{Client, Protocol, Received, Target};
use sluicegate_e2e::upstream::{Event, Options, Upstream, method};

async fn directly(protocol: Protocol) -> (Upstream, Client) {
    let options = Options { tls: protocol == Protocol::GrpcTls, ..Options::default() };
    let upstream = Upstream::start_with(options).await;
    let target = Target { plain: upstream.address(), tls: upstream.address() };
    let client = Client::connect(protocol, target).await;
    (upstream, client)
}

#[tokio::test]
async fn every_kind_of_call_works() {
    for protocol in [Protocol::GrpcH2c, Protocol::GrpcTls] {
        let (_upstream, mut client) = directly(protocol).await;
        let unary = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!((unary.code(), unary.messages), (0, vec!["hello".into()]));
        let streamed = client.exchange(method::SERVER_STREAM, &[b"3,70000"]).await;
        assert_eq!(streamed.messages.iter().map(|message| message.len()).sum::<usize>(), 210_000);
        let counted = client.exchange(method::CLIENT_STREAM, &[b"a", b"", b"bc"]).await;
        assert_eq!(counted.messages, ["3,3"]);
        let mut call = client.call(method::BIDI).open().await;
        for message in ["one", "two"] {
            call.send(message.as_bytes()).await.unwrap();
            assert_eq!(call.response.message().await, message);
        }
        call.half_close().await.unwrap();
        assert_eq!(call.response.end().await.code, 0);
    }
}

#[tokio::test]
async fn failures_arrive_as_they_were_sent() {
    let (_upstream, mut client) = directly(Protocol::GrpcH2c).await;
    for (path, trailers_only) in [(method::TRAILERS_ONLY, true), (method::MID_STREAM, false)] {
        let failed = client.exchange(path, &[b""]).await;
        let end = failed.end();
        assert_eq!((end.code, end.trailers_only), (9, trailers_only));
        assert_eq!(end.message, method::FAILURE_MESSAGE);
        assert_eq!(end.details.as_deref(), Some(method::FAILURE_DETAILS));
    }
    for path in [method::NO_STATUS, method::HTML_503, method::DIE_BEFORE_HEAD] {
        let (_upstream, mut client) = directly(Protocol::GrpcH2c).await;
        client.exchange(path, &[b""]).await.end.unwrap_err();
    }
}

#[tokio::test]
async fn a_broken_response_shows_where_it_broke() {
    for (path, code) in [(method::RESET_MID_MESSAGE, Some(11)), (method::DIE_MID_MESSAGE, None)] {
        let (_upstream, mut client) = directly(Protocol::GrpcH2c).await;
        let mut call = client.call(path).metadata("x-reset", "11").open().await;
        call.send(b"").await.unwrap();
        assert_eq!(call.response.message().await, "whole");
        call.send(b"").await.unwrap();
        let Received::Broken(broken) = call.recv().await else { panic!("{path} breaks off") };
        assert_eq!(broken.code, code);
    }
}

#[tokio::test]
async fn the_upstream_tells_what_it_sees() {
    let (mut upstream, mut client) = directly(Protocol::GrpcH2c).await;
    let timeout = Duration::from_millis(1500);
    let mut call = client.call(method::SILENT).metadata("x-a", "1").timeout(timeout).open().await;
    let mut seen = upstream.next_call().await;
    assert_eq!(
        (seen.path.as_str(), seen.values("x-a"), seen.values("grpc-timeout")),
        (method::SILENT, vec!["1"], vec!["1500m"])
    );
    call.send(b"abc").await.unwrap();
    assert_eq!(seen.next().await, Event::Message(3));
    call.half_close().await.unwrap();
    assert_eq!(seen.next().await, Event::HalfClosed(None));
    call.cancel();
    assert_eq!(seen.next().await, Event::Reset(8));
    assert!(seen.drain().is_empty());

    let call = client.call(method::FLOOD).open().await;
    let mut seen = upstream.next_call().await;
    call.reset(11);
    assert_eq!(seen.until_reset().await, 11);
}
