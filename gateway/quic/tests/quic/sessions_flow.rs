//! The flow control of sessions, by hand.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_quic::{Limits, Refusal, SessionEnd, StreamError};

use crate::client::{settings, varint};
use crate::sessions_host::*;
use crate::wire::{data, echo, finish, send, soon};

fn limits() -> Limits {
    Limits { session_window: 1000, max_session_streams: 4, ..Limits::default() }
}

#[tokio::test]
async fn credit_comes_back_as_bytes_are_read() {
    let mut host = Host::start(limits()).await;
    let (session, mut hand, _control) = host.generous().await;
    let (mut upload, _answer) = hand.bidi(&[7; 1000]).await;
    let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
    let mut read = 0;
    while read < 1000 {
        read += soon(data(&mut receive)).await.unwrap().unwrap().len();
    }
    // A second thousand fits into what it is told, which may take two capsules.
    let (mut limit, mut sent) = (1000, 1000);
    while sent < 2000 {
        let told = hand.read_limit().await;
        assert!(told.0 == MAX_DATA && told.1 > limit, "{told:x?} after {limit}");
        limit = told.1;
        assert!(limit <= 2000);
        upload.write_all(&vec![7; (limit - sent) as usize]).await.unwrap();
        while read < limit as usize {
            read += soon(data(&mut receive)).await.unwrap().unwrap().len();
        }
        sent = limit;
    }
}

#[tokio::test]
async fn a_peer_that_sends_too_much_loses_only_this_session() {
    let mut host = Host::start(limits()).await;
    let (session, hand, _control) = host.generous().await;
    let (other, mut other_hand) = host.open(&hand.quic, "webtransport-h3").await;
    // One packet each, which is read to find out whose stream it is, and nobody reads more.
    let _first = hand.uni(&[7; 600]).await;
    let (_second, mut answer) = hand.bidi(&[7; 600]).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    assert_eq!(reset(&mut answer).await, code(SESSION_GONE));
    hand.failed(FLOW_CONTROL_ERROR).await;
    host.refused(Refusal::SessionWindow, 1).await;
    // The other goes on.
    let (mut upload, mut answer) = other_hand.bidi(b"still here").await;
    upload.finish().unwrap();
    let (mut receive, mut transmit) = soon(other.accept_bi()).await.unwrap();
    while let Some(bytes) = soon(data(&mut receive)).await.unwrap() {
        send(&mut transmit, bytes).await.unwrap();
    }
    finish(&mut transmit, None).await.unwrap();
    assert_eq!(soon(answer.read_to_end(100)).await.unwrap(), b"still here");
    other.close(1, "").await;
    assert_eq!(other_hand.read().await.0, CLOSE);
}

#[tokio::test]
async fn a_peer_that_goes_on_while_nobody_reads_is_found_out_when_somebody_does() {
    let mut host = Host::start(limits()).await;
    let (session, hand, _control) = host.generous().await;
    let (mut upload, _answer) = hand.bidi(&[7; 100]).await;
    let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
    upload.write_all(&[7; 5000]).await.unwrap();
    upload.finish().unwrap();
    // QUIC has all of it before the first read.
    assert_eq!(soon(upload.stopped()).await, Ok(None));
    while soon(data(&mut receive)).await.is_ok() {}
    assert_eq!(receive.error(), Some(StreamError::SessionGone));
    hand.failed(FLOW_CONTROL_ERROR).await;
}

#[tokio::test]
async fn streams_are_counted_and_given_back() {
    let mut host = Host::start(limits()).await;
    let (session, mut hand, _control) = host.generous().await;
    // Two of four are over: the limit rises by as much.
    for _ in 0..2 {
        hand.uni(b"").await.finish().unwrap();
        let mut receive = soon(session.accept_uni()).await.unwrap();
        assert_eq!(soon(data(&mut receive)).await, Ok(None));
    }
    assert_eq!(hand.read_limit().await, (MAX_STREAMS_UNI, 6));
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(hand.uni(b"").await);
    }
    for _ in 0..4 {
        soon(session.accept_uni()).await.unwrap();
    }
    // Taken back without having been read, they are over too.
    let mut told = hand.read_limit().await;
    if told == (MAX_STREAMS_UNI, 8) {
        told = hand.read_limit().await;
    }
    assert_eq!(told, (MAX_STREAMS_UNI, 10));
    // Bidirectional ones have their own limit, which the fifth exceeds.
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(hand.bidi(b"x").await);
    }
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    for (_, answer) in &mut waiting {
        assert_eq!(reset(answer).await, code(SESSION_GONE));
    }
    hand.failed(FLOW_CONTROL_ERROR).await;
    host.refused(Refusal::MaxSessionStreams, 1).await;
}

#[tokio::test]
async fn the_peers_limits_on_streams_are_kept() {
    let mut host = Host::start(limits()).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1), (WT_ENABLED, 1), (INITIAL_MAX_STREAMS_BIDI, 1)]).await;
    let (session, mut hand) = host.open(&quic, "webtransport-h3").await;
    let (_receive, mut first) = soon(session.open_bi()).await.unwrap();
    let (_, mut arrived) = soon(quic.accept_bi()).await.unwrap();
    let mut header = vec![0; 3];
    soon(arrived.read_exact(&mut header)).await.unwrap();
    assert_eq!(header, [varint(0x41), varint(hand.id)].concat());
    // Neither a second one, nor a unidirectional one, nor a byte.
    let second = session.open_bi();
    tokio::pin!(second);
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    assert_eq!(hand.read_limit().await, (STREAMS_BLOCKED_BIDI, 1));
    {
        let uni = session.open_uni();
        tokio::pin!(uni);
        assert!(futures_util::poll!(uni.as_mut()).is_pending());
        assert_eq!(hand.read_limit().await, (STREAMS_BLOCKED_UNI, 0));
    }
    let writing = send(&mut first, Bytes::from_static(b"hello"));
    tokio::pin!(writing);
    assert!(futures_util::poll!(writing.as_mut()).is_pending());
    assert_eq!(hand.read_limit().await, (DATA_BLOCKED, 0));
    // Until the peer allows it.
    hand.capsule(MAX_STREAMS_BIDI, &varint(2)).await;
    let _second = soon(second).await.unwrap();
    hand.capsule(MAX_DATA, &varint(3)).await;
    assert!(futures_util::poll!(writing.as_mut()).is_pending());
    let mut read = [0; 3];
    let reading = arrived.read_exact(&mut read);
    let (read_all, ()) = tokio::join!(soon(reading), async {
        tokio::select! {
            _ = &mut writing => panic!("more than three bytes"),
            told = hand.read_limit() => assert_eq!(told, (DATA_BLOCKED, 3)),
        }
    });
    read_all.unwrap();
    assert_eq!(&read, b"hel");
    hand.capsule(MAX_DATA, &varint(5)).await;
    soon(writing).await.unwrap();
    hand.capsule(MAX_STREAMS_UNI, &varint(1)).await;
    drop(soon(session.open_uni()).await.unwrap());
}

#[tokio::test]
async fn a_wait_for_a_stream_that_is_given_up_costs_none() {
    let mut host = Host::start(limits()).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1), (WT_ENABLED, 1), (INITIAL_MAX_DATA, 1)]).await;
    let (session, mut hand) = host.open(&quic, "webtransport-h3").await;
    for _ in 0..3 {
        let waiting = session.open_bi();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    }
    assert_eq!(hand.read_limit().await, (STREAMS_BLOCKED_BIDI, 0));
    hand.capsule(MAX_STREAMS_BIDI, &varint(1)).await;
    soon(session.open_bi()).await.unwrap();
    // The end of the session ends the wait.
    let waiting = session.open_bi();
    tokio::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    hand.capsule(CLOSE, &[0, 0, 0, 1]).await;
    assert!(soon(waiting).await.is_none());
}

#[tokio::test]
async fn limits_that_do_not_rise_or_are_too_high_end_the_session() {
    let mut host = Host::start(limits()).await;
    let too_many = varint((1 << 60) + 1);
    let cases: [(u64, &[u8], u64); 9] = [
        (MAX_DATA, &varint(1 << 30), FLOW_CONTROL_ERROR),
        (MAX_DATA, &varint(7), FLOW_CONTROL_ERROR),
        (MAX_STREAMS_BIDI, &varint(1 << 30), FLOW_CONTROL_ERROR),
        (MAX_STREAMS_UNI, &too_many, FLOW_CONTROL_ERROR),
        (STREAMS_BLOCKED_UNI, &too_many, FLOW_CONTROL_ERROR),
        // What belongs to HTTP/2, and what is no integer.
        (0x190b_4d3e, &[0, 0], MESSAGE_ERROR),
        (0x190b_4d42, &[0, 0], MESSAGE_ERROR),
        (MAX_DATA, &[], MESSAGE_ERROR),
        (MAX_DATA, &[0x01, 0x01], MESSAGE_ERROR),
    ];
    for (capsule_type, value, expected) in cases {
        let (session, mut hand, _control) = host.generous().await;
        hand.capsule(capsule_type, value).await;
        assert_eq!(soon(session.ended()).await, SessionEnd::Lost, "{capsule_type:x}");
        hand.failed(expected).await;
    }
}

#[tokio::test]
async fn clients_of_draft_14_may_repeat_a_limit() {
    let mut host = Host::start(limits()).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1), (WT_MAX_SESSIONS, 1), (INITIAL_MAX_DATA, 7)]).await;
    let (session, mut hand) = host.open(&quic, "webtransport").await;
    assert_eq!(session.draft(), "draft-14");
    hand.capsule(MAX_DATA, &varint(7)).await;
    hand.capsule(MAX_STREAMS_UNI, &varint(0)).await;
    // They were read once what follows them has been.
    hand.capsule(MAX_STREAMS_BIDI, &varint(1)).await;
    assert!(soon(session.open_bi()).await.is_some());
    hand.capsule(MAX_DATA, &varint(6)).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    hand.failed(FLOW_CONTROL_ERROR).await;
}

#[tokio::test]
async fn without_flow_control_its_capsules_mean_nothing() {
    let mut host = Host::start(limits()).await;
    for protocol in ["webtransport-h3", "webtransport"] {
        let quic = host.quic().await;
        let _control = settings(&quic, &[(0x33, 1), (WT_ENABLED, 1)]).await;
        let (session, mut hand) = host.open(&quic, protocol).await;
        hand.capsule(MAX_DATA, &varint(0)).await;
        hand.capsule(MAX_DATA, &varint(0)).await;
        hand.capsule(MAX_STREAMS_BIDI, &varint(0)).await;
        hand.capsule(DATA_BLOCKED, &varint(9)).await;
        // More than the window and more than is allowed to be open.
        let mut upload = hand.uni(&[7; 3000]).await;
        upload.finish().unwrap();
        let mut receive = soon(session.accept_uni()).await.unwrap();
        let mut read = 0;
        while let Some(bytes) = soon(data(&mut receive)).await.unwrap() {
            read += bytes.len();
        }
        assert_eq!(read, 3000);
        assert!(soon(session.open_uni()).await.is_some());
        hand.capsule(CLOSE, &[0, 0, 0, 9]).await;
        assert_eq!(soon(session.closed()).await, (9, String::new()));
    }
}

#[tokio::test]
async fn clients_that_only_obey_get_credit_and_are_not_held_to_it() {
    let mut host = Host::start(limits()).await;
    let quic = host.quic().await;
    // As Safari may: none of the settings that ask for flow control, and no sign of an older draft.
    let _control = settings(&quic, &[(0x33, 1)]).await;
    let (session, mut hand) = host.open(&quic, "webtransport").await;
    assert_eq!(session.draft(), "draft-07");
    let mut upload = hand.uni(&[7; 3000]).await;
    upload.finish().unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    let mut read = 0;
    while let Some(bytes) = soon(data(&mut receive)).await.unwrap() {
        read += bytes.len();
    }
    assert_eq!(read, 3000);
    let (capsule_type, limit) = hand.read_limit().await;
    assert!(capsule_type == MAX_DATA && limit >= 1500, "{limit}");
}

#[tokio::test]
async fn what_went_down_with_a_stream_is_given_back_to_a_peer_that_waits() {
    let mut host = Host::start(limits()).await;
    let (session, mut hand, _control) = host.generous().await;
    let (mut upload, _answer) = hand.bidi(&[7; 100]).await;
    let (mut receive, transmit) = soon(session.accept_bi()).await.unwrap();
    soon(data(&mut receive)).await.unwrap();
    // The peer counts 900 bytes more, which never arrive.
    upload.reset(code(0x10c)).unwrap();
    while soon(data(&mut receive)).await.is_ok() {}
    assert_eq!(receive.error(), Some(StreamError::Peer(None)));
    drop((receive, transmit));
    hand.capsule(DATA_BLOCKED, &varint(1000)).await;
    loop {
        let (capsule_type, limit) = hand.read_limit().await;
        if capsule_type == MAX_DATA {
            assert_eq!(limit, 2000);
            break;
        }
    }
}

/// Small windows, many streams, and a third of them cut off with bytes on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_of_us_never_run_out_of_credit() {
    let mut host = Host::start(limits()).await;
    let (client, server) = host.ours(limits()).await;
    let serving = tokio::spawn(async move {
        while let Some((mut receive, mut transmit)) = server.accept_bi().await {
            tokio::spawn(async move {
                let Ok(Some(first)) = data(&mut receive).await else { return };
                // Those that begin so are let go of, unread.
                if first[0] != b'q' && send(&mut transmit, first).await.is_ok() {
                    let _ = echo(&mut receive, &mut transmit).await;
                }
            });
        }
    });
    let client = Arc::new(client);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..90_u8 {
        let client = Arc::clone(&client);
        calls.spawn(async move {
            let (mut receive, mut transmit) = soon(client.open_bi()).await.unwrap();
            if number % 3 == 0 {
                // It is stopped on the way.
                let _ = soon(send(&mut transmit, Bytes::from_static(&[b'q'; 3000]))).await;
                return;
            }
            let body = Bytes::from(vec![number; 3000]);
            let upload = body.clone();
            let writing = tokio::spawn(async move {
                soon(send(&mut transmit, upload)).await.unwrap();
                soon(finish(&mut transmit, None)).await.unwrap();
            });
            let mut echoed = Vec::new();
            while let Some(bytes) = soon(data(&mut receive)).await.unwrap() {
                echoed.extend_from_slice(&bytes);
            }
            assert_eq!(echoed, body);
            writing.await.unwrap();
        });
    }
    while let Some(done) = soon(calls.join_next()).await {
        done.unwrap();
    }
    drop(client);
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn streams_whose_header_never_came_are_given_back_to_a_peer_that_waits() {
    let mut host = Host::start(limits()).await;
    let (session, mut hand, _control) = host.generous().await;
    let (_upload, mut answer) = hand.bidi(b"x").await;
    let stream = soon(session.accept_bi()).await.unwrap();
    // The peer counts three more, which were reset before anybody could see whose they were.
    hand.capsule(STREAMS_BLOCKED_BIDI, &varint(4)).await;
    // While one is in use, its end is what makes room: for itself, and then for the others.
    drop(stream);
    reset(&mut answer).await;
    let (capsule_type, limit) = hand.read_limit().await;
    assert_eq!(capsule_type, MAX_STREAMS_BIDI);
    assert!(limit == 5 || limit == 8, "{limit}");
    if limit == 5 {
        hand.capsule(STREAMS_BLOCKED_BIDI, &varint(5)).await;
        assert_eq!(hand.read_limit().await, (MAX_STREAMS_BIDI, 9));
    }
    assert!(soon(session.open_uni()).await.is_some(), "the session goes on");
}
