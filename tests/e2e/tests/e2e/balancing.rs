//! Clusters of several endpoints, and endpoints that fail.

use std::net::SocketAddr;

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Options, Upstream, method};
use tokio::net::TcpListener;

over!(every protocol: round_robin, least_request, connect_failure, refused_stream, nobody_there, tls_upstream);

async fn in_front_of(endpoints: &[String], keys: &str) -> Gateway {
    let config =
        Config::default().route(Route::new("all").cluster("main")).cluster_of("main", endpoints, keys);
    config.start().await
}

/// An address where nothing listens.
async fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn round_robin(protocol: Protocol) {
    assert_shared(protocol, "balance = \"round_robin\"\n").await;
}

async fn least_request(protocol: Protocol) {
    assert_shared(protocol, "balance = \"least_request\"\n").await;
}

async fn assert_shared(protocol: Protocol, balance: &str) {
    let (one, other) = (Upstream::start().await, Upstream::start().await);
    let gateway = in_front_of(&[one.url(), other.url()], balance).await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..40 {
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
    assert_eq!(one.accepted() + other.accepted(), 40);
    // Of two equally idle endpoints chance picks; forty times the same one it does not.
    assert!(one.accepted() > 0 && other.accepted() > 0);
}

async fn connect_failure(protocol: Protocol) {
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&[format!("http://{}", dead().await), upstream.url()], "").await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..10 {
        let returned = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));
    }
    assert_eq!(upstream.accepted(), 10);
}

async fn refused_stream(protocol: Protocol) {
    let refusing = Upstream::start_with(Options { refusing: true, ..Options::default() }).await;
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&[refusing.url(), upstream.url()], "balance = \"round_robin\"\n").await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..10 {
        let returned = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));
    }
    assert_eq!(upstream.accepted(), 10);
    assert!(refusing.accepted() > 0, "it was tried");
    assert!(gateway.metric("sluicegate_cluster_upstream_rq_retry", &[("cluster", "main")]).await > 0.0);
}

async fn nobody_there(protocol: Protocol) {
    let gateway = in_front_of(&[format!("http://{}", dead().await)], "").await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let returned = client.exchange(method::UNARY, &[b""]).await;
    assert_eq!(returned.code(), 14);
    assert!(
        !returned.end().message.contains("127.0.0.1"),
        "clients learn no addresses: {}",
        returned.end().message
    );
    let line = gateway.log_line("with UF or UH", |line| line["grpc_status"] == 14).await;
    assert!(["UF", "UH"].contains(&line["response_flags"].as_str().unwrap()), "{line}");
}

async fn tls_upstream(protocol: Protocol) {
    let mut upstream = Upstream::start_with(Options { tls: true, ..Options::default() }).await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let returned = client.exchange(method::BIDI, &[b"hello"]).await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));
    assert_eq!(upstream.next_call().await.scheme.as_deref(), Some("https"));
}
