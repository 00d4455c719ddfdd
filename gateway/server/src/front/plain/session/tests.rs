//! What Pingora relies on, learnt from its source and from runs that hung.

use sluicegate_core::wire::Gone;

use super::*;
use crate::carry::tests::client::{Client, Ended};
use crate::carry::tests::soon;

type Fake = PlainSession<crate::carry::tests::client::FakeReceive, crate::carry::tests::client::FakeTransmit>;

fn session(client: &Client) -> Fake {
    let request = RequestHeader::build("POST", b"/", None).unwrap();
    let (receive, transmit) = client.wire();
    let address = "127.0.0.1:1".parse().unwrap();
    PlainSession::new(request, receive, transmit, (address, address))
}

fn response(headers: &[(&'static str, &'static str)]) -> Box<ResponseHeader> {
    let mut response = ResponseHeader::build(200, None).unwrap();
    for (name, value) in headers {
        response.append_header(*name, *value).unwrap();
    }
    Box::new(response)
}

#[tokio::test(start_paused = true)]
async fn the_body_is_done_only_when_a_read_has_said_so() {
    let client = Client::new();
    let mut session = session(&client);
    client.send("hello").end();
    assert!(!session.is_body_done());
    assert_eq!(session.read_body_bytes().await.unwrap().unwrap(), "hello");
    assert!(!session.is_body_done(), "Pingora would never read the end");
    assert_eq!(session.read_body_or_idle(false).await.unwrap(), None);
    assert!(session.is_body_done() && !session.is_body_empty());
    assert_eq!(client.side().released, 5);
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_learns_that_the_client_left() {
    let client = Client::new();
    client.end();
    let mut session = session(&client);
    assert!(session.is_body_done() && session.is_body_empty());
    let idle = session.read_body_or_idle(true);
    let leave = async { client.leave(Gone::Connection) };
    let (left, ()) = soon("the departure", async { tokio::join!(idle, leave) }).await;
    assert!(matches!(left.unwrap_err().esource(), pingora_core::ErrorSource::Downstream));
}

#[tokio::test(start_paused = true)]
async fn a_response_crosses_without_what_belongs_to_the_hop() {
    let client = Client::new();
    client.end();
    let mut session = session(&client);
    let head = response(&[
        ("content-length", "4"),
        ("transfer-encoding", "chunked"),
        ("connection", "x-b"),
        ("x-b", "1"),
        ("x-a", "1"),
    ]);
    session.write_response_header(Box::new(ResponseHeader::build(103, None).unwrap()), false).await.unwrap();
    assert!(client.side().head.is_none(), "an interim response is not the response");
    let tasks = vec![HttpTask::Header(head, false), HttpTask::Body(Some("body".into()), true)];
    assert!(session.response_duplex_vec(tasks).await.unwrap());
    assert_eq!(client.ended().await, Ended::Data(4), "the end rides on the last frame");
    let head = client.side().head.clone().unwrap();
    assert_eq!(head.headers["content-length"], "4");
    assert_eq!((head.headers.len(), &head.headers["x-a"]), (2, &"1".parse().unwrap()));
    assert_eq!(session.body_bytes_sent(), 4);
    // Finishing again does nothing, and neither does the end of the session.
    session.finish().await.unwrap();
    drop(session);
    assert_eq!(client.ended().await, Ended::Data(4));
}

#[tokio::test(start_paused = true)]
async fn trailers_and_bare_heads_cross() {
    let client = Client::new();
    let mut bare = session(&client);
    bare.write_response_header(response(&[]), true).await.unwrap();
    assert_eq!(client.ended().await, Ended::Head);
    let client = Client::new();
    let mut session = session(&client);
    let trailers = HeaderMap::from_iter([("x-t".parse().unwrap(), "1".parse().unwrap())]);
    let tasks = vec![
        HttpTask::Header(response(&[]), false),
        HttpTask::Body(Some("body".into()), false),
        HttpTask::Trailer(Some(Box::new(trailers.clone()))),
    ];
    assert!(session.response_duplex_vec(tasks).await.unwrap());
    assert_eq!(client.ended().await, Ended::Trailers(trailers));
    assert!(client.side().stopped, "the rest of the request is not wanted");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_in_the_middle_resets() {
    for begun in [false, true] {
        let client = Client::new();
        let mut session = session(&client);
        if begun {
            session.write_response_header(response(&[]), false).await.unwrap();
            session.write_body("half".into(), false).await.unwrap();
        }
        drop(session);
        assert_eq!(client.ended().await, Ended::Reset(Reset::INTERNAL));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_holds_the_response_back() {
    let client = Client::new();
    client.stop_reading();
    let mut session = session(&client);
    session.write_response_header(response(&[]), false).await.unwrap();
    let write = session.write_body(Bytes::from(vec![0; 1000]), true);
    let read = async {
        for _ in 0..10 {
            crate::carry::tests::settle().await;
            client.grant(100);
        }
    };
    soon("all of it", async { tokio::join!(write, read) }).await.0.unwrap();
    assert_eq!(client.ended().await, Ended::Data(100));
}

#[tokio::test(start_paused = true)]
async fn only_so_much_is_kept_for_another_attempt() {
    let client = Client::new();
    let mut session = session(&client);
    session.enable_retry_buffering();
    client.send("hello").send(vec![0; RETRY_BUFFER - 5]).send("x").end();
    session.read_body_bytes().await.unwrap();
    assert_eq!(session.get_retry_buffer().unwrap(), "hello");
    session.read_body_bytes().await.unwrap();
    assert_eq!(
        (session.get_retry_buffer().unwrap().len(), session.retry_buffer_truncated()),
        (RETRY_BUFFER, false)
    );
    session.drain_request_body().await.unwrap();
    assert_eq!((session.get_retry_buffer(), session.retry_buffer_truncated()), (None, true));
}
