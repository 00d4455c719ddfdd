//! Upstreams that do what the `h2` crate's server never would, frame by frame.

use h2::Reason;
use sluicegate_core::wire::Gone;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One connection, as frames.
struct Raw(DuplexStream);

impl Raw {
    /// Greets the gateway with these settings.
    async fn accept(mut io: DuplexStream, settings: &[(u16, u32)]) -> Raw {
        let mut preface = [0; 24];
        io.read_exact(&mut preface).await.unwrap();
        let mut raw = Raw(io);
        raw.settings(settings).await;
        raw
    }

    async fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        self.write(SETTINGS, 0, 0, &payload).await;
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head[..], payload].concat()).await.unwrap();
    }

    /// The stream of the next frame of this kind. Settings are acknowledged on the way.
    async fn next(&mut self, wanted: u8) -> u32 {
        let next = async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.unwrap();
                let [a, b, c, kind, flags, stream @ ..] = head;
                let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
                self.0.read_exact(&mut payload).await.unwrap();
                assert_ne!(kind, GOAWAY, "the gateway gave the connection up: {payload:?}");
                if (kind, flags) == (SETTINGS, 0) {
                    self.write(SETTINGS, ACK, 0, &[]).await;
                }
                if kind == wanted {
                    return u32::from_be_bytes(stream);
                }
            }
        };
        soon("a frame", next).await
    }

    /// Answers a call with its status alone.
    async fn finish(&mut self, stream: u32) {
        // `:status: 200`, and two literals whose names are index 31 of the static table and `grpc-status`.
        let block = [b"\x88\x0f\x10\x10application/grpc".as_slice(), b"\x00\x0bgrpc-status\x010"].concat();
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &block).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_goaway_leaves_out_is_sent_again_whatever_its_reason() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
        let mut dialled = rig.upstreams.silent(1);
        let client = Client::new();
        client.send(message("hello")).end();
        rig.call(&client);
        let mut raw = Raw::accept(dialled.recv().await.unwrap(), &[]).await;
        raw.next(HEADERS).await;
        raw.write(GOAWAY, 0, 0, &[0_u32.to_be_bytes(), u32::from(reason).to_be_bytes()].concat()).await;
        let mut raw = Raw::accept(soon("another connection", dialled.recv()).await.unwrap(), &[]).await;
        let stream = raw.next(HEADERS).await;
        raw.next(DATA).await;
        raw.finish(stream).await;
        assert_eq!(client.status().await, "0");
        client.released().await;
        rig.is_balanced(1);
    }
}

/// A client with many calls that leaves must not take the upstream's connection along, even if the upstream goes on to
/// send for a while.
#[tokio::test(start_paused = true)]
async fn late_frames_of_calls_that_were_taken_back_do_no_harm() {
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]\nmax_connections_per_worker = 1");
    let mut dialled = rig.upstreams.silent(1);
    let clients: Vec<_> = (0..100).map(|_| Client::new()).collect();
    clients.iter().for_each(|client| rig.call(client));
    let mut raw = Raw::accept(dialled.recv().await.unwrap(), &[]).await;
    let mut streams = Vec::new();
    for _ in &clients {
        streams.push(raw.next(HEADERS).await);
    }
    clients.iter().for_each(|client| client.leave(Gone::Connection));
    for _ in &clients {
        raw.next(RST_STREAM).await;
    }
    for _ in 0..30 {
        for &stream in &streams {
            raw.write(DATA, 0, stream, b"late").await;
        }
        settle().await;
    }
    let client = Client::new();
    rig.call(&client);
    let stream = raw.next(HEADERS).await;
    raw.finish(stream).await;
    assert_eq!(client.status().await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_an_upstream_that_allows_no_stream_yet() {
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]\nmax_connections_per_worker = 1");
    let mut dialled = rig.upstreams.silent(1);
    let clients = [Client::new(), Client::new(), Client::new()];
    clients.iter().for_each(|client| rig.call(client));
    let mut raw = Raw::accept(dialled.recv().await.unwrap(), &[(MAX_CONCURRENT_STREAMS, 0)]).await;
    settle().await;
    raw.settings(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
    for _ in &clients {
        let stream = raw.next(HEADERS).await;
        raw.finish(stream).await;
    }
    for client in &clients {
        assert_eq!(client.status().await, "0");
    }
}

/// A status of 200 behind any number of 1xx.
#[tokio::test(start_paused = true)]
async fn interim_responses_are_passed_over() {
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
    let mut dialled = rig.upstreams.silent(1);
    let client = Client::new();
    rig.call(&client);
    let mut raw = Raw::accept(dialled.recv().await.unwrap(), &[]).await;
    let stream = raw.next(HEADERS).await;
    for _ in 0..10 {
        raw.write(HEADERS, END_HEADERS, stream, b"\x08\x03103").await;
    }
    raw.finish(stream).await;
    assert_eq!(client.status().await, "0");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_answers_no_ping_is_given_up() {
    let cluster = "endpoints = [\"http://up:1\"]\nping_interval = \"2s\"\nping_timeout = \"1s\"";
    let rig = Rig::new("", cluster);
    let mut dialled = rig.upstreams.silent(1);
    let client = Client::new();
    rig.call(&client);
    let _dead = Raw::accept(soon("a connection", dialled.recv()).await.unwrap(), &[]).await;
    assert_eq!(client.status().await, "14");
    client.released().await;
    assert_eq!(rig.logged(), "14 UC");
    // The next call does not go there.
    let client = Client::new();
    rig.call(&client);
    soon("another connection", dialled.recv()).await.unwrap();
}
