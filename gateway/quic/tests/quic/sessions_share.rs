//! Sessions and requests on one connection, some of which nobody reads.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_quic::{Limits, Session};

use crate::client::{frame, headers, settings, varint};
use crate::sessions_host::*;
use crate::wire::{data, echo, soon};

const KIB: usize = 1 << 10;

/// Windows so small that one unread session could take all there is, if it did not bring its own.
fn limits() -> Limits {
    Limits {
        receive_window: 32 << 10,
        stream_receive_window: 64 << 10,
        session_window: 64 << 10,
        max_bidi_streams: 8,
        max_session_streams: 20,
        ..Limits::default()
    }
}

/// Asks for an echo of so many bytes.
async fn post(quic: &quinn::Connection, bytes: usize) {
    let (mut send, mut receive) = soon(quic.open_bi()).await.unwrap();
    let fields = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "a")];
    send.write_all(&headers(&fields)).await.unwrap();
    let body = vec![7; bytes];
    let writing = async {
        send.write_all(&[varint(0), varint(bytes as u64)].concat()).await.unwrap();
        send.write_all(&body).await.unwrap();
        send.finish().unwrap();
    };
    let ((), answer) = tokio::join!(writing, soon(receive.read_to_end(bytes * 2)));
    assert!(answer.unwrap().len() > bytes);
}

/// What has been sent in a session, and may be.
struct Credit {
    sent: usize,
    limit: usize,
}

/// Sends so many bytes in a session of draft 16, within its limits, and reads them back.
async fn exchange(session: Arc<Session>, hand: &mut Hand, credit: &mut Credit, bytes: usize) {
    let serving = tokio::spawn(async move {
        let (mut receive, mut transmit) = session.accept_bi().await.unwrap();
        echo(&mut receive, &mut transmit).await.unwrap();
    });
    let (mut upload, mut download) = hand.bidi(b"").await;
    let reading = tokio::spawn(async move { download.read_to_end(bytes).await.unwrap().len() });
    let mut left = bytes;
    while left > 0 {
        while credit.sent == credit.limit {
            let (capsule_type, told) = hand.read_limit().await;
            assert_eq!(capsule_type, MAX_DATA);
            credit.limit = usize::try_from(told).unwrap();
        }
        let some = left.min(credit.limit - credit.sent);
        soon(upload.write_all(&vec![7; some])).await.unwrap();
        credit.sent += some;
        left -= some;
    }
    upload.finish().unwrap();
    assert_eq!(soon(reading).await.unwrap(), bytes);
    soon(serving).await.unwrap();
}

/// Uses all that a session may: its bytes, most of them on one stream, and its streams.
async fn stall(hand: &Hand) -> Vec<(quinn::SendStream, quinn::RecvStream)> {
    let mut held = vec![soon(hand.bidi(&[7; 45 * KIB])).await];
    for _ in 0..19 {
        held.push(soon(hand.bidi(&[7; KIB])).await);
    }
    held
}

#[tokio::test]
async fn a_session_that_nobody_reads_delays_neither_sessions_nor_requests() {
    let mut host = Host::start(limits()).await;
    let (stalled, stalled_hand, _control) = host.generous().await;
    let quic = stalled_hand.quic.clone();
    let (other, mut other_hand) = host.open(&quic, "webtransport-h3").await;
    let other = Arc::new(other);
    // As many streams as it may have, and as many bytes; some wait to be accepted.
    let held = stall(&stalled_hand).await;
    let accepted = soon(stalled.accept_bi()).await.unwrap();
    let mut credit = Credit { sent: 0, limit: 64 * KIB };
    for _ in 0..3 {
        exchange(Arc::clone(&other), &mut other_hand, &mut credit, 300 * KIB).await;
        post(&quic, 300 * KIB).await;
    }
    // What waited is all there.
    let (mut receive, _transmit) = accepted;
    let mut read = 0;
    while read < 45 * KIB {
        read += soon(data(&mut receive)).await.unwrap().unwrap().len();
    }
    drop(held);
}

#[tokio::test]
async fn without_flow_control_a_session_can_pin_its_share_and_no_more_harm_is_done() {
    // Of these streams no session brings its own.
    let mut host = Host::start(Limits { max_bidi_streams: 24, ..limits() }).await;
    let quic = host.quic().await;
    let _control = settings(&quic, &[(0x33, 1), (0xc671_706a, 1)]).await;
    let (_stalled, stalled_hand) = host.open(&quic, "webtransport").await;
    let (other, other_hand) = host.open(&quic, "webtransport").await;
    let _held = stall(&stalled_hand).await;
    post(&quic, 300 * KIB).await;
    let serving = tokio::spawn(async move {
        let (mut receive, mut transmit) = other.accept_bi().await.unwrap();
        echo(&mut receive, &mut transmit).await.unwrap();
    });
    let (mut upload, mut download) = other_hand.bidi(b"").await;
    let writing = async {
        upload.write_all(&vec![7; 300 * KIB]).await.unwrap();
        upload.finish().unwrap();
    };
    let ((), answer) = tokio::join!(writing, soon(download.read_to_end(300 * KIB)));
    assert_eq!(answer.unwrap().len(), 300 * KIB);
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn sessions_and_requests_come_and_go_in_any_order() {
    let mut host = Host::start(limits()).await;
    let (first, first_hand, _control) = host.generous().await;
    let quic = first_hand.quic.clone();
    let mut sessions = Vec::new();
    for _ in 0..5 {
        post(&quic, KIB).await;
        let (session, hand) = host.open(&quic, "webtransport-h3").await;
        sessions.push((Arc::new(session), hand));
    }
    // More streams at once than the connection has without its sessions.
    let mut streams = Vec::new();
    for (_, hand) in &sessions {
        for _ in 0..4 {
            streams.push(soon(hand.bidi(b"x")).await);
        }
    }
    for (session, _) in &sessions {
        for _ in 0..4 {
            let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
            assert_eq!(soon(data(&mut receive)).await.unwrap(), Some(Bytes::from_static(b"x")));
        }
    }
    drop((streams, first));
    // The last to come are the first to go.
    while let Some((session, mut hand)) = sessions.pop() {
        hand.send.write_all(&frame(0, &capsule(CLOSE, &[0, 0, 0, 5]))).await.unwrap();
        assert_eq!(soon(session.closed()).await.0, 5);
        post(&quic, 100 * KIB).await;
    }
}
