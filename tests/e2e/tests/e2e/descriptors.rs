//! What the gateway knows of the services behind it: from files, from `.proto` folders, from the servers themselves.

use std::os::unix::fs::symlink;
use std::path::Path;

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::reflector::{Reflector, Told, compile, write};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;

use prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorProto;

const ONE: &[(&str, &str)] = &[
    (
        "shop/shop.proto",
        "syntax = 'proto3'; package shop; import 'shop/item.proto'; service Shop { rpc Buy(Item) returns (Item); }",
    ),
    (
        "shop/item.proto",
        "syntax = 'proto3'; package shop; import 'google/protobuf/timestamp.proto'; message Item { google.protobuf.Timestamp at = 1; }",
    ),
];
const TWO: &[(&str, &str)] = &[
    (
        "shop/shop.proto",
        "syntax = 'proto3'; package shop; import 'shop/item.proto'; service Shop { rpc Buy(Item) returns (Item); rpc Sell(Item) returns (stream Item); }",
    ),
    ONE[1],
];
const WRONG: &[(&str, &str)] =
    &[("shop/shop.proto", "syntax = 'proto3'; service Shop {\n  rpc Buy(Nothing) returns (Nothing); }")];

const SHOP_ONE: &[(&str, &str)] =
    &[("shop.proto", "syntax = 'proto3'; message M {} service Shop { rpc Buy(M) returns (M); }")];
const SHOP_TWO: &[(&str, &str)] = &[(
    "shop.proto",
    "syntax = 'proto3'; message M {} service Shop { rpc Buy(M) returns (M); rpc Sell(M) returns (M); }",
)];

const METHODS: &str = "sluicegate_descriptors_methods";
const FAILURES: &str = "sluicegate_descriptors_refresh_failures_total";

/// A gateway whose cluster `main` is there, with these descriptors.
async fn gateway(endpoint: &str, descriptors: &str) -> Gateway {
    Config::default()
        .route(Route::new("all").cluster("main"))
        .cluster_of("main", &[endpoint.to_owned()], &format!("descriptors = {descriptors}\n"))
        .start()
        .await
}

/// The only source, as the admin interface shows it.
async fn source(gateway: &Gateway) -> serde_json::Value {
    let (status, body) = gateway.admin("/descriptors").await;
    assert_eq!(status, 200);
    let sources: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((sources.as_array().unwrap().len(), &sources[0]["cluster"]), (1, &"main".into()));
    sources[0].clone()
}

/// Puts a file in the place of another at once, as deployments do.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.binpb");
    let set = |protos| {
        // Well-known files may be left out.
        let mut set = compile(protos);
        set.file.retain(|file| !file.name().starts_with("google/"));
        set.encode_to_vec()
    };
    std::fs::write(&path, set(ONE)).unwrap();
    let gateway = gateway("http://127.0.0.1:1", &format!("{{ file = {path:?} }}")).await;
    assert_eq!(gateway.metric(METHODS, &[("cluster", "main")]).await, 1.0);

    replace(&path, &set(TWO));
    gateway.until_metric(METHODS, &[("cluster", "main")], 2.0).await;
    assert_eq!(source(&gateway).await["methods"], serde_json::json!(["shop.Shop/Buy", "shop.Shop/Sell"]));

    replace(&path, b"this is no descriptor set");
    gateway.until_metric(FAILURES, &[("cluster", "main")], 1.0).await;
    let known = source(&gateway).await;
    assert_eq!(known["methods"].as_array().unwrap().len(), 2, "what was known stays");
    assert!(known["error"].as_str().unwrap().ends_with("shop.binpb: this is no descriptor set"), "{known}");

    replace(&path, &set(ONE));
    gateway.until_metric(METHODS, &[("cluster", "main")], 1.0).await;
    assert_eq!(source(&gateway).await["error"], serde_json::Value::Null);
}

#[tokio::test]
async fn protos_are_compiled_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), ONE);
    let gateway = gateway("http://127.0.0.1:1", &format!("{{ protos = [{:?}] }}", folder.path())).await;
    assert_eq!(gateway.metric(METHODS, &[]).await, 1.0);
    write(folder.path(), TWO);
    gateway.until_metric(METHODS, &[], 2.0).await;
    write(folder.path(), WRONG);
    gateway.until_metric(FAILURES, &[], 1.0).await;
    let known = source(&gateway).await;
    assert_eq!(known["methods"].as_array().unwrap().len(), 2);
    assert_eq!(known["error"], "shop/shop.proto:2:11: name 'Nothing' is not defined");
}

/// Kubernetes puts another folder in the place of the one that all files of a volume are links into.
#[tokio::test]
async fn volumes_of_kubernetes_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |version: &str, protos| {
        write(&at(version), protos);
        symlink(version, at("..new")).unwrap();
        std::fs::rename(at("..new"), at("..data")).unwrap();
    };
    put("..1", SHOP_ONE);
    symlink("..data/shop.proto", at("shop.proto")).unwrap();
    let gateway = gateway("http://127.0.0.1:1", &format!("{{ protos = [{:?}] }}", folder.path())).await;
    assert_eq!(source(&gateway).await["methods"], serde_json::json!(["Shop/Buy"]));
    put("..2", SHOP_TWO);
    gateway.until_metric(METHODS, &[], 2.0).await;
}

async fn reflection(version: &str) {
    let reflector = Reflector::start(version, Told::about(ONE)).await;
    let gateway = gateway(&reflector.url(), "{ reflection = true, refresh = \"1s\" }").await;
    // "ready" waits for the first answer.
    assert_eq!(gateway.metric(METHODS, &[]).await, 1.0);
    assert_eq!(source(&gateway).await["source"], "reflection");
    reflector.tell(Told::about(TWO));
    gateway.until_metric(METHODS, &[], 2.0).await;

    let mut lie = Told::about(ONE);
    lie.services.insert("shop.Other".to_owned(), "shop/shop.proto".to_owned());
    reflector.tell(lie);
    gateway.until_metric(FAILURES, &[], 1.0).await;
    let known = source(&gateway).await;
    assert_eq!(known["methods"].as_array().unwrap().len(), 2, "what was known stays");
    assert_eq!(known["error"], "asked for `shop.Other`, the server sent files without it");
}

#[tokio::test]
async fn reflection_v1() {
    reflection("v1").await;
}

#[tokio::test]
async fn reflection_v1alpha() {
    reflection("v1alpha").await;
}

#[tokio::test]
async fn a_server_is_asked_again_after_its_connections_were_lost() {
    let reflector = Reflector::start("v1", Told::about(ONE)).await;
    let gateway = gateway(&reflector.url(), "{ reflection = true, refresh = \"1day\" }").await;
    let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
    assert_eq!(
        client.exchange("/shop.Shop/Buy", &[b""]).await.code(),
        12,
        "the reflector serves nothing else"
    );
    reflector.tell(Told::about(TWO));
    reflector.hang_up();
    // A call may still meet the lost connection.
    within("the server to be reached again", async {
        while client.exchange("/shop.Shop/Buy", &[b""]).await.code() != 12 {}
    })
    .await;
    gateway.until_metric(METHODS, &[], 2.0).await;
}

/// A server that tells something wrong from the start: the gateway says why, and runs.
async fn check_refusal(told: Told, error: &str) {
    let reflector = Reflector::start("v1", told).await;
    let gateway = gateway(&reflector.url(), "{ reflection = true }").await;
    let known = source(&gateway).await;
    assert_eq!((&known["methods"], &known["refreshed"]), (&serde_json::json!([]), &serde_json::Value::Null));
    assert!(known["error"].as_str().unwrap().ends_with(error), "{known}");
    assert_eq!(gateway.metric(FAILURES, &[]).await, 1.0);
}

fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn hostile_answers_are_refused() {
    let told = |files: &[FileDescriptorProto]| {
        let mut told = Told::default();
        told.services.insert("a.A".to_owned(), files[0].name().to_owned());
        files.iter().for_each(|file| told.add(file));
        told
    };
    check_refusal(told(&[file("a", &["b"]), file("b", &["a"])]), "`a` imports itself, through others or not")
        .await;
    check_refusal(told(&[file("a", &["b"])]), "it tells of no service").await;

    let mut renamed = told(&[file("a", &["b"])]);
    renamed.files.insert("b".to_owned(), file("c", &[]).encode_to_vec().into());
    check_refusal(renamed, "asked for `b`, the server sent other files").await;

    let mut large = file("a", &[]);
    large.package = Some("x".repeat(17 << 20));
    check_refusal(told(&[large]), "a message of 17825810 bytes is larger than the limit of 16777216 bytes")
        .await;

    let mut garbage = told(&[file("a", &[])]);
    garbage.files.insert("a".to_owned(), "\u{1}garbage".into());
    check_refusal(garbage, "the server sent a file that is none").await;

    let imports: Vec<String> = (0..5000).map(|n| format!("f{n}")).collect();
    let imports: Vec<&str> = imports.iter().map(String::as_str).collect();
    check_refusal(told(&[file("a", &imports)]), "the server's files import more than 4096 others").await;

    let services = (0..5000).map(|n| (format!("a.S{n}"), "a".to_owned())).collect();
    check_refusal(Told { services, ..Told::default() }, "the server lists more than 4096 services").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_the_gateway_up() {
    // Connections get as far as its queue.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = gateway(&format!("http://{}", silent.local_addr().unwrap()), "{ reflection = true }").await;
    let known = source(&gateway).await;
    assert_eq!((&known["refreshed"], &known["error"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    gateway.until_metric(FAILURES, &[], 1.0).await;
    let error = source(&gateway).await["error"].as_str().unwrap().to_owned();
    assert!(error.ends_with("the HTTP/2 handshake took longer than 5s"), "{error}");
}

#[tokio::test]
async fn metrics_name_the_methods_that_are_known() {
    const ECHO: &str =
        "syntax = 'proto3'; package test; message M {} service Echo { rpc Unary(M) returns (M); }";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("echo.proto", ECHO)]);
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream.url(), &format!("{{ protos = [{:?}] }}", folder.path())).await;
    let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
    let calls = "sluicegate_downstream_rq_total";
    let known = [("service", "test.Echo"), ("method", "Unary"), ("grpc_status", "0")];
    let other = [("service", "_other"), ("method", "_other"), ("grpc_status", "0")];

    client.exchange(method::UNARY, &[b""]).await;
    gateway.until_metric(calls, &known, 1.0).await;
    client.exchange(method::SERVER_STREAM, &[b"1,1"]).await;
    gateway.until_metric(calls, &other, 1.0).await;

    // Another schema goes on where the first one stopped.
    let both = ECHO.replace("Unary(M)", "ServerStream(M) returns (stream M); rpc Unary(M)");
    write(folder.path(), &[("echo.proto", &both)]);
    gateway.until_metric(METHODS, &[], 2.0).await;
    client.exchange(method::SERVER_STREAM, &[b"1,1"]).await;
    gateway.until_metric(calls, &[("service", "test.Echo"), ("method", "ServerStream")], 1.0).await;
    client.exchange(method::UNARY, &[b""]).await;
    gateway.until_metric(calls, &known, 2.0).await;
    assert_eq!(gateway.metric(calls, &other).await, 1.0);
}

#[tokio::test]
async fn without_reflection_calls_are_carried_all_the_same() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream.url(), "{ reflection = true }").await;
    let error = source(&gateway).await["error"].as_str().unwrap().to_owned();
    assert_eq!(error, format!("{}: it has no server reflection", upstream.address()));
    let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b"hello"]).await.code(), 0);
}

#[tokio::test]
async fn what_rest_offers_is_told_in_openapi() {
    const NOTES: &str = "syntax = 'proto3'; package notes; import 'google/api/annotations.proto';
        message Note { string id = 1; }
        service Notes { rpc Get(Note) returns (Note) { option (google.api.http) = { get: '/v1/notes/{id}' }; } }";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("notes.proto", NOTES)]);
    let gateway = gateway("http://127.0.0.1:1", &format!("{{ protos = [{:?}] }}", folder.path())).await;
    let (status, told) = gateway.admin("/openapi.json").await;
    let document: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &document["openapi"]), (200, &"3.1.0".into()));
    assert!(document["paths"]["/v1/notes/{id}"]["get"].is_object(), "{told}");

    // Clients find the same where the listener says so, and nowhere else.
    for (protocol, status) in [(Protocol::GrpcH2c, 200), (Protocol::GrpcTls, 404)] {
        let mut client = Client::connect(protocol, gateway.target()).await;
        let mut call = client.call("/openapi.json").plain().method(http::Method::GET).open().await;
        call.request.finish().await.unwrap();
        assert_eq!(call.response.head().await.unwrap().status, status);
        assert_eq!(call.response.body().await == told, status == 200);
    }
}
