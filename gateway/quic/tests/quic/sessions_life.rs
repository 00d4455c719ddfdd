//! How sessions begin and end, and what comes too early or too late, by hand.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use sluicegate_quic::{Limits, Refusal, SessionEnd, StreamError};

use crate::client::{connect, frame, headers, id, is_ok, settings, varint};
use crate::sessions_host::*;
use crate::wire::{data, soon};

fn closed(code: u32, reason: &str) -> SessionEnd {
    SessionEnd::Closed { code, reason: reason.to_owned() }
}

#[tokio::test]
async fn nothing_follows_a_close() {
    let mut host = Host::start(Limits::default()).await;
    let close = capsule(CLOSE, b"\0\0\0\x07bye");
    // In the same frame, in another of the same packet, and later.
    for (first, later) in [
        (frame(0, &[close.clone(), b"x".to_vec()].concat()), vec![]),
        ([frame(0, &close), frame(0, &capsule(DRAIN, &[]))].concat(), vec![]),
        (frame(0, &close), frame(0, b"x")),
    ] {
        let (session, mut hand, _control) = host.generous().await;
        hand.send.write_all(&first).await.unwrap();
        assert_eq!(soon(session.ended()).await, closed(7, "bye"));
        if later.is_empty() {
            assert_eq!(reset(&mut hand.receive).await, code(MESSAGE_ERROR));
        } else {
            hand.send.write_all(&later).await.unwrap();
        }
        assert_eq!(soon(hand.send.stopped()).await.unwrap(), Some(code(MESSAGE_ERROR)));
    }
}

#[tokio::test]
async fn a_broken_close_loses_the_session() {
    let mut host = Host::start(Limits::default()).await;
    let long = [&[0; 4][..], &[b'r'; 1025]].concat();
    for value in [&[0, 0, 0][..], b"\0\0\0\x01\xff", &long] {
        let (session, mut hand, _control) = host.generous().await;
        hand.capsule(CLOSE, value).await;
        assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
        hand.failed(MESSAGE_ERROR).await;
    }
    // The longest that is allowed.
    let (session, mut hand, _control) = host.generous().await;
    hand.capsule(CLOSE, &long[..4 + 1024]).await;
    assert_eq!(soon(session.closed()).await, (0, "r".repeat(1024)));
    // An end inside a capsule; and between two, which closes.
    let (session, mut hand, _control) = host.generous().await;
    hand.send.write_all(&frame(0, &capsule(0x17, b"abc")[..3])).await.unwrap();
    hand.send.finish().unwrap();
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    assert_eq!(reset(&mut hand.receive).await, code(MESSAGE_ERROR));
    let (session, mut hand, _control) = host.generous().await;
    hand.capsule(0x17, b"abc").await;
    hand.send.finish().unwrap();
    assert_eq!(soon(session.ended()).await, closed(0, ""));
}

#[tokio::test]
async fn ends_that_are_explained_and_ends_that_are_not() {
    let mut host = Host::start(Limits::default()).await;
    // Ours: a close, with as much of the reason as fits.
    let (session, mut hand, _control) = host.generous().await;
    let stream = soon(session.open_uni()).await.unwrap();
    let mut arrived = soon(hand.quic.accept_uni()).await.unwrap();
    while soon(arrived.read_chunk(1, true)).await.unwrap().unwrap().bytes[0] != varint(0x54)[0] {
        // Those of HTTP/3 come first.
        arrived = soon(hand.quic.accept_uni()).await.unwrap();
    }
    session.close(99, &"é".repeat(1024)).await;
    let (capsule_type, value) = hand.read().await;
    assert_eq!((capsule_type, &value[..4]), (CLOSE, &[0, 0, 0, 99][..]));
    assert_eq!(std::str::from_utf8(&value[4..]).unwrap(), "é".repeat(512));
    assert!(soon(hand.receive.read_to_end(1)).await.unwrap().is_empty());
    assert_eq!(reset(&mut arrived).await, code(SESSION_GONE));
    drop(stream);
    // Ours: abruptly.
    let (session, hand, _control) = host.generous().await;
    session.abort();
    hand.failed(0x10c).await;
    // The peer's: a reset.
    let (session, mut hand, _control) = host.generous().await;
    hand.send.reset(code(0x10c)).unwrap();
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    assert_eq!(reset(&mut hand.receive).await, code(0x10c));
}

#[tokio::test]
async fn a_lost_connection_is_a_lost_session() {
    let mut host = Host::start(Limits::default()).await;
    let (session, hand, _control) = host.generous().await;
    hand.quic.close(code(0x100), b"");
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
}

#[tokio::test]
async fn codes_of_streams_are_exact() {
    let mut host = Host::start(Limits::default()).await;
    let (session, hand, _control) = host.generous().await;
    let first = 0x52e4_a40f_a8db_u64;
    for (wire, application) in [
        (first, Some(0)),
        (first + 0x1d, Some(0x1d)),
        (first + 0x1f, Some(0x1e)),
        (0x52e5_ac98_3162, Some(u32::MAX)),
        // A reserved point, both neighbours of the range, HTTP/3's own codes.
        (first + 0x1e, None),
        (first - 1, None),
        (0x52e5_ac98_3163, None),
        (0x10c, None),
        (0, None),
    ] {
        let (mut upload, mut download) = hand.bidi(b"x").await;
        let (mut receive, mut transmit) = soon(session.accept_bi()).await.unwrap();
        soon(data(&mut receive)).await.unwrap();
        upload.reset(code(wire)).unwrap();
        assert_eq!(soon(poll_fn(|cx| receive.poll_reset(cx))).await, StreamError::Peer(application));
        assert!(soon(data(&mut receive)).await.is_err());
        assert_eq!(receive.error(), Some(StreamError::Peer(application)), "{wire:x}");
        download.stop(code(wire)).unwrap();
        assert_eq!(soon(poll_fn(|cx| transmit.poll_stopped(cx))).await, StreamError::Peer(application));
        // And out again.
        let passed_on = code(application.map_or(0x10c, |_| wire));
        let (upload, mut download) = hand.bidi(b"x").await;
        let (mut receive, mut transmit) = soon(session.accept_bi()).await.unwrap();
        transmit.forward_reset(application);
        receive.forward_stop(application);
        assert_eq!(reset(&mut download).await, passed_on);
        assert_eq!(soon(upload.stopped()).await.unwrap(), Some(passed_on));
    }
}

#[tokio::test]
async fn a_stream_is_told_that_its_session_is_gone() {
    let mut host = Host::start(Limits::default()).await;
    let (session, mut hand, _control) = host.generous().await;
    let (_upload, _download) = hand.bidi(b"").await;
    let (mut receive, mut transmit) = soon(session.accept_bi()).await.unwrap();
    hand.capsule(CLOSE, &[0; 4]).await;
    assert_eq!(soon(poll_fn(|cx| transmit.poll_stopped(cx))).await, StreamError::SessionGone);
    assert!(soon(data(&mut receive)).await.is_err());
    assert_eq!(receive.error(), Some(StreamError::SessionGone));
    // Nothing can be opened any more, and late streams are refused as such.
    assert!(soon(session.open_bi()).await.is_none() && soon(session.accept_uni()).await.is_none());
    assert!(!session.send_datagram(b"late"));
    let (late, mut answer) = hand.bidi(b"").await;
    assert_eq!(reset(&mut answer).await, code(SESSION_GONE));
    assert_eq!(soon(late.stopped()).await.unwrap(), Some(code(SESSION_GONE)));
}

#[tokio::test]
async fn what_comes_before_its_session_waits_within_limits() {
    let limits = Limits {
        early_streams: 2,
        early_datagrams: 2,
        header_timeout: Duration::from_secs(4),
        ..Limits::default()
    };
    let mut host = Host::start(limits).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1)]).await;
    let datagram = |session: u64, text: &str| Bytes::from([varint(session / 4), text.into()].concat());
    // The CONNECT is cut, so that all of this is there before it.
    let (mut send, mut answer) = quic.open_bi().await.unwrap();
    let fields = [
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/"),
        (":protocol", "webtransport"),
    ];
    let head = headers(&fields);
    send.write_all(&head[..10]).await.unwrap();
    let hand_id = id(&send);
    let mut early = Vec::new();
    for _ in 0..3 {
        let (mut send, receive) = quic.open_bi().await.unwrap();
        send.write_all(&[varint(0x41), varint(hand_id), b"early".to_vec()].concat()).await.unwrap();
        early.push((send, receive));
    }
    for text in ["lost", "kept", "kept too"] {
        quic.send_datagram(datagram(hand_id, text)).unwrap();
    }
    host.refused(Refusal::EarlyStreams, 1).await;
    host.refused(Refusal::EarlyDatagrams, 1).await;
    assert_eq!(reset(&mut early[2].1).await, code(BUFFERED_STREAM_REJECTED));
    send.write_all(&head[10..]).await.unwrap();
    let session = soon(host.request().await.accept(None)).await.unwrap();
    assert!(is_ok(&mut answer).await);
    for _ in 0..2 {
        let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
        assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "early");
    }
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "kept");
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "kept too");
    // What waits for a session that never opens is given up in time.
    let (mut never, mut refused) = quic.open_bi().await.unwrap();
    never.write_all(&[varint(0x41), varint(4000)].concat()).await.unwrap();
    quic.send_datagram(datagram(4000, "never")).unwrap();
    assert_eq!(reset(&mut refused).await, code(BUFFERED_STREAM_REJECTED));
    host.refused(Refusal::EarlyStreams, 2).await;
    host.refused(Refusal::EarlyDatagrams, 2).await;
}

#[tokio::test]
async fn a_session_that_is_refused_takes_its_streams_along() {
    let mut host = Host::start(Limits { max_sessions: 1, ..Limits::default() }).await;
    let (_session, hand, _control) = host.generous().await;
    let quic = &hand.quic;
    let (mut send, mut answer) = quic.open_bi().await.unwrap();
    let (mut early, mut refused) = quic.open_bi().await.unwrap();
    early.write_all(&[varint(0x41), varint(id(&send)), b"early".to_vec()].concat()).await.unwrap();
    let fields = [
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/"),
        (":protocol", "webtransport-h3"),
    ];
    send.write_all(&headers(&fields)).await.unwrap();
    assert_eq!(reset(&mut answer).await, code(0x10b));
    // At once, and not when its time is up.
    let code = reset(&mut refused).await.into_inner();
    assert!([BUFFERED_STREAM_REJECTED, SESSION_GONE].contains(&code), "{code:x}");
    host.refused(Refusal::MaxSessions, 1).await;
    host.refused(Refusal::EarlyStreams, 0).await;
}

#[tokio::test]
async fn without_flow_control_streams_that_are_too_many_are_refused_alone() {
    let mut host = Host::start(Limits { max_session_streams: 2, ..Limits::default() }).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1)]).await;
    let (send, mut answer) = connect(&quic, "webtransport", &[("sec-webtransport-http3-draft02", "1")]).await;
    let session = soon(host.request().await.accept(None)).await.unwrap();
    assert_eq!(session.draft(), "draft-02");
    let hand_id = id(&send);
    let hand = Hand { quic: quic.clone(), id: hand_id, send, receive: quic.open_bi().await.unwrap().1 };
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(hand.bidi(b"x").await);
    }
    let (last, mut refused) = open.pop().unwrap();
    assert_eq!(reset(&mut refused).await, code(BUFFERED_STREAM_REJECTED));
    assert_eq!(soon(last.stopped()).await.unwrap(), Some(code(BUFFERED_STREAM_REJECTED)));
    host.refused(Refusal::MaxSessionStreams, 1).await;
    // The end of one makes room, and the other kind has its own.
    drop(soon(session.accept_bi()).await.unwrap());
    let _more = hand.bidi(b"y").await;
    for expected in ["x", "y"] {
        let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
        assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), expected);
    }
    let _uni = hand.uni(b"z").await;
    assert!(soon(session.accept_uni()).await.is_some());
    let mut head = [0; 1];
    soon(answer.read_exact(&mut head)).await.unwrap();
}

#[tokio::test]
async fn datagrams_that_nobody_reads_push_out_the_oldest() {
    let mut host = Host::start(Limits { datagrams_per_session: 2, ..Limits::default() }).await;
    let (session, hand, _control) = host.generous().await;
    for text in ["one", "two", "three"] {
        let datagram = [varint(hand.id / 4), text.into()].concat();
        hand.quic.send_datagram(datagram.into()).unwrap();
    }
    host.refused(Refusal::DatagramsPerSession, 1).await;
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "two");
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "three");
    // The largest that fits, and one byte more.
    let most = session.max_datagram().unwrap();
    assert!(session.send_datagram(&vec![7; most]) && !session.send_datagram(&vec![7; most + 1]));
    assert_eq!(soon(hand.quic.read_datagram()).await.unwrap().len(), most + varint(hand.id / 4).len());
}

#[tokio::test]
async fn answers_carry_further_fields_and_draining_waits_for_them() {
    let mut host = Host::start(Limits::default()).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1)]).await;
    let fields = HeaderMap::from_iter([
        ("x-more".parse().unwrap(), HeaderValue::from_static("yes")),
        ("wt-protocol".parse().unwrap(), HeaderValue::from_static("\"never offered\"")),
    ]);
    let (_send, mut answer) = connect(&quic, "webtransport", &[]).await;
    let request = host.request().await;
    soon(request.refuse_with(StatusCode::FORBIDDEN, &fields)).await;
    let head = soon(answer.read_to_end(200)).await.unwrap();
    assert!(head.ends_with(b"x-more\x03yes") || head.windows(10).any(|part| part == b"x-more\x03yes"));

    let (send, mut answer) =
        connect(&quic, "webtransport", &[("wt-available-protocols", "\"a\", \"b\"")]).await;
    let request = host.request().await;
    let session = soon(request.accept_with(Some("b"), &fields)).await.unwrap();
    session.drain();
    session.drain();
    let mut head = vec![0; 60];
    let length = soon(answer.read(&mut head)).await.unwrap().unwrap();
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    assert!(head.contains("x-more\x03yes") && head.contains("wt-protocol\x03\"b\""), "{head:?}");
    assert!(!head.contains("never"), "{head:?}");
    drop(send);
}

#[tokio::test]
async fn every_refusal_is_counted_by_its_limit() {
    let limits = Limits {
        max_frame: 1000,
        max_field_section: 500,
        max_resets_per_second: 3,
        header_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let host = Host::start(limits).await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")];
    let value = "v".repeat(120);
    for (number, method) in ["GET", "CONNECT"].into_iter().enumerate() {
        let quic = host.quic().await;
        let _control = settings(&quic, &[]).await;
        let (mut send, mut answer) = quic.open_bi().await.unwrap();
        let mut fields = fields.to_vec();
        fields[0].1 = method;
        if method == "CONNECT" {
            fields.push((":protocol", "webtransport"));
        }
        fields.extend((0..5).map(|_| ("x", &value[..])));
        send.write_all(&headers(&fields)).await.unwrap();
        soon(answer.read_to_end(100)).await.unwrap();
        host.refused(Refusal::MaxFieldSection, number + 1).await;
    }
    let quic = host.quic().await;
    quic.open_bi().await.unwrap().0.write_all(&[varint(0x01), varint(1001)].concat()).await.unwrap();
    soon(quic.closed()).await;
    host.refused(Refusal::MaxFrame, 1).await;

    let quic = host.quic().await;
    let _control = settings(&quic, &[]).await;
    let (mut silent, mut refused) = quic.open_bi().await.unwrap();
    silent.write_all(&[0x40]).await.unwrap();
    assert_eq!(reset(&mut refused).await, code(0x10d));
    host.refused(Refusal::HeaderTimeout, 1).await;
    // A CONNECT without settings.
    let quic = host.quic().await;
    let (_send, mut answer) = connect(&quic, "webtransport", &[]).await;
    reset(&mut answer).await;
    host.refused(Refusal::HeaderTimeout, 2).await;

    let quic = host.quic().await;
    let _control = settings(&quic, &[]).await;
    soon(async {
        while quic.close_reason().is_none() {
            let Ok((mut send, _receive)) = quic.open_bi().await else { break };
            let _ = send.write_all(&headers(&fields)).await;
            let _ = send.reset(code(0x10c));
        }
    })
    .await;
    host.refused(Refusal::MaxResetsPerSecond, 1).await;
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_counted() {
    let limits = Limits { idle_timeout: Duration::from_secs(3), ..Limits::default() };
    let host = Host::start(limits).await;
    let quic = host.quic().await;
    let mut control = settings(&quic, &[]).await;
    host.refused(Refusal::IdleTimeout, 1).await;
    // It is asked to go, and does.
    control.finish().unwrap();
    soon(quic.closed()).await;
}
