//! The client's side, against our own server: flow control of sessions on both sides, and many at once.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use sluicegate_core::wire::{Gone, Transmit};
use sluicegate_quic::{Client, Limits, OpenError, Opened, Opening, SessionEnd};

use crate::client::tls;
use crate::client_foreign::{all, learns_codes, say, uses_every_kind};
use crate::server::{Seen, Server};
use crate::wire::{finish, gone, send, soon};

/// A client that trusts the server.
fn client(server: &Server) -> Client {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    Client::bind(local, Arc::new(tls(server)), Limits::default()).unwrap()
}

/// What asks for a session at this path, with two subprotocols.
pub(crate) fn opening(path: &str) -> Opening {
    Opening {
        authority: "localhost".parse().unwrap(),
        path: path.parse().unwrap(),
        origin: Some(HeaderValue::from_static("https://app.example")),
        protocols: vec!["first".to_owned(), "second".to_owned()],
        headers: HeaderMap::from_iter([("cookie".parse().unwrap(), HeaderValue::from_static("a=b"))]),
    }
}

async fn open(client: &Client, server: &mut Server) -> Opened {
    let opened = soon(client.open(server.address, "localhost", opening("/session?a=b"))).await.unwrap();
    let protocols = vec!["first".to_owned(), "second".to_owned()];
    assert_eq!(server.seen().await, Seen::Opened("draft-16", protocols, "/session?a=b".to_owned()));
    opened
}

#[tokio::test]
async fn uses_every_kind_of_stream_and_learns_codes() {
    let mut server = Server::start(Limits::default()).await;
    let Opened { session, subprotocol, .. } = open(&client(&server), &mut server).await;
    assert_eq!((session.draft(), subprotocol.as_deref()), ("draft-16", Some("first")));
    uses_every_kind(&session).await;
    assert_eq!(server.seen().await, Seen::Datagram(Bytes::from_static(b"datagram")));
    learns_codes(&session, Some(42), Some(43)).await;
    // Codes the other way, as gRPC over WebTransport means them.
    let (_receive, mut transmit) = say(&session, b"wait").await;
    // Streams that were dropped before are told of first.
    while server.seen().await != Seen::Waiting {}
    transmit.reset_with(4);
    let Seen::Gone(Gone::Reset(reset)) = server.seen().await else { panic!("not reset") };
    assert_eq!(reset.code, sluicegate_core::status::Code::DeadlineExceeded);
}

#[tokio::test]
async fn learns_that_it_is_refused() {
    let server = Server::start(Limits::default()).await;
    let error = soon(client(&server).open(server.address, "localhost", opening("/forbidden"))).await;
    assert!(matches!(error, Err(OpenError::Refused(StatusCode::FORBIDDEN, _))), "{error:?}");
}

/// More streams and bytes than a session may have at once, with limits that bind.
#[tokio::test]
async fn limits_of_sessions_are_raised_as_they_are_used_up() {
    let limits = Limits { session_window: 4096, max_session_streams: 3, ..Limits::default() };
    let mut server = Server::start(limits.clone()).await;
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let client = Client::bind(local, Arc::new(tls(&server)), limits).unwrap();
    let Opened { session, .. } = open(&client, &mut server).await;
    for _ in 0..20 {
        let (mut receive, mut transmit) = soon(session.open_bi()).await.unwrap();
        let message = Bytes::from(vec![7; 10_000]);
        let upload = message.clone();
        let writing = tokio::spawn(async move {
            send(&mut transmit, upload).await.unwrap();
            finish(&mut transmit, None).await.unwrap();
        });
        assert!(all(&mut receive).await.unwrap() == message);
        writing.await.unwrap();
    }
    for _ in 0..20 {
        let mut transmit = soon(session.open_uni()).await.unwrap();
        send(&mut transmit, Bytes::from_static(b"one way")).await.unwrap();
        finish(&mut transmit, None).await.unwrap();
        let mut receive = soon(session.accept_uni()).await.unwrap();
        assert_eq!(all(&mut receive).await.unwrap(), b"one way");
        let (mut receive, mut transmit) = say(&session, b"open").await;
        finish(&mut transmit, None).await.unwrap();
        assert!(all(&mut receive).await.unwrap().is_empty());
        let (mut opened, _transmit) = soon(session.accept_bi()).await.unwrap();
        assert_eq!(all(&mut opened).await.unwrap(), b"from the server");
    }
}

/// Each session has its connection, so one whose streams nobody reads holds up no other.
#[tokio::test]
async fn a_session_that_nobody_reads_holds_up_no_other() {
    let mut server = Server::start(Limits::default()).await;
    let client = client(&server);
    let Opened { session: stalled, .. } = open(&client, &mut server).await;
    let Opened { session, .. } = open(&client, &mut server).await;
    let (receive, mut transmit) = soon(stalled.open_bi()).await.unwrap();
    let mut writing = tokio::spawn(async move { send(&mut transmit, Bytes::from(vec![7; 8 << 20])).await });
    // It stops when all windows are full, and only then is this one used.
    let stopped = tokio::time::timeout(std::time::Duration::from_millis(300), &mut writing).await;
    assert!(stopped.is_err(), "8 MiB were taken although nobody reads");
    uses_every_kind(&session).await;
    drop((receive, stalled));
    assert!(soon(writing).await.unwrap().is_err());
}

#[tokio::test]
async fn sessions_end_on_both_sides() {
    let mut server = Server::start(Limits::default()).await;
    let client = client(&server);
    let Opened { session, .. } = open(&client, &mut server).await;
    let (_receive, mut transmit) = say(&session, b"wait").await;
    assert_eq!(server.seen().await, Seen::Waiting);
    session.close(7, "bye").await;
    server.saw(&[Seen::Closed(7, "bye".to_owned()), Seen::Gone(Gone::Connection), Seen::Over]).await;
    assert_eq!(soon(gone(&mut transmit)).await, Gone::Connection);
    drop(transmit);

    // The server drains: the session learns it, goes on, and ends when it likes.
    let Opened { session, .. } = open(&client, &mut server).await;
    server.drain.notify_waiters();
    soon(session.draining()).await;
    let (mut receive, mut transmit) = say(&session, b"still here").await;
    finish(&mut transmit, None).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"still here");
    drop(session);
    server.saw(&[Seen::Closed(0, String::new()), Seen::Over]).await;

    // The client closes everything at once.
    let Opened { session, .. } = open(&client, &mut server).await;
    client.close();
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    server.saw(&[Seen::Closed(0, String::new()), Seen::Over]).await;
    // Nothing is left of any of them.
    soon(client.wait_idle()).await;
    assert_eq!(client.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sessions_at_once_on_several_threads() {
    let server = Server::start(Limits::default()).await;
    let client = Arc::new(client(&server));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..40u8 {
        let (client, address) = (Arc::clone(&client), server.address);
        tasks.spawn(async move {
            let opened = client.open(address, "localhost", opening("/session")).await.unwrap();
            for message in 0..50u8 {
                let (mut receive, mut transmit) = opened.session.open_bi().await.unwrap();
                let message = Bytes::from([task, message].repeat(1 + usize::from(message) * 20));
                send(&mut transmit, message.clone()).await.unwrap();
                transmit.send_data(Bytes::new(), true).unwrap();
                assert_eq!(all(&mut receive).await.unwrap(), message);
            }
            opened.session.close(u32::from(task), "done").await;
        });
    }
    while let Some(done) = soon(tasks.join_next()).await {
        done.unwrap();
    }
    soon(client.wait_idle()).await;
}
