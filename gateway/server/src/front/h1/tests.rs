//! HTTP/1.1 as bytes: a client that the test plays, over a pair of sockets.

use pingora_core::protocols::l4::stream::Stream as Socket;
use tokio::net::UnixStream;

use super::*;
use crate::carry::tests::{Rig, message, soon};

/// The client's end of a connection, and what came on it so far.
struct Client {
    io: UnixStream,
    got: String,
}

impl Client {
    fn connect(rig: &Rig) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (_, shutdown) = tokio::sync::watch::channel(false);
        tokio::spawn(serve(rig.door.clone(), Box::new(Socket::from(theirs)), shutdown));
        Client { io: ours, got: String::new() }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads up to and with this text, and returns everything since the last time.
    async fn until(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.got.find(text) {
                return self.got.drain(..at + text.len()).collect();
            }
            let read = soon(text, self.io.read(&mut buffer)).await.unwrap();
            assert_ne!(read, 0, "the connection ended before {text:?}, after {:?}", self.got);
            self.got.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    /// Everything up to the end of the connection.
    async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = soon("the end of the connection", self.io.read_to_end(&mut rest)).await;
        self.got + &String::from_utf8_lossy(&rest)
    }
}

/// The head of a gRPC-Web call whose body has this length.
fn call(length: usize, more: &str) -> String {
    format!(
        "POST /test.v1.Test/Do HTTP/1.1\r\nHost: up\r\nContent-Type: application/grpc-web+proto\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

fn whole(more: &str) -> Vec<u8> {
    let body = message("hello");
    [call(body.len(), more).as_bytes(), &body].concat()
}

/// The end of a response in chunks.
const END: &str = "\r\n0\r\n\r\n";

#[tokio::test]
async fn a_connection_carries_one_call_after_the_other() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    for _ in 0..3 {
        client.send(whole("")).await;
        let mut call = upstream.call().await;
        assert_eq!(call.data().await, Some((message("hello"), true)));
        call.answer(&[("x-head", "1")]).send(message("hi")).end(&[("grpc-status", "0")]);
        let response = client.until(END).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("x-head: 1\r\n") && response.contains("\0\0\0\0\u{2}hi"), "{response}");
        assert!(response.contains("grpc-status: 0\r\n"), "{response}");
    }
    drop(client);
    assert_eq!(rig.log().len(), 3);
}

#[tokio::test]
async fn messages_come_when_they_are_sent() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    client.send(whole("")).await;
    let mut call = upstream.call().await;
    call.answer(&[]);
    for text in ["one", "two", "three"] {
        call.send(message(text));
        client.until(text).await;
    }
    call.end(&[("grpc-status", "0")]);
    client.until(END).await;
}

#[tokio::test]
async fn requests_may_be_sent_before_the_response_to_the_last() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    // One in the same piece as the first, one while that is answered.
    client.send([whole(""), whole("X-Number: 2\r\n")].concat()).await;
    let mut first = upstream.call().await;
    first.answer(&[]).send(message("one"));
    client.until("one").await;
    client.send(whole("X-Number: 3\r\n")).await;
    first.send(message("more"));
    client.until("more").await;
    assert!(upstream.has_call().is_none(), "the second call before the end of the first");
    first.end(&[("grpc-status", "0")]);
    client.until(END).await;
    for number in ["2", "3"] {
        let mut call = upstream.call().await;
        assert_eq!(call.head.headers()["x-number"], number);
        assert_eq!(call.rest().await.0, message("hello"));
        call.answer(&[]).send(message(number)).end(&[("grpc-status", "0")]);
        client.until(END).await;
    }
}

#[tokio::test]
async fn a_client_that_waits_for_a_word_gets_it() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    let body = message("hello");
    client.send(call(body.len(), "Expect: 100-continue\r\n")).await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(&body).await;
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await.0, body);
    assert!(!call.head.headers().contains_key("expect"));
    call.answer(&[]).end(&[("grpc-status", "0")]);
    let response = client.until(END).await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.contains("keep-alive"), "{response}");
}

#[tokio::test]
async fn a_connection_ends_when_the_client_says_so() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    client.send(whole("Connection: close\r\n")).await;
    upstream.call().await.answer(&[]).end(&[("grpc-status", "0")]);
    assert!(client.rest().await.ends_with(END));
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_call_at_the_upstream_along() {
    for complete in [true, false] {
        let (rig, mut upstream) = Rig::simple("");
        let mut client = Client::connect(&rig);
        match complete {
            true => client.send(whole("")).await,
            false => client.send(&whole("")[..whole("").len() - 2]).await,
        }
        let mut call = upstream.call().await;
        call.data().await.unwrap();
        drop(client);
        assert_eq!(call.was_reset().await, h2::Reason::CANCEL);
        assert_eq!(rig.logged(), "1 DC");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_does_not_look_complete() {
    let (rig, mut upstream) = Rig::simple("");
    let mut client = Client::connect(&rig);
    client.send(whole("")).await;
    let mut call = upstream.call().await;
    call.answer(&[]).send(message("hello").slice(..7));
    client.until("he").await;
    call.reset(h2::Reason::INTERNAL_ERROR);
    let rest = client.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "{rest:?}");
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_read_for_a_while() {
    let (rig, _upstream) = Rig::simple("max_request_message = 4");
    let mut client = Client::connect(&rig);
    client.send(whole("")).await;
    let response = client.until(END).await;
    assert!(response.contains("grpc-status: 8\r\n"), "{response}");
    // The connection is as good as new.
    client.send(whole("")).await;
    client.until(END).await;
}

#[tokio::test]
async fn what_is_no_call_is_told_so() {
    let check = async |request: &str, want: &str, reused: bool| {
        let (rig, _upstream) = Rig::simple("");
        let mut client = Client::connect(&rig);
        client.send(request).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with(want), "{request:?}: {head}");
        if reused {
            client
                .send("POST /test.v1.Test/Do HTTP/1.1\r\nHost: up\r\nContent-Type: application/grpc\r\n\r\n")
                .await;
            assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 415"));
        } else {
            client.rest().await;
        }
    };
    let web = "Content-Type: application/grpc-web\r\n";
    check(&format!("GET /test.v1.Test/Do HTTP/1.1\r\nHost: up\r\n{web}\r\n"), "HTTP/1.1 405", true).await;
    check(
        "POST /test.v1.Test/Do HTTP/1.1\r\nHost: up\r\nContent-Type: application/grpc+proto\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 415",
        false,
    )
    .await;
    check(&format!("POST /test.v1.Test/Do HTTP/1.0\r\nHost: up\r\n{web}\r\n"), "HTTP/1.1 505", false).await;
    check(&format!("POST /test.v1.Test/Do HTTP/1.1\r\n{web}\r\n"), "HTTP/1.1 400", false).await;
    check(&format!("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n{web}\r\n"), "HTTP/1.1 400", false).await;
    check("nonsense\r\n\r\n", "HTTP/1.1 400", false).await;
    let long = format!("GET / HTTP/1.1\r\nHost: up\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    check(&long, "HTTP/1.1 431", false).await;
}

/// Neither a response's head nor its body has room any more, whichever comes next.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_not_waited_for_for_ever() {
    let (rig, _upstream) = Rig::simple("");
    let Client { mut io, .. } = Client::connect(&rig);
    let request = b"GET /test.v1.Test/Do HTTP/1.1\r\nHost: up\r\nContent-Type: application/grpc-web\r\n\r\n";
    let asks = async { while io.write_all(request).await.is_ok() {} };
    // Answers to requests that it keeps sending fill the connection; then nothing moves until the gateway gives up.
    let patience = rig.door.listening.limits.idle_timeout * 3;
    timeout(patience, asks).await.expect("the connection ends");
}
