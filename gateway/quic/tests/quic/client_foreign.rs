//! The client's side, against servers that others wrote. What a server cannot do stands with its test.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use sluicegate_core::wire::{Gone, Receive};
use sluicegate_quic::{
    Client, Limits, OpenError, Opened, Session, SessionEnd, StreamError, WtReceive, WtTransmit,
};

use crate::client::trusting;
use crate::client_sessions::opening;
use crate::foreign::{self, Foreign, Met};
use crate::wire::{data, finish, send, soon};

async fn open(server: &Foreign, path: &str) -> Result<Opened, OpenError> {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let client = Client::bind(local, Arc::new(trusting(&server.certificate)), Limits::default()).unwrap();
    soon(client.open(server.address, "localhost", opening(path))).await
}

/// A session that the server has told of, in this draft.
async fn session(server: &mut Foreign, draft: &str) -> Opened {
    let opened = open(server, "/session").await.unwrap();
    assert_eq!(opened.session.draft(), draft);
    assert_eq!(server.met().await, Met::Opened("/session".to_owned()));
    opened
}

/// A bidirectional stream that has said this.
pub(crate) async fn say(session: &Session, what: &'static [u8]) -> (WtReceive, WtTransmit) {
    let (receive, mut transmit) = soon(session.open_bi()).await.unwrap();
    send(&mut transmit, Bytes::from_static(what)).await.unwrap();
    (receive, transmit)
}

/// All that comes until the end.
pub(crate) async fn all(receive: &mut impl Receive) -> Result<Vec<u8>, Gone> {
    let mut all = Vec::new();
    while let Some(bytes) = soon(data(receive)).await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// Every kind of stream, both ways, and datagrams.
pub(crate) async fn uses_every_kind(session: &Session) {
    let (mut receive, mut transmit) = say(session, b"echo").await;
    finish(&mut transmit, None).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"echo");

    // More than all windows together, read while it is written.
    let (mut receive, mut transmit) = soon(session.open_bi()).await.unwrap();
    let big = Bytes::from(vec![7; 3_000_000]);
    let upload = big.clone();
    let writing = tokio::spawn(async move {
        send(&mut transmit, upload).await.unwrap();
        finish(&mut transmit, None).await.unwrap();
    });
    assert!(all(&mut receive).await.unwrap() == big);
    writing.await.unwrap();

    let mut transmit = soon(session.open_uni()).await.unwrap();
    send(&mut transmit, Bytes::from_static(b"one way")).await.unwrap();
    finish(&mut transmit, None).await.unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"one way");

    let (_receive, _transmit) = say(session, b"open").await;
    let (mut opened, _transmit) = soon(session.accept_bi()).await.unwrap();
    assert_eq!(all(&mut opened).await.unwrap(), b"from the server");

    assert!(session.send_datagram(b"datagram"));
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "datagram");
}

/// Codes of the server's resets and stops; `None` for a server that does not map them into WebTransport's range.
pub(crate) async fn learns_codes(session: &Session, reset: Option<u32>, stopped: Option<u32>) {
    let (mut receive, _transmit) = say(session, b"reset").await;
    assert!(all(&mut receive).await.is_err());
    assert_eq!(receive.error(), Some(StreamError::Peer(reset)));
    let (mut receive, mut transmit) = say(session, b"stop").await;
    let error = soon(poll_fn(|cx| transmit.poll_stopped(cx))).await;
    assert_eq!(error, StreamError::Peer(stopped));
    assert!(all(&mut receive).await.unwrap().is_empty());
}

/// The server learns the code of our reset.
async fn tells_of_a_reset(server: &mut Foreign, session: &Session, code: u64) {
    let (_receive, mut transmit) = say(session, b"wait").await;
    assert_eq!(server.met().await, Met::Waiting);
    transmit.reset_with(77);
    assert_eq!(server.met().await, Met::Reset(code));
}

/// The same for a stop.
async fn tells_of_a_stop(server: &mut Foreign, session: &Session, code: u64) {
    let (mut receive, _transmit) = say(session, b"wait").await;
    assert_eq!(server.met().await, Met::Waiting);
    receive.stop_with(78);
    assert_eq!(server.met().await, Met::Stopped(code));
}

async fn is_refused(server: &Foreign) {
    let error = open(server, "/forbidden").await.unwrap_err();
    assert!(matches!(error, OpenError::Refused(StatusCode::FORBIDDEN, _)), "{error}");
}

/// The codes 77 and 78 as HTTP/3 has them.
const RESET_77: u64 = 0x52e4_a40f_a8db + 77 + 77 / 0x1e;
const STOP_78: u64 = 0x52e4_a40f_a8db + 78 + 78 / 0x1e;

#[tokio::test]
async fn web_transport_quinn() {
    let mut server = foreign::web_transport_quinn();
    let Opened { session, subprotocol, .. } = session(&mut server, "draft-07").await;
    assert_eq!(subprotocol.as_deref(), Some("first"));
    uses_every_kind(&session).await;
    learns_codes(&session, Some(42), Some(43)).await;
    tells_of_a_reset(&mut server, &session, 77).await;
    tells_of_a_stop(&mut server, &session, 78).await;
    let (_receive, _transmit) = say(&session, b"close").await;
    let end = SessionEnd::Closed { code: 99, reason: "server says bye".to_owned() };
    assert_eq!(soon(session.ended()).await, end);
    assert!(matches!(server.met().await, Met::Closed(_)));
    is_refused(&server).await;

    let Opened { session, .. } = self::session(&mut server, "draft-07").await;
    session.close(7, "bye").await;
    assert_eq!(server.met().await, Met::Closed("7 bye".to_owned()));
}

/// It chooses no subprotocol, and does not tell with which code and reason its client has closed the session.
#[tokio::test]
async fn webtrans_quinn() {
    let mut server = foreign::webtrans_quinn();
    let Opened { session, subprotocol, .. } = session(&mut server, "draft-16").await;
    assert_eq!(subprotocol, None);
    uses_every_kind(&session).await;
    learns_codes(&session, Some(42), Some(43)).await;
    tells_of_a_reset(&mut server, &session, 77).await;
    tells_of_a_stop(&mut server, &session, 78).await;
    let (_receive, _transmit) = say(&session, b"close").await;
    let end = SessionEnd::Closed { code: 99, reason: "server says bye".to_owned() };
    assert_eq!(soon(session.ended()).await, end);
    assert!(matches!(server.met().await, Met::Closed(_)));
    is_refused(&server).await;

    let Opened { session, .. } = self::session(&mut server, "draft-16").await;
    session.close(7, "bye").await;
    assert_eq!(server.met().await, Met::Closed("ConnectionError(LocallyClosed)".to_owned()));
}

/// It chooses no subprotocol, writes and reads codes as they stand on the wire, and ends the connection to end a
/// session.
#[tokio::test]
async fn wtransport() {
    let mut server = foreign::wtransport();
    let Opened { session, subprotocol, .. } = session(&mut server, "draft-07").await;
    assert_eq!(subprotocol, None);
    uses_every_kind(&session).await;
    learns_codes(&session, None, None).await;
    tells_of_a_reset(&mut server, &session, RESET_77).await;
    tells_of_a_stop(&mut server, &session, STOP_78).await;
    let (_receive, _transmit) = say(&session, b"close").await;
    assert_eq!(soon(session.ended()).await, SessionEnd::Lost);
    assert!(matches!(server.met().await, Met::Closed(_)));
    is_refused(&server).await;

    let Opened { session, .. } = self::session(&mut server, "draft-07").await;
    session.close(7, "bye").await;
    let Met::Closed(how) = server.met().await else { panic!("not closed") };
    assert!(how.contains("closed"), "{how}");
}

/// It chooses no subprotocol, writes and reads codes as they stand on the wire, tells of no STOP_SENDING, and neither
/// closes a session nor learns that it was closed before the connection is.
#[tokio::test]
async fn h3_webtransport() {
    let mut server = foreign::h3_webtransport();
    let Opened { session, subprotocol, headers } = session(&mut server, "draft-02").await;
    assert_eq!(subprotocol, None);
    assert_eq!(headers["sec-webtransport-http3-draft"], "draft02");
    uses_every_kind(&session).await;
    learns_codes(&session, None, None).await;
    tells_of_a_reset(&mut server, &session, RESET_77).await;
    session.close(7, "bye").await;
    assert_eq!(server.met().await, Met::Closed("the connection is over".to_owned()));
    is_refused(&server).await;
}
