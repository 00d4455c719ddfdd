//! Requests that are no calls: they pass to HTTP clusters as they are.

use http::Method;
use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::website::Website;
use sluicegate_e2e::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

over!(every HTTP version: a_request_with_a_body, a_request_without, beside_calls);

async fn with_website() -> (Website, Upstream, Gateway) {
    let (website, upstream) = (Website::start().await, Upstream::start().await);
    let config = Config::default()
        .route(Route::new("site").cluster("site").key("path_prefix = \"/\""))
        .route(Route::new("calls").cluster("main"))
        .cluster_of("site", &[website.url()], "protocol = \"http\"\n")
        .cluster("main", &[&upstream]);
    (website, upstream, config.start().await)
}

async fn a_request_with_a_body(protocol: Protocol) {
    let (mut website, _upstream, gateway) = with_website().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut call = client
        .call("/form?a=1")
        .plain()
        .metadata("content-type", "text/plain")
        .metadata("x-a", "b")
        .open()
        .await;
    for _ in 0..10 {
        call.request.send_plain(&[b'x'; 10_000]).await.unwrap();
    }
    call.request.finish().await.unwrap();
    let head = call.response.head().await.unwrap();
    assert_eq!((head.status.as_u16(), &head.headers["x-from"]), (200, &"website".parse().unwrap()));
    let body = call.response.body().await;
    assert_eq!(body.len(), "POST /form?a=1 HTTP/1.1\n".len() + 100_000);
    let asked = website.next_request().await;
    assert_eq!(asked.line, "POST /form?a=1 HTTP/1.1");
    assert_eq!((asked.header("x-a"), asked.header("host")), (Some("b"), Some("localhost")));
    assert_eq!(asked.body.len(), 100_000);
}

async fn a_request_without(protocol: Protocol) {
    let (mut website, _upstream, gateway) = with_website().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut call = client.call("/index.html").plain().method(Method::GET).open().await;
    call.request.finish().await.unwrap();
    assert_eq!(call.response.head().await.unwrap().status, 200);
    assert_eq!(call.response.body().await, "GET /index.html HTTP/1.1\n");
    assert_eq!(website.next_request().await.line, "GET /index.html HTTP/1.1");
}

async fn beside_calls(protocol: Protocol) {
    let (_website, _upstream, gateway) = with_website().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    for _ in 0..3 {
        assert_eq!(client.exchange(method::UNARY, &[b"hello"]).await.messages, ["hello"]);
        let mut call = client.call("/").plain().method(Method::GET).open().await;
        call.request.finish().await.unwrap();
        assert_eq!(call.response.body().await, "GET / HTTP/1.1\n");
    }
}

#[tokio::test]
async fn a_websocket_passes() {
    let (mut website, _upstream, gateway) = with_website().await;
    let mut socket = TcpStream::connect(gateway.target().plain).await.unwrap();
    let request = "GET /socket HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    within("101", async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
    })
    .await;
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    assert!(website.next_request().await.header("sec-websocket-key").is_some());
    for word in ["hello", "again"] {
        socket.write_all(word.as_bytes()).await.unwrap();
        let mut shouted = vec![0; word.len()];
        within("the shouted word", socket.read_exact(&mut shouted)).await.unwrap();
        assert_eq!(shouted, word.to_ascii_uppercase().as_bytes());
    }
}

#[tokio::test]
async fn no_query_is_in_the_log_of_a_failure() {
    // A port that nobody listens on.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = Config::default()
        .route(Route::new("site").cluster("site").key("path_prefix = \"/\""))
        .cluster_of("site", &[format!("http://{dead}")], "protocol = \"http\"\n");
    let gateway = config.start().await;
    for protocol in [Protocol::WebTextH1, Protocol::GrpcTls, Protocol::GrpcH3] {
        let mut client = Client::connect(protocol, gateway.target()).await;
        let mut call = client.call("/page?ticket=s3cret").plain().method(Method::GET).open().await;
        call.request.finish().await.unwrap();
        assert_eq!(call.response.head().await.unwrap().status, 502, "{protocol:?}");
    }
    gateway.until_said("GET /page, Host: localhost", 3).await;
    assert_eq!(gateway.said("s3cret"), 0);
}

#[tokio::test]
async fn strange_request_lines_never_reach_the_website() {
    let (mut website, mut upstream, gateway) = with_website().await;
    for line in [
        "GET index.html HTTP/1.1",
        "GET /../etc/passwd HTTP/1.1",
        "GET /a/%2e%2e/b HTTP/1.1",
        "POST test.Echo/Unary HTTP/1.1",
        "GET /a b HTTP/1.1",
    ] {
        let mut socket = TcpStream::connect(gateway.target().plain).await.unwrap();
        let request = format!("{line}\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        // The gateway may close the connection without an answer.
        let _ = within("an answer or the end", socket.read_to_end(&mut response)).await;
        assert!(!response.starts_with(b"HTTP/1.1 2"), "{line}: {}", String::from_utf8_lossy(&response));
        assert!(website.try_next_request().is_none(), "{line}");
    }
    assert!(upstream.try_next_call().is_none());
}
