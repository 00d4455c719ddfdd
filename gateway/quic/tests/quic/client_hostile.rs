//! The client's side, against servers played by hand: what each draft's server gets, and what broken ones achieve.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use quinn::{ConnectionError, VarInt};
use rustls::pki_types::CertificateDer;
use sluicegate_core::wire::Transmit;
use sluicegate_quic::{Client, Limits, OpenError, Opened, Opening, SessionEnd};
use tokio::task::JoinHandle;

use crate::client::{frame, headers, settings, trusting, varint};
use crate::client_sessions::opening;
use crate::foreign;
use crate::wire::{data, gone, send, soon};

/// Extended CONNECT, datagrams, and the setting of a draft.
const CONNECT_AND_DATAGRAMS: [(u64, u64); 2] = [(0x08, 1), (0x33, 1)];
const DRAFT_16: (u64, u64) = (0x2c7c_f000, 1);
const DRAFT_14: (u64, u64) = (0x14e9_cd29, 1);
const DRAFT_07: (u64, u64) = (0xc671_706a, 1);
const DRAFT_02: (u64, u64) = (0x2b60_3742, 1);

/// A server without any behaviour.
struct Hand {
    endpoint: quinn::Endpoint,
    certificate: CertificateDer<'static>,
}

/// A client's connection.
struct Met {
    quic: quinn::Connection,
    control: quinn::SendStream,
}

/// A CONNECT: its streams, and its frame.
struct Asked {
    send: quinn::SendStream,
    receive: quinn::RecvStream,
    head: Vec<u8>,
}

impl Hand {
    fn new() -> Hand {
        let (endpoint, certificate) = foreign::endpoint();
        Hand { endpoint, certificate }
    }

    fn client(&self, limits: Limits) -> Client {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        Client::bind(local, Arc::new(trusting(&self.certificate)), limits).unwrap()
    }

    /// Begins to open a session.
    fn open_with(&self, limits: Limits, opening: Opening) -> JoinHandle<Result<Opened, OpenError>> {
        let (client, address) = (self.client(limits), self.endpoint.local_addr().unwrap());
        tokio::spawn(async move { client.open(address, "localhost", opening).await })
    }

    fn open(&self) -> JoinHandle<Result<Opened, OpenError>> {
        self.open_with(Limits::default(), opening("/hand"))
    }

    /// The next client, once it has these settings besides those that all have.
    async fn meet(&self, more: &[(u64, u64)]) -> Met {
        let quic = soon(async { self.endpoint.accept().await.unwrap().await.unwrap() }).await;
        let control = settings(&quic, &[&CONNECT_AND_DATAGRAMS, more].concat()).await;
        Met { quic, control }
    }

    /// A session in draft 16, opened.
    async fn session(&self) -> (Met, Asked, Opened) {
        let opening = self.open();
        let met = self.meet(&[DRAFT_16]).await;
        let mut asked = met.asked().await;
        asked.answer(&[(":status", "200")]).await;
        let opened = soon(opening).await.unwrap().unwrap();
        (met, asked, opened)
    }
}

impl Met {
    async fn asked(&self) -> Asked {
        let (send, mut receive) = soon(self.quic.accept_bi()).await.unwrap();
        let mut head = vec![0; 2];
        soon(receive.read_exact(&mut head)).await.unwrap();
        // The length may take two bytes.
        let mut rest = match head[1] {
            short @ 0..0x40 => vec![0; usize::from(short)],
            long => {
                let mut more = [0];
                soon(receive.read_exact(&mut more)).await.unwrap();
                vec![0; usize::from(long & 0x3f) << 8 | usize::from(more[0])]
            }
        };
        soon(receive.read_exact(&mut rest)).await.unwrap();
        head.extend(rest);
        Asked { send, receive, head }
    }

    /// The HTTP/3 code that the client closes with.
    async fn closed_with(&self) -> u64 {
        match soon(self.quic.closed()).await {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("closed otherwise: {other}"),
        }
    }
}

impl Asked {
    async fn answer(&mut self, fields: &[(&str, &str)]) {
        self.send.write_all(&headers(fields)).await.unwrap();
    }

    fn has(&self, bytes: &[u8]) -> bool {
        self.head.windows(bytes.len()).any(|window| window == bytes)
    }
}

const MARKER: &[u8] = b"sec-webtransport-http3-draft02\x011";

#[tokio::test]
async fn speaks_the_newest_draft_of_the_server() {
    let check = async |settings: &[(u64, u64)], draft: &str, protocol: &[u8], has_marker: bool| {
        let server = Hand::new();
        let opening = server.open();
        let met = server.meet(settings).await;
        let mut asked = met.asked().await;
        assert!(asked.has(protocol) && asked.has(b"/hand"));
        assert!(asked.has(b"\"first\", \"second\"") && asked.has(b"https://app.example"));
        assert_eq!(asked.has(MARKER), has_marker);
        asked.answer(&[(":status", "200"), ("wt-protocol", "\"second\""), ("x", "y")]).await;
        let Opened { session, subprotocol, headers } = soon(opening).await.unwrap().unwrap();
        assert_eq!((session.draft(), subprotocol.as_deref()), (draft, Some("second")));
        assert_eq!(headers["x"], "y");
    };
    let old = b":protocol\x0cwebtransport";
    check(&[DRAFT_02], "draft-02", &old[2..], true).await;
    check(&[DRAFT_02, DRAFT_07], "draft-07", &old[2..], false).await;
    check(&[DRAFT_14, DRAFT_02, DRAFT_07], "draft-14", &old[2..], false).await;
    check(&[DRAFT_14, DRAFT_02, DRAFT_07, DRAFT_16], "draft-16", b"\x0fwebtransport-h3", false).await;
}

#[tokio::test]
async fn a_server_has_to_speak_webtransport() {
    let check = async |all: &[(u64, u64)]| {
        let server = Hand::new();
        let opening = server.open();
        let quic = soon(async { server.endpoint.accept().await.unwrap().await.unwrap() }).await;
        let control = settings(&quic, all).await;
        let error = soon(opening).await.unwrap().unwrap_err();
        assert!(error.is_unprocessed());
        let met = Met { quic, control };
        assert_eq!(met.closed_with().await, 0x100);
        error
    };
    assert!(matches!(check(&[]).await, OpenError::NoWebTransport));
    assert!(matches!(check(&CONNECT_AND_DATAGRAMS).await, OpenError::NoWebTransport));
    assert!(matches!(check(&[(0x33, 1), DRAFT_16]).await, OpenError::NoWebTransport));
    assert!(matches!(check(&[(0x08, 1), DRAFT_16]).await, OpenError::NoDatagrams));
}

#[tokio::test]
async fn a_server_has_to_take_datagrams() {
    let mut server = Hand::new();
    let (certificate, tls) = crate::server::identity();
    let mut tls = Arc::unwrap_or_clone(tls);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let mut transport = quinn::TransportConfig::default();
    transport.datagram_receive_buffer_size(None);
    config.transport_config(Arc::new(transport));
    server.endpoint.set_server_config(Some(config));
    server.certificate = certificate;
    let opening = server.open();
    let _met = server.meet(&[DRAFT_16]).await;
    assert!(matches!(soon(opening).await.unwrap(), Err(OpenError::NoDatagrams)));
}

#[tokio::test]
async fn tells_one_answer_from_another() {
    let server = Hand::new();
    let ask = async || {
        let opening = server.open();
        let met = server.meet(&[DRAFT_16]).await;
        let asked = met.asked().await;
        (opening, met, asked)
    };
    // An interim response, then the final one in pieces.
    let (opening, _met, mut asked) = ask().await;
    asked.answer(&[(":status", "103"), ("link", "x")]).await;
    for byte in headers(&[(":status", "200")]) {
        asked.send.write_all(&[byte]).await.unwrap();
    }
    soon(opening).await.unwrap().unwrap();

    let (opening, met, mut asked) = ask().await;
    asked.answer(&[(":status", "307"), ("location", "https://elsewhere.example/")]).await;
    let error = soon(opening).await.unwrap().unwrap_err();
    let OpenError::Redirected(StatusCode::TEMPORARY_REDIRECT, fields) = &error else { panic!("{error}") };
    assert_eq!(fields["location"], "https://elsewhere.example/");
    assert_eq!(met.closed_with().await, 0x100);

    let (opening, _met, mut asked) = ask().await;
    asked.answer(&[(":status", "429"), ("retry-after", "7")]).await;
    let error = soon(opening).await.unwrap().unwrap_err();
    let OpenError::Refused(StatusCode::TOO_MANY_REQUESTS, fields) = &error else { panic!("{error}") };
    assert_eq!(fields["retry-after"], "7");
    assert!(!error.is_unprocessed());

    let (opening, _met, mut asked) = ask().await;
    asked.answer(&[(":status", "200"), ("wt-protocol", "\"third\"")]).await;
    assert!(matches!(soon(opening).await.unwrap(), Err(OpenError::Protocol(_))));

    for (code, is_unprocessed) in [(0x10b_u32, true), (0x10c, false)] {
        let (opening, _met, mut asked) = ask().await;
        asked.send.reset(VarInt::from_u32(code)).unwrap();
        let error = soon(opening).await.unwrap().unwrap_err();
        assert!(matches!(error, OpenError::Rejected(reset) if reset == u64::from(code)), "{error}");
        assert_eq!(error.is_unprocessed(), is_unprocessed);
    }

    let (opening, met, _asked) = ask().await;
    met.quic.close(VarInt::from_u32(0x102), b"");
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::Lost(ConnectionError::ApplicationClosed(_))), "{error}");
    assert!(!error.is_unprocessed());
    // The same before it was asked, and a server that refuses handshakes.
    let opening = server.open();
    let quic = soon(async { server.endpoint.accept().await.unwrap().await.unwrap() }).await;
    quic.close(VarInt::from_u32(0x102), b"");
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::Unreachable(_)) && error.is_unprocessed(), "{error}");
    let opening = server.open();
    soon(server.endpoint.accept()).await.unwrap().refuse();
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::Unreachable(_)) && error.is_unprocessed(), "{error}");
    // What it does wrong before it is asked.
    let opening = server.open();
    let met = server.meet(&[DRAFT_16, (0x02, 0)]).await;
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::Protocol(_)), "{error}");
    assert_eq!(met.closed_with().await, 0x109);
    let opening = server.open();
    let quic = soon(async { server.endpoint.accept().await.unwrap().await.unwrap() }).await;
    quic.open_bi().await.unwrap().0.write_all(&headers(&[(":method", "GET")])).await.unwrap();
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(&error, OpenError::Protocol(rule) if rule == "a server opens no request"), "{error}");
}

#[tokio::test]
async fn a_broken_answer_has_the_code_of_its_rule() {
    let check = async |bytes: &[u8], code: u64| {
        let server = Hand::new();
        let opening = server.open();
        let met = server.meet(&[DRAFT_16]).await;
        let mut asked = met.asked().await;
        asked.send.write_all(bytes).await.unwrap();
        asked.send.finish().unwrap();
        let error = soon(opening).await.unwrap().unwrap_err();
        assert!(matches!(error, OpenError::Protocol(_)), "{error}");
        assert_eq!(met.closed_with().await, code, "{bytes:x?}");
    };
    // DATA, SETTINGS, and a stream's header, before the head.
    check(&frame(0x00, b"data"), 0x105).await;
    check(&frame(0x04, b""), 0x105).await;
    check(&[0x40, 0x41, 0x00], 0x105).await;
    // More than is accepted, declared or sent.
    check(&[&varint(0x01)[..], &varint(1 << 40)].concat(), 0x107).await;
    let many = [vec![0, 0], vec![0xdd; 1000]].concat();
    check(&frame(0x01, &many), 0x107).await;
    // A field section that cannot be read, and three that are malformed.
    check(&frame(0x01, &[0x02, 0x00]), 0x200).await;
    check(&headers(&[("server", "x")]), 0x10e).await;
    check(&headers(&[(":status", "200"), (":status", "200")]), 0x10e).await;
    check(&headers(&[(":status", "101")]), 0x10e).await;
    // The end, without a head and within one.
    check(b"", 0x10e).await;
    check(&[0x01, 0x05, 0x00], 0x106).await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_costs_no_more_than_its_time() {
    let limits = || Limits {
        // Handshakes that are to succeed must do so within it.
        handshake_timeout: Duration::from_secs(3),
        header_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Hand::new();
    // No QUIC at all.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = server.client(limits());
    let opened = soon(client.open(silent.local_addr().unwrap(), "localhost", opening("/"))).await;
    assert!(matches!(opened, Err(OpenError::HandshakeTimeout)));
    // No settings.
    let opening = server.open_with(limits(), self::opening("/"));
    let quic = soon(async { server.endpoint.accept().await.unwrap().await.unwrap() }).await;
    assert!(matches!(soon(opening).await.unwrap(), Err(OpenError::HandshakeTimeout)));
    soon(quic.closed()).await;
    // No answer, but as many interim ones as it likes.
    let opening = server.open_with(limits(), self::opening("/"));
    let met = server.meet(&[DRAFT_16]).await;
    let mut asked = met.asked().await;
    let interim = headers(&[(":status", "103")]);
    let error = soon(async {
        while asked.send.write_all(&interim).await.is_ok() {}
        opening.await.unwrap().unwrap_err()
    });
    let error = error.await;
    assert!(matches!(error, OpenError::AnswerTimeout) && !error.is_unprocessed());
    soon(met.quic.closed()).await;
}

#[tokio::test]
async fn tls_fails_distinctly() {
    let server = Hand::new();
    let address = server.endpoint.local_addr().unwrap();
    let accepting = server.endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async { incoming.await.map(drop) });
        }
    });
    let is_tls = async |client: &Client, name: &str| {
        let error = soon(client.open(address, name, opening("/"))).await.unwrap_err();
        assert!(matches!(error, OpenError::Tls(_)) && error.is_unprocessed(), "{error}");
    };
    // A certificate of another name, and one that nobody trusts.
    is_tls(&server.client(Limits::default()), "elsewhere.example").await;
    is_tls(&Hand::new().client(Limits::default()), "localhost").await;
    // A server that speaks another protocol.
    let (certificate, tls) = crate::server::identity();
    let mut tls = Arc::unwrap_or_clone(tls);
    tls.alpn_protocols = vec![b"other".to_vec()];
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    server.endpoint.set_server_config(Some(quinn::ServerConfig::with_crypto(Arc::new(tls))));
    let client = Hand { endpoint: server.endpoint.clone(), certificate }.client(Limits::default());
    is_tls(&client, "localhost").await;
    // A name that is none, and an address that this socket does not reach.
    let error = soon(client.open(address, "not a name", opening("/"))).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect(_)), "{error}");
    let error = soon(client.open("[::1]:1".parse().unwrap(), "localhost", opening("/"))).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect(_)), "{error}");
}

#[tokio::test]
async fn asks_for_no_more_than_the_server_accepts() {
    let server = Hand::new();
    let mut large = opening("/hand");
    large.headers.insert("x", HeaderValue::from_str(&"y".repeat(500)).unwrap());
    let opening = server.open_with(Limits::default(), large.clone());
    let _met = server.meet(&[DRAFT_16, (0x06, 700)]).await;
    assert!(matches!(soon(opening).await.unwrap(), Err(OpenError::HeadersTooLarge)));
    let opening = server.open_with(Limits::default(), large);
    let met = server.meet(&[DRAFT_16, (0x06, 1200)]).await;
    let mut asked = met.asked().await;
    asked.answer(&[(":status", "200")]).await;
    soon(opening).await.unwrap().unwrap();
}

#[tokio::test]
async fn goaway_ends_sessions_gently() {
    let server = Hand::new();
    // Before there is a request, before it is answered, and after.
    let opening = server.open();
    let quic = soon(async { server.endpoint.accept().await.unwrap().await.unwrap() }).await;
    let mut control = quic.open_uni().await.unwrap();
    let payload = [&CONNECT_AND_DATAGRAMS[..], &[DRAFT_16]].concat();
    let payload: Vec<u8> =
        payload.iter().flat_map(|(id, value)| [varint(*id), varint(*value)].concat()).collect();
    let opened = [varint(0x00), frame(0x04, &payload), frame(0x07, &varint(0))].concat();
    control.write_all(&opened).await.unwrap();
    let error = soon(opening).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::GoingAway) && error.is_unprocessed(), "{error}");

    let opening = server.open();
    let mut met = server.meet(&[DRAFT_16]).await;
    let _asked = met.asked().await;
    met.control.write_all(&frame(0x07, &varint(0))).await.unwrap();
    assert!(matches!(soon(opening).await.unwrap(), Err(OpenError::GoingAway)));

    let (mut met, mut asked, Opened { session, .. }) = server.session().await;
    let still = tokio::time::timeout(Duration::from_millis(50), session.draining());
    assert!(still.await.is_err(), "drains before it is asked");
    met.control.write_all(&frame(0x07, &varint(4))).await.unwrap();
    soon(session.draining()).await;
    // It goes on all the same, and so does what the server opens.
    let mut opened = met.quic.open_uni().await.unwrap();
    opened.write_all(&[varint(0x54), varint(0), b"more".to_vec()].concat()).await.unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "more");
    // The capsules of the same meaning, both ways.
    session.drain();
    let drain = frame(0x00, &[varint(0x78ae), varint(0)].concat());
    let mut read = vec![0; drain.len()];
    soon(asked.receive.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, drain);
    let (_met, mut asked, Opened { session, .. }) = server.session().await;
    asked.send.write_all(&drain).await.unwrap();
    soon(session.draining()).await;
}

#[tokio::test]
async fn what_overtakes_the_answer_is_kept() {
    let server = Hand::new();
    let opening = server.open();
    let met = server.meet(&[DRAFT_16]).await;
    let mut asked = met.asked().await;
    let (mut bidi, _) = met.quic.open_bi().await.unwrap();
    bidi.write_all(&[varint(0x41), varint(0), b"bidi".to_vec()].concat()).await.unwrap();
    let mut uni = met.quic.open_uni().await.unwrap();
    uni.write_all(&[varint(0x54), varint(0), b"uni".to_vec()].concat()).await.unwrap();
    met.quic.send_datagram(Bytes::from_static(b"\x00datagram")).unwrap();
    // Once the client has seen them: it refuses a stream of a type that nobody knows.
    let mut unknown = met.quic.open_uni().await.unwrap();
    unknown.write_all(&varint(0x21)).await.unwrap();
    assert_eq!(soon(unknown.stopped()).await.unwrap(), Some(VarInt::from_u32(0x103)));
    asked.answer(&[(":status", "200")]).await;
    let Opened { session, .. } = soon(opening).await.unwrap().unwrap();
    let (mut receive, _transmit) = soon(session.accept_bi()).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "bidi");
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "uni");
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "datagram");
}

#[tokio::test]
async fn a_session_ends_with_its_connection_and_the_other_way_round() {
    let server = Hand::new();
    let close =
        frame(0x00, &[varint(0x2843), varint(9), 55u32.to_be_bytes().to_vec(), b"ready".to_vec()].concat());
    // The server's capsule, with the connection's end right behind it.
    let (met, mut asked, Opened { session, .. }) = server.session().await;
    asked.send.write_all(&close).await.unwrap();
    asked.send.finish().unwrap();
    soon(asked.send.stopped()).await.unwrap();
    met.quic.close(VarInt::from_u32(0x100), b"");
    assert_eq!(soon(session.closed()).await, (55, "ready".to_owned()));
    // The capsule alone: the client ends its direction, then the connection.
    let (met, mut asked, Opened { session, .. }) = server.session().await;
    asked.send.write_all(&close).await.unwrap();
    assert_eq!(soon(session.closed()).await, (55, "ready".to_owned()));
    assert_eq!(met.closed_with().await, 0x100);
    // Ours: the connection ends when the server has answered it, or has had its time.
    let (met, mut asked, Opened { session, .. }) = server.session().await;
    session.close(55, "ready").await;
    let mut read = vec![0; close.len()];
    soon(asked.receive.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, close);
    assert_eq!(soon(asked.receive.read(&mut [0])).await.unwrap(), None);
    assert!(met.quic.close_reason().is_none());
    asked.send.finish().unwrap();
    assert_eq!(met.closed_with().await, 0x100);
    // Dropping the session does the same with code 0, also when the server does not answer.
    let (met, mut asked, Opened { session, .. }) = server.session().await;
    drop(session);
    let close = frame(0x00, &[varint(0x2843), varint(4), vec![0; 4]].concat());
    assert_eq!(soon(asked.receive.read_to_end(100)).await.unwrap(), close);
    assert_eq!(met.closed_with().await, 0x100);
    // A lost connection ends the session and its streams.
    let (met, _asked, Opened { session, .. }) = server.session().await;
    let (mut receive, mut transmit) = soon(session.open_bi()).await.unwrap();
    send(&mut transmit, Bytes::from_static(b"x")).await.unwrap();
    met.quic.close(VarInt::from_u32(0x102), b"");
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    assert!(soon(data(&mut receive)).await.is_err());
    soon(gone(&mut transmit)).await;
    assert!(soon(session.open_bi()).await.is_none() && soon(session.accept_bi()).await.is_none());
}

#[tokio::test]
async fn dropping_what_opens_a_session_closes_the_connection() {
    let server = Hand::new();
    let opening = server.open();
    let met = server.meet(&[DRAFT_16]).await;
    let _asked = met.asked().await;
    opening.abort();
    assert_eq!(met.closed_with().await, 0x100);
    let (met, _asked, opened) = server.session().await;
    server.endpoint.close(VarInt::from_u32(0x100), b"");
    soon(opened.session.closed()).await;
    soon(met.quic.closed()).await;
}

#[tokio::test]
async fn broken_servers_lose_their_connection() {
    let server = Hand::new();
    // A request, a push, a stream that names no session, a second control stream, and an end of the first one.
    let check = async |bytes: Vec<u8>, is_bidi: bool, code: u64| {
        let (met, _asked, Opened { session, .. }) = server.session().await;
        let mut stream =
            if is_bidi { met.quic.open_bi().await.unwrap().0 } else { met.quic.open_uni().await.unwrap() };
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(met.closed_with().await, code, "{bytes:x?}");
        assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    };
    check(headers(&[(":status", "200")]), true, 0x103).await;
    check([varint(0x01), varint(0)].concat(), false, 0x108).await;
    check([varint(0x54), varint(1)].concat(), false, 0x108).await;
    check([varint(0x41), varint(3)].concat(), true, 0x108).await;
    check([varint(0x00), frame(0x04, b"")].concat(), false, 0x103).await;
    let (mut met, _asked, _opened) = server.session().await;
    met.control.finish().unwrap();
    assert_eq!(met.closed_with().await, 0x104);
    // A GOAWAY that is none, and one that takes back an earlier one.
    for broken in [varint(1), [varint(4), varint(8)].concat()] {
        let (mut met, _asked, _opened) = server.session().await;
        let frames: Vec<u8> = broken.chunks(1).flat_map(|id| frame(0x07, id)).collect();
        met.control.write_all(&frames).await.unwrap();
        assert_eq!(met.closed_with().await, 0x108, "{broken:x?}");
    }
    // A capsule that is malformed ends the session.
    let (met, mut asked, Opened { session, .. }) = server.session().await;
    asked.send.write_all(&frame(0x00, &[varint(0x2843), varint(2), vec![0; 2]].concat())).await.unwrap();
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    soon(met.quic.closed()).await;
}

#[tokio::test]
async fn streams_opened_and_reset_without_end_end_the_connection() {
    let server = Hand::new();
    let opening =
        server.open_with(Limits { max_resets_per_second: 20, ..Limits::default() }, opening("/hand"));
    let met = server.meet(&[DRAFT_16]).await;
    let mut asked = met.asked().await;
    asked.answer(&[(":status", "200")]).await;
    let _opened = soon(opening).await.unwrap().unwrap();
    let resetting = async {
        while let Ok((mut send, _)) = met.quic.open_bi().await {
            if send.write_all(&[0x40]).await.is_err() {
                break;
            }
            let _ = send.reset(VarInt::from_u32(0x10c));
        }
    };
    soon(resetting).await;
    assert_eq!(met.closed_with().await, 0x107);
}

#[tokio::test]
async fn a_quiet_session_outlives_the_idle_timeout() {
    let server = Hand::new();
    let limits = Limits { idle_timeout: Duration::from_secs(4), ..Limits::default() };
    let opening = server.open_with(limits, opening("/hand"));
    let met = server.meet(&[DRAFT_16]).await;
    let mut asked = met.asked().await;
    asked.answer(&[(":status", "200")]).await;
    let Opened { session, .. } = soon(opening).await.unwrap().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(6), session.closed()).await;
    assert!(ended.is_err(), "ended although the server is there");
}

/// Ten bytes may be sent on the session's streams until the server allows more.
#[tokio::test]
async fn keeps_to_the_limits_of_the_server() {
    for draft in [DRAFT_14, DRAFT_16] {
        let server = Hand::new();
        let opening = server.open();
        let met = server.meet(&[draft, (0x2b61, 10), (0x2b64, 100), (0x2b65, 100)]).await;
        let mut asked = met.asked().await;
        asked.answer(&[(":status", "200")]).await;
        let Opened { session, .. } = soon(opening).await.unwrap().unwrap();
        let (_receive, mut transmit) = soon(session.open_bi()).await.unwrap();
        let sending = tokio::spawn(async move {
            send(&mut transmit, Bytes::from_static(b"fifteen bytes!!")).await.unwrap();
            poll_fn(|cx| transmit.poll_flushed(cx)).await.unwrap();
            transmit
        });
        let (_, mut receive) = soon(met.quic.accept_bi()).await.unwrap();
        let mut read = vec![0; 13];
        soon(receive.read_exact(&mut read)).await.unwrap();
        assert_eq!(read, [&varint(0x41)[..], &varint(0), b"fifteen by"].concat());
        let more = tokio::time::timeout(Duration::from_millis(50), receive.read(&mut read)).await;
        assert!(more.is_err(), "sent beyond the limit");
        let raise = [varint(0x190b_4d3d), varint(1), varint(20)].concat();
        asked.send.write_all(&frame(0x00, &raise)).await.unwrap();
        let mut rest = [0; 5];
        soon(receive.read_exact(&mut rest)).await.unwrap();
        assert_eq!(&rest, b"tes!!");
        soon(sending).await.unwrap();
    }
}
