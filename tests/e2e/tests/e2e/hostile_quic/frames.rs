//! Frames that are too large, too small or in the wrong place.

use sluicegate_e2e::raw_h3::frame_type::{
    CANCEL_PUSH, DATA, GOAWAY, GREASE, HEADERS, MAX_PUSH_ID, PUSH_PROMISE, SETTINGS,
};
use sluicegate_e2e::raw_h3::{RawH3, code, declared, frame, grpc_request, stream_type, varint};
use sluicegate_e2e::raw_quic::{RawQuic, frames};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

const TEBIBYTE: u64 = 1 << 40;

/// Whatever the frame, it is refused by its head, and what flows on is not kept.
#[tokio::test]
async fn frames_that_promise_a_tebibyte() {
    let mut siege = Siege::begin().await;
    let call = grpc_request(method::SILENT);
    for frame_type in [HEADERS, SETTINGS, PUSH_PROMISE, GREASE] {
        for before in [&[][..], &call, &frame(GREASE, b"what")] {
            let raw = RawH3::connect(siege.target()).await;
            let (mut send, _receive) = raw.bidi(&[before, &declared(frame_type, TEBIBYTE)].concat()).await;
            within("the gateway to refuse the frame", async {
                while send.write_all(&[0; 16 << 10]).await.is_ok() {
                    siege.step();
                }
            })
            .await;
            assert_eq!(raw.closed().await, code::H3_EXCESSIVE_LOAD, "{frame_type:#x} behind {before:x?}");
        }
    }
    for frame_type in [SETTINGS, GOAWAY, GREASE] {
        let raw = RawH3::silent(siege.target()).await;
        let mut control = raw.uni(&varint(stream_type::CONTROL)).await;
        if frame_type != SETTINGS {
            control.write_all(&frame(SETTINGS, b"")).await.unwrap();
        }
        control.write_all(&declared(frame_type, TEBIBYTE)).await.unwrap();
        let _ = control.write_all(&[0; 100]).await;
        assert_eq!(raw.closed().await, code::H3_EXCESSIVE_LOAD, "{frame_type:#x} on the control stream");
    }
    // On the stream of a session.
    let raw = RawH3::connect(siege.target()).await;
    let mut session = raw.session().await.expect("a session");
    session.send.write_all(&declared(HEADERS, TEBIBYTE)).await.unwrap();
    assert_eq!(raw.closed().await, code::H3_EXCESSIVE_LOAD);
    siege.refused("max_frame", 16).await;
    siege.stand().await;
    siege.withstood().await;
}

/// DATA may be of any length: it is as good as endless, and held up by the upstream that does not read it.
#[tokio::test]
async fn data_without_end() {
    let siege = Siege::begin().await;
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let raw = RawH3::connect(siege.target()).await;
        let (mut send, receive) = raw.call(method::NOT_READING).await;
        send.write_all(&declared(DATA, TEBIBYTE)).await.unwrap();
        // A gRPC message that is as large as messages may be.
        send.write_all(&[0, 0, 0x40, 0, 0]).await.unwrap();
        let mut sent = 0;
        while let Ok(written) =
            tokio::time::timeout(sluicegate_e2e::QUIET / 5, send.write(&[0; 16 << 10])).await
        {
            sent += written.unwrap();
            siege.step();
            assert!(sent < 4 << 20, "no back-pressure");
        }
        stuck.push((raw, send, receive));
    }
    siege.withstood().await;
}

/// Each byte is a frame of QUIC's own, so that each is a chunk of its own for whoever gathers them.
#[tokio::test]
async fn frames_in_single_bytes() {
    const KIB: u64 = 1 << 10;
    let mut siege = Siege::begin().await;
    let data = [grpc_request(method::SILENT), declared(DATA, 200 * KIB), vec![0, 0, 3, 0, 0]].concat();
    for (first, pattern, length) in [
        // A frame as large as frames may be, and one that nobody knows; neither ends.
        (declared(HEADERS, 63 * KIB), &[0][..], 62 * KIB),
        (declared(GREASE, 63 * KIB), &[0], 62 * KIB),
        // Frames without a payload, and a message.
        (vec![GREASE as u8, 0], &[GREASE as u8, 0], 192 * KIB),
        (data, &[0], 192 * KIB),
    ] {
        let mut raw = RawQuic::connect(siege.target()).await;
        raw.send(&frames::stream(2, 0, &[0x00, 0x04, 0x00])).await;
        let (mut stream, mut sent) = (0, length);
        siege
            .storm(50, async |number| {
                // More packets at once would be lost where sockets have no room for them.
                for _ in 0..10 {
                    let mut packet = Vec::new();
                    if sent == length {
                        stream += if number == 0 { 0 } else { 4 };
                        sent = 0;
                        packet.extend(frames::stream(stream, 0, &first));
                    }
                    while sent < length && packet.len() < 1100 {
                        let byte = pattern[sent as usize % pattern.len()];
                        packet.extend(frames::stream(stream, first.len() as u64 + sent, &[byte]));
                        sent += 1;
                    }
                    raw.send(&packet).await;
                }
                assert!(raw.settled().await, "{raw:?}");
            })
            .await;
    }
    siege.withstood().await;
}

/// Each has the code of its rule, and ends its own connection only.
#[tokio::test]
async fn frames_in_the_wrong_place() {
    let siege = Siege::begin().await;
    let call = grpc_request(method::SILENT);
    let mut wrong = vec![
        // DATA first, SETTINGS, GOAWAY and a push on a request, and a stream of a session behind a frame.
        (frame(DATA, b"x"), code::H3_FRAME_UNEXPECTED),
        (frame(SETTINGS, b""), code::H3_FRAME_UNEXPECTED),
        ([call.clone(), frame(SETTINGS, b"")].concat(), code::H3_FRAME_UNEXPECTED),
        ([call.clone(), frame(GOAWAY, &[0])].concat(), code::H3_FRAME_UNEXPECTED),
        ([call.clone(), frame(PUSH_PROMISE, &[0, 0, 0])].concat(), code::H3_FRAME_UNEXPECTED),
        ([call.clone(), vec![0x40, 0x41, 0x00]].concat(), code::H3_FRAME_UNEXPECTED),
    ];
    // PRIORITY, PING, WINDOW_UPDATE and CONTINUATION of HTTP/2.
    for http2 in [0x02, 0x06, 0x08, 0x09] {
        wrong.push((frame(http2, &[0; 8]), code::H3_FRAME_UNEXPECTED));
        wrong.push(([call.clone(), frame(http2, &[0; 8])].concat(), code::H3_FRAME_UNEXPECTED));
    }
    for (bytes, expected) in wrong {
        let raw = RawH3::connect(siege.target()).await;
        let _stream = raw.bidi(&bytes).await;
        assert_eq!(raw.closed().await, expected, "{bytes:x?}");
        siege.step();
    }
    // The end inside a frame.
    for bytes in [declared(HEADERS, 10), [call, declared(DATA, 10)].concat()] {
        let raw = RawH3::connect(siege.target()).await;
        let (mut send, _receive) = raw.bidi(&[&bytes[..], b"x"].concat()).await;
        send.finish().unwrap();
        assert_eq!(raw.closed().await, code::H3_FRAME_ERROR, "{bytes:x?}");
    }
    siege.withstood().await;
}

/// A frame whose payload ends inside the integer that it consists of. Whatever waits for the rest of it would wait, and
/// keep what follows, for ever.
#[tokio::test]
async fn payloads_that_break_off() {
    let siege = Siege::begin().await;
    let settings = [varint(stream_type::CONTROL), frame(SETTINGS, b"")].concat();
    let filler = frame(GOAWAY, &[0x40, 0x00]).repeat(1000);
    for (frame_type, payload) in [
        (CANCEL_PUSH, &[][..]),
        (CANCEL_PUSH, &[0x40]),
        (GOAWAY, &[0xc0, 0x00]),
        (MAX_PUSH_ID, &[0x80, 0x00, 0x00]),
        // And one behind whose integer there is more.
        (MAX_PUSH_ID, &[0x01, 0x00]),
    ] {
        let broken = frame(frame_type, payload);
        let raw = RawH3::silent(siege.target()).await;
        let mut control = raw.uni(&[&settings[..], &broken].concat()).await;
        let mut sent = 0;
        while sent < 2 << 20 && control.write_all(&filler).await.is_ok() {
            sent += filler.len();
        }
        assert_eq!(raw.closed().await, code::H3_FRAME_ERROR, "{frame_type:#x} {payload:x?}");
        siege.step();
    }
    for payload in [&[0x40][..], &[0x01], &[0x01, 0x40], &[0x40, 0x01, 0xc0]] {
        let raw = RawH3::silent(siege.target()).await;
        let _control = raw.uni(&[varint(stream_type::CONTROL), frame(SETTINGS, payload)].concat()).await;
        assert_eq!(raw.closed().await, code::H3_FRAME_ERROR, "SETTINGS {payload:x?}");
    }
    siege.withstood().await;
}
