//! SIGTERM: calls in progress end as they would have, and then the process does.

use http::HeaderMap;
use sluicegate_e2e::client::{Call, Protocol, Received, quic_endpoint};
use sluicegate_e2e::frame::{self, message};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::raw_h3::{self, RawH3, frame_type};
use sluicegate_e2e::upstream::{Event, Upstream, method};
use sluicegate_e2e::{QUIET, within};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::stage::Stage;

over!(every protocol with frames: open_calls_are_told);
over!(every protocol: calls_in_progress_finish, the_drain_timeout_ends_the_rest, idle_connections_hold_nothing_up);

async fn calls_in_progress_finish(protocol: Protocol) {
    let Stage { mut client, mut upstream, mut gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::HOLD).open().await;
    call.send(b"held").await.unwrap();
    call.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;

    gateway.terminate().await;
    gateway.until_draining().await;
    assert!(gateway.is_running());
    upstream.release();
    assert_eq!(call.response.message().await, "held");
    assert_eq!(call.response.end().await.code, 0);
    // A WebSocket whose client does not answer the close would be waited for.
    drop(call);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

async fn the_drain_timeout_ends_the_rest(protocol: Protocol) {
    let Stage { mut client, mut upstream, mut gateway } =
        Stage::configured(protocol, |config| config.top("drain_timeout = \"300ms\"")).await;
    let _call = client.call(method::SILENT).open().await;
    let mut seen = upstream.next_call().await;
    gateway.terminate().await;
    assert_eq!(gateway.ended().await.code(), Some(0));
    assert!(matches!(seen.next().await, Event::Reset(_) | Event::ConnectionLost));
}

/// The drain timeout is 30 s here, three times as long as the test would wait.
async fn idle_connections_hold_nothing_up(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, mut gateway } = Stage::new(protocol).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    gateway.terminate().await;
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_draining_gateway_takes_no_connections() {
    let Stage { mut client, mut upstream, mut gateway } =
        Stage::configured(Protocol::GrpcH2c, |config| config.alone_at("127.0.71.1")).await;
    let mut call = client.call(method::HOLD).open().await;
    call.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;
    gateway.terminate().await;
    gateway.until_draining().await;
    let target = gateway.target();
    for address in [target.plain, target.tls] {
        within("the listeners to be closed", async {
            while let Ok(mut socket) = TcpStream::connect(address).await {
                // Connected before the listener was closed, and then closed with it.
                let mut nothing = Vec::new();
                let _ = socket.read_to_end(&mut nothing).await;
            }
        })
        .await;
    }
    let endpoint = quic_endpoint();
    let handshake = endpoint.connect(target.tls, "localhost").unwrap();
    // Refused, or not answered.
    assert!(!matches!(tokio::time::timeout(QUIET, handshake).await, Ok(Ok(_))));
    upstream.release();
    assert_eq!(call.response.all().await.code(), 0);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

/// Within the response, for pages whose browser tells them of nothing else: also where nothing has been said yet, and where
/// a message stands open.
async fn open_calls_are_told(protocol: Protocol) {
    const DRAIN: (u8, bytes::Bytes) = (0x24, bytes::Bytes::new());
    let Stage { mut client, mut upstream, mut gateway } = Stage::new(protocol).await;
    let mut silent = client.call(method::SILENT).open().await;
    upstream.next_call().await;
    let mut paused = client.call(method::PAUSE).open().await;
    paused.send(b"half").await.unwrap();
    paused.half_close().await.unwrap();
    assert_eq!(paused.response.message().await, "half");
    upstream.next_call().await.until_half_closed().await;
    gateway.terminate().await;
    assert_eq!(silent.response.extension().await, DRAIN);
    assert_eq!(paused.response.extension().await, DRAIN);
    silent.cancel();
    upstream.release();
    // It is said once, and the call ends as it would have.
    assert_eq!(paused.response.message().await, "half");
    assert_eq!(paused.response.end().await.code, 0);
    assert_eq!(paused.response.extensions(), 0);
    // A WebSocket whose client does not answer the close would be waited for.
    drop(paused);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

/// A call that comes too late was not processed, so its client may try again elsewhere. That is said in the response, as
/// browsers may keep the codes of streams to themselves.
#[tokio::test]
async fn a_draining_session_refuses_new_calls() {
    let mut late = late_call(Protocol::GrpcWt).await;
    assert_eq!(late.call.response.extension().await, (0x30, bytes::Bytes::new()));
    assert_eq!(late.call.response.end().await.code, 14);
    let gateway = &late.stage.gateway;
    gateway.log_line("with DN", |line| line["grpc_status"] == 14 && line["response_flags"] == "DN").await;
    late.over().await;
}

/// Connect has no word for it.
#[tokio::test]
async fn a_draining_session_refuses_new_calls_of_connect_with_a_code() {
    let mut late = late_call(Protocol::ConnectWt).await;
    match late.call.recv().await {
        Received::Broken(broken) => assert_eq!(broken.code, Some(0x20), "{broken:?}"),
        other => panic!("{other:?}"),
    }
    late.over().await;
}

/// A call in a session that drains because another is not over yet.
struct LateCall {
    stage: Stage,
    held: Call,
    call: Call,
}

async fn late_call(protocol: Protocol) -> LateCall {
    let mut stage = Stage::new(protocol).await;
    let Stage { client, upstream, gateway } = &mut stage;
    let mut held = client.call(method::HOLD).open().await;
    held.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;
    gateway.terminate().await;
    gateway.until_draining().await;
    let call = client.call(method::UNARY).open().await;
    LateCall { stage, held, call }
}

impl LateCall {
    /// The other call ends as it would have, and nothing of this one has reached the upstream.
    async fn over(self) {
        let LateCall { stage: Stage { client: _client, upstream, mut gateway }, mut held, call: _call } =
            self;
        upstream.release();
        assert_eq!(held.response.all().await.code(), 0);
        assert_eq!(gateway.ended().await.code(), Some(0));
        assert_eq!(upstream.accepted(), 1);
    }
}

/// Everything on the connection is told in its own way, ends as it would have, and only then the connection is closed.
#[tokio::test]
async fn all_that_shares_a_connection_drains_together() {
    const DRAIN_SESSION: u64 = 0x78ae;
    const CLOSE_SESSION: u64 = 0x2843;
    const H3_NO_ERROR: u64 = 0x100;
    let mut upstream = Upstream::start().await;
    let mut gateway = Config::in_front_of(&[&upstream]).start().await;
    let raw = RawH3::connect(gateway.target().tls).await;
    let (one, two) = (raw.session().await.unwrap(), raw.session().await.unwrap());
    let mut calls = Vec::new();
    for session in [&one, &two, &one] {
        let head = [raw_h3::wt_bidi(session.id), frame::headers(method::HOLD, &HeaderMap::new()).to_vec()];
        calls.push((raw.bidi(&head.concat()).await, message(b"held").to_vec()));
    }
    for _ in 0..2 {
        calls.push((raw.call(method::HOLD).await, raw_h3::frame(frame_type::DATA, &message(b"held"))));
    }
    for ((send, _), held) in &mut calls {
        send.write_all(held).await.unwrap();
        send.finish().unwrap();
    }
    for _ in 0..calls.len() {
        upstream.next_call().await.until_half_closed().await;
    }

    gateway.terminate().await;
    let mut sessions = [one, two];
    let mut capsules = Vec::new();
    for session in &mut sessions {
        let drain = raw_h3::frame(DRAIN_SESSION, b"");
        capsules.push(until(&mut session.receive, "a drain capsule", |bytes| holds(bytes, &drain)).await);
    }
    assert!(capsules.iter().all(|bytes| !holds(bytes, &raw_h3::varint(CLOSE_SESSION))));
    assert!(gateway.is_running());

    calls.iter().for_each(|_| upstream.release());
    for ((_, receive), held) in &mut calls {
        let response = within("a response", receive.read_to_end(64 << 10)).await.unwrap();
        assert!(holds(&response, held), "{response:x?}");
    }
    for session in &mut sessions {
        let last = within("the end of a session", session.receive.read_to_end(64 << 10)).await.unwrap();
        session.send.finish().unwrap();
        let close = raw_h3::varint(CLOSE_SESSION);
        let place = last.windows(2).position(|part| part == close).expect("a close capsule");
        // Its length is one octet, and the code four.
        assert_eq!(last[place + 3..place + 7], [0, 0, 0, 1], "{last:x?}");
    }
    // The control stream is the first of those that the gateway opens.
    let mut told = within("the control stream", raw.quic.accept_uni()).await.unwrap();
    let goaway = [raw_h3::varint(frame_type::GOAWAY), raw_h3::varint(1)].concat();
    until(&mut told, "GOAWAY", |bytes| holds(bytes, &goaway)).await;
    assert_eq!(raw.closed().await, H3_NO_ERROR);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

/// Reads until these bytes are what was meant.
async fn until(receive: &mut quinn::RecvStream, what: &str, is_there: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(what, async {
        while !is_there(&bytes) {
            let chunk = receive.read_chunk(1 << 10, true).await.unwrap().expect("more of the stream");
            bytes.extend_from_slice(&chunk.bytes);
        }
    })
    .await;
    bytes
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_signal_right_after_ready_is_heard() {
    let upstream = Upstream::start().await;
    for _ in 0..10 {
        let mut gateway = Config::in_front_of(&[&upstream]).start().await;
        gateway.terminate().await;
        assert_eq!(gateway.ended().await.code(), Some(0));
    }
}
