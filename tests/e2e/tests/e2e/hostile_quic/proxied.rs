//! Sessions that the gateway carries whole, with a hostile client, or an upstream that takes nothing.

use std::sync::Arc;

use quinn::VarInt;
use quinn::crypto::rustls::QuicServerConfig;
use sluicegate_e2e::certificate::server_tls;
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::raw_h3::{RawH3, Session, code, transport, varint, wt_bidi, wt_uni};
use sluicegate_e2e::within;
use tokio::sync::mpsc;
use web_transport_quinn::{Server, Session as Accepted};

use super::siege::Siege;

/// A siege of a gateway with a route for sessions, and the sessions that reach the server behind it.
async fn begin() -> (Siege, mpsc::UnboundedReceiver<Accepted>) {
    begin_within("").await
}

/// The same with these limits.
async fn begin_within(limit: &'static str) -> (Siege, mpsc::UnboundedReceiver<Accepted>) {
    let tls = QuicServerConfig::try_from(server_tls(&["h3"])).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("https://{}", endpoint.local_addr().unwrap());
    // The sessions of one test.
    let (sender, sessions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut server = Server::new(endpoint);
        while let Some(request) = server.accept().await {
            // The client may have left.
            let Ok(session) = request.ok().await else { continue };
            if sender.send(session).is_err() {
                return;
            }
        }
    });
    let siege = Siege::of(move |upstream| {
        let keys =
            "protocol = \"webtransport\"\ntls = { ca = \"authority.pem\", server_name = \"localhost\" }";
        Config::default()
            .route(Route::new("live").key("path_prefix = \"/live\"").cluster("live"))
            .route(Route::new("all").cluster("main"))
            .cluster_of("live", &[url], keys)
            .cluster("main", &[upstream])
            .limit(limit)
    });
    (siege.await, sessions)
}

/// Both ends of a session.
async fn open(raw: &RawH3, sessions: &mut mpsc::UnboundedReceiver<Accepted>) -> (Session, Accepted) {
    let session = raw.session_at("webtransport", "/live").await.expect("a session");
    let accepted = within("the session at the upstream", sessions.recv()).await.expect("the server runs");
    (session, accepted)
}

/// Streams without end to a server that reads none of them, and from a server to a client that reads none. Four of them
/// would take all the credit of a connection.
#[tokio::test]
async fn streams_that_nobody_reads() {
    let (mut siege, mut sessions) = begin().await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut small = transport();
        small.stream_receive_window((16u32 << 10).into());
        let raw = RawH3::connect_with(siege.target(), small, &[]).await;
        let (session, accepted) = open(&raw, &mut sessions).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let (mut up, down) = raw.bidi(&wt_bidi(session.id)).await;
            tokio::spawn(async move { while up.write_all(&[7; 16 << 10]).await.is_ok() {} });
            let mut push = within("a stream to the client", accepted.open_uni()).await.unwrap();
            tokio::spawn(async move { while push.write_all(&[7; 16 << 10]).await.is_ok() {} });
            streams.push(down);
            siege.step();
        }
        raw.works().await;
        held.push((raw, session, accepted, streams));
    }
    siege.stand().await;
    for (raw, ..) in &held {
        raw.works().await;
    }
    siege.withstood().await;
}

/// Datagrams to a server that reads none of them.
#[tokio::test]
async fn datagrams_that_nobody_reads() {
    let (mut siege, mut sessions) = begin().await;
    let raw = RawH3::connect(siege.target()).await;
    let (session, accepted) = open(&raw, &mut sessions).await;
    siege
        .storm(200, async |_| {
            for _ in 0..20 {
                let datagram = [varint(session.id / 4), vec![0; 1000]].concat();
                raw.quic.send_datagram_wait(datagram.into()).await.unwrap();
            }
            // More at once would be lost in sockets, and the canary's packets with them.
            raw.works().await;
        })
        .await;
    drop(accepted);
    siege.withstood().await;
}

/// Sessions opened and left at once, each of which costs a connection to the server. None of them stays.
#[tokio::test]
async fn sessions_that_leave_at_once() {
    let (mut siege, mut sessions) = begin().await;
    let raw = RawH3::connect(siege.target()).await;
    siege
        .storm(50, async |number| {
            let (mut session, accepted) = open(&raw, &mut sessions).await;
            match number % 2 {
                0 => session.send.finish().unwrap(),
                _ => session.send.reset(VarInt::from_u32(0x10c)).unwrap(),
            }
            within("the end at the upstream", accepted.closed()).await;
        })
        .await;
    siege.gateway.until_metric("sluicegate_proxied_sessions_active", &[], 0.0).await;
    raw.works().await;
    siege.withstood().await;
}

/// Streams that are taken back at once are taken back at the server too, until there are too many of them for the
/// connection, which takes its session with it.
#[tokio::test]
async fn resets_reach_the_server_within_limits() {
    let (mut siege, mut sessions) = begin_within("quic = { max_resets_per_second = 100 }").await;
    let raw = RawH3::connect(siege.target()).await;
    let (session, accepted) = open(&raw, &mut sessions).await;
    let counting = tokio::spawn(async move {
        let mut streams = 0u32;
        while accepted.accept_uni().await.is_ok() {
            streams += 1;
        }
        streams
    });
    let opening = [&wt_uni(session.id)[..], b"gone"].concat();
    let mut opened = 0;
    siege
        .storm(500, async |_| {
            let Ok(mut send) = raw.quic.open_uni().await else { return };
            let _ = send.write_all(&opening).await;
            let _ = send.reset(VarInt::from_u32(0));
            opened += 1;
        })
        .await;
    assert_eq!(raw.closed().await, code::H3_EXCESSIVE_LOAD);
    siege.refused("max_resets_per_second", 1).await;
    let seen = within("the end of the session", counting).await.unwrap();
    assert!(seen <= opened, "{seen} streams of {opened}");
    siege.withstood().await;
}
