//! HTTP/2 with a client of the `h2` crate, over a pair of sockets.

use std::time::Duration;

use h2::client::SendRequest;
use http::Method;
use pingora_core::protocols::l4::stream::Stream as Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::carry::tests::{Rig, message, soon};

fn connect(rig: &Rig) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (_, shutdown) = tokio::sync::watch::channel(false);
    tokio::spawn(serve(rig.door.clone(), Box::new(Socket::from(theirs)), shutdown));
    ours
}

/// A client, and what its connection ends with.
async fn client(rig: &Rig) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let (sender, connection) = h2::client::handshake(connect(rig)).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn call() -> Request<()> {
    request(Method::POST, "http://up/test.v1.Test/Do", &[("content-type", "application/grpc")])
}

fn request(method: Method, uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn a_call_crosses_frame_by_frame() {
    let (rig, mut upstream) = Rig::simple("");
    let (mut sender, _connection) = client(&rig).await;
    let (response, mut send) = sender.send_request(call(), false).unwrap();
    send.send_data(message("hello"), false).unwrap();
    let trailers = HeaderMap::from_iter([("x-t".parse().unwrap(), "1".parse().unwrap())]);
    send.send_trailers(trailers.clone()).unwrap();
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await, (message("hello").to_vec(), Some(trailers)));
    call.answer(&[("x-head", "1")]).send(message("hi"));
    let (head, mut body) = soon("a response", response).await.unwrap().into_parts();
    assert_eq!(head.headers["x-head"], "1");
    assert_eq!(soon("data", body.data()).await.unwrap().unwrap(), message("hi"));
    call.end(&[("grpc-status", "3")]);
    assert!(soon("the end", body.data()).await.is_none());
    assert_eq!(soon("trailers", body.trailers()).await.unwrap().unwrap()["grpc-status"], "3");
}

#[tokio::test]
async fn trailers_only_is_one_frame() {
    let (rig, mut upstream) = Rig::simple("");
    let (mut sender, _connection) = client(&rig).await;
    let (response, _send) = sender.send_request(call(), false).unwrap();
    upstream.call().await.answer_only(&[("grpc-status", "5")]);
    let response = soon("a response", response).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "5");
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn resets_keep_their_codes_both_ways() {
    for reason in [Reason::CANCEL, Reason::ENHANCE_YOUR_CALM, Reason::from(0x1234)] {
        for end in [false, true] {
            let (rig, mut upstream) = Rig::simple("");
            let (mut sender, _connection) = client(&rig).await;
            // From the client.
            let (_response, mut send) = sender.send_request(call(), end).unwrap();
            let mut first = upstream.call().await;
            send.send_reset(reason);
            assert_eq!(first.was_reset().await, reason);
            // From the upstream, before and behind the head.
            let (response, _send) = sender.send_request(call(), end).unwrap();
            upstream.call().await.reset(reason);
            assert_eq!(soon("a reset", response).await.unwrap_err().reason(), Some(reason));
            let (response, _send) = sender.send_request(call(), end).unwrap();
            let mut third = upstream.call().await;
            third.answer(&[]);
            let mut body = soon("a response", response).await.unwrap().into_body();
            third.reset(reason);
            assert_eq!(soon("a reset", body.data()).await.unwrap().unwrap_err().reason(), Some(reason));
        }
    }
}

#[tokio::test]
async fn a_lost_connection_takes_its_calls_along() {
    let (rig, mut upstream) = Rig::simple("");
    let (mut sender, connection) = client(&rig).await;
    let (_response, _send) = sender.send_request(call(), true).unwrap();
    let mut call = upstream.call().await;
    connection.abort();
    assert_eq!(call.was_reset().await, Reason::CANCEL);
}

#[tokio::test]
async fn what_is_no_call_is_told_so() {
    let (rig, _upstream) = Rig::simple("");
    let (mut sender, _connection) = client(&rig).await;
    let mut check = async |request: Request<()>, want: u16| {
        let what = format!("{request:?}");
        let (response, _) = sender.send_request(request, true).unwrap();
        assert_eq!(soon("a response", response).await.unwrap().status(), want, "{what}");
    };
    check(request(Method::GET, "http://up/", &[]), 404).await;
    check(request(Method::CONNECT, "up:443", &[]), 405).await;
    check(request(Method::POST, "http://up/a.B/c", &[("content-type", "application/grpcx")]), 415).await;
    check(request(Method::GET, "http://up/a.B/c", &[("content-type", "application/grpc")]), 405).await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_but_nonsense_is_left() {
    let (rig, _upstream) = Rig::simple("");
    let (mut sender, connection) = client(&rig).await;
    let budget = rig.door.listening.limits.h2.max_malformed_streams;
    for number in 0..=budget {
        let (response, _) =
            sender.send_request(request(Method::GET, "http://up/", &[("host", "other")]), true).unwrap();
        let reason = soon("a reset", response).await.unwrap_err().reason();
        if number < budget {
            assert_eq!(reason, Some(Reason::PROTOCOL_ERROR));
        }
    }
    let ended = soon("the end of the connection", connection).await.unwrap();
    assert_eq!(ended.unwrap_err().reason(), Some(Reason::ENHANCE_YOUR_CALM));
}

/// A client that streams short messages to an upstream that does not read them keeps its connection.
#[tokio::test]
async fn short_messages_may_wait() {
    let (rig, mut upstream) = Rig::with("", "", |h2| _ = h2.data_frame_budget(1 << 30));
    let (mut sender, _connection) = client(&rig).await;
    let (_response, mut send) = sender.send_request(call(), false).unwrap();
    let stuck = upstream.call().await;
    // More than the windows of the gateway and the upstream hold.
    for _ in 0..25_000 {
        send.send_data(message("0123456789"), false).unwrap();
    }
    let (response, _) = sender.send_request(call(), true).unwrap();
    upstream.call().await.answer_only(&[("grpc-status", "0")]);
    assert_eq!(soon("a response", response).await.unwrap().headers()["grpc-status"], "0");
    drop(stuck);
}

#[tokio::test]
async fn a_drain_lets_calls_finish_and_takes_no_more() {
    let (rig, mut upstream) = Rig::simple("");
    let (mut sender, connection) = client(&rig).await;
    let (response, _send) = sender.send_request(call(), true).unwrap();
    let mut call_there = upstream.call().await;
    let drain = rig.door.worker.running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(Duration::from_secs(60)).await });
    let refused = async {
        // Until the goodbye has arrived.
        while std::future::poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon("a goodbye", refused).await;
    assert!(!drained.is_finished());
    call_there.answer_only(&[("grpc-status", "0")]);
    assert_eq!(soon("a response", response).await.unwrap().headers()["grpc-status"], "0");
    soon("the end of the drain", drained).await.unwrap();
    soon("the end of the connection", connection).await.unwrap().unwrap();
}

/// A client that is silent is told goodbye, and one that is dead is left.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends() {
    let (rig, _upstream) = Rig::simple("");
    let limit = rig.door.listening.limits.idle_timeout * 3;
    let (_sender, connection) = client(&rig).await;
    timeout(limit, connection).await.expect("it ends").unwrap().unwrap();
    let mut dead = connect(&rig);
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(limit, dead.read_to_end(&mut rest)).await.expect("it ends");
}
