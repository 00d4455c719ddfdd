//! What operators see of a call: its line in the access log, and its counters.

use sluicegate_e2e::client::{Client, Encoding, Protocol, Transport};
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::upstream::{Upstream, method};

use crate::stage::Stage;

over!(every protocol: access_log_line, flags_of_upstream_failures, metrics);

fn names(protocol: Protocol) -> (&'static str, &'static str) {
    let client_protocol = match protocol.encoding() {
        Encoding::Grpc => "grpc",
        Encoding::Web | Encoding::WebText => "grpc_web",
        Encoding::Connect if protocol == Protocol::ConnectWt => "connect_wt",
        Encoding::Connect => "connect_stream",
        Encoding::Wt if protocol == Protocol::GrpcWt => "grpc_wt",
        Encoding::Wt => "grpc_ws",
    };
    let transport = match protocol.transport() {
        Transport::H1 { .. } => "http/1.1",
        Transport::H2 { .. } => "h2",
        Transport::H3 => "h3",
        Transport::WebTransport => "webtransport",
        Transport::WebSocket { .. } => "websocket",
    };
    (client_protocol, transport)
}

async fn access_log_line(protocol: Protocol) {
    let Stage { mut client, upstream, gateway } = Stage::new(protocol).await;
    let call = client.call(method::BIDI).metadata("x-secret", "do not log me").open().await;
    assert_eq!(call.exchange(&[b"one", b"three"]).await.code(), 0);
    let line = gateway.log_line("of the call", |line| line["path"] == method::BIDI).await;
    let (client_protocol, transport) = names(protocol);
    for (field, wanted) in [
        ("client_protocol", client_protocol.into()),
        ("transport", transport.into()),
        ("host", "localhost".into()),
        ("route", "all".into()),
        ("upstream_cluster", "main".into()),
        ("upstream_host", upstream.address().to_string().into()),
        ("attempts", 1.into()),
        ("grpc_status", 0.into()),
        ("response_flags", "-".into()),
        ("request_messages", 2.into()),
        ("response_messages", 2.into()),
    ] {
        let wanted: serde_json::Value = wanted;
        assert_eq!(line[field], wanted, "{field} in {line}");
    }
    assert!(line["client_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(
        line["bytes_received"].as_u64().unwrap() >= 18 && line["bytes_sent"].as_u64().unwrap() >= 18,
        "{line}"
    );
    assert!(!line.to_string().contains("do not log me"));

    assert_eq!(client.exchange(method::TRAILERS_ONLY, &[b""]).await.code(), 9);
    let line = gateway.log_line("of the failed call", |line| line["path"] == method::TRAILERS_ONLY).await;
    assert_eq!((&line["grpc_status"], &line["response_flags"]), (&9.into(), &"-".into()));
    assert_eq!(gateway.log_lines().len(), 2, "a line for each call");
}

async fn flags_of_upstream_failures(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway } = Stage::new(protocol).await;
    for (path, flag) in [
        (method::RESET_BEFORE_HEAD, "UR"),
        (method::RESET_MID_MESSAGE, "UR"),
        (method::DIE_BEFORE_HEAD, "UC"),
        (method::DIE_MID_MESSAGE, "UC"),
        (method::NO_STATUS, "UPE"),
    ] {
        client.exchange(path, &[b""]).await;
        let line = gateway.log_line(path, |line| line["path"] == path).await;
        assert_eq!(line["response_flags"], flag, "{line}");
        assert_ne!(line["grpc_status"], 0);
    }
}

async fn metrics(protocol: Protocol) {
    let upstream = Upstream::start().await;
    let route = Route::new("named").cluster("main").key("methods = [\"/test.Echo/Unary\"]");
    let config = Config::default().route(route).route(Route::new("rest").cluster("main"));
    let gateway = config.cluster("main", &[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..3 {
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
    assert_eq!(client.exchange(method::TRAILERS_ONLY, &[b""]).await.code(), 9);

    let (client_protocol, _) = names(protocol);
    let named = [
        ("route", "named"),
        ("cluster", "main"),
        ("service", "test.Echo"),
        ("method", "Unary"),
        ("client_protocol", client_protocol),
    ];
    let total = "sluicegate_downstream_rq_total";
    gateway.until_metric(total, &[named.as_slice(), &[("grpc_status", "0")]].concat(), 3.0).await;
    gateway.until_metric("sluicegate_downstream_rq_time_count", &named, 3.0).await;
    gateway.until_metric("sluicegate_grpc_request_message_count", &named, 3.0).await;
    gateway.until_metric("sluicegate_grpc_response_message_count", &named, 3.0).await;
    // A method that no route names has no label of its own: labels never come from traffic.
    let rest = [("route", "rest"), ("service", "_other"), ("method", "_other"), ("grpc_status", "9")];
    gateway.until_metric(total, &rest, 1.0).await;
    gateway.until_metric(total, &[], 4.0).await;
    gateway.until_metric("sluicegate_downstream_rq_active", &[], 0.0).await;
    gateway.until_metric("sluicegate_cluster_upstream_rq_total", &[("cluster", "main")], 4.0).await;
}

#[tokio::test]
async fn the_admin_interface_shows_no_secret() {
    let upstream = Upstream::start().await;
    let filter = "{ use = \"api_key\", keys = [{ identity = \"alice\", key = \"open sesame, please\" }] }";
    let route = Route::new("all").cluster("main").filter(filter);
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    let (status, config) = gateway.admin("/config").await;
    assert_eq!(status, 200);
    assert!(config.contains("api_key") && config.contains("main"), "{config}");
    assert!(!config.contains("sesame"), "{config}");
    let (status, clusters) = gateway.admin("/clusters").await;
    assert_eq!(status, 200);
    assert!(clusters.contains(&upstream.address().to_string()), "{clusters}");
    assert_eq!(gateway.admin("/ready").await, (200, "LIVE\n".to_owned()));
    assert_eq!(gateway.admin("/nothing").await.0, 404);
}
