//! Filters refuse in the client's own protocol, and the upstream never hears of it.

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Upstream, method};

over!(every protocol: api_key, rate_limit);
over!(every web protocol: cors_of_replies, cors_of_refusals, cors_preflight);

const PAGE: &str = "https://app.example.com";
const CORS: &str = r#"{ use = "cors", allow_origins = ["https://app.example.com"] }"#;
const API_KEY: &str = r#"{ use = "api_key", keys = [{ identity = "alice", key = "open sesame, please" }] }"#;

async fn filtered(filters: &[&str]) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let route = filters.iter().fold(Route::new("all").cluster("main"), |route, filter| route.filter(filter));
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    (upstream, gateway)
}

async fn api_key(protocol: Protocol) {
    let (mut upstream, gateway) = filtered(&[API_KEY]).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 16);
    let call = client.call(method::UNARY).metadata("x-api-key", "abracadabra").open().await;
    assert_eq!(call.exchange(&[b""]).await.code(), 16);
    assert!(upstream.try_next_call().is_none());

    let call = client.call(method::UNARY).metadata("x-api-key", "open sesame, please").open().await;
    assert_eq!(call.exchange(&[b""]).await.code(), 0);
    assert!(upstream.next_call().await.values("x-api-key").is_empty(), "the key stays here");
    let line = gateway.log_line("of alice", |line| line["identity"] == "alice").await;
    assert_eq!(line["response_flags"], "-");
    gateway.log_line("with UAEX", |line| line["response_flags"] == "UAEX").await;
    let refusals = [("route", "all"), ("filter", "api_key")];
    assert_eq!(gateway.metric("sluicegate_filter_refusals", &refusals).await, 2.0);
}

async fn rate_limit(protocol: Protocol) {
    let (mut upstream, gateway) =
        filtered(&[r#"{ use = "rate_limit", key = "route", rate = 2, per = "1h" }"#]).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for code in [0, 0, 8, 8] {
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), code);
    }
    assert_eq!(upstream.accepted(), 2);
    upstream.next_call().await;
    let line = gateway.log_line("with RL", |line| line["response_flags"] == "RL").await;
    assert_eq!(line["grpc_status"], 8);
}

async fn cors_of_replies(protocol: Protocol) {
    let (_upstream, gateway) = filtered(&[CORS]).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for (origin, allowed) in [(PAGE, true), ("https://evil.example.com", false)] {
        let call = client.call(method::UNARY).metadata("origin", origin).open().await;
        let returned = call.exchange(&[b""]).await;
        let headers = returned.head.unwrap().headers;
        assert_eq!(headers.get("access-control-allow-origin").is_some_and(|value| value == PAGE), allowed);
        assert!(headers["vary"].to_str().unwrap().to_ascii_lowercase().contains("origin"));
    }
}

async fn cors_of_refusals(protocol: Protocol) {
    let (mut upstream, gateway) = filtered(&[CORS, API_KEY]).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let call = client.call(method::UNARY).metadata("origin", PAGE).open().await;
    let returned = call.exchange(&[b""]).await;
    assert_eq!(returned.code(), 16);
    // Without these a page would learn nothing but that "the network failed".
    let headers = returned.head.unwrap().headers;
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("grpc-status"));
    assert!(upstream.try_next_call().is_none());
}

async fn cors_preflight(protocol: Protocol) {
    let (mut upstream, gateway) = filtered(&[CORS]).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut call = client
        .call(method::UNARY)
        .plain()
        .method(http::Method::OPTIONS)
        .metadata("origin", PAGE)
        .metadata("access-control-request-method", "POST")
        .metadata("access-control-request-headers", "content-type,x-grpc-web,x-user-agent")
        .open()
        .await;
    let _ = call.half_close().await;
    let head = call.response.head().await.unwrap();
    assert_eq!(head.status, 204);
    assert_eq!(head.headers["access-control-allow-origin"], PAGE);
    let allowed = head.headers["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
    for name in ["content-type", "x-grpc-web"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    assert!(upstream.try_next_call().is_none());
}
