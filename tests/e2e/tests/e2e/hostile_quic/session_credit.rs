//! Sessions whose client agrees to their flow control, and then does not keep to it or gives none.

use quinn::{ReadError, ReadToEndError, RecvStream, VarInt};
use sluicegate_e2e::frame::{headers, message};
use sluicegate_e2e::raw_h3::frame_type::DATA;
use sluicegate_e2e::raw_h3::{RawH3, Session, code, frame, transport, varint, wt_bidi, wt_uni};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

const INITIAL_MAX_DATA: u64 = 0x2b61;
const INITIAL_MAX_STREAMS_UNI: u64 = 0x2b64;
const INITIAL_MAX_STREAMS_BIDI: u64 = 0x2b65;
const MAX_DATA: u64 = 0x190b_4d3d;
const MAX_STREAMS_BIDI: u64 = 0x190b_4d3f;
const DATA_BLOCKED: u64 = 0x190b_4d41;
const STREAMS_BLOCKED_BIDI: u64 = 0x190b_4d43;

/// A connection whose sessions have flow control, and let the gateway send so many bytes.
async fn connect(siege: &Siege, max_data: u64) -> RawH3 {
    let settings =
        [(INITIAL_MAX_DATA, max_data), (INITIAL_MAX_STREAMS_UNI, 10), (INITIAL_MAX_STREAMS_BIDI, 10)];
    RawH3::connect_with(siege.target(), transport(), &settings).await
}

async fn session(raw: &RawH3) -> Session {
    raw.session_of("webtransport-h3").await.expect("a session")
}

/// The head of a call on a stream of a session.
fn call(session: &Session, path: &str) -> Vec<u8> {
    [&wt_bidi(session.id)[..], &headers(path, &http::HeaderMap::new())].concat()
}

/// Waits until the session is reset with the code of flow control.
async fn violated(receive: &mut RecvStream) {
    let expected = VarInt::from_u64(code::WT_FLOW_CONTROL_ERROR).unwrap();
    let error = within("the end of the session", receive.read_to_end(64 << 10)).await.unwrap_err();
    assert_eq!(error, ReadToEndError::Read(ReadError::Reset(expected)));
}

/// Whether a session still carries calls.
async fn works(raw: &RawH3, session: &Session) {
    let bytes = [&call(session, method::UNARY)[..], &message(b"hello")].concat();
    let (mut send, mut receive) = raw.bidi(&bytes).await;
    send.finish().unwrap();
    let response = within("a response", receive.read_to_end(64 << 10)).await.unwrap();
    assert!(response.windows(10).any(|part| part == message(b"hello")), "{response:x?}");
}

/// Bytes on streams that nobody reads further than to see whose they are. Only the session ends that has too many.
#[tokio::test]
async fn more_bytes_than_a_session_may_send() {
    let siege = Siege::configured(|config| config.limit("quic = { session_window = \"16KiB\" }")).await;
    let raw = connect(&siege, 1 << 20).await;
    let mut greedy = session(&raw).await;
    let other = session(&raw).await;
    let mut streams = Vec::new();
    for _ in 0..28 {
        streams.push(raw.uni(&[&wt_uni(greedy.id)[..], &[7; 1100]].concat()).await);
        // Only a packet that holds nothing else is read whole, so the next stream waits until this one has gone.
        raw.works().await;
        siege.step();
    }
    violated(&mut greedy.receive).await;
    siege.refused("session_window", 1).await;
    works(&raw, &other).await;
    siege.withstood().await;
}

/// Streams beyond those that the session was told of, though QUIC has room for them.
#[tokio::test]
async fn more_streams_than_a_session_was_told() {
    let siege = Siege::configured(|config| config.limit("quic = { max_session_streams = 10 }")).await;
    let raw = connect(&siege, 1 << 20).await;
    let mut greedy = session(&raw).await;
    let other = session(&raw).await;
    let mut streams = Vec::new();
    for _ in 0..11 {
        streams.push(raw.bidi(&call(&greedy, method::SILENT)).await);
        siege.step();
    }
    violated(&mut greedy.receive).await;
    siege.refused("max_session_streams", 1).await;
    works(&raw, &other).await;
    siege.withstood().await;
}

/// Limits may only be raised; and clients may say as often as they like that they are held up by ours.
#[tokio::test]
async fn capsules_about_credit() {
    let mut siege = Siege::begin().await;
    let raw = connect(&siege, 1 << 20).await;
    let capsule = |capsule_type, value| frame(DATA, &frame(capsule_type, &varint(value)));
    let mut chatty = session(&raw).await;
    let blocked = [capsule(DATA_BLOCKED, 5), capsule(STREAMS_BLOCKED_BIDI, 5)].concat().repeat(100);
    siege.storm(50, async |_| chatty.send.write_all(&blocked).await.unwrap()).await;
    let mut limit = 1 << 20;
    siege
        .storm(50, async |_| {
            for _ in 0..100 {
                limit += 1;
                chatty.send.write_all(&capsule(MAX_DATA, limit)).await.unwrap();
            }
        })
        .await;
    works(&raw, &chatty).await;
    for (capsule_type, lower) in [(MAX_DATA, 5), (MAX_STREAMS_BIDI, 5)] {
        let mut session = session(&raw).await;
        session.send.write_all(&capsule(capsule_type, lower)).await.unwrap();
        violated(&mut session.receive).await;
    }
    works(&raw, &chatty).await;
    siege.withstood().await;
}

/// Responses without end, on sessions that let the gateway send a few bytes and never more.
#[tokio::test]
async fn sessions_that_give_no_credit() {
    let mut siege = Siege::begin().await;
    let (mut held, mut sessions) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let raw = connect(&siege, 100).await;
        let session = session(&raw).await;
        for _ in 0..10 {
            let (mut send, receive) = raw.bidi(&call(&session, method::FLOOD)).await;
            send.finish().unwrap();
            held.push(receive);
            siege.step();
        }
        raw.works().await;
        sessions.push((raw, session));
    }
    siege.stand().await;
    siege.withstood().await;
}
