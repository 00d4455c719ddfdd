//! WebSockets with windows: both sides read at all times, and neither is sent more than it has granted.

use bytes::{Buf, Bytes};
use futures_util::{SinkExt, StreamExt};
use sluicegate_e2e::client::websocket::{PATH, WebSocket, open};
use sluicegate_e2e::client::{Dial, Protocol};
use sluicegate_e2e::frame::{frame, message};
use sluicegate_e2e::gateway::Gateway;
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::{QUIET, within};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::stage::Stage;
use crate::websocket::{END, rest, send};

const WINDOW: u8 = 0x2c;
/// A window at first, in bytes.
const INITIAL: usize = 64 << 10;
/// What the gateway grants altogether unless it is told otherwise.
const GRANTED: usize = 256 << 10;
/// What a frame costs besides its length.
const PER_FRAME: usize = 128;

struct Rig {
    upstream: Upstream,
    gateway: Gateway,
    socket: WebSocket,
}

impl Rig {
    /// A call, of which the gateway has granted what it grants at first.
    async fn new(path: &str) -> Rig {
        let Stage { upstream, gateway, client: _ } = Stage::new(Protocol::GrpcWs).await;
        let dial = Dial { address: gateway.target().plain, tls: false };
        let offered = ("sec-websocket-protocol", "grpc-ws-1, grpc-ws-1-windows");
        let socket = open(dial, &format!("localhost{PATH}"), &[offered]).await.unwrap();
        let mut rig = Rig { upstream, gateway, socket };
        rig.send(frame(0x40, format!(":path: {path}\r\n").as_bytes())).await;
        assert_eq!(rig.next().await, grant(GRANTED - INITIAL));
        rig
    }

    async fn send(&mut self, frame: impl Into<Bytes>) {
        send(&mut self.socket, frame).await;
    }

    /// The next frame, which must come.
    async fn next(&mut self) -> Bytes {
        match within("a frame", self.socket.next()).await {
            Some(Ok(Message::Binary(frame))) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// The code that the gateway closes with.
    async fn closed(&mut self) -> u16 {
        rest(&mut self.socket).await.1.expect("a close with a code")
    }
}

fn grant(bytes: usize) -> Bytes {
    frame(WINDOW, &u32::try_from(bytes).unwrap().to_be_bytes())
}

/// What the frames that come until nothing does have cost.
async fn taken(rig: &mut Rig) -> usize {
    let mut cost = 0;
    while let Ok(frame) = timeout(QUIET, rig.next()).await {
        cost += if frame[0] <= 1 { frame.len() + PER_FRAME } else { 0 };
    }
    cost
}

/// A client that reads everything, as pages do, and grants nothing holds the upstream up.
#[tokio::test]
async fn a_flood_waits_for_grants() {
    let mut rig = Rig::new(method::FLOOD).await;
    rig.upstream.next_call().await;
    let first = rig.next().await;
    assert_eq!(first[0], 0x40);
    let one = rig.next().await;
    let largest = one.len() + PER_FRAME;
    let taken_at_first = largest + taken(&mut rig).await;
    assert!((INITIAL..INITIAL + largest).contains(&taken_at_first), "{taken_at_first} of {INITIAL}");
    rig.send(grant(1 << 20)).await;
    let taken_then = taken_at_first + taken(&mut rig).await;
    let window = INITIAL + (1 << 20);
    assert!((window..window + largest).contains(&taken_then), "{taken_then} of {window}");
}

/// What the client has sent ahead is passed on as it is taken, to the last byte, and granted again.
#[tokio::test]
async fn a_request_of_many_windows_gets_through() {
    let mut rig = Rig::new(method::BIDI).await;
    let payload = [7; 50_000];
    let (mut granted, mut sent, mut echoed) = (GRANTED, 0, 0);
    const MESSAGES: usize = 40;
    while echoed < MESSAGES {
        while sent < MESSAGES && granted > 50_005 + PER_FRAME {
            rig.send(message(&payload)).await;
            granted -= 50_005 + PER_FRAME;
            sent += 1;
        }
        let mut frame = rig.next().await;
        match frame[0] {
            WINDOW => granted += frame.split_off(5).get_u32() as usize,
            0x40 => {}
            _ => {
                assert_eq!(frame, message(&payload));
                rig.send(grant(frame.len() + PER_FRAME)).await;
                echoed += 1;
            }
        }
    }
    rig.send(END).await;
    // Nobody minds what is granted behind the end.
    rig.send(grant(1)).await;
    let trailers = loop {
        let frame = rig.next().await;
        if frame[0] != WINDOW {
            break frame;
        }
    };
    assert!(trailers.ends_with(b"grpc-status: 0\r\n"), "{trailers:?}");
    assert_eq!(rig.closed().await, 1000);
}

/// Without windows its close would lie behind its messages.
#[tokio::test]
async fn a_client_whose_messages_nobody_takes_can_leave() {
    let mut rig = Rig::new(method::NOT_READING).await;
    let mut seen = rig.upstream.next_call().await;
    for _ in 0..GRANTED / 50_000 {
        rig.send(message(&[7; 50_000])).await;
    }
    let close = CloseFrame { code: 4001.into(), reason: "".into() };
    rig.socket.send(Message::Close(Some(close))).await.unwrap();
    assert_eq!(seen.until_reset().await, 8);
    rig.gateway.until_metric("sluicegate_downstream_cx_active", &[("transport", "websocket")], 0.0).await;
}

#[tokio::test]
async fn more_than_was_granted_is_not_kept() {
    let mut rig = Rig::new(method::NOT_READING).await;
    let mut seen = rig.upstream.next_call().await;
    // More than what lies on the way to an upstream that reads nothing.
    for _ in 0..100 {
        let flood = Message::Binary(message(&[7; 50_000]));
        if rig.socket.feed(flood).await.is_err() {
            break;
        }
    }
    let _ = rig.socket.flush().await;
    assert_eq!(seen.until_reset().await, 8);
    assert_eq!(rig.closed().await, 4033);
}

#[tokio::test]
async fn a_grant_of_nothing_that_can_be_counted_ends_the_call() {
    let mut rig = Rig::new(method::SILENT).await;
    let mut seen = rig.upstream.next_call().await;
    rig.send(frame(WINDOW, b"\0\0\x01")).await;
    let trailers = rig.next().await;
    assert!(
        trailers.starts_with(b"\x80") && trailers[5..].starts_with(b"grpc-status: 13\r\n"),
        "{trailers:?}"
    );
    assert_eq!(rig.closed().await, 1000);
    assert_eq!(seen.until_reset().await, 8);
}
