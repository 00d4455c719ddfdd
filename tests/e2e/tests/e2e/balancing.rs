//! Clusters of several endpoints, and endpoints that fail.

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Options, Reserved, Upstream, method};
use sluicegate_e2e::within;

over!(every protocol: round_robin, least_request, connect_failure, refused_stream, nobody_there, tls_upstream);
over!(every protocol: upstream_goes_away, more_calls_than_streams, upstream_comes_back, untrusted_upstream);

async fn in_front_of(endpoints: &[String], keys: &str) -> Gateway {
    let config =
        Config::default().route(Route::new("all").cluster("main")).cluster_of("main", endpoints, keys);
    config.start().await
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
    let (dead, upstream) = (Reserved::new(), Upstream::start().await);
    let gateway = in_front_of(&[format!("http://{}", dead.address()), upstream.url()], "").await;
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
    let dead = Reserved::new();
    let gateway = in_front_of(&[format!("http://{}", dead.address())], "").await;
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

async fn upstream_goes_away(protocol: Protocol) {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut held = client.call(method::HOLD).open().await;
    held.send(b"held").await.unwrap();
    held.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;
    upstream.go_away();
    for _ in 0..5 {
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
    assert!(upstream.connections() > 1, "new calls need a new connection");
    upstream.release();
    let returned = held.response.all().await;
    assert_eq!((returned.code(), returned.messages), (0, vec!["held".into()]));
}

async fn more_calls_than_streams(protocol: Protocol) {
    let mut upstream = Upstream::start_with(Options { max_streams: 2, ..Options::default() }).await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut calls = Vec::new();
    for index in 0..30 {
        let mut call = client.call(method::HOLD).open().await;
        call.send(format!("call {index}").as_bytes()).await.unwrap();
        call.half_close().await.unwrap();
        calls.push(call);
    }
    upstream.next_call().await;
    for _ in &calls {
        upstream.release();
    }
    for (index, call) in calls.iter_mut().enumerate() {
        let returned = call.response.all().await;
        assert_eq!((returned.code(), returned.messages), (0, vec![format!("call {index}").into()]));
    }
}

async fn upstream_comes_back(protocol: Protocol) {
    let address = Reserved::new();
    let upstream = Upstream::start_at(&address, Options::default()).await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    upstream.stop().await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 14);
    let upstream = Upstream::start_at(&address, Options::default()).await;
    // After a failure the gateway waits a while before it tries to connect again.
    within("the gateway to find the upstream again", async {
        while client.exchange(method::UNARY, &[b""]).await.code() != 0 {}
    })
    .await;
    assert_eq!(upstream.accepted(), 1);
}

async fn untrusted_upstream(protocol: Protocol) {
    let mut upstream = Upstream::start_with(Options { tls: true, ..Options::default() }).await;
    // The certificate's authority is none that systems know.
    let gateway = in_front_of(&[upstream.url()], "").await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 14);
    assert!(upstream.try_next_call().is_none());
}
