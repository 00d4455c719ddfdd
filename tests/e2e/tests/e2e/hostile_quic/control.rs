//! The streams that a connection cannot do without.

use sluicegate_e2e::raw_h3::frame_type::{CANCEL_PUSH, DATA, GOAWAY, GREASE, HEADERS, MAX_PUSH_ID, SETTINGS};
use sluicegate_e2e::raw_h3::{RawH3, code, frame, stream_type, varint};
use sluicegate_e2e::within;

use super::siege::Siege;

/// Each has the code of its rule, and ends its own connection only.
#[tokio::test]
async fn abuse_has_the_code_of_its_rule() {
    let siege = Siege::begin().await;
    let setting = |id: u64, value: u64| [varint(id), varint(value)].concat();
    let control = varint(stream_type::CONTROL);
    let settings = [control.clone(), frame(SETTINGS, b"")].concat();
    let behind = |bytes: Vec<u8>| vec![[settings.clone(), bytes].concat()];
    let with = |payload: Vec<u8>| vec![[control.clone(), frame(SETTINGS, &payload)].concat()];
    let mut abuses = vec![
        (vec![settings.clone(), settings.clone()], code::H3_STREAM_CREATION_ERROR),
        (vec![varint(stream_type::PUSH)], code::H3_STREAM_CREATION_ERROR),
        (vec![varint(stream_type::QPACK_ENCODER); 2], code::H3_STREAM_CREATION_ERROR),
        (vec![varint(stream_type::QPACK_DECODER); 2], code::H3_STREAM_CREATION_ERROR),
        (vec![[control.clone(), frame(GOAWAY, &[0])].concat()], code::H3_MISSING_SETTINGS),
        (behind(frame(SETTINGS, b"")), code::H3_FRAME_UNEXPECTED),
        (behind(frame(DATA, b"x")), code::H3_FRAME_UNEXPECTED),
        (behind(frame(HEADERS, b"\0\0")), code::H3_FRAME_UNEXPECTED),
        // A setting twice.
        (with([setting(0x06, 1), setting(0x06, 2)].concat()), code::H3_SETTINGS_ERROR),
    ];
    for http2 in [0x02, 0x06, 0x08, 0x09] {
        abuses.push((behind(frame(http2, &[0; 8])), code::H3_FRAME_UNEXPECTED));
    }
    for http2 in [0x02, 0x03, 0x04, 0x05] {
        abuses.push((with(setting(http2, 1)), code::H3_SETTINGS_ERROR));
    }
    for (streams, expected) in abuses {
        let raw = RawH3::silent(siege.target()).await;
        let mut open = Vec::new();
        for bytes in &streams {
            open.push(raw.uni(bytes).await);
        }
        assert_eq!(raw.closed().await, expected, "{streams:x?}");
        siege.step();
    }
    siege.withstood().await;
}

/// None of them may end, however it ends.
#[tokio::test]
async fn critical_streams_that_end() {
    let siege = Siege::begin().await;
    for stream_type in [stream_type::CONTROL, stream_type::QPACK_ENCODER, stream_type::QPACK_DECODER] {
        for reset in [false, true] {
            let (raw, mut stream) = if stream_type == stream_type::CONTROL {
                let raw = RawH3::silent(siege.target()).await;
                let bytes = [varint(stream_type), frame(SETTINGS, b"")].concat();
                let stream = raw.uni(&bytes).await;
                (raw, stream)
            } else {
                let raw = RawH3::connect(siege.target()).await;
                let stream = raw.uni(&varint(stream_type)).await;
                (raw, stream)
            };
            // The stream is known for what it is when this has been answered.
            raw.works().await;
            if reset {
                stream.reset(0u32.into()).unwrap();
            } else {
                stream.finish().unwrap();
            }
            assert_eq!(raw.closed().await, code::H3_CLOSED_CRITICAL_STREAM, "{stream_type} {reset}");
            siege.step();
        }
    }
    siege.withstood().await;
}

/// Frames on the control stream without end: what they say is heard, and nothing of them is kept.
#[tokio::test]
async fn control_frame_floods() {
    let mut siege = Siege::begin().await;
    for flood in [frame(GREASE, b""), frame(GREASE, &[0; 100]), frame(MAX_PUSH_ID, &[5])] {
        let mut raw = RawH3::connect(siege.target()).await;
        let many = flood.repeat(100);
        siege
            .storm(100, async |_| {
                within("credit for the control stream", raw.control().write_all(&many)).await.unwrap();
            })
            .await;
        raw.works().await;
    }
    // A push that was never promised cannot be cancelled, but RFC 9114 leaves open what to do about it.
    let mut raw = RawH3::connect(siege.target()).await;
    raw.control().write_all(&frame(CANCEL_PUSH, &[0])).await.unwrap();
    siege.withstood().await;
}
