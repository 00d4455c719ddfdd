//! Frames and packets of QUIC that its own rules forbid, or that nobody would send so many of.

use std::net::SocketAddr;

use sluicegate_e2e::raw_h3::frame_type::DATA;
use sluicegate_e2e::raw_h3::{RawH3, declared, grpc_request, varint};
use sluicegate_e2e::raw_quic::packet::initial;
use sluicegate_e2e::raw_quic::{RawQuic, SOURCE, Traffic, client_hello, frames, parameters};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;
use tokio::net::UdpSocket;

use super::siege::Siege;

/// Error codes of QUIC (RFC 9000, section 20.1).
mod error {
    pub(super) const INTERNAL: u64 = 0x01;
    pub(super) const FLOW_CONTROL: u64 = 0x03;
    pub(super) const STREAM_LIMIT: u64 = 0x04;
    pub(super) const STREAM_STATE: u64 = 0x05;
    pub(super) const FINAL_SIZE: u64 = 0x06;
    pub(super) const FRAME_ENCODING: u64 = 0x07;
    pub(super) const TRANSPORT_PARAMETER: u64 = 0x08;
    pub(super) const PROTOCOL_VIOLATION: u64 = 0x0a;
}

/// Packets at once. More than that would be lost where sockets have no room for them, and the canary's too.
const BURST: usize = 10;

/// The largest packet that `quinn` sends.
const LARGEST: usize = 1452;

async fn connect(target: SocketAddr) -> RawQuic {
    let mut raw = RawQuic::connect(target).await;
    raw.send(&frames::stream(2, 0, &[0x00, 0x04, 0x00])).await;
    raw
}

/// Every other byte, so that nothing can be passed on and each byte has to be kept by itself, on several streams. QUIC
/// counts the gaps, and gives up on a connection with too many.
#[tokio::test]
async fn bytes_with_gaps() {
    let mut siege = Siege::begin().await;
    let head = [grpc_request(method::SILENT), declared(DATA, 1 << 40)].concat();
    let target = siege.target();
    let mut raw = connect(target).await;
    let (mut stream, mut offset) = (0, 0);
    siege
        .storm(100, async |_| {
            for _ in 0..BURST {
                let mut packet = Vec::new();
                if offset == 0 {
                    packet.extend(frames::stream(stream, 0, &head));
                    offset = head.len() as u64 + 1;
                }
                while packet.len() < 1100 {
                    packet.extend(frames::stream(stream, offset, b"x"));
                    offset += 2;
                }
                // Within the windows of a stream and of four of them.
                if offset > 250 << 10 {
                    (stream, offset) = ((stream + 4) % 16, 0);
                }
                raw.send(&packet).await;
            }
            if !raw.settled().await {
                let close = raw.closed().await;
                assert_eq!((close.application, close.code), (false, error::INTERNAL), "{}", close.reason);
                (raw, offset) = (connect(target).await, 0);
            }
        })
        .await;
    siege.withstood().await;
}

/// Each is an error of the connection, by its name.
#[tokio::test]
async fn frames_that_are_forbidden() {
    let siege = Siege::begin().await;
    let max = (1 << 62) - 1;
    for (what, packet, code) in [
        ("beyond the window of a stream", frames::stream(0, 300 << 10, b"x"), error::FLOW_CONTROL),
        ("an offset as large as offsets are", frames::stream(0, max - 1, b"x"), error::FLOW_CONTROL),
        ("beyond what offsets can be", frames::stream(0, max, b"x"), error::FLOW_CONTROL),
        ("more streams than allowed", frames::stream(4 * 256, 0, b"x"), error::STREAM_LIMIT),
        (
            "more unidirectional streams than allowed",
            frames::stream(2 + 4 * 32, 0, b"x"),
            error::STREAM_LIMIT,
        ),
        ("data on a stream that only the gateway writes", frames::stream(3, 0, b"x"), error::STREAM_STATE),
        (
            "data behind the end",
            [frames::last(0, 0, b"x"), frames::stream(0, 5, b"x")].concat(),
            error::FINAL_SIZE,
        ),
        ("two ends", [frames::last(0, 0, b"xy"), frames::last(0, 0, b"x")].concat(), error::FINAL_SIZE),
        ("an acknowledgement of what was not sent", frames::ack(1 << 30, 0), error::PROTOCOL_VIOLATION),
        ("acknowledged ranges below zero", frames::ack(0, 5), error::FRAME_ENCODING),
        ("an unknown frame", varint(0x3f), error::FRAME_ENCODING),
        ("a token of a client", frames::integers(0x07, &[1, 0x41]), error::PROTOCOL_VIOLATION),
        ("a client's word that the handshake is done", varint(0x1e), error::PROTOCOL_VIOLATION),
        ("more streams than there are", frames::integers(0x12, &[1 << 61]), error::FRAME_ENCODING),
    ] {
        let mut raw = connect(siege.target()).await;
        raw.send(&packet).await;
        let close = raw.closed().await;
        assert_eq!((close.application, close.code), (false, code), "{what}: {}", close.reason);
        siege.step();
    }
    siege.withstood().await;
}

/// What a client says about itself in the handshake.
#[tokio::test]
async fn parameters_that_are_forbidden() {
    let siege = Siege::begin().await;
    let changed = |id: u64, value: Vec<u8>| {
        let mut parameters = parameters();
        parameters.retain(|parameter| parameter.0 != id);
        parameters.push((id, value));
        parameters
    };
    let without_id: Vec<_> = parameters().into_iter().filter(|parameter| parameter.0 != 0x0f).collect();
    for (what, parameters) in [
        ("an exponent over 20", changed(0x0a, varint(255))),
        ("an acknowledgement delay over 2^14", changed(0x0b, varint(1 << 14))),
        ("datagrams under 1200 bytes", changed(0x03, varint(1199))),
        ("more streams than there are", changed(0x08, varint((1 << 60) + 1))),
        ("fewer connection ids than two", changed(0x0e, varint(1))),
        ("one twice", [parameters(), vec![(0x04, varint(5))]].concat()),
        ("an integer that breaks off", changed(0x04, vec![0x80, 0x00])),
        ("an integer with something behind it", changed(0x04, vec![0x00, 0x00])),
        ("no connection id", without_id),
        ("another's connection id", changed(0x0f, b"somebody".to_vec())),
        ("an id that only servers have", changed(0x00, b"whatever".to_vec())),
    ] {
        let mut raw = RawQuic::begin(siege.target(), &parameters).await;
        let close = raw.closed().await;
        assert_eq!((close.application, close.code), (false, error::TRANSPORT_PARAMETER), "{what}: {close:?}");
        siege.step();
    }
    siege.withstood().await;
}

/// What a frame is called, and the one with this number.
struct Flood<'a>(&'static str, &'a dyn Fn(u64) -> Vec<u8>);

/// Frames that are allowed, by the hundred thousand. QUIC may end the connection for it, and nothing else may happen.
#[tokio::test]
async fn frame_floods() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    let new_id = |number: u64| {
        let mut frame = frames::integers(0x18, &[number, number, 8]);
        frame.extend(number.to_be_bytes());
        frame.extend([number as u8; 16]);
        frame
    };
    let floods: [Flood<'_>; 9] = [
        Flood("PING", &|_| varint(0x01)),
        Flood("MAX_DATA", &|number| frames::integers(0x10, &[(16 << 20) + number])),
        Flood("MAX_STREAMS", &|number| frames::integers(0x12, &[100 + number])),
        Flood("DATA_BLOCKED", &|number| frames::integers(0x14, &[number])),
        Flood("STREAMS_BLOCKED", &|number| frames::integers(0x16, &[number])),
        Flood("PATH_CHALLENGE", &|number| [&[0x1a][..], &number.to_be_bytes()].concat()),
        Flood("NEW_CONNECTION_ID", &new_id),
        Flood("empty STREAM", &|number| frames::stream(4 * (number % 100), 0, b"")),
        Flood("STOP_SENDING", &|number| frames::integers(0x05, &[4 * (number % 100), 7])),
    ];
    for Flood(what, flood) in floods {
        let mut raw = connect(target).await;
        let mut sent = 0;
        siege
            .storm(200, async |_| {
                let mut packet = Vec::new();
                while packet.len() < 1100 {
                    packet.extend(flood(sent));
                    sent += 1;
                }
                raw.send(&packet).await;
                if !raw.pump().await {
                    let close = raw.closed().await;
                    assert!(!close.application, "{what}: {close:?}");
                    raw = connect(target).await;
                }
            })
            .await;
    }
    siege.withstood().await;
}

/// Another address with each packet, in the middle of a response without end. None of them is ever confirmed, so the
/// gateway may send each three times what came from it. `quinn` rounds that up to a whole packet, and does not count the
/// one by which it tries whether larger packets pass.
#[tokio::test]
async fn addresses_without_end() {
    let mut siege = Siege::begin().await;
    let mut raw = connect(siege.target()).await;
    raw.send(&frames::last(0, 0, &grpc_request(method::FLOOD))).await;
    assert!(raw.settled().await);
    siege
        .storm(200, async |_| {
            raw.migrate().await;
            raw.send(&varint(0x01)).await;
            // At least the packet by which it asks whether the address is right.
            within("an answer", raw.next()).await;
            let Traffic { sent, received } = raw.traffic();
            assert!(received <= 3 * sent + 2 * LARGEST, "{received} bytes for {sent}");
        })
        .await;
    siege.withstood().await;
}

fn random() -> [u8; 8] {
    fastrand::u64(..).to_be_bytes()
}

/// A long packet of nothing in this version of QUIC.
fn long(version: [u8; 4], length: usize) -> Vec<u8> {
    let mut packet = [&[0xc3][..], &version, &[8], &random(), &[8], &SOURCE].concat();
    packet.resize(length, 0);
    packet
}

/// A short packet that no key opens.
fn short(length: usize) -> Vec<u8> {
    let mut packet = [&[0x40][..], &random()].concat();
    packet.resize_with(length, || fastrand::u8(..));
    packet
}

/// Packets that belong to no connection. What comes back is never more than what went there, or three times as much for
/// one that could be a client's first.
#[tokio::test]
async fn packets_of_nobody() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    let hello = frames::crypto(0, &client_hello(&parameters()));
    let honest = RawH3::connect(target).await;
    for (factor, packet) in [
        // An unknown version, which the gateway answers with those that it knows; one too short to be answered.
        (1, (|_| long([0x1a; 4], 1200)) as fn(&[u8]) -> Vec<u8>),
        (0, |_| long([0x1a; 4], 200)),
        // A first packet, and one that is too short for it; and one with a token that the gateway has not given out.
        (3, |hello| initial((&random(), &SOURCE), b"", 0, hello)),
        (0, |hello| initial((&random(), &SOURCE), b"", 0, hello)[..1100].to_vec()),
        (3, |hello| initial((&random(), &SOURCE), &[7; 60], 0, hello)),
        // What a connection that is gone would be sent: the gateway has forgotten it.
        (1, |_| short(1200)),
        (1, |_| short(30)),
        (0, |_| short(5)),
    ] {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(target).await.unwrap();
        let (mut sent, mut received) = (0, 0);
        siege
            .storm(50, async |_| {
                for _ in 0..BURST {
                    sent += socket.send(&packet(&hello)).await.unwrap_or(0);
                }
                let mut buffer = [0; 2000];
                // Once this is answered the others have been taken in.
                honest.works().await;
                while let Ok(length) = socket.try_recv(&mut buffer) {
                    received += length;
                }
            })
            .await;
        assert!(received <= factor * sent, "{received} bytes for {sent}");
    }
    siege.withstood().await;
}
