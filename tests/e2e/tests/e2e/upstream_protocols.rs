//! Calls that cross a second gateway on their way, in gRPC-Web or in Connect: client, gateway, gateway, upstream.

use std::time::Duration;

use sluicegate_e2e::client::{Client, Encoding, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::reflector;
use sluicegate_e2e::upstream::{Event, Upstream, method};
use tempfile::TempDir;

use crate::calls::exchange_compressed;

over!(every protocol: every_kind_by_web, every_kind_by_connect, metadata_by_web, metadata_by_connect);
over!(every protocol: failures_by_web, failures_by_connect, compressed_by_web, compressed_by_connect);
over!(every protocol: deadlines_by_web, deadlines_by_connect, cancellation_by_web, cancellation_by_connect);
over!(every full-duplex protocol: full_duplex_by_web, full_duplex_by_connect);

/// Which methods stream. What they carry is opaque.
const PROTO: &str = "syntax = 'proto3'; package test; message M {}
     service Echo {
       rpc Unary(M) returns (M); rpc Metadata(M) returns (M); rpc ServerStream(M) returns (stream M);
       rpc ClientStream(stream M) returns (M); rpc Bidi(stream M) returns (stream M);
       rpc Compressed(stream M) returns (stream M);
     }
     service Fail { rpc TrailersOnly(M) returns (M); rpc MidStream(M) returns (stream M); }
     service Broken {
       rpc Html503(M) returns (M); rpc NoStatus(M) returns (stream M); rpc OkMidMessage(M) returns (stream M);
       rpc DieMidMessage(M) returns (stream M);
     }
     service Hang { rpc Silent(M) returns (M); rpc HeadOnly(M) returns (stream M); }";

/// What is between the two gateways.
#[derive(Clone, Copy, Debug)]
enum By {
    Web,
    Connect,
}

struct Relay {
    client: Client,
    outer: Gateway,
    /// Speaks whatever its clients do, and gRPC to the upstream.
    inner: Gateway,
    upstream: Upstream,
    _protos: TempDir,
}

impl Relay {
    async fn new(protocol: Protocol, by: By) -> Relay {
        let upstream = Upstream::start().await;
        let inner = Config::in_front_of(&[&upstream]).start().await;
        let protos = tempfile::tempdir().unwrap();
        // The harness's Connect client knows nothing of methods and always streams, which a method that is known not to
        // is not called with.
        let text = match protocol.encoding() {
            Encoding::Connect => PROTO.replace("stream M", "M").replace("(M)", "(stream M)"),
            _ => PROTO.to_owned(),
        };
        reflector::write(protos.path(), &[("test.proto", &text)]);
        let keys = match by {
            By::Web => "protocol = \"grpc-web\"".to_owned(),
            By::Connect => {
                format!("protocol = \"connect\"\ndescriptors = {{ protos = [{:?}] }}", protos.path())
            }
        };
        let outer = Config::default()
            .route(Route::new("all").cluster("inner"))
            .cluster_of("inner", &[format!("http://{}", inner.target().plain)], &keys)
            .start()
            .await;
        let client = Client::connect(protocol, outer.target()).await;
        Relay { client, outer, inner, upstream, _protos: protos }
    }

    /// The second gateway's client is the first, in the protocol that its cluster has.
    async fn has_spoken(&self, names: &[&str]) {
        let lines =
            self.inner.log_line("of the second gateway", |line| line["client_protocol"].is_string()).await;
        let spoken = lines["client_protocol"].as_str().unwrap();
        assert!(names.contains(&spoken), "{spoken}");
    }
}

async fn every_kind(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    let client = &mut relay.client;
    let returned = client.exchange(method::UNARY, &[b"hello"]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));
    let returned = client.exchange(method::UNARY, &[b""]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["".into()]));
    let large = vec![7; 1 << 20];
    let returned = client.exchange(method::UNARY, &[&large]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec![large.into()]));

    let returned = client.exchange(method::SERVER_STREAM, &[b"50,3000"]).await;
    assert_eq!((returned.code(), returned.messages.len()), (0, 50));
    assert!(returned.messages.iter().enumerate().all(|(at, message)| message == &vec![at as u8; 3000]));
    let returned = client.exchange(method::CLIENT_STREAM, &vec![[7; 3000].as_slice(); 50]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["50,150000".into()]));
    let returned = client.exchange(method::BIDI, &[b"one", b"two", b"three"]).await;
    assert_eq!(returned.code(), 0);
    assert_eq!(returned.messages, ["one", "two", "three"]);

    let seen = relay.upstream.next_call().await;
    assert_eq!((&*seen.path, seen.values("content-type")), (method::UNARY, vec!["application/grpc+proto"]));
    for name in ["connect-protocol-version", "x-grpc-web", "grpc-timeout", "connect-timeout-ms"] {
        assert!(!seen.headers.contains_key(name), "{name}: {:?}", seen.headers);
    }
    match by {
        By::Web => relay.has_spoken(&["grpc_web"]).await,
        By::Connect => relay.has_spoken(&["connect_unary", "connect_stream"]).await,
    }
}

async fn full_duplex(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    let mut call = relay.client.call(method::BIDI).open().await;
    for round in 0..20 {
        let message = format!("round {round}");
        call.send(message.as_bytes()).await.unwrap();
        assert_eq!(call.response.message().await, message);
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

async fn metadata(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    let call = relay
        .client
        .call(method::METADATA)
        .metadata("x-echo", "first")
        .metadata("x-echo", "second, with a comma")
        .metadata("x-echo-bin", "AAEC")
        .metadata("x-echo-bin", "/+8");
    let returned = call.open().await.exchange(&[b""]).await;
    assert_eq!(returned.code(), 0);
    let seen = relay.upstream.next_call().await;
    assert_eq!(seen.values("x-echo"), ["first", "second, with a comma"]);
    for metadata in [&returned.head.as_ref().unwrap().headers, &returned.end().trailers] {
        let values = |name| metadata.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("x-echo"), ["first", "second, with a comma"]);
        assert_eq!(values("x-echo-bin"), ["AAEC", "/+8"]);
    }
}

async fn failures(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    let client = &mut relay.client;
    for path in [method::TRAILERS_ONLY, method::MID_STREAM] {
        for code in 1..=16 {
            let call = client.call(path).metadata("x-status", &code.to_string()).open().await;
            assert_eq!(call.exchange(&[b""]).await.code(), code, "{path}");
        }
        let returned = client.exchange(path, &[b""]).await;
        let end = returned.end();
        assert_eq!((end.code, &*end.message), (9, method::FAILURE_MESSAGE));
        assert_eq!(end.details.as_deref(), Some(method::FAILURE_DETAILS));
        assert_eq!(end.trailers["x-failed"], "yes");
    }
    assert_eq!(client.exchange(method::HTML_503, &[b""]).await.code(), 14);
    assert_eq!(client.exchange(method::NO_STATUS, &[b""]).await.code(), 2);
    for path in [method::OK_MID_MESSAGE, method::DIE_MID_MESSAGE] {
        let returned = client.exchange(path, &[b""]).await;
        assert!(returned.end.is_err() || returned.code() != 0, "{path}");
    }
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

async fn compressed(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    exchange_compressed(&mut relay.client).await;
    let seen = relay.upstream.next_call().await;
    assert_eq!(seen.values("grpc-encoding"), ["gzip"]);
}

async fn deadlines(protocol: Protocol, by: By) {
    let mut relay = Relay::new(protocol, by).await;
    for path in [method::SILENT, method::HEAD_ONLY] {
        let call = relay.client.call(path).timeout(Duration::from_millis(300)).open().await;
        assert_eq!(call.exchange(&[b""]).await.code(), 4, "{path}");
        let mut seen = relay.upstream.next_call().await;
        assert!(seen.headers.contains_key("grpc-timeout"), "the upstream is told of the client's deadline");
        seen.until_reset().await;
    }
}

async fn cancellation(protocol: Protocol, by: By) {
    const CANCEL: u32 = 8;
    let mut relay = Relay::new(protocol, by).await;
    for path in [method::SILENT, method::HEAD_ONLY] {
        let mut call = relay.client.call(path).open().await;
        call.send(b"hello").await.unwrap();
        call.half_close().await.unwrap();
        let mut seen = relay.upstream.next_call().await;
        assert_eq!(seen.next().await, Event::Message(5));
        seen.until_half_closed().await;
        call.cancel();
        assert_eq!(seen.until_reset().await, CANCEL, "{path}");
    }
    relay.outer.until_metric("sluicegate_downstream_rq_active", &[], 0.0).await;
}

/// A test for each protocol calls a behaviour with nothing but the protocol.
macro_rules! by {
    ($($behaviour:ident: $web:ident $connect:ident,)+) => {
        $(
            async fn $web(protocol: Protocol) {
                $behaviour(protocol, By::Web).await;
            }
            async fn $connect(protocol: Protocol) {
                $behaviour(protocol, By::Connect).await;
            }
        )+
    };
}

by! {
    every_kind: every_kind_by_web every_kind_by_connect,
    full_duplex: full_duplex_by_web full_duplex_by_connect,
    metadata: metadata_by_web metadata_by_connect,
    failures: failures_by_web failures_by_connect,
    compressed: compressed_by_web compressed_by_connect,
    deadlines: deadlines_by_web deadlines_by_connect,
    cancellation: cancellation_by_web cancellation_by_connect,
}
