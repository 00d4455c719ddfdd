//! Streams of REST as server-sent events, which comments keep alive while nothing else is said.

use super::*;

const PROTO: &str = "syntax = \"proto3\";
    package test.v1;
    import \"google/api/annotations.proto\";
    message M { string text = 1; }
    service Test { rpc Watch(M) returns (stream M) { option (google.api.http) = { get: \"/v1/watch\" }; } }";

const COMMENT: &str = ": keep-alive\n\n";
/// A message with the text `hi`, and what it is as an event.
const HI: &[u8] = b"\x0a\x02hi";
const EVENT: &str = "data: {\"text\":\"hi\"}\n\n";

/// A gateway, and the call that a client with this `accept` makes through it.
async fn watch(accept: &str) -> (Rig, UpCall, Client) {
    // The plan reads the folder, and nothing follows it here.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("test.proto"), PROTO).unwrap();
    let cluster =
        format!("endpoints = [\"http://up:1\"]\ndescriptors = {{ protos = [{:?}] }}", folder.path());
    let rig = Rig::new("", &cluster);
    let mut upstream = rig.upstreams.at(1, |_| {});
    let client = Client::new();
    let head = Head {
        method: Method::GET,
        path: "/v1/watch".parse().unwrap(),
        headers: HeaderMap::from_iter([(http::header::ACCEPT, accept.parse().unwrap())]),
        transport: Transport::Http2,
    };
    let Admission::Call(protocol, Ok(opened)) = rig.door.admit(head, "up") else { panic!("no call") };
    assert_eq!(protocol.name, "rest");
    let (receive, transmit) = client.end().wire();
    tokio::spawn(rig.door.carry(protocol, *opened, entrance(), receive, transmit));
    let call = upstream.call().await;
    (rig, call, client)
}

/// Lets so much time go by.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

fn body(client: &Client) -> String {
    String::from_utf8(client.side().body.clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_comments() {
    let (rig, mut call, client) = watch("text/event-stream").await;
    // Before the head nothing can be said.
    pass(40).await;
    assert!(client.side().head.is_none());
    call.answer(&[]);
    client.until("the head", |side| side.head.is_some()).await;
    assert_eq!(client.side().head.as_ref().unwrap().headers["content-type"], "text/event-stream");
    for comments in 1..=4 {
        pass(15).await;
        let said = body(&client);
        assert!(said.len() >= comments * COMMENT.len(), "{said:?} after {comments} times 15 s");
        assert_eq!(said, COMMENT.repeat(said.len() / COMMENT.len()), "whole comments and nothing else");
    }
    call.send(message(HI));
    settle().await;
    assert!(body(&client).ends_with(&format!("{COMMENT}{EVENT}")), "{}", body(&client));
    call.end(&[("grpc-status", "0")]);
    client.ended().await;
    assert!(body(&client).ends_with(&format!("{EVENT}event: end\ndata: {{}}\n\n")), "{}", body(&client));
    client.released().await;
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn who_hears_enough_gets_no_comments() {
    let (_rig, mut call, client) = watch("text/event-stream").await;
    call.answer(&[]);
    client.until("the head", |side| side.head.is_some()).await;
    for _ in 0..30 {
        call.send(message(HI));
        pass(2).await;
    }
    assert_eq!(body(&client), EVENT.repeat(30));
}

#[tokio::test(start_paused = true)]
async fn no_comment_stands_in_a_message() {
    let (_rig, mut call, client) = watch("text/event-stream").await;
    let frame = message(HI);
    call.answer(&[]).send(frame.slice(..6));
    pass(40).await;
    let before = body(&client);
    assert_eq!(before, COMMENT.repeat(before.len() / COMMENT.len()));
    call.send(frame.slice(6..));
    settle().await;
    assert_eq!(body(&client), format!("{before}{EVENT}"));
}

#[tokio::test(start_paused = true)]
async fn comments_wait_for_a_client_that_does_not_read() {
    let (_rig, mut call, client) = watch("text/event-stream").await;
    call.answer(&[]);
    client.until("the head", |side| side.head.is_some()).await;
    client.stop_reading();
    pass(200).await;
    client.grant(1 << 20);
    settle().await;
    assert_eq!(body(&client), COMMENT, "comments do not pile up");
}

#[tokio::test(start_paused = true)]
async fn no_silence_is_longer_than_15_seconds_whenever_it_begins() {
    let (_rig, mut call, client) = watch("text/event-stream").await;
    call.answer(&[]);
    for offset in 1..15 {
        pass(offset).await;
        let before = body(&client);
        call.send(message(HI));
        pass(15).await;
        let said = body(&client);
        assert!(said.starts_with(&format!("{before}{EVENT}{COMMENT}")), "{said:?} after {before:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_forms_have_no_comments() {
    for (accept, want) in [
        ("application/json", "[{\"text\":\"hi\"}]"),
        ("application/x-ndjson", "{\"text\":\"hi\"}\n"),
        ("application/json-seq", "\x1e{\"text\":\"hi\"}\n"),
    ] {
        let (_rig, mut call, client) = watch(accept).await;
        call.answer(&[]).send(message(HI));
        pass(100).await;
        call.end(&[("grpc-status", "0")]);
        client.ended().await;
        assert_eq!(body(&client), want);
    }
}
