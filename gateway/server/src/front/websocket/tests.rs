//! A WebSocket that waits, on a clock that does not.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sluicegate_core::protocol::grpc_ws;
use sluicegate_core::protocol::websocket::OnWebSocket;
use sluicegate_core::wire::{Gone, Receive, Reset, Transmit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::pipe::{PipeReceive, PipeTransmit, pipe};
use super::{Connection, Fault, Rationed, config};
use crate::plan::{Origins, WebSocket};

/// Fifteen pings, and a little.
const LONG: Duration = Duration::from_secs(310);
/// One ping.
const SHORT: Duration = Duration::from_secs(30);
const MESSAGE: &[u8] = b"\0\0\0\0\x01a";

struct Rig {
    client: WebSocketStream<DuplexStream>,
    receive: PipeReceive,
    transmit: PipeTransmit,
    connection: JoinHandle<()>,
}

impl Rig {
    /// A call on a WebSocket whose connection holds `buffer` bytes in each direction.
    async fn new(buffer: usize) -> Rig {
        Rig::speaking(&grpc_ws::ON_WEBSOCKET, buffer).await
    }

    async fn speaking(on: &'static OnWebSocket, buffer: usize) -> Rig {
        let (near, far) = tokio::io::duplex(buffer);
        let client = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        let (path, origins) = ("/".into(), Origins::Any);
        let config = config(&WebSocket { path, origins, max_message: TOO_LARGE as u32, window: WINDOW });
        let mut near = Rationed::new(near, 0);
        near.lift();
        let stream = WebSocketStream::from_raw_socket(near, Role::Server, Some(config)).await;
        let (driver, receive, transmit) = pipe();
        let connection = Connection::new(stream, driver, on, Fault::default(), WINDOW);
        Rig { client, receive, transmit, connection: tokio::spawn(connection.run()) }
    }

    async fn gone(&mut self) -> Gone {
        poll_fn(|cx| self.transmit.poll_gone(cx)).await
    }

    async fn stays(&mut self) {
        assert!(timeout(LONG, self.gone()).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_ping_is_gone() {
    let mut rig = Rig::new(4096).await;
    let started = Instant::now();
    assert_eq!(rig.gone().await, Gone::Connection);
    assert_eq!(started.elapsed(), Duration::from_secs(60));
    rig.connection.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let mut rig = Rig::new(4096).await;
    let (mut client, (_, other)) = (rig.client, tokio::io::duplex(1));
    rig.client = WebSocketStream::from_raw_socket(other, Role::Client, None).await;
    let answers = tokio::spawn(async move {
        let mut pings = 0;
        while let Ok(message) = timeout(LONG, client.next()).await {
            match message {
                Some(Ok(Message::Ping(_))) => pings += 1,
                // The call is over.
                Some(Ok(Message::Close(_))) => {}
                None => break,
                other => panic!("{other:?}"),
            }
        }
        pings
    });
    rig.stays().await;
    rig.transmit.send_data(Bytes::new(), true).unwrap();
    rig.connection.await.unwrap();
    assert_eq!(answers.await.unwrap(), LONG.as_secs() / 20);
}

/// What it answers lies behind what is not read.
#[tokio::test(start_paused = true)]
async fn a_client_whose_messages_wait_stays() {
    let mut rig = Rig::new(4096).await;
    rig.client.send(Message::Binary(Bytes::from_static(MESSAGE))).await.unwrap();
    rig.client.send(Message::Binary(Bytes::from_static(MESSAGE))).await.unwrap();
    rig.stays().await;
    // Once they are read it is asked again.
    for _ in 0..2 {
        let data = poll_fn(|cx| rig.receive.poll_data(cx)).await;
        assert_eq!(data, Ok(Some(Bytes::from_static(MESSAGE))));
    }
    let started = Instant::now();
    assert_eq!(rig.gone().await, Gone::Connection);
    assert!(started.elapsed() > Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stays_and_holds_the_call_up() {
    let mut rig = Rig::new(64).await;
    let mut sent = 0;
    let response = Bytes::from([&[0, 0xff, 0xff, 0xff, 0xff][..], &[7; 8 << 10]].concat());
    while let Ok(credit) =
        timeout(Duration::from_secs(1), poll_fn(|cx| rig.transmit.poll_credit(cx, response.len()))).await
    {
        let part = response.slice(..credit.unwrap());
        sent += part.len();
        rig.transmit.send_data(part, false).unwrap();
    }
    assert!(sent < 256 << 10, "{sent} bytes wait");
    rig.stays().await;
    // What it missed it gets, in order.
    let mut client = rig.client;
    let connection = rig.connection;
    rig.transmit.send_data(Bytes::new(), true).unwrap();
    let mut seen = 0;
    let frames = async {
        let mut raw = vec![0; 4096];
        loop {
            match client.get_mut().read(&mut raw).await.unwrap() {
                0 => break,
                read => seen += read,
            }
        }
    };
    let _ = timeout(Duration::from_secs(2), frames).await;
    assert!(seen > sent, "{seen} bytes of {sent} and their heads");
    drop(client);
    connection.await.unwrap();
}

/// A client that neither reads nor answers the close is left alone soon.
#[tokio::test(start_paused = true)]
async fn a_close_is_not_waited_for_forever() {
    let mut rig = Rig::new(4096).await;
    let started = Instant::now();
    rig.transmit.send_data(Bytes::new(), true).unwrap();
    rig.connection.await.unwrap();
    assert!(started.elapsed() <= Duration::from_secs(10));
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(rig.client.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_is_seen_at_once() {
    let mut rig = Rig::new(4096).await;
    assert!(poll_fn(|cx| Poll::Ready(rig.transmit.poll_gone(cx))).await.is_pending());
    let (_, other) = tokio::io::duplex(1);
    drop(std::mem::replace(
        &mut rig.client,
        WebSocketStream::from_raw_socket(other, Role::Client, None).await,
    ));
    let started = Instant::now();
    assert_eq!(rig.gone().await, Gone::Connection);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// The status of a call whose client takes nothing would wait for ever behind the response.
#[tokio::test(start_paused = true)]
async fn a_call_that_breaks_off_waits_for_nobody() {
    // It does not read, or does not grant.
    for (on, buffer) in [(&grpc_ws::ON_WEBSOCKET, 64), (&grpc_ws::WITH_WINDOWS, 4 << 20)] {
        let mut rig = Rig::speaking(on, buffer).await;
        rig.respond(1 << 20);
        rig.respond(1 << 20);
        rig.transmit.send_data(Bytes::from_static(TRAILERS), true).unwrap();
        assert!(timeout(SHORT, poll_fn(|cx| rig.transmit.poll_flushed(cx))).await.is_err());
        rig.transmit.reset(Reset::CANCEL);
        rig.connection.await.unwrap();
    }
}

/// Each ping has to be answered, and the answers are kept as long as nobody takes them.
#[tokio::test(start_paused = true)]
async fn a_client_that_only_pings_is_not_answered_for_ever() {
    const PINGS: usize = 20_000;
    let mut rig = Rig::new(4096).await;
    let (raw, other) = (&mut rig.client, tokio::io::duplex(1).1);
    let socket = std::mem::replace(raw, WebSocketStream::from_raw_socket(other, Role::Client, None).await);
    let (mut read, mut write) = tokio::io::split(socket.into_inner());
    // 125 bytes each, masked with zeros.
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[7; 125]].concat();
    for _ in 0..PINGS {
        write.write_all(&ping).await.unwrap();
    }
    let mut answers = vec![0; 4096];
    let mut kept = 0;
    while let Ok(Ok(count)) = timeout(Duration::from_secs(1), read.read(&mut answers)).await {
        kept += count;
    }
    assert!((1 << 12..1 << 20).contains(&kept), "{kept} bytes of {}", PINGS * 127);
}

#[tokio::test(start_paused = true)]
async fn a_response_waits_for_its_window() {
    let mut rig = Rig::speaking(&grpc_ws::WITH_WINDOWS, 1 << 20).await;
    assert_eq!(rig.next().await, grant((128 << 10) - (64 << 10)));
    rig.respond(65_536 - 5 - 128 - 1);
    // What is left is enough to begin with.
    rig.respond(40_000);
    rig.respond(1);
    rig.transmit.send_data(Bytes::from_static(TRAILERS), true).unwrap();
    assert_eq!(rig.next().await.len(), 65_536 - 128 - 1);
    assert_eq!(rig.next().await.len(), 40_005);
    // It still pings.
    assert!(matches!(rig.client.next().await, Some(Ok(Message::Ping(_)))));
    rig.send(&grant(40_005 + 128 - 1)).await;
    assert!(matches!(rig.client.next().await, Some(Ok(Message::Ping(_)))));
    rig.send(&grant(1)).await;
    assert_eq!(rig.next().await.len(), 6);
    assert_eq!(rig.next().await, TRAILERS);
    assert!(matches!(rig.client.next().await, Some(Ok(Message::Close(_)))));
    drop(rig.client);
    rig.connection.await.unwrap();
}

/// While its call takes nothing, a client may go on for as much as it was granted, can grant, and is heard when it leaves.
#[tokio::test(start_paused = true)]
async fn a_request_may_be_ahead_by_its_window() {
    let mut rig = Rig::speaking(&grpc_ws::WITH_WINDOWS, 1 << 20).await;
    assert_eq!(rig.next().await, grant(64 << 10));
    let half = message((64 << 10) - 5 - 128);
    rig.send(&half).await;
    rig.send(&half).await;
    for _ in 0..2 {
        assert_eq!(poll_fn(|cx| rig.receive.poll_data(cx)).await, Ok(Some(half.clone())));
    }
    assert_eq!(rig.next().await, grant(64 << 10));
    assert_eq!(rig.next().await, grant(64 << 10));
    rig.send(&half).await;
    rig.send(&half).await;
    rig.send(TRAILERS_OF_REQUEST).await;
    // Behind all of it.
    rig.send(&grant(1)).await;
    rig.send(&grant(70_000)).await;
    rig.respond(100_000);
    rig.respond(100);
    // The request has ended, so nothing of it is granted again.
    assert_eq!(rig.next().await.len(), 100_005);
    assert_eq!(rig.next().await.len(), 105);
    for _ in 0..2 {
        assert_eq!(poll_fn(|cx| rig.receive.poll_data(cx)).await, Ok(Some(half.clone())));
    }
    let end = poll_fn(|cx| rig.receive.poll_data(cx)).await;
    assert_eq!(end, Ok(Some(Bytes::from_static(TRAILERS_OF_REQUEST))));
    assert!(rig.receive.is_ended());
}

#[tokio::test(start_paused = true)]
async fn a_client_is_heard_that_leaves_with_messages_waiting() {
    let mut rig = Rig::speaking(&grpc_ws::WITH_WINDOWS, 1 << 20).await;
    for _ in 0..3 {
        rig.send(MESSAGE).await;
    }
    rig.client.close(None).await.unwrap();
    assert_eq!(rig.gone().await, Gone::Reset(Reset::CANCEL));
}

#[tokio::test(start_paused = true)]
async fn more_than_was_granted_ends_the_call() {
    let mut rig = Rig::speaking(&grpc_ws::WITH_WINDOWS, 1 << 20).await;
    assert_eq!(rig.next().await, grant(64 << 10));
    rig.send(&message(128 << 10)).await;
    // The first has taken all, and the call the first alone.
    rig.send(MESSAGE).await;
    assert_eq!(rig.gone().await, Gone::Protocol);
    assert_eq!(rig.closed().await, 4033);
}

/// A frame that is too large is not read to its end, and so nothing behind it: no grant either.
#[tokio::test(start_paused = true)]
async fn no_grant_is_waited_for_of_a_client_that_is_not_heard() {
    let mut rig = Rig::speaking(&grpc_ws::WITH_WINDOWS, 1 << 20).await;
    assert_eq!(rig.next().await, grant(64 << 10));
    rig.respond(70_000);
    rig.respond(1);
    assert_eq!(rig.next().await.len(), 70_005);
    rig.send(&message(TOO_LARGE + 2)).await;
    assert_eq!(rig.closed().await, 4008);
    assert_eq!(rig.gone().await, Gone::Protocol);
}

/// Pings and closes are no parts of calls.
impl Rig {
    async fn next(&mut self) -> Bytes {
        match self.client.next().await {
            Some(Ok(Message::Binary(frame))) => frame,
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> u16 {
        loop {
            match self.client.next().await {
                Some(Ok(Message::Binary(_))) => {}
                Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn send(&mut self, frame: &[u8]) {
        self.client.send(Message::Binary(Bytes::copy_from_slice(frame))).await.unwrap();
    }

    /// Sends a message of this length, whatever the credit, in pieces as they come from calls.
    fn respond(&mut self, length: usize) {
        let mut message = message(length);
        while !message.is_empty() {
            let piece = message.split_to(message.len().min(64 << 10));
            self.transmit.send_data(piece, false).unwrap();
        }
    }
}

/// The largest message; two more are too many with what stands around them.
const TOO_LARGE: usize = 1 << 20;
const WINDOW: u32 = 128 << 10;
const TRAILERS: &[u8] = b"\x80\0\0\0\x10grpc-status: 0\r\n";
const TRAILERS_OF_REQUEST: &[u8] = b"\x80\0\0\0\0";

fn message(length: usize) -> Bytes {
    Bytes::from([&[0][..], &u32::try_from(length).unwrap().to_be_bytes(), &vec![7; length]].concat())
}

/// A WINDOW frame.
fn grant(bytes: u32) -> Bytes {
    Bytes::from([&[0x2c, 0, 0, 0, 4][..], &bytes.to_be_bytes()].concat())
}
