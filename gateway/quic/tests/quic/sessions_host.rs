//! A server that leaves its sessions to the test, and the other end of them by hand.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use quinn::VarInt;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use sluicegate_quic::{Client, Endpoint, Event, Limits, Observer, Refusal, Session, SessionRequest};
use tokio::sync::{Notify, mpsc};

use crate::client::{connect, endpoint, frame, is_ok, settings, trusting, varint};
use crate::client_sessions::opening;
use crate::wire::{echo, soon};

/// The ids of settings.
pub(crate) const WT_ENABLED: u64 = 0x2c7c_f000;
pub(crate) const WT_MAX_SESSIONS: u64 = 0x14e9_cd29;
pub(crate) const INITIAL_MAX_DATA: u64 = 0x2b61;
pub(crate) const INITIAL_MAX_STREAMS_UNI: u64 = 0x2b64;
pub(crate) const INITIAL_MAX_STREAMS_BIDI: u64 = 0x2b65;
/// The types of capsules.
pub(crate) const CLOSE: u64 = 0x2843;
pub(crate) const DRAIN: u64 = 0x78ae;
pub(crate) const MAX_DATA: u64 = 0x190b_4d3d;
pub(crate) const MAX_STREAMS_BIDI: u64 = 0x190b_4d3f;
pub(crate) const MAX_STREAMS_UNI: u64 = 0x190b_4d40;
pub(crate) const DATA_BLOCKED: u64 = 0x190b_4d41;
pub(crate) const STREAMS_BLOCKED_BIDI: u64 = 0x190b_4d43;
pub(crate) const STREAMS_BLOCKED_UNI: u64 = 0x190b_4d44;
/// Error codes.
pub(crate) const MESSAGE_ERROR: u64 = 0x10e;
pub(crate) const FLOW_CONTROL_ERROR: u64 = 0x045d_4487;
pub(crate) const SESSION_GONE: u64 = 0x170d_7b68;
pub(crate) const BUFFERED_STREAM_REJECTED: u64 = 0x3994_bd84;

/// What the limits have refused.
#[derive(Debug, Default)]
struct Counted {
    seen: Mutex<Vec<Refusal>>,
    told: Notify,
}

impl Observer for Counted {
    fn refused(&self, what: Refusal) {
        self.seen.lock().unwrap().push(what);
        self.told.notify_waiters();
    }
}

pub(crate) struct Host {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    requests: mpsc::UnboundedReceiver<SessionRequest>,
    counted: Arc<Counted>,
}

impl Host {
    pub(crate) async fn start(limits: Limits) -> Host {
        let (certificate, tls) = crate::server::identity();
        let counted = Arc::<Counted>::default();
        let limits = Limits { observer: counted.clone(), ..limits };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::bind(socket, tls, limits).unwrap();
        let address = endpoint.local_addr().unwrap();
        let (asked, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                let asked = asked.clone();
                tokio::spawn(async move {
                    let mut connection = incoming.handshake().await.unwrap();
                    while let Some(event) = connection.next().await {
                        match event {
                            Event::Session(request) => drop(asked.send(request)),
                            Event::Request(mut request) => drop(tokio::spawn(async move {
                                let _ = echo(&mut request.receive, &mut request.transmit).await;
                            })),
                        }
                    }
                });
            }
        });
        Host { address, certificate, requests, counted }
    }

    pub(crate) async fn quic(&self) -> quinn::Connection {
        let tls = QuicClientConfig::try_from(trusting(&self.certificate)).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(tls));
        soon(endpoint().connect_with(config, self.address, "localhost").unwrap()).await.unwrap()
    }

    /// A client of ours, and its session's other end.
    pub(crate) async fn ours(&mut self, limits: Limits) -> (Session, Session) {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let client = Client::bind(local, Arc::new(trusting(&self.certificate)), limits).unwrap();
        let opening = opening("/");
        let (opened, session) = tokio::join!(soon(client.open(self.address, "localhost", opening)), async {
            let request = soon(self.requests.recv()).await.unwrap();
            soon(request.accept(None)).await.unwrap()
        });
        (opened.unwrap().session, session)
    }

    pub(crate) async fn request(&mut self) -> SessionRequest {
        soon(self.requests.recv()).await.unwrap()
    }

    /// Opens a session, and gives both of its ends.
    pub(crate) async fn open(&mut self, quic: &quinn::Connection, protocol: &str) -> (Session, Hand) {
        let (send, mut receive) = connect(quic, protocol, &[]).await;
        let session = soon(self.request().await.accept(None)).await.unwrap();
        assert!(is_ok(&mut receive).await);
        let id = crate::client::id(&send);
        (session, Hand { quic: quic.clone(), id, send, receive })
    }

    /// A client of draft 16 that asks for flow control, and lets us send as much as we like.
    pub(crate) async fn generous(&mut self) -> (Session, Hand, quinn::SendStream) {
        let quic = self.quic().await;
        let limits =
            [INITIAL_MAX_DATA, INITIAL_MAX_STREAMS_UNI, INITIAL_MAX_STREAMS_BIDI].map(|id| (id, 1 << 30));
        let control = settings(&quic, &[&[(0x33, 1), (WT_ENABLED, 1)][..], &limits].concat()).await;
        let (session, hand) = self.open(&quic, "webtransport-h3").await;
        (session, hand, control)
    }

    /// Waits until so many of a kind have been refused.
    pub(crate) async fn refused(&self, what: Refusal, times: usize) {
        let count = || self.counted.seen.lock().unwrap().iter().filter(|seen| **seen == what).count();
        soon(async {
            loop {
                let told = self.counted.told.notified();
                if count() >= times {
                    break;
                }
                told.await;
            }
        })
        .await;
        assert_eq!(count(), times, "{what:?}");
    }
}

/// A client's end of a session.
pub(crate) struct Hand {
    pub(crate) quic: quinn::Connection,
    pub(crate) id: u64,
    pub(crate) send: quinn::SendStream,
    pub(crate) receive: quinn::RecvStream,
}

impl Hand {
    pub(crate) async fn bidi(&self, body: &[u8]) -> (quinn::SendStream, quinn::RecvStream) {
        let (mut send, receive) = self.quic.open_bi().await.unwrap();
        send.write_all(&[varint(0x41), varint(self.id), body.to_vec()].concat()).await.unwrap();
        (send, receive)
    }

    pub(crate) async fn uni(&self, body: &[u8]) -> quinn::SendStream {
        let mut send = self.quic.open_uni().await.unwrap();
        send.write_all(&[varint(0x54), varint(self.id), body.to_vec()].concat()).await.unwrap();
        send
    }

    /// Sends a capsule.
    pub(crate) async fn capsule(&mut self, capsule_type: u64, value: &[u8]) {
        self.send.write_all(&frame(0, &capsule(capsule_type, value))).await.unwrap();
    }

    /// Reads the next capsule: one fills a DATA frame.
    pub(crate) async fn read(&mut self) -> (u64, Vec<u8>) {
        assert_eq!(self.integer().await, 0, "a DATA frame");
        let _length = self.integer().await;
        let capsule_type = self.integer().await;
        let mut value = vec![0; usize::try_from(self.integer().await).unwrap()];
        soon(self.receive.read_exact(&mut value)).await.unwrap();
        (capsule_type, value)
    }

    /// Reads a capsule that holds one integer.
    pub(crate) async fn read_limit(&mut self) -> (u64, u64) {
        let (capsule_type, value) = self.read().await;
        let length = value.len();
        let value = value.into_iter().enumerate().fold(0, |value, (at, byte)| match at {
            0 => u64::from(byte & 0x3f),
            _ => value << 8 | u64::from(byte),
        });
        assert_eq!(varint(value).len(), length, "nothing but an integer");
        (capsule_type, value)
    }

    async fn integer(&mut self) -> u64 {
        let mut first = [0];
        soon(self.receive.read_exact(&mut first)).await.unwrap();
        let mut value = u64::from(first[0] & 0x3f);
        for _ in 1..1 << (first[0] >> 6) {
            let mut byte = [0];
            soon(self.receive.read_exact(&mut byte)).await.unwrap();
            value = value << 8 | u64::from(byte[0]);
        }
        value
    }

    /// Waits until both directions of the CONNECT stream have ended with this code.
    pub(crate) async fn failed(mut self, code: u64) {
        let code = VarInt::from_u64(code).unwrap();
        assert_eq!(reset(&mut self.receive).await, code);
        assert_eq!(soon(self.send.stopped()).await.unwrap(), Some(code));
        assert!(self.quic.close_reason().is_none(), "the connection goes on");
    }
}

pub(crate) fn capsule(capsule_type: u64, value: &[u8]) -> Vec<u8> {
    [varint(capsule_type), varint(value.len() as u64), value.to_vec()].concat()
}

/// Reads up to a reset, and gives its code.
pub(crate) async fn reset(receive: &mut quinn::RecvStream) -> VarInt {
    match soon(receive.read_to_end(1 << 20)).await {
        Err(quinn::ReadToEndError::Read(quinn::ReadError::Reset(code))) => code,
        other => panic!("not reset: {other:?}"),
    }
}

/// The code as QUIC has it.
pub(crate) fn code(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap()
}
