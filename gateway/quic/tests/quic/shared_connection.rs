//! Several sessions and requests on one connection, in orders that nobody thought of.

use bytes::Bytes;
use proptest::prelude::*;
use quinn::VarInt;
use sluicegate_quic::Limits;

use crate::client::{connect, frame, headers, id, is_ok, quic, settings, varint};
use crate::server::Server;
use crate::wire::soon;

/// What a client does next. Numbers choose among the sessions that are open.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Opens a session in draft 16 or 07.
    Open(bool),
    Request,
    /// Opens a bidirectional stream of a session, of which the rest comes after the next step.
    Bidi(usize),
    Uni(usize),
    Datagram(usize),
    /// Opens a stream that never says what it is.
    Silent,
    /// Ends a session.
    Close(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Open),
        3 => Just(Step::Request),
        4 => any::<usize>().prop_map(Step::Bidi),
        3 => any::<usize>().prop_map(Step::Uni),
        3 => any::<usize>().prop_map(Step::Datagram),
        1 => Just(Step::Silent),
        1 => any::<usize>().prop_map(Step::Close),
    ]
}

struct Session {
    send: quinn::SendStream,
    answer: quinn::RecvStream,
}

/// A stream that has not said everything.
struct HalfSaid {
    session: u64,
    send: quinn::SendStream,
    receive: quinn::RecvStream,
    rest: Vec<u8>,
    message: Vec<u8>,
}

/// A client that checks what comes of each step.
struct Walk {
    quic: quinn::Connection,
    sessions: Vec<Session>,
    half_said: Option<HalfSaid>,
    silent: Vec<quinn::SendStream>,
    count: usize,
}

impl Walk {
    fn new(quic: quinn::Connection) -> Walk {
        Walk { quic, sessions: Vec::new(), half_said: None, silent: Vec::new(), count: 0 }
    }

    async fn take(&mut self, step: Step) {
        let half_said = self.half_said.take();
        self.count += 1;
        let message = format!("message {}", self.count).into_bytes();
        let chosen = |at: usize| self.sessions.get(at % self.sessions.len().max(1)).map(|one| id(&one.send));
        match step {
            Step::Open(newest) if self.sessions.len() < 4 => {
                let protocol = if newest { "webtransport-h3" } else { "webtransport" };
                let (send, mut answer) = connect(&self.quic, protocol, &[]).await;
                assert!(is_ok(&mut answer).await);
                self.sessions.push(Session { send, answer });
            }
            Step::Request => {
                self.request().await;
            }
            Step::Bidi(at) => {
                if let Some(session) = chosen(at) {
                    let (mut send, receive) = self.quic.open_bi().await.unwrap();
                    let whole = [varint(0x41), varint(session), message.clone()].concat();
                    let (first, rest) = whole.split_at(1 + self.count % 4);
                    send.write_all(first).await.unwrap();
                    self.half_said = Some(HalfSaid { session, send, receive, rest: rest.to_vec(), message });
                }
            }
            Step::Uni(at) => {
                if let Some(session) = chosen(at) {
                    let mut send = self.quic.open_uni().await.unwrap();
                    let whole = [varint(0x54), varint(session), message].concat();
                    send.write_all(&whole).await.unwrap();
                    send.finish().unwrap();
                    // The echo names the same session.
                    let mut echo = soon(self.quic.accept_uni()).await.unwrap();
                    assert_eq!(soon(echo.read_to_end(100)).await.unwrap(), whole);
                }
            }
            Step::Datagram(at) => {
                if let Some(session) = chosen(at) {
                    let whole = [varint(session / 4), message].concat();
                    self.quic.send_datagram(Bytes::from(whole.clone())).unwrap();
                    assert_eq!(soon(self.quic.read_datagram()).await.unwrap(), whole);
                }
            }
            Step::Silent if self.silent.len() < 5 => {
                let (mut send, _) = self.quic.open_bi().await.unwrap();
                send.write_all(&[0x40]).await.unwrap();
                self.silent.push(send);
            }
            Step::Close(at) if !self.sessions.is_empty() => {
                let mut session = self.sessions.remove(at % self.sessions.len());
                session.send.finish().unwrap();
                // Capsules of flow control, then the end.
                soon(session.answer.read_to_end(1000)).await.unwrap();
            }
            Step::Open(_) | Step::Silent | Step::Close(_) => {}
        }
        if let Some(half_said) = half_said {
            self.say_the_rest(half_said).await;
        }
    }

    async fn say_the_rest(&self, half_said: HalfSaid) {
        let HalfSaid { session, mut send, mut receive, rest, message } = half_said;
        let said = send.write_all(&rest).await;
        let _ = send.finish();
        let echoed = soon(receive.read_to_end(100)).await;
        if self.sessions.iter().any(|open| id(&open.send) == session) {
            assert_eq!((said, echoed), (Ok(()), Ok(message)));
        } else {
            let gone = VarInt::from_u64(0x170d_7b68).unwrap();
            assert_eq!(echoed, Err(quinn::ReadToEndError::Read(quinn::ReadError::Reset(gone))));
        }
    }

    /// The number of the request's stream.
    async fn request(&self) -> u64 {
        let (mut send, mut receive) = self.quic.open_bi().await.unwrap();
        let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/hello"), (":authority", "a")];
        send.write_all(&headers(&fields)).await.unwrap();
        send.finish().unwrap();
        assert!(is_ok(&mut receive).await);
        assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), frame(0, b"hello"));
        id(&send)
    }
}

/// The server's own streams: the control stream first, then two of QPACK.
async fn own_streams(quic: &quinn::Connection) -> Vec<quinn::RecvStream> {
    let mut own = Vec::new();
    for _ in 0..3 {
        let mut stream = soon(quic.accept_uni()).await.unwrap();
        let mut kind = [0];
        soon(stream.read_exact(&mut kind)).await.unwrap();
        own.push((kind, stream));
    }
    own.sort_by_key(|(kind, _)| *kind);
    own.into_iter().map(|(_, stream)| stream).collect()
}

/// Waits for a GOAWAY that names this stream.
async fn goaway(own: &mut [quinn::RecvStream], first_refused: u64) {
    let (mut written, goaway) = (Vec::new(), frame(0x07, &varint(first_refused)));
    while !written.ends_with(&goaway) {
        let chunk = soon(own[0].read_chunk(100, true)).await.unwrap().unwrap();
        written.extend_from_slice(&chunk.bytes);
    }
}

async fn walk(steps: Vec<Step>) {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let many = 1 << 30;
    let all = [(0x33, 1), (0x2c7c_f000, 1), (0xc671_706a, 1), (0x2b61, many), (0x2b64, many), (0x2b65, many)];
    let _control = settings(&quic, &all).await;
    let mut own = own_streams(&quic).await;
    let mut walk = Walk::new(quic);
    for step in steps {
        walk.take(step).await;
    }
    walk.request().await;
    server.drain.notify_waiters();
    // What is open goes on.
    for at in 0..walk.sessions.len() {
        walk.take(Step::Bidi(at)).await;
        walk.take(Step::Datagram(at)).await;
    }
    // When the last session has ended, GOAWAY names the stream behind all that were opened, whatever they were. This one
    // the server does not know of, because nothing is written.
    let (next, _unread) = walk.quic.open_bi().await.unwrap();
    while !walk.sessions.is_empty() {
        walk.take(Step::Close(0)).await;
    }
    goaway(&mut own, id(&next)).await;
    assert!(walk.quic.close_reason().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn sessions_and_requests_in_any_order(steps in prop::collection::vec(step(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(steps));
    }
}

#[tokio::test]
async fn a_session_that_was_asked_for_before_goaway_opens_and_is_asked_to_end() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let mut own = own_streams(&quic).await;
    // It waits for the settings, and the server has seen it when the request behind it is answered.
    let (_send, mut answer) = connect(&quic, "webtransport", &[]).await;
    let last = Walk::new(quic.clone()).request().await;
    server.drain.notify_waiters();
    goaway(&mut own, last + 4).await;
    let _control = settings(&quic, &[(0x33, 1)]).await;
    assert!(is_ok(&mut answer).await);
    let drain = frame(0x00, &[varint(0x78ae), varint(0)].concat());
    let mut read = vec![0; drain.len()];
    soon(answer.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, drain);
}
