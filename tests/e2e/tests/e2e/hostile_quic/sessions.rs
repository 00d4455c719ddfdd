//! Sessions in great number, and what may be written on the stream of one.

use quinn::VarInt;
use sluicegate_e2e::frame;
use sluicegate_e2e::raw_h3::frame_type::DATA;
use sluicegate_e2e::raw_h3::{RawH3, Session, code, connect, declared, frame as h3_frame, varint, wt_bidi};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

const CLOSE_SESSION: u64 = 0x2843;
const DRAIN_SESSION: u64 = 0x78ae;
const MAX_DATA: u64 = 0x190b_4d3d;
const UNKNOWN: u64 = 0x17;

/// Makes a call on a session.
async fn call(raw: &RawH3, session: &Session) {
    let mut bytes = wt_bidi(session.id);
    bytes.extend_from_slice(&frame::headers(method::UNARY, &http::HeaderMap::new()));
    bytes.extend_from_slice(&frame::message(b"hello"));
    let (mut send, mut receive) = raw.bidi(&bytes).await;
    send.finish().unwrap();
    let response = within("a response", receive.read_to_end(64 << 10)).await.unwrap();
    assert!(response.windows(10).any(|part| part == frame::message(b"hello")), "{response:x?}");
}

/// The sixteen that a connection may have by default open, and work; the others are refused one by one.
#[tokio::test]
async fn a_thousand_sessions_on_a_connection() {
    let mut siege = Siege::begin().await;
    let raw = RawH3::connect(siege.target()).await;
    let (mut open, mut refused) = (Vec::new(), 0);
    for _ in 0..1000 {
        match raw.session().await {
            Some(session) => open.push(session),
            None => refused += 1,
        }
        siege.step();
    }
    assert_eq!((open.len(), refused), (16, 984));
    siege.refused("max_sessions", 984).await;
    siege.stand().await;
    for session in &open {
        call(&raw, session).await;
    }
    let (_send, mut receive) = raw.bidi(&connect()).await;
    let rejected = VarInt::from_u64(code::H3_REQUEST_REJECTED).unwrap();
    let reset = within("a reset", receive.read_to_end(10)).await.unwrap_err();
    assert_eq!(reset, quinn::ReadToEndError::Read(quinn::ReadError::Reset(rejected)));
    // Whoever leaves makes room.
    let mut left = open.pop().expect("sixteen are open");
    left.send.finish().unwrap();
    within("the end of a session", left.receive.read_to_end(1000)).await.unwrap();
    call(&raw, &raw.session().await.expect("room for a session")).await;
    siege.withstood().await;
}

/// A session has as many streams as its limit says, however many its connection may have. More are refused one by one.
#[tokio::test]
async fn more_streams_than_a_session_may_have() {
    let mut siege = Siege::configured(|config| config.limit("quic = { max_session_streams = 10 }")).await;
    let raw = RawH3::connect(siege.target()).await;
    let [one, other] = [raw.session().await.expect("a session"), raw.session().await.expect("a session")];
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut bytes = wt_bidi(one.id);
        bytes.extend_from_slice(&frame::headers(method::BIDI, &http::HeaderMap::new()));
        bytes.extend_from_slice(&frame::message(b"held"));
        let (send, mut receive) = raw.bidi(&bytes).await;
        // What is answered has its place.
        within("an echo", receive.read_exact(&mut [0])).await.unwrap();
        held.push((send, receive));
    }
    let bytes = wt_bidi(one.id);
    siege
        .storm(500, async |_| {
            let (_send, mut receive) = raw.bidi(&bytes).await;
            within("a refusal", receive.read_to_end(10)).await.unwrap_err();
        })
        .await;
    siege.refused("max_session_streams", 500).await;
    call(&raw, &other).await;
    siege.withstood().await;
}

/// One after the other: nothing of them stays.
#[tokio::test]
async fn sessions_come_and_go() {
    let mut siege = Siege::begin().await;
    let raw = RawH3::connect(siege.target()).await;
    siege
        .storm(500, async |_| {
            let mut session = raw.session().await.expect("a session");
            let mut stream = raw.uni(&sluicegate_e2e::raw_h3::wt_uni(session.id)).await;
            let close = h3_frame(DATA, &h3_frame(CLOSE_SESSION, b"\0\0\0\x07bye"));
            session.send.write_all(&close).await.unwrap();
            session.send.finish().unwrap();
            within("the end of a session", session.receive.read_to_end(1000)).await.unwrap();
            // A late stream of a session that was.
            let _ = stream.finish();
        })
        .await;
    // The canary's.
    siege.gateway.until_metric("sluicegate_webtransport_sessions_active", &[], 1.0).await;
    siege.withstood().await;
}

/// CONNECTs of clients that never send settings wait for them, but not for long.
#[tokio::test]
async fn sessions_without_settings() {
    let mut siege = Siege::configured(|config| config.limit("header_timeout = \"1s\"")).await;
    let raw = RawH3::silent(siege.target()).await;
    let mut waiting = Vec::new();
    for _ in 0..200 {
        waiting.push(raw.bidi(&connect()).await);
        siege.step();
    }
    siege.stand().await;
    for (_send, receive) in &mut waiting {
        within("a refusal", receive.read_to_end(10)).await.unwrap_err();
    }
    siege.refused("header_timeout", 200).await;
    siege.withstood().await;
}

/// A close has at most 1,024 bytes of reason. One that declares more ends its session, not the connection.
#[tokio::test]
async fn a_close_of_a_mebibyte() {
    let mut siege = Siege::begin().await;
    let raw = RawH3::connect(siege.target()).await;
    let other = raw.session().await.expect("a session");
    let malformed = VarInt::from_u64(code::H3_MESSAGE_ERROR).unwrap();
    for capsule_type in [CLOSE_SESSION, DRAIN_SESSION, MAX_DATA] {
        for length in [1 << 20, 1 << 40] {
            let mut session = raw.session().await.expect("a session");
            let capsule = declared(capsule_type, length);
            session.send.write_all(&[declared(DATA, length + 20), capsule].concat()).await.unwrap();
            // It need not take the rest.
            within("the gateway to refuse the capsule", async {
                while session.send.write_all(&[b'x'; 4 << 10]).await.is_ok() {
                    siege.step();
                }
            })
            .await;
            let reset = within("a reset", session.receive.read_to_end(10)).await.unwrap_err();
            assert_eq!(reset, quinn::ReadToEndError::Read(quinn::ReadError::Reset(malformed)));
        }
    }
    siege.stand().await;
    call(&raw, &other).await;
    siege.withstood().await;
}

/// Capsules by the ten thousand, and one without end: those that mean nothing are dropped as they stream by.
#[tokio::test]
async fn capsule_floods() {
    let mut siege = Siege::begin().await;
    let raw = RawH3::connect(siege.target()).await;
    let mut session = raw.session().await.expect("a session");
    for capsule in [
        h3_frame(UNKNOWN, b""),
        h3_frame(UNKNOWN, b"what"),
        h3_frame(DRAIN_SESSION, b""),
        h3_frame(MAX_DATA, &varint(1 << 40)),
    ] {
        let many = capsule.repeat(200);
        let one_by_one = h3_frame(DATA, &capsule).repeat(200);
        siege
            .storm(50, async |_| {
                session.send.write_all(&h3_frame(DATA, &many)).await.unwrap();
                session.send.write_all(&one_by_one).await.unwrap();
            })
            .await;
        call(&raw, &session).await;
    }
    let endless = [declared(DATA, 1 << 41), declared(UNKNOWN, 1 << 40)].concat();
    session.send.write_all(&endless).await.unwrap();
    siege.storm(100, async |_| session.send.write_all(&[0; 8 << 10]).await.unwrap()).await;
    call(&raw, &session).await;
    siege.withstood().await;
}
