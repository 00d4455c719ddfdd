//! Sessions, by the clients of others and by hand.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use quinn::VarInt;
use sluicegate_core::status::Code;
use sluicegate_core::wire::{Gone, Reset};
use sluicegate_quic::{DIALECTS, Limits};
use url::Url;
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{
    Client, ReadError, ReadToEndError, Session, SessionError, WebTransportError, WriteError,
};

use crate::client::{config, connect, endpoint, frame, headers, id, is_ok, quic, settings, tls, varint};
use crate::server::{Seen, Server};
use crate::wire::soon;

/// `WT_SESSION_GONE` and `WT_BUFFERED_STREAM_REJECTED`.
const SESSION_GONE: u64 = 0x170d_7b68;
const BUFFERED_STREAM_REJECTED: u64 = 0x3994_bd84;

fn url(server: &Server, path: &str) -> Url {
    Url::parse(&format!("https://localhost:{}{path}", server.address.port())).unwrap()
}

/// A session by web-transport-quinn.
async fn session(server: &mut Server) -> Session {
    let request =
        ConnectRequest::new(url(server, "/session?a=b")).with_protocol("grpc-wt-1").with_protocol("x");
    let session = soon(Client::new(endpoint(), config(server)).connect(request)).await.unwrap();
    let Seen::Opened(draft, protocols, path) = server.seen().await else { panic!("no session") };
    assert!(DIALECTS.iter().any(|dialect| dialect.name == draft));
    assert_eq!((protocols, path), (vec!["grpc-wt-1".to_owned(), "x".to_owned()], "/session?a=b".to_owned()));
    assert_eq!(session.protocol(), Some("grpc-wt-1"));
    session
}

async fn round_trip(session: &Session, message: &[u8]) {
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(message).await.unwrap();
    send.finish().unwrap();
    assert_eq!(soon(receive.read_to_end(1 << 22)).await.unwrap(), message);
}

#[tokio::test]
async fn web_transport_quinn_uses_every_kind_of_stream() {
    let mut server = Server::start(Limits::default()).await;
    let session = session(&mut server).await;
    round_trip(&session, b"hello").await;
    // More than all windows together, read while it is written.
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    let big = Bytes::from(vec![7; 3_000_000]);
    let upload = big.clone();
    let writing = tokio::spawn(async move {
        send.write_chunk(upload).await.unwrap();
        send.finish().unwrap();
    });
    assert!(soon(receive.read_to_end(1 << 22)).await.unwrap() == big);
    writing.await.unwrap();

    let mut send = soon(session.open_uni()).await.unwrap();
    send.write_all(b"one way").await.unwrap();
    send.finish().unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), b"one way");

    let (mut send, _receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"open").await.unwrap();
    let (_, mut opened) = soon(session.accept_bi()).await.unwrap();
    assert_eq!(soon(opened.read_to_end(100)).await.unwrap(), b"from the server");

    session.send_datagram(Bytes::from_static(b"datagram")).unwrap();
    assert_eq!(soon(session.read_datagram()).await.unwrap(), &b"datagram"[..]);
    assert_eq!(server.seen().await, Seen::Datagram(Bytes::from_static(b"datagram")));
}

#[tokio::test]
async fn error_codes_go_both_ways() {
    let mut server = Server::start(Limits::default()).await;
    let session = session(&mut server).await;

    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"reset").await.unwrap();
    let error = soon(receive.read_to_end(100)).await.unwrap_err();
    assert!(matches!(error, ReadToEndError::ReadError(ReadError::Reset(42))), "{error:?}");

    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"stop").await.unwrap();
    assert_eq!(soon(send.stopped()).await.unwrap(), Some(43));
    assert!(matches!(send.write(b"more").await, Err(WriteError::Stopped(43))));
    assert!(soon(receive.read_to_end(100)).await.unwrap().is_empty());

    // The client resets a stream that is being read.
    let deadline = Reset { code: Code::DeadlineExceeded, ..Reset::CANCEL };
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"x").await.unwrap();
    soon(receive.read_exact(&mut [0])).await.unwrap();
    send.reset(4).unwrap();
    assert_eq!(server.seen().await, Seen::Gone(Gone::Reset(deadline)));

    // The client resets a stream that nobody reads.
    let (mut send, _receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"wait").await.unwrap();
    assert_eq!(server.seen().await, Seen::Waiting);
    send.reset(99).unwrap();
    assert_eq!(server.seen().await, Seen::Gone(Gone::Reset(Reset::CANCEL)));

    // The client has closed its direction, so STOP_SENDING is all that is left to it.
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"wait").await.unwrap();
    send.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Waiting);
    receive.stop(1).unwrap();
    assert_eq!(server.seen().await, Seen::Gone(Gone::Reset(Reset::CANCEL)));
}

/// In a build with assertions, quinn panics when a stream that was read to its end still has somebody waiting for it.
#[tokio::test]
async fn a_stream_that_was_watched_leaves_nothing_behind() {
    let mut server = Server::start(Limits::default()).await;
    let session = session(&mut server).await;
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"watch").await.unwrap();
    let mut said = [0; 5];
    soon(receive.read_exact(&mut said)).await.unwrap();
    send.write_all(b"rest").await.unwrap();
    send.finish().unwrap();
    assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), b"rest");
    assert_eq!(server.seen().await, Seen::Released);
}

#[tokio::test]
async fn a_client_closes_its_session() {
    let mut server = Server::start(Limits::default()).await;
    let session = session(&mut server).await;
    let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
    send.write_all(b"wait").await.unwrap();
    assert_eq!(server.seen().await, Seen::Waiting);
    session.close(7, b"bye");
    let seen = [server.seen().await, server.seen().await];
    assert!(seen.contains(&Seen::Closed(7, "bye".to_owned())), "{seen:?}");
    assert!(seen.contains(&Seen::Gone(Gone::Connection)), "{seen:?}");
    assert!(soon(receive.read_to_end(100)).await.is_err());
}

#[tokio::test]
async fn a_server_closes_its_session() {
    let (certificate, tls) = crate::server::identity();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = sluicegate_quic::Endpoint::bind(socket, tls, Limits::default()).unwrap();
    let address = server.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut connection = server.accept().await.unwrap().handshake().await.unwrap();
        assert_eq!(connection.server_name().as_deref(), Some("localhost"));
        let Some(sluicegate_quic::Event::Session(request)) = connection.next().await else { panic!() };
        let closing = async {
            let session = request.accept(None).await.unwrap();
            session.close(99, "server says bye").await;
        };
        let driving = async { while connection.next().await.is_some() {} };
        tokio::join!(closing, driving);
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(std::sync::Arc::new(tls));
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let session = soon(Client::new(endpoint(), config).connect(url)).await.unwrap();
    let SessionError::WebTransportError(WebTransportError::Closed(code, reason)) =
        soon(session.closed()).await
    else {
        panic!("closed otherwise");
    };
    assert_eq!((code, &reason[..]), (99, "server says bye"));
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn refuses_a_session() {
    let server = Server::start(Limits::default()).await;
    let client = Client::new(endpoint(), config(&server));
    let error = soon(client.connect(url(&server, "/forbidden"))).await.expect_err("refused").to_string();
    assert!(error.contains("403"), "{error}");
}

#[tokio::test]
async fn wtransport_uses_every_kind_of_stream() {
    let mut server = Server::start(Limits::default()).await;
    let config = wtransport::ClientConfig::builder()
        .with_bind_address(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
        .with_custom_tls(tls(&server))
        .build();
    let client = wtransport::Endpoint::client(config).unwrap();
    // Its resolver may prefer IPv6 for a name, and the certificate is for the name alone.
    let url = format!("https://localhost:{}/session", server.address.port());
    let session = soon(client.connect(url)).await.unwrap();
    assert!(matches!(server.seen().await, Seen::Opened(..)));

    let (mut send, mut receive) = soon(soon(session.open_bi()).await.unwrap()).await.unwrap();
    send.write_all(b"hello").await.unwrap();
    send.finish().await.unwrap();
    let mut echoed = [0; 5];
    soon(receive.read_exact(&mut echoed)).await.unwrap();
    assert_eq!((&echoed, soon(receive.read(&mut [0])).await.unwrap()), (b"hello", None));

    let mut send = soon(soon(session.open_uni()).await.unwrap()).await.unwrap();
    send.write_all(b"one way").await.unwrap();
    send.finish().await.unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    let mut echoed = [0; 7];
    soon(receive.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"one way");

    session.send_datagram(b"datagram").unwrap();
    assert_eq!(&soon(session.receive_datagram()).await.unwrap()[..], b"datagram");
    assert_eq!(server.seen().await, Seen::Datagram(Bytes::from_static(b"datagram")));
    // It closes the connection, not the session.
    session.close(wtransport::VarInt::from_u32(0), b"");
    let seen = [server.seen().await, server.seen().await];
    assert!(seen.contains(&Seen::Closed(0, String::new())) && seen.contains(&Seen::Over), "{seen:?}");
}

/// Opens a stream of a session by hand and checks that it is echoed.
async fn echoed(quic: &quinn::Connection, session: u64) {
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    send.write_all(&[varint(0x41), varint(session), b"by hand".to_vec()].concat()).await.unwrap();
    send.finish().unwrap();
    assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), b"by hand");
}

#[tokio::test]
async fn sessions_and_requests_share_a_connection_in_any_order() {
    let mut server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let hello = async |quic: &quinn::Connection| {
        let (mut send, mut receive) = quic.open_bi().await.unwrap();
        let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/hello"), (":authority", "a")];
        send.write_all(&headers(&fields)).await.unwrap();
        send.finish().unwrap();
        assert!(is_ok(&mut receive).await);
        assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), frame(0, b"hello"));
    };
    // A request, a CONNECT and a stream of its session before the settings.
    hello(&quic).await;
    assert!(matches!(server.seen().await, Seen::Head(..)));
    let (first, mut first_answer) = connect(&quic, "webtransport", &[]).await;
    let (mut early, mut early_echo) = quic.open_bi().await.unwrap();
    early.write_all(&[varint(0x41), varint(id(&first)), b"early".to_vec()].concat()).await.unwrap();
    early.finish().unwrap();
    let _control = settings(&quic, &[(0x33, 1), (0xc671_706a, 1)]).await;
    assert!(is_ok(&mut first_answer).await);
    let opened = |draft| Seen::Opened(draft, vec![], "/session?a=%20b".to_owned());
    assert_eq!(server.seen().await, opened("draft-07"));
    assert_eq!(soon(early_echo.read_to_end(100)).await.unwrap(), b"early");

    let (second, mut second_answer) =
        connect(&quic, "webtransport", &[("sec-webtransport-http3-draft02", "1")]).await;
    let mut head = vec![0; 200];
    let read = soon(second_answer.read(&mut head)).await.unwrap().unwrap();
    assert!(head[..read].ends_with(b"sec-webtransport-http3-draft\x07draft02"));
    assert_eq!(server.seen().await, opened("draft-02"));
    hello(&quic).await;
    assert!(matches!(server.seen().await, Seen::Head(..)));
    for session in [&second, &first, &second] {
        echoed(&quic, id(session)).await;
    }
    // Datagrams find their sessions.
    let payload = [varint(id(&second) / 4), b"to the second".to_vec()].concat();
    quic.send_datagram(payload.clone().into()).unwrap();
    assert_eq!(soon(quic.read_datagram()).await.unwrap(), payload);
    assert!(matches!(server.seen().await, Seen::Datagram(_)));

    // The end of one is not the end of the other, and its late streams are refused.
    let mut first = first;
    first.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Closed(0, String::new()));
    assert!(soon(first_answer.read_to_end(100)).await.unwrap().is_empty());
    let (mut late, mut late_echo) = quic.open_bi().await.unwrap();
    late.write_all(&[varint(0x41), varint(id(&first))].concat()).await.unwrap();
    let gone = quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u64(SESSION_GONE).unwrap()));
    assert_eq!(soon(late_echo.read_to_end(100)).await.unwrap_err(), gone);
    echoed(&quic, id(&second)).await;
    hello(&quic).await;
}

#[tokio::test]
async fn capsules_by_hand() {
    let mut server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    // Draft 15 and later, with flow control: ten bytes may be sent on the session's streams.
    let _control = settings(&quic, &[(0x33, 1), (0x2c7c_f000, 1), (0x2b61, 10), (0x2b65, 100)]).await;
    let (mut send, mut answer) = connect(&quic, "webtransport-h3", &[]).await;
    assert!(is_ok(&mut answer).await);
    assert!(matches!(server.seen().await, Seen::Opened("draft-16", ..)));
    let session = id(&send);

    let (mut stream, mut echo) = quic.open_bi().await.unwrap();
    stream.write_all(&[varint(0x41), varint(session), b"fifteen bytes!!".to_vec()].concat()).await.unwrap();
    stream.finish().unwrap();
    let mut first = [0; 10];
    soon(echo.read_exact(&mut first)).await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(100), echo.read(&mut [0])).await;
    assert!(more.is_err(), "sent beyond the limit");
    // WT_DATA_BLOCKED says so.
    let blocked = frame(0, &[varint(0x190b_4d41), varint(1), varint(10)].concat());
    let mut read = vec![0; blocked.len()];
    soon(answer.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, blocked);
    // A capsule nobody knows, then WT_MAX_DATA, cut in two frames.
    let capsule =
        [varint(0x1234), varint(3), b"abc".to_vec(), varint(0x190b_4d3d), varint(2), varint(500)].concat();
    let (left, right) = capsule.split_at(9);
    send.write_all(&[frame(0, left), frame(0x21, b"grease"), frame(0, right)].concat()).await.unwrap();
    assert_eq!(soon(echo.read_to_end(100)).await.unwrap(), b"tes!!");
    assert_eq!(&first, b"fifteen by");

    // WT_DRAIN_SESSION from the server.
    let (mut stream, _echo) = quic.open_bi().await.unwrap();
    stream.write_all(&[varint(0x41), varint(session), b"drain".to_vec()].concat()).await.unwrap();
    let drain = frame(0, &[varint(0x78ae), varint(0)].concat());
    let mut read = vec![0; drain.len()];
    soon(answer.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, drain);

    // WT_CLOSE_SESSION with a stream open: the server ends its direction too, and resets the stream.
    let close = [varint(0x2843), varint(9), 55u32.to_be_bytes().to_vec(), b"ready".to_vec()].concat();
    send.write_all(&frame(0, &close)).await.unwrap();
    assert_eq!(soon(answer.read_to_end(100)).await.unwrap(), b"");
    assert_eq!(soon(stream.stopped()).await.unwrap(), Some(VarInt::from_u64(SESSION_GONE).unwrap()));
    while server.seen().await != Seen::Closed(55, "ready".to_owned()) {}
    assert!(quic.close_reason().is_none());
}

#[tokio::test]
async fn a_client_has_as_many_sessions_as_its_draft_and_we_allow() {
    let server = Server::start(Limits { max_sessions: 2, ..Limits::default() }).await;
    let rejected = async |mut answer: quinn::RecvStream| {
        let error = soon(answer.read_to_end(100)).await.unwrap_err();
        assert_eq!(error, quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u32(0x10b))));
    };
    let pooled = quic(&server).await;
    let _control = settings(&pooled, &[]).await;
    let (_one, mut one) = connect(&pooled, "webtransport", &[]).await;
    let (_two, mut two) = connect(&pooled, "webtransport", &[]).await;
    assert!(is_ok(&mut one).await && is_ok(&mut two).await);
    rejected(connect(&pooled, "webtransport", &[]).await.1).await;
    // Without flow control, draft 15 allows one.
    let single = quic(&server).await;
    let _control = settings(&single, &[(0x2c7c_f000, 1)]).await;
    let (mut send, mut one) = connect(&single, "webtransport-h3", &[]).await;
    assert!(is_ok(&mut one).await);
    rejected(connect(&single, "webtransport-h3", &[]).await.1).await;
    // Its end makes room for another.
    send.finish().unwrap();
    assert!(soon(one.read_to_end(100)).await.unwrap().is_empty());
    assert!(is_ok(&mut connect(&single, "webtransport-h3", &[]).await.1).await);
}

#[tokio::test]
async fn streams_wait_for_their_session_within_limits() {
    let limits = Limits { early_streams: 2, header_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start(limits).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let rejected = VarInt::from_u64(BUFFERED_STREAM_REJECTED).unwrap();
    let rejected = quinn::ReadToEndError::Read(quinn::ReadError::Reset(rejected));
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (mut send, receive) = quic.open_bi().await.unwrap();
        send.write_all(&[varint(0x41), varint(400)].concat()).await.unwrap();
        waiting.push((send, receive));
    }
    // The third at once, the others when their time is up.
    for (_, receive) in waiting.iter_mut().rev() {
        assert_eq!(soon(receive.read_to_end(100)).await.unwrap_err(), rejected);
    }
    assert!(quic.close_reason().is_none());
}

#[tokio::test]
async fn a_connect_is_checked() {
    let server = Server::start(Limits { max_sessions: 0, ..Limits::default() }).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    // Turned off.
    let (_send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(soon(answer.read_to_end(100)).await.is_err());
    let server = Server::start(Limits::default()).await;
    let quic = crate::client::quic(&server).await;
    let _control = settings(&quic, &[]).await;
    for more in [[(":path", "/twice")], [("host", "other")], [("Upper", "case")], [(":unknown", "x")]] {
        let (_send, mut answer) = connect(&quic, "webtransport", &more).await;
        let error = soon(answer.read_to_end(100)).await.unwrap_err();
        let malformed = quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u32(0x10e)));
        assert_eq!(error, malformed, "{more:?}");
    }
    assert_eq!(StatusCode::OK, crate::client::Http3::connect(&server).await.get("/hello").await.0);
}

#[tokio::test]
async fn drains_sessions() {
    let mut server = Server::start(Limits { linger: Duration::from_millis(100), ..Limits::default() }).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (mut send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(is_ok(&mut answer).await);
    assert!(matches!(server.seen().await, Seen::Opened(..)));
    server.drain.notify_waiters();
    let drain = frame(0, &[varint(0x78ae), varint(0)].concat());
    let mut read = vec![0; drain.len()];
    soon(answer.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, drain);
    // Streams of the session go on, and so do requests.
    echoed(&quic, id(&send)).await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/hello"), (":authority", "a")];
    let (mut request, mut response) = quic.open_bi().await.unwrap();
    request.write_all(&headers(&fields)).await.unwrap();
    assert!(is_ok(&mut response).await);
    assert!(matches!(server.seen().await, Seen::Head(..)));
    // GOAWAY comes when there is no session, and names the stream behind all that were opened.
    let mut control = soon(quic.accept_uni()).await.unwrap();
    let mut written = Vec::new();
    let mut read_control = async |until: &dyn Fn(&[u8]) -> bool| {
        while !until(&written) {
            let chunk = soon(control.read_chunk(100, true)).await.unwrap().unwrap();
            written.extend_from_slice(&chunk.bytes);
        }
        written.clone()
    };
    let goaway = frame(0x07, &varint(id(&request) + 4));
    let before = read_control(&|written| written.len() > 1).await;
    assert!(!before.ends_with(&goaway));
    send.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Closed(0, String::new()));
    read_control(&|written| written.ends_with(&goaway)).await;
    // Requests and sessions do not begin any more.
    let rejected = quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u32(0x10b)));
    let (_late, mut late) = connect(&quic, "webtransport", &[]).await;
    assert_eq!(soon(late.read_to_end(100)).await.unwrap_err(), rejected);
    let (mut late, mut answer) = quic.open_bi().await.unwrap();
    late.write_all(&headers(&fields)).await.unwrap();
    assert_eq!(soon(answer.read_to_end(100)).await.unwrap_err(), rejected);
    request.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Over);
    assert!(matches!(soon(quic.closed()).await, quinn::ConnectionError::ApplicationClosed(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_streams_and_requests_at_once_on_several_threads() {
    let mut server = Server::start(Limits::default()).await;
    let session = session(&mut server).await;
    let mut http3 = crate::client::Http3::connect(&server).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8u8 {
        let calls = session.clone();
        tasks.spawn(async move {
            for message in 0..100u8 {
                round_trip(&calls, &[task, message].repeat(1 + usize::from(message) * 20)).await;
            }
        });
        // A long-lived stream with messages back and forth.
        let (mut send, mut receive) = soon(session.open_bi()).await.unwrap();
        tasks.spawn(async move {
            for message in 0..300u16 {
                send.write_all(&message.to_be_bytes()).await.unwrap();
                let mut echoed = [0; 2];
                soon(receive.read_exact(&mut echoed)).await.unwrap();
                assert_eq!(u16::from_be_bytes(echoed), message);
            }
        });
    }
    for _ in 0..100 {
        assert_eq!(http3.get("/hello").await.0, StatusCode::OK);
    }
    while let Some(done) = soon(tasks.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_sends_goaway_keeps_its_sessions() {
    let mut server = Server::start(Limits { linger: Duration::from_millis(100), ..Limits::default() }).await;
    let quic = quic(&server).await;
    let mut control = settings(&quic, &[]).await;
    let (mut send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(is_ok(&mut answer).await);
    assert!(matches!(server.seen().await, Seen::Opened(..)));
    control.write_all(&frame(0x07, &varint(0))).await.unwrap();
    // The server answers with its own GOAWAY.
    let mut control = soon(quic.accept_uni()).await.unwrap();
    let mut written = Vec::new();
    while !written.ends_with(&frame(0x07, &varint(id(&send) + 4))) {
        let chunk = soon(control.read_chunk(100, true)).await.unwrap().unwrap();
        written.extend_from_slice(&chunk.bytes);
    }
    echoed(&quic, id(&send)).await;
    // Being asked to drain still reaches the session.
    server.drain.notify_waiters();
    let drain = frame(0, &[varint(0x78ae), varint(0)].concat());
    let mut read = vec![0; drain.len()];
    soon(answer.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, drain);
    echoed(&quic, id(&send)).await;
    send.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Closed(0, String::new()));
    assert_eq!(server.seen().await, Seen::Over);
}
