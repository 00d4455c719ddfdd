//! Messages of calls over WebTransport that travel in datagrams. The client loses and reorders by not sending, and by
//! sending in another order.

use bytes::Bytes;
use sluicegate_e2e::client::{Call, Client, Protocol, Received};
use sluicegate_e2e::frame::message;
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::reflector::write;
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::{QUIET, within};

const COUNT: &str = "sluicegate_grpc_datagram_message_count";
const ACCEPTED: (u8, Bytes) = (0x28, Bytes::new());

/// A gateway with these keys for its only route and its only cluster.
struct Stage {
    upstream: Upstream,
    gateway: Gateway,
    client: Client,
}

impl Stage {
    async fn new(route: &str, cluster: &str) -> Stage {
        let upstream = Upstream::start().await;
        let config = Config::default().route(Route::new("all").cluster("main").key(route));
        let gateway = config.cluster_of("main", &[upstream.url()], cluster).start().await;
        let client = Client::connect(Protocol::GrpcWt, gateway.target()).await;
        Stage { upstream, gateway, client }
    }

    /// With datagrams for the method that echoes.
    async fn echo(policy: &str) -> Stage {
        Stage::new(&allowed(method::BIDI, policy), "").await
    }

    /// A call that has offered this number.
    async fn open(&mut self, path: &str, number: &str) -> Call {
        self.client.call(path).metadata("grpc-wt-datagram", number).open().await
    }

    fn send(&self, bytes: &[u8]) {
        self.client.session().send_datagram(Bytes::copy_from_slice(bytes)).unwrap();
    }

    async fn datagram(&self) -> Bytes {
        within("a datagram", self.client.session().read_datagram()).await.unwrap()
    }

    async fn dropped(&self, direction: &str, count: f64) {
        self.gateway.until_metric(COUNT, &[("direction", direction), ("outcome", "dropped")], count).await;
    }
}

fn allowed(method: &str, policy: &str) -> String {
    format!("datagrams = {{ methods = [\"{method}\"], policy = \"{policy}\" }}")
}

#[tokio::test]
async fn messages_travel_both_ways() {
    let mut stage = Stage::echo("all").await;
    let mut call = stage.open(method::BIDI, "7").await;
    assert_eq!(call.response.extension().await, ACCEPTED);
    stage.send(b"\x07\0\0hello");
    assert_eq!(stage.datagram().await, &b"\x07\0\0hello"[..]);
    // A message on the stream is answered in a datagram too: each side chooses for itself.
    call.send(b"on the stream").await.unwrap();
    assert_eq!(stage.datagram().await, &b"\x07\x01\0on the stream"[..]);
    // What is too large for a datagram takes the stream.
    let large = vec![b'x'; 20_000];
    call.send(&large).await.unwrap();
    assert_eq!(call.response.message().await, large);
    // Empty ones travel as well.
    stage.send(b"\x07\x01\0");
    assert_eq!(stage.datagram().await, &b"\x07\x02\0"[..]);
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
    let mut seen = stage.upstream.next_call().await;
    assert!(!seen.headers.contains_key("grpc-wt-datagram"));
    seen.until_half_closed().await;
    let count = |direction: &'static str| {
        let gateway = &stage.gateway;
        async move { gateway.metric(COUNT, &[("direction", direction), ("outcome", "passed")]).await }
    };
    assert_eq!((count("request").await, count("response").await), (2.0, 3.0));
    stage.dropped("request", 0.0).await;
}

#[tokio::test]
async fn a_datagram_never_stands_inside_a_message() {
    let mut stage = Stage::echo("all").await;
    let mut call = stage.open(method::BIDI, "0").await;
    assert_eq!(call.response.extension().await, ACCEPTED);
    let frame = message(b"cut in two");
    call.request.send_raw(frame.slice(..8)).await.unwrap();
    stage.send(b"\0\0\0between");
    // Nothing is passed on before the message is whole; the rest and the datagram arrive together.
    call.request.send_raw(frame.slice(8..)).await.unwrap();
    let mut echoed = [stage.datagram().await.slice(3..), stage.datagram().await.slice(3..)];
    echoed.sort();
    assert_eq!(echoed, ["between", "cut in two"]);
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

/// Numbers 1, 3 and 4 are lost or late.
#[tokio::test]
async fn the_latest_overtakes_for_good() {
    let mut stage = Stage::echo("latest").await;
    let mut call = stage.open(method::BIDI, "7").await;
    assert_eq!(call.response.extension().await, ACCEPTED);
    for number in [b'\0', 2] {
        stage.send(&[7, number, 0, b'a' + number]);
        assert_eq!(stage.datagram().await[3], b'a' + number);
    }
    stage.send(b"\x07\x01\0late");
    stage.dropped("request", 1.0).await;
    stage.send(b"\x07\x05\0f");
    assert_eq!(stage.datagram().await, &b"\x07\x02\0f"[..]);
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

#[tokio::test]
async fn all_are_passed_on_in_any_order() {
    let mut stage = Stage::echo("all").await;
    let mut call = stage.open(method::BIDI, "63").await;
    assert_eq!(call.response.extension().await, ACCEPTED);
    for (place, number) in [9, 2, 4].into_iter().enumerate() {
        stage.send(&[63, number, 0, b'x']);
        assert_eq!(stage.datagram().await, &[63, place as u8, 0, b'x'][..]);
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

/// Before it is accepted, and even before the gateway knows of the call.
#[tokio::test]
async fn a_client_need_not_wait() {
    let mut stage = Stage::echo("all").await;
    stage.send(b"\x09\0\0first");
    let mut call = stage.open(method::BIDI, "9").await;
    assert_eq!(stage.datagram().await, &b"\x09\0\0first"[..]);
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

#[tokio::test]
async fn only_configured_methods_may_have_them() {
    let mut stage = Stage::echo("all").await;
    let mut call = stage.open(method::METADATA, "7").await;
    stage.send(b"\x07\0\0lost");
    call.send(b"").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.response.all().await.code(), 0);
    assert_eq!(call.response.extensions(), 0);
    let nothing = tokio::time::timeout(QUIET, stage.client.session().read_datagram()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

/// What is sent once is not sent unreliably, where descriptors tell that it is.
#[tokio::test]
async fn single_messages_stay_on_the_stream() {
    const PROTO: &str = "syntax = 'proto3'; package test; message Text {}
        service Echo {
          rpc Unary(Text) returns (Text);
          rpc ServerStream(Text) returns (stream Text);
          rpc ClientStream(stream Text) returns (Text);
        }";
    let protos = tempfile::tempdir().unwrap();
    write(protos.path(), &[("echo.proto", PROTO)]);
    let methods = [method::UNARY, method::SERVER_STREAM, method::CLIENT_STREAM];
    let route = format!("datagrams = {{ methods = {methods:?}, policy = \"all\" }}");
    let mut stage =
        Stage::new(&route, &format!("descriptors = {{ protos = [{:?}] }}\n", protos.path())).await;

    let mut unary = stage.open(method::UNARY, "1").await;
    unary.send(b"").await.unwrap();
    unary.half_close().await.unwrap();
    assert_eq!(unary.response.message().await, "");
    assert_eq!((unary.response.end().await.code, unary.response.extensions()), (0, 0));

    let mut responses = stage.open(method::SERVER_STREAM, "2").await;
    assert_eq!(responses.response.extension().await, ACCEPTED);
    stage.send(b"\x02\0\x009,9");
    stage.dropped("request", 1.0).await;
    responses.send(b"2,3").await.unwrap();
    responses.half_close().await.unwrap();
    for number in 0..2 {
        assert_eq!(stage.datagram().await[..3], [2, number, 0]);
    }
    assert_eq!(responses.response.end().await.code, 0);

    let mut requests = stage.open(method::CLIENT_STREAM, "3").await;
    assert_eq!(requests.response.extension().await, ACCEPTED);
    stage.send(b"\x03\0\0abc");
    let passed = [("direction", "request"), ("outcome", "passed")];
    stage.gateway.until_metric(COUNT, &passed, 1.0).await;
    requests.half_close().await.unwrap();
    assert_eq!(requests.response.message().await, "1,3");
    assert_eq!(requests.response.end().await.code, 0);
}

#[tokio::test]
async fn limits_hold_for_them() {
    let route = format!("max_request_message = 10\n{}", allowed(method::BIDI, "all"));
    let mut stage = Stage::new(&route, "").await;
    let mut call = stage.open(method::BIDI, "7").await;
    assert_eq!(call.response.extension().await, ACCEPTED);
    stage.send(b"\x07\0\x000123456789");
    assert_eq!(stage.datagram().await, &b"\x07\0\x000123456789"[..]);
    stage.send(b"\x07\x01\x00012345678910");
    assert_eq!(call.response.end().await.code, 8);
}

#[tokio::test]
async fn a_number_names_one_call() {
    let mut stage = Stage::echo("all").await;
    let mut first = stage.open(method::BIDI, "7").await;
    assert_eq!(first.response.extension().await, ACCEPTED);
    for number in ["7", "007", "", "seven", "4611686018427387904"] {
        let mut second = stage.open(method::BIDI, number).await;
        assert_eq!(second.response.end().await.code, 13, "{number:?}");
    }
    first.half_close().await.unwrap();
    assert_eq!(first.response.end().await.code, 0);
    // It is free again.
    stage.gateway.until_metric("sluicegate_webtransport_streams_active", &[], 0.0).await;
    let mut next = stage.open(method::BIDI, "7").await;
    assert_eq!(next.response.extension().await, ACCEPTED);
    next.half_close().await.unwrap();
    assert!(matches!(next.recv().await, Received::End(end) if end.code == 0));
}

#[tokio::test]
async fn the_probe_tells_the_truth() {
    for (route, wanted) in [("", false), (&*allowed(method::BIDI, "latest"), true)] {
        let stage = Stage::new(route, "").await;
        let mut client = Client::connect(Protocol::GrpcTls, stage.gateway.target()).await;
        let mut call = client.call("/grpc-wt/v1").plain().method(http::Method::GET).open().await;
        call.request.finish().await.unwrap();
        let probe: serde_json::Value = serde_json::from_slice(&call.response.body().await).unwrap();
        assert_eq!(probe["datagrams"], wanted, "{route}");
    }
}
