//! What is almost right: valid streams with some bytes changed, left out, put in or repeated.

use sluicegate_e2e::frame::{headers, message};
use sluicegate_e2e::raw_h3::frame_type::{DATA, SETTINGS};
use sluicegate_e2e::raw_h3::{RawH3, connect, frame, grpc_request, stream_type, varint, wt_bidi, wt_uni};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

/// Changes some bytes, the same ones for the same seed.
fn mangle(random: &mut fastrand::Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(0..=bytes.len());
        match random.u8(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 => bytes.insert(at, random.u8(..)),
            3 => bytes.truncate(at),
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes
}

/// Whatever they turn out to be, some end their stream and some their connection, and then another one begins.
#[tokio::test]
async fn streams_that_are_almost_right() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    let unary = [grpc_request(method::UNARY), frame(DATA, &message(b"hello"))].concat();
    let call = [&headers(method::UNARY, &http::HeaderMap::new())[..], &message(b"hello")].concat();
    let drain = frame(DATA, &frame(0x78ae, b""));
    let bidi = [
        unary.clone(),
        [connect(), drain].concat(),
        // Of the session that the first stream opens.
        [wt_bidi(0), call.clone()].concat(),
        [grpc_request(method::BIDI), frame(DATA, &message(&[7; 100])).repeat(5)].concat(),
    ];
    let uni = [
        [varint(stream_type::CONTROL), frame(SETTINGS, &[0x06, 0x40, 0x40, 0x33, 0x01])].concat(),
        [varint(stream_type::QPACK_ENCODER), vec![0x20]].concat(),
        [varint(stream_type::QPACK_DECODER), vec![0x40]].concat(),
        [wt_uni(0), call].concat(),
    ];
    let mut random = fastrand::Rng::with_seed(20_261_121);
    let mut connection = None;
    siege
        .storm(1000, async |number| {
            let raw = match &connection {
                Some((raw, _)) => raw,
                None => {
                    let raw = RawH3::connect(target).await;
                    let session = raw.session().await;
                    &connection.insert((raw, session)).0
                }
            };
            let way = &raw.quic;
            let ended = if number % 5 == 0 {
                let datagram = mangle(&mut random, &[varint(0), b"datagram".to_vec()].concat());
                way.send_datagram(datagram.into()).is_err()
            } else if random.bool() {
                let which = random.usize(..bidi.len());
                let bytes = mangle(&mut random, &bidi[which]);
                match within("a stream", way.open_bi()).await {
                    Ok((mut send, _receive)) => {
                        send.write_all(&bytes).await.is_err() || send.finish().is_err()
                    }
                    Err(_) => true,
                }
            } else {
                let which = random.usize(..uni.len());
                let bytes = mangle(&mut random, &uni[which]);
                match within("a stream", way.open_uni()).await {
                    Ok(mut send) => send.write_all(&bytes).await.is_err() || send.finish().is_err(),
                    Err(_) => true,
                }
            };
            if ended || way.close_reason().is_some() {
                connection = None;
            }
        })
        .await;
    siege.withstood().await;
}
