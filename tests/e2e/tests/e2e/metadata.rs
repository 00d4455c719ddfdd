//! Metadata, in both directions.

use sluicegate_e2e::client::{Protocol, Transport};
use sluicegate_e2e::upstream::method;

use crate::stage::Stage;

over!(every protocol: both_ways, none_of_the_hop, who_asked);

async fn both_ways(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let call = client
        .call(method::METADATA)
        .metadata("x-echo", "first")
        .metadata("x-echo-bin", "AAEC")
        .metadata("x-echo", "second, with a comma")
        .metadata("x-echo", "third")
        .metadata("x-echo-bin", "/+8")
        .metadata("x-joined-bin", "AAEC, /+8=")
        .metadata("user-agent", "grpc-test/1");
    let returned = call.open().await.exchange(&[b""]).await;
    assert_eq!(returned.code(), 0);

    let seen = upstream.next_call().await;
    let texts = ["first", "second, with a comma", "third"];
    assert_eq!(seen.values("x-echo"), texts);
    assert_eq!(seen.values("x-echo-bin"), ["AAEC", "/+8"]);
    // Browsers join, and are understood.
    let joined: &[&str] = if protocol.is_web() { &["AAEC", "/+8="] } else { &["AAEC, /+8="] };
    assert_eq!(seen.values("x-joined-bin"), joined);
    assert!(seen.values("user-agent")[0].starts_with("grpc-test/1"), "{:?}", seen.values("user-agent"));
    for metadata in [&returned.head.as_ref().unwrap().headers, &returned.end().trailers] {
        let values = |name| metadata.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("x-echo"), texts);
        assert_eq!(values("x-echo-bin"), ["AAEC", "/+8"]);
    }
}

async fn none_of_the_hop(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    let seen = upstream.next_call().await;
    for name in [
        "connection",
        "transfer-encoding",
        "host",
        "content-length",
        "x-grpc-web",
        "keep-alive",
        "grpc-timeout",
    ] {
        assert!(!seen.headers.contains_key(name), "{name}: {:?}", seen.headers);
    }
    assert_eq!(seen.scheme.as_deref(), Some("http"));
}

/// What a client claims about who it is goes no further; the upstream learns what the gateway knows.
async fn who_asked(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let call = client
        .call(method::UNARY)
        .metadata("x-forwarded-for", "203.0.113.9")
        .metadata("x-forwarded-proto", "gopher")
        .metadata("x-envoy-internal", "true")
        .metadata("forwarded", "for=203.0.113.9");
    assert_eq!(call.open().await.exchange(&[b""]).await.code(), 0);
    let seen = upstream.next_call().await;
    assert_eq!(seen.values("x-forwarded-for"), ["127.0.0.1"]);
    let secure = !matches!(
        protocol.transport(),
        Transport::H1 { tls: false } | Transport::H2 { tls: false } | Transport::WebSocket { tls: false }
    );
    assert_eq!(seen.values("x-forwarded-proto"), [if secure { "https" } else { "http" }]);
    assert!(!seen.headers.contains_key("x-envoy-internal") && !seen.headers.contains_key("forwarded"));
}
