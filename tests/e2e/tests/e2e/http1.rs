//! What only HTTP/1.1 shows: lengths, connections that are kept, and what cannot be carried over it.

use sluicegate_e2e::frame::message;
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::upstream::{Event, Upstream, method};
use sluicegate_e2e::{QUIET, within};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A plaintext connection, byte by byte.
struct Raw(BufReader<TcpStream>);

impl Raw {
    async fn connect(gateway: &Gateway) -> Raw {
        Raw(BufReader::new(TcpStream::connect(gateway.target().plain).await.unwrap()))
    }

    async fn send(&mut self, bytes: &[u8]) {
        within("the gateway to take bytes", self.0.write_all(bytes)).await.unwrap();
    }

    /// The lines of the next head, in lower case.
    async fn head(&mut self) -> Vec<String> {
        within("a head", async {
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).await.unwrap();
                match line.trim_end() {
                    "" => return lines,
                    line => lines.push(line.to_ascii_lowercase()),
                }
            }
        })
        .await
    }

    /// A chunked body.
    async fn chunks(&mut self) -> Vec<u8> {
        within("a chunked body", async {
            let mut body = Vec::new();
            loop {
                let mut size = String::new();
                self.0.read_line(&mut size).await.unwrap();
                let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).await.unwrap();
                assert!(chunk.ends_with(b"\r\n"));
                body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return body;
                }
            }
        })
        .await
    }
}

fn head(path: &str, content_type: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n{more}\r\n")
}

/// Browsers send a length, not chunks, and keep their connections.
#[tokio::test]
async fn bodies_with_a_length_one_after_the_other() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut raw = Raw::connect(&gateway).await;
    for payload in ["hello", "", "hello again"] {
        let body = message(payload.as_bytes());
        let length = format!("content-length: {}\r\n", body.len());
        raw.send(head(method::UNARY, "application/grpc-web", &length).as_bytes()).await;
        raw.send(&body).await;
        assert!(raw.head().await[0].starts_with("http/1.1 200"));
        let response = raw.chunks().await;
        let (echoed, trailers) = response.split_at(body.len());
        assert_eq!((echoed, trailers[0]), (body.as_ref(), 0x80));
        let mut seen = upstream.next_call().await;
        assert_eq!(seen.next().await, Event::Message(payload.len()));
        assert_eq!(seen.next().await, Event::HalfClosed(None));
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut raw = Raw::connect(&gateway).await;
    let mut ahead = Vec::new();
    for payload in ["one", "two"] {
        let body = message(payload.as_bytes());
        let length = format!("content-length: {}\r\n", body.len());
        ahead.extend_from_slice(head(method::UNARY, "application/grpc-web", &length).as_bytes());
        ahead.extend_from_slice(&body);
    }
    raw.send(&ahead).await;
    for payload in ["one", "two"] {
        assert!(raw.head().await[0].starts_with("http/1.1 200"));
        assert_eq!(raw.chunks().await[5..8], *payload.as_bytes());
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut raw = Raw::connect(&gateway).await;
    let more = "content-length: 10\r\nexpect: 100-continue\r\n";
    raw.send(head(method::UNARY, "application/grpc-web", more).as_bytes()).await;
    assert!(raw.head().await[0].starts_with("http/1.1 100"));
    raw.send(&message(b"hello")).await;
    assert!(raw.head().await[0].starts_with("http/1.1 200"));
    assert_eq!(raw.chunks().await[5..10], *b"hello");
}

/// Native gRPC ends in trailers, which HTTP/1.1 clients do not read.
#[tokio::test]
async fn native_grpc_is_refused() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut raw = Raw::connect(&gateway).await;
    let more = "content-length: 5\r\nte: trailers\r\n";
    raw.send(head(method::UNARY, "application/grpc", more).as_bytes()).await;
    raw.send(&message(b"")).await;
    let head = raw.head().await;
    assert!(head[0].starts_with("http/1.1 4") || head[0].starts_with("http/1.1 5"), "{head:?}");
    assert!(upstream.try_next_call().is_none());
}

/// Clients write the whole request before they look for the response, and a reset would keep it from them.
#[tokio::test]
async fn a_request_that_is_refused_is_read_to_its_end() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    for (path, status) in [(method::UNARY, "415"), ("/favicon.ico", "404")] {
        let mut raw = Raw::connect(&gateway).await;
        raw.send(head(path, "image/jpeg", "content-length: 5\r\n").as_bytes()).await;
        assert!(raw.head().await[0].starts_with(&format!("http/1.1 {status}")));
        let mut rest = Vec::new();
        let early = tokio::time::timeout(QUIET, raw.0.read_to_end(&mut rest)).await;
        assert!(early.is_err(), "the gateway closed the connection before the end of the request");
        raw.send(b"hello").await;
        within("the end of the response", raw.0.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.ends_with(b"\n"), "{rest:?}");
    }
}

/// A body that is shorter than its length was cut off, and an upstream must not take it for whole.
#[tokio::test]
async fn a_body_that_is_cut_off_is_no_half_close() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    for more in ["content-length: 100\r\n", "transfer-encoding: chunked\r\n"] {
        let mut raw = Raw::connect(&gateway).await;
        raw.send(head(method::CLIENT_STREAM, "application/grpc-web", more).as_bytes()).await;
        let body = message(b"hello");
        match more.starts_with("transfer") {
            true => raw.send(&[b"a\r\n".as_slice(), &body, b"\r\n"].concat()).await,
            false => raw.send(&body).await,
        }
        let mut seen = upstream.next_call().await;
        assert_eq!(seen.next().await, Event::Message(5));
        raw.0.get_mut().shutdown().await.unwrap();
        assert_eq!(seen.next().await, Event::Reset(8));
    }
}
