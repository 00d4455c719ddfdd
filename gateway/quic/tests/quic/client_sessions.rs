//! The client's side, against our own server: what other servers cannot do or do not show.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use sluicegate_quic::{Client, Limits, OpenError, Opened, Opening};

use crate::client::tls;
use crate::server::{Seen, Server};
use crate::wire::{data, finish, send, soon};

/// A client that trusts the server.
pub(crate) fn client(server: &Server) -> Client {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    Client::bind(local, Arc::new(tls(server)), Limits::default()).unwrap()
}

/// What asks for a session at this path, with two subprotocols.
pub(crate) fn opening(path: &str) -> Opening {
    Opening {
        authority: "localhost".parse().unwrap(),
        path: path.parse().unwrap(),
        origin: Some(HeaderValue::from_static("https://app.example")),
        protocols: vec!["first".to_owned(), "second".to_owned()],
        headers: HeaderMap::from_iter([("cookie".parse().unwrap(), HeaderValue::from_static("a=b"))]),
    }
}

async fn open(server: &Server, path: &str) -> Result<Opened, OpenError> {
    soon(client(server).open(server.address, "localhost", opening(path))).await
}

#[tokio::test]
async fn uses_every_kind_of_stream() {
    let mut server = Server::start(Limits::default()).await;
    let Opened { session, subprotocol, .. } = open(&server, "/session?a=b").await.unwrap();
    assert_eq!(subprotocol.as_deref(), Some("first"));
    assert_eq!(session.draft(), "draft-16");
    let protocols = vec!["first".to_owned(), "second".to_owned()];
    assert_eq!(server.seen().await, Seen::Opened("draft-16", protocols, "/session?a=b".to_owned()));

    let (mut receive, mut transmit) = soon(session.open_bi()).await.unwrap();
    send(&mut transmit, Bytes::from_static(b"hello")).await.unwrap();
    finish(&mut transmit, None).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "hello");
    assert_eq!(soon(data(&mut receive)).await.unwrap(), None);

    let mut transmit = soon(session.open_uni()).await.unwrap();
    send(&mut transmit, Bytes::from_static(b"one way")).await.unwrap();
    finish(&mut transmit, None).await.unwrap();
    let mut receive = soon(session.accept_uni()).await.unwrap();
    assert_eq!(soon(data(&mut receive)).await.unwrap().unwrap(), "one way");

    assert!(session.send_datagram(b"datagram"));
    assert_eq!(soon(session.read_datagram()).await.unwrap(), "datagram");
}

#[tokio::test]
async fn learns_that_it_is_refused() {
    let server = Server::start(Limits::default()).await;
    let error = open(&server, "/forbidden").await.unwrap_err();
    assert!(matches!(error, OpenError::Refused(StatusCode::FORBIDDEN, _)), "{error}");
}
