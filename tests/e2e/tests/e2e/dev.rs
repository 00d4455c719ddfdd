//! `sluicegate dev`, as pages of a developer's own web server meet it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use serde_json::Value;
use sluicegate_e2e::client::{Call, Client, Protocol};
use sluicegate_e2e::frame::{frame, headers, message};
use sluicegate_e2e::gateway::Gateway;
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;
use url::Url;
use web_transport_quinn::ClientBuilder;

/// Where a bundler serves its pages.
const PAGE: &str = "http://localhost:5173";

async fn dev() -> (Upstream, Gateway, Client) {
    let upstream = Upstream::start().await;
    let gateway = Gateway::dev(&upstream.url()).await;
    let client = Client::connect(Protocol::WebTextH1, gateway.target()).await;
    (upstream, gateway, client)
}

/// What the page asks over plain HTTP.
async fn ask(client: &mut Client, path: &str) -> (HeaderMap, Value) {
    let mut call = client.call(path).plain().method(Method::GET).metadata("origin", PAGE).open().await;
    call.request.finish().await.unwrap();
    let head = call.response.head().await.unwrap();
    assert_eq!(head.status, 200);
    (head.headers, serde_json::from_slice(&call.response.body().await).unwrap())
}

#[tokio::test]
async fn plain_http_tells_where_sessions_open_and_whom_to_trust() {
    let (_upstream, gateway, mut client) = dev().await;
    let (head, probe) = ask(&mut client, "/grpc-wt/v1").await;
    assert_eq!(head["access-control-allow-origin"], "*");
    assert_eq!((&probe["webtransport"], &probe["websocket"]), (&true.into(), &"/grpc-ws/v1".into()));
    let url = probe["webtransport_url"].as_str().unwrap();
    assert_eq!(url, format!("https://{}/grpc-wt/v1", gateway.target().tls));
    let [hash] = &probe["certificate_hashes"].as_array().unwrap()[..] else { panic!("one hash: {probe}") };
    let hash = STANDARD.decode(hash.as_str().unwrap()).unwrap();

    // What a browser does with it. Nothing else says that this certificate can be trusted.
    let trusting = |hash| ClientBuilder::new().with_server_certificate_hashes(vec![hash]).unwrap();
    let url = Url::parse(url).unwrap();
    let refused = within("a refusal", trusting(vec![0; hash.len()]).connect(url.clone())).await;
    assert!(refused.is_err(), "another certificate");
    let session = within("a session", trusting(hash).connect(url)).await.unwrap();
    let (mut send, mut receive) = session.open_bi().await.unwrap();
    let request = [headers(method::UNARY, &HeaderMap::new()), message(b"hello"), frame(0x80, b"")].concat();
    send.write_all(&request).await.unwrap();
    send.finish().unwrap();
    let response = within("the response", receive.read_to_end(1 << 10)).await.unwrap();
    assert!(response.windows(5).any(|window| window == b"hello"), "{response:?}");
}

#[tokio::test]
async fn the_path_of_websockets_tells_the_same() {
    let (_upstream, _gateway, mut client) = dev().await;
    let at_sessions = ask(&mut client, "/grpc-wt/v1").await.1;
    assert_eq!(ask(&mut client, "/grpc-ws/v1").await.1, at_sessions);
}

/// The names in a list that CORS consists of.
fn names<'a>(headers: &'a HeaderMap, list: &str) -> Vec<&'a str> {
    headers[list].to_str().unwrap().split(',').map(str::trim).collect()
}

/// What Connect-ES sends in its gRPC-Web transport, and what interceptors add.
#[tokio::test]
async fn pages_of_another_server_may_call_with_any_metadata() {
    let (_upstream, _gateway, mut client) = dev().await;
    let sent = "content-type,grpc-accept-encoding,grpc-encoding,grpc-timeout,x-grpc-web,x-user-agent";
    let mut asked: Call = client
        .call(method::UNARY)
        .plain()
        .method(Method::OPTIONS)
        .metadata("origin", PAGE)
        .metadata("access-control-request-method", "POST")
        .metadata("access-control-request-headers", &format!("{sent},authorization,x-api-key"))
        .open()
        .await;
    let _ = asked.request.finish().await;
    let answer = asked.response.head().await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.headers["access-control-allow-origin"].as_bytes()),
        (204, &b"*"[..])
    );
    let allowed = names(&answer.headers, "access-control-allow-headers");
    // A star stands for every name but `authorization`.
    for name in sent.split(',').chain(["*", "authorization"]) {
        assert!(allowed.contains(&name), "{name} in {allowed:?}");
    }

    let call = client.call(method::UNARY).metadata("origin", PAGE).metadata("x-api-key", "k").open().await;
    let returned = call.exchange(&[b"hello"]).await;
    assert_eq!(returned.code(), 0);
    let head = returned.head.unwrap().headers;
    assert_eq!(head["access-control-allow-origin"], "*");
    let exposed = names(&head, "access-control-expose-headers");
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding"] {
        assert!(exposed.contains(&name), "{name} in {exposed:?}");
    }
}
