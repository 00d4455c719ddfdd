//! Streams of sessions that break off or hold what they may not, by hand.

use quinn::{ConnectionError, VarInt};
use sluicegate_quic::{Limits, SessionEnd};

use crate::client::frame;
use crate::sessions_host::*;
use crate::wire::{data, soon};

const FRAME_UNEXPECTED: u32 = 0x105;

#[tokio::test]
async fn frames_of_other_streams_have_no_place_beside_capsules() {
    let mut host = Host::start(Limits::default()).await;
    // CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, and PING as HTTP/2 has it.
    for (frame_type, payload) in [(3, &[0][..]), (4, &[]), (5, &[0]), (7, &[0]), (6, &[])] {
        let (session, mut hand, _control) = host.generous().await;
        hand.send.write_all(&frame(frame_type, payload)).await.unwrap();
        assert_eq!(soon(session.ended()).await, SessionEnd::Lost, "{frame_type}");
        match soon(hand.quic.closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code, VarInt::from_u32(FRAME_UNEXPECTED), "{frame_type}");
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_stream_that_was_reset_never_ends_well() {
    let mut host = Host::start(Limits::default()).await;
    let (session, hand, _control) = host.generous().await;
    let mut upload = hand.uni(b"x").await;
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "x");
    upload.reset(VarInt::from_u32(7)).unwrap();
    let error = soon(data(&mut receive)).await.unwrap_err();
    // However often it is asked.
    assert_eq!(soon(data(&mut receive)).await, Err(error));
}
