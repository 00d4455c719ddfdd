//! Which calls reach an upstream, and what the others are told.

use http::Method;
use sluicegate_e2e::client::{Client, Protocol, Transport};
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::upstream::{Upstream, method};

use crate::stage::Stage;

over!(every protocol: no_route, by_host, by_service_and_method, first_match_wins, by_header, by_weight);
over!(every HTTP version: no_route_for_plain_http, no_rpc_content_type);
over!(every web protocol: only_post);

async fn no_route(protocol: Protocol) {
    let mut upstream = Upstream::start().await;
    let route = Route::new("echo").cluster("main").key("services = [\"test.Echo\"]");
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for path in ["/other.Service/Method", method::SILENT, "/test.Echo.More/Unary", "/prefix/test.Echo/Unary"]
    {
        let returned = client.exchange(path, &[b""]).await;
        assert_eq!(returned.code(), 12, "{path}");
        let line = gateway.log_line(path, |line| line["path"] == path).await;
        assert_eq!((&line["response_flags"], &line["grpc_status"]), (&"NR".into(), &12.into()));
    }
    assert!(upstream.try_next_call().is_none());
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert_eq!(gateway.metric("sluicegate_downstream_rq_no_route", &[]).await, 4.0);
}

async fn by_host(protocol: Protocol) {
    if protocol.transport() == Transport::WebTransport {
        // A stream has no host of its own: it belongs to the session's, which is `localhost` here.
        return;
    }
    let (mut one, mut other) = (Upstream::start().await, Upstream::start().await);
    let config = Config::default()
        .route(Route::new("one").cluster("one").key("hosts = [\"one.example\"]"))
        .route(Route::new("other").cluster("other").key("hosts = [\"*.other.example\"]"))
        .cluster("one", &[&one])
        .cluster("other", &[&other]);
    let gateway = config.start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for (host, code) in
        [("one.example", 0), ("a.other.example", 0), ("localhost", 12), ("two.one.example", 12)]
    {
        let call = client.call(method::UNARY).authority(host).open().await;
        assert_eq!(call.exchange(&[b""]).await.code(), code, "{host}");
    }
    one.next_call().await;
    other.next_call().await;
    assert!(one.try_next_call().is_none() && other.try_next_call().is_none());
}

async fn by_service_and_method(protocol: Protocol) {
    let (mut hang, mut echo) = (Upstream::start().await, Upstream::start().await);
    let config = Config::default()
        .route(Route::new("unary").cluster("echo").key("methods = [\"/test.Echo/Unary\"]"))
        .route(Route::new("fail").cluster("hang").key("services = [\"test.Fail\"]"))
        .cluster("echo", &[&echo])
        .cluster("hang", &[&hang]);
    let gateway = config.start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert_eq!(client.exchange(method::TRAILERS_ONLY, &[b""]).await.code(), 9);
    assert_eq!(client.exchange(method::BIDI, &[b""]).await.code(), 12);
    assert_eq!(echo.next_call().await.path, method::UNARY);
    assert_eq!(hang.next_call().await.path, method::TRAILERS_ONLY);
}

async fn first_match_wins(protocol: Protocol) {
    let (mut first, mut second) = (Upstream::start().await, Upstream::start().await);
    let config = Config::default()
        .route(Route::new("first").cluster("first").key("services = [\"test.*\"]"))
        .route(Route::new("second").cluster("second"))
        .cluster("first", &[&first])
        .cluster("second", &[&second]);
    let gateway = config.start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert_eq!(client.exchange("/other.Service/Method", &[b""]).await.code(), 12);
    assert_eq!(first.next_call().await.path, method::UNARY);
    assert_eq!(second.next_call().await.path, "/other.Service/Method");
}

async fn by_header(protocol: Protocol) {
    let (mut canary, mut main) = (Upstream::start().await, Upstream::start().await);
    let config = Config::default()
        .route(Route::new("canary").cluster("canary").key("headers = { \"x-canary\" = \"yes\" }"))
        .route(Route::new("main").cluster("main"))
        .cluster("canary", &[&canary])
        .cluster("main", &[&main]);
    let gateway = config.start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for value in ["yes", "no"] {
        let call = client.call(method::UNARY).metadata("x-canary", value).open().await;
        assert_eq!(call.exchange(&[b""]).await.code(), 0);
    }
    assert_eq!(canary.next_call().await.values("x-canary"), ["yes"]);
    assert_eq!(main.next_call().await.values("x-canary"), ["no"]);
}

async fn by_weight(protocol: Protocol) {
    let (old, new, off) = (Upstream::start().await, Upstream::start().await, Upstream::start().await);
    let shares =
        "[{ name = \"old\", weight = 3 }, { name = \"new\", weight = 1 }, { name = \"off\", weight = 0 }]";
    let config = Config::default()
        .route(Route::new("split").key(&format!("clusters = {shares}")))
        .cluster("old", &[&old])
        .cluster("new", &[&new])
        .cluster("off", &[&off]);
    let gateway = config.start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..100 {
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
    assert_eq!((old.accepted() + new.accepted(), off.accepted()), (100, 0));
    // 25 are expected; fewer than 4 or more than 50 happen less than once in ten million runs.
    assert!((4..=50).contains(&new.accepted()), "{} of 100 to the cluster with a quarter", new.accepted());
}

async fn no_route_for_plain_http(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call("/index.html").plain().method(Method::GET).open().await;
    call.half_close().await.unwrap();
    assert_eq!(call.response.head().await.unwrap().status, 404);
    assert!(upstream.try_next_call().is_none());
}

async fn no_rpc_content_type(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    for content_type in ["image/jpeg", "application/grpcish", "application/grpc-webby"] {
        let mut call = client.call(method::UNARY).content_type(content_type).open().await;
        let _ = call.half_close().await;
        assert_eq!(call.response.head().await.unwrap().status, 415, "{content_type}");
    }
    assert!(upstream.try_next_call().is_none());
}

async fn only_post(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    for method_of_http in [Method::PUT, Method::DELETE] {
        let mut call = client.call(method::UNARY).method(method_of_http).open().await;
        let _ = call.half_close().await;
        assert_eq!(call.response.head().await.unwrap().status, 405);
    }
    assert!(upstream.try_next_call().is_none());
}
