//! A WebSocket that waits, on a clock that does not.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sluicegate_core::protocol::grpc_ws;
use sluicegate_core::wire::{Gone, Receive, Transmit};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::pipe::{PipeReceive, PipeTransmit, pipe};
use super::{Connection, Fault, Rationed};

/// Fifteen pings, and a little.
const LONG: Duration = Duration::from_secs(310);
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
        let (near, far) = tokio::io::duplex(buffer);
        let client = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        let mut near = Rationed::new(near, 0);
        near.lift();
        let stream = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
        let (driver, receive, transmit) = pipe();
        let connection = Connection::new(stream, driver, &grpc_ws::ON_WEBSOCKET, Fault::default());
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
        use tokio::io::AsyncReadExt;
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
