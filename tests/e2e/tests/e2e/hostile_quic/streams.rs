//! Streams that say nothing, belong to nobody, or are taken back as soon as they are there.

use quinn::VarInt;
use sluicegate_e2e::raw_h3::{
    RawH3, WEBTRANSPORT_BIDI, code, grpc_request, stream_type, varint, wt_bidi, wt_uni,
};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

/// Streams a client may have open at once, by default.
const MAX_STREAMS: usize = 256;

fn cancelled() -> VarInt {
    VarInt::from_u64(code::H3_REQUEST_CANCELLED).unwrap()
}

/// All the streams that a connection may have, on several connections. They are reset in time, and make room for others.
#[tokio::test]
async fn silent_streams() {
    let mut siege = Siege::configured(|config| config.limit("header_timeout = \"1s\"")).await;
    let head = grpc_request(method::SILENT);
    let starts = [
        // Nothing at all; a byte and more of a frame's header, of a frame, and of a stream of a session.
        &[][..],
        &[0x01],
        &[0x40],
        &head[..2],
        &head[..20],
        &[0x80, 0x00, 0x00],
        &varint(WEBTRANSPORT_BIDI),
        &[0x40, 0x41, 0xc0, 0x00, 0x00],
    ];
    let mut silent = Vec::new();
    for _ in 0..10 {
        let raw = RawH3::connect(siege.target()).await;
        let (mut streams, mut unis) = (Vec::new(), Vec::new());
        for number in 0..MAX_STREAMS {
            // A stream without a byte is opened by the next one with some.
            streams.push(raw.bidi(starts[number % starts.len()]).await);
            siege.step();
        }
        for start in [&[][..], &[0x40], &[0x40, 0x54], &[0x40, 0x54, 0x80]] {
            unis.push(raw.uni(start).await);
        }
        silent.push((raw, streams, unis));
    }
    siege.stand().await;
    for (raw, streams, unis) in silent {
        for (_send, mut receive) in streams {
            let reset = within("a reset", receive.read_to_end(10)).await.unwrap_err();
            let incomplete = VarInt::from_u64(code::H3_REQUEST_INCOMPLETE).unwrap();
            assert_eq!(reset, quinn::ReadToEndError::Read(quinn::ReadError::Reset(incomplete)));
        }
        drop(unis);
        raw.works().await;
    }
    siege.refused("header_timeout", 2000).await;
    siege.withstood().await;
}

/// Calls, streams of a session and streams that are nothing yet, taken back at once. QUIC's limit on open streams does
/// not help: each makes room for another. The connection ends when there are too many, and another one begins.
#[tokio::test]
async fn instant_resets() {
    let mut siege = Siege::configured(|config| config.limit("quic = { max_resets_per_second = 100 }")).await;
    let target = siege.target();
    for kind in 0..3u8 {
        let mut connection = None;
        siege
            .storm(2000, async |_| {
                let (raw, head) = match &connection {
                    Some(connection) => connection,
                    None => {
                        let raw = RawH3::connect(target).await;
                        let session = raw.session().await.expect("a session");
                        let head = match kind {
                            0 => grpc_request(method::SILENT),
                            1 => [&wt_bidi(session.id)[..], b"\x40\x00\x00"].concat(),
                            _ => vec![0x01, 0x20],
                        };
                        // Its end would be an end of its streams.
                        std::mem::forget(session);
                        connection.insert((raw, head))
                    }
                };
                let Ok((mut send, mut receive)) = raw.quic.open_bi().await else {
                    assert_eq!(raw.closed().await, code::H3_EXCESSIVE_LOAD);
                    connection = None;
                    return;
                };
                // Each of them fails once the connection is closed.
                let _ = send.write_all(head).await;
                let _ = send.reset(cancelled());
                let _ = receive.stop(cancelled());
            })
            .await;
        siege.refused("max_resets_per_second", u32::from(kind) + 1).await;
    }
    siege.withstood().await;
}

/// Whole calls, and streams that end without a byte, as fast as they can be opened.
#[tokio::test]
async fn floods() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    for bytes in [grpc_request(method::TRAILERS_ONLY), Vec::new(), vec![0x21, 0x00]] {
        let raw = RawH3::connect(target).await;
        siege
            .storm(1000, async |_| {
                let (mut send, mut receive) = within("a stream", raw.quic.open_bi()).await.unwrap();
                let _ = send.write_all(&bytes).await;
                send.finish().unwrap();
                // Stopping it instead would count as taking it back.
                let _ = within("an answer", receive.read_to_end(1000)).await;
            })
            .await;
        raw.works().await;
    }
    // Unidirectional streams of unknown types.
    let raw = RawH3::connect(target).await;
    siege
        .storm(1000, async |number| {
            let mut send = raw.uni(&varint(0x21 + 0x1f * number)).await;
            let _ = send.finish();
        })
        .await;
    raw.works().await;
    siege.withstood().await;
}

/// A few streams may come before their session; neither more of them nor for ever.
#[tokio::test]
async fn streams_of_unknown_sessions() {
    let mut siege = Siege::configured(|config| config.limit("header_timeout = \"1s\"")).await;
    let raw = RawH3::connect(siege.target()).await;
    let mut streams = Vec::new();
    for number in 0..MAX_STREAMS as u64 {
        let mut bytes = wt_bidi(4000 + 4 * (number % 2));
        bytes.extend([0; 100]);
        streams.push(raw.bidi(&bytes).await);
        siege.step();
    }
    for _ in 0..10 {
        raw.uni(&wt_uni(8000)).await;
    }
    siege.stand().await;
    let rejected = VarInt::from_u64(code::WT_BUFFERED_STREAM_REJECTED).unwrap();
    for (send, receive) in &mut streams {
        let reset = within("a reset", receive.read_to_end(10)).await.unwrap_err();
        assert_eq!(reset, quinn::ReadToEndError::Read(quinn::ReadError::Reset(rejected)));
        assert_eq!(within("a stop", send.stopped()).await.unwrap(), Some(rejected));
    }
    siege.refused("early_streams", 256).await;
    drop(streams);
    raw.works().await;
    siege.withstood().await;
}

/// Sessions are named by streams that clients open in both directions, and by no others.
#[tokio::test]
async fn streams_that_name_no_session() {
    let siege = Siege::begin().await;
    for session in [1, 2, 3, 5, (1 << 62) - 1] {
        for header in [wt_bidi(session), wt_uni(session)] {
            let raw = RawH3::connect(siege.target()).await;
            if header[1] == WEBTRANSPORT_BIDI as u8 {
                raw.bidi(&header).await;
            } else {
                assert_eq!(header[1], stream_type::WEBTRANSPORT as u8);
                raw.uni(&header).await;
            }
            assert_eq!(raw.closed().await, code::H3_ID_ERROR, "{session}");
            siege.step();
        }
    }
    siege.withstood().await;
}

/// Streams of a session that never say which call they are for.
#[tokio::test]
async fn silent_streams_of_a_session() {
    let mut siege = Siege::configured(|config| config.limit("header_timeout = \"1s\"")).await;
    let raw = RawH3::connect(siege.target()).await;
    let session = raw.session().await.expect("a session");
    let head = sluicegate_e2e::frame::headers(method::UNARY, &http::HeaderMap::new());
    let mut streams = Vec::new();
    for number in 0..90 {
        let bytes = [&wt_bidi(session.id)[..], &head[..number % head.len()]].concat();
        streams.push(raw.bidi(&bytes).await);
        siege.step();
    }
    siege.stand().await;
    for (_send, receive) in &mut streams {
        within("a reset", receive.read_to_end(10)).await.unwrap_err();
    }
    drop(streams);
    raw.works().await;
    siege.withstood().await;
}
