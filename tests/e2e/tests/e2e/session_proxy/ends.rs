//! How sessions end, and who gets to know.

use bytes::Buf;
use sluicegate_e2e::QUIET;
use sluicegate_e2e::raw_h3::{self, RawH3, frame_type};
use sluicegate_e2e::relay::{Faults, Relay};

use super::*;

#[tokio::test]
async fn codes_and_reasons_of_closes_both_ways() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    client.close(7, "bye from the client ☺".as_bytes());
    assert_eq!(closed(&upstream).await, Some((7, "bye from the client ☺".to_owned())));
    let line = rig.gateway.log_line("of the session", |line| line["close_code"] == 7).await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"client".into(), &"-".into()));

    let Pair { client, upstream } = rig.pair().await;
    upstream.close(4_000_000_099, b"server says bye");
    assert_eq!(closed(&client).await, Some((4_000_000_099, "server says bye".to_owned())));
    let line = rig.gateway.log_line("of the session", |line| line["close_code"] == 4_000_000_099u32).await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"upstream".into(), &"-".into()));
}

/// A lost upstream is not passed on as a close with code 0, which would say that all is well.
#[tokio::test]
async fn an_upstream_that_dies_is_told_of() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    let (mut send, mut receive) = client.open_bi().await.unwrap();
    send.write_all(b"x").await.unwrap();
    let (_send, _receive) = within("the stream", upstream.accept_bi()).await.unwrap();
    rig.upstream.server.close(0u32.into(), b"died");
    assert!(all(&mut receive).await.is_err());
    assert_eq!(closed(&client).await, None);
    let line = rig.gateway.log_line("of the session", |line| line["route"] == "live").await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"upstream".into(), &"UC".into()));
    assert_eq!(line.get("close_code"), None);
}

#[tokio::test]
async fn a_client_that_vanishes_is_told_of() {
    let mut rig =
        Rig::configured(|config| config.limit("quic = { idle_timeout = \"1s\" }"), |route| route).await;
    let relay = Relay::to(rig.gateway.target().tls).await;
    rig.through = Some(relay.address());
    let Pair { client: _client, upstream } = rig.pair().await;
    let (_send, mut receive) = within("a stream", upstream.open_bi()).await.unwrap();
    // From now on nothing of it gets through.
    relay.set(Faults { lose: 1.0, ..Faults::default() });
    assert_eq!(closed(&upstream).await, None);
    assert!(all(&mut receive).await.is_err());
    let line = rig.gateway.log_line("of the session", |line| line["route"] == "live").await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"client".into(), &"DC".into()));
}

#[tokio::test]
async fn a_session_in_which_nothing_moves_ends() {
    let mut rig = Rig::configured(|config| config, |route| route.key("idle_timeout = \"1s\"")).await;
    let Pair { client, upstream } = rig.pair().await;
    let began = std::time::Instant::now();
    let (mut send, _receive) = client.open_bi().await.unwrap();
    for _ in 0..4 {
        send.write_all(b"x").await.unwrap();
        tokio::time::sleep(QUIET).await;
    }
    let (client, upstream) = tokio::join!(closed(&client), closed(&upstream));
    assert_eq!(client, Some((1, "idle".to_owned())));
    assert_eq!(upstream, Some((1, "idle".to_owned())));
    assert!(began.elapsed() > 4 * QUIET);
    let line = rig.gateway.log_line("of the session", |line| line["route"] == "live").await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"gateway".into(), &"SI".into()));
}

#[tokio::test]
async fn a_draining_gateway_lets_sessions_go_on_and_then_closes_them() {
    let mut rig = Rig::configured(|config| config.top("drain_timeout = \"3s\""), |route| route).await;
    let Pair { client, upstream } = rig.pair().await;
    rig.gateway.terminate().await;
    rig.gateway.until_draining().await;
    let mut send = within("a stream", upstream.open_uni()).await.unwrap();
    say(&mut send, b"one more").await;
    let mut receive = within("the stream", client.accept_uni()).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"one more");
    let (client, upstream) = tokio::join!(closed(&client), closed(&upstream));
    assert_eq!(client, Some((1, "drain".to_owned())));
    assert_eq!(upstream, Some((1, "drain".to_owned())));
    assert_eq!(rig.gateway.ended().await.code(), Some(0));
}

/// The client of this session is written by hand, because those on crates do not show the capsule.
#[tokio::test]
async fn a_client_is_told_that_the_gateway_drains() {
    /// `WT_DRAIN_SESSION` in a frame of its own: type 0x78ae, and nothing in it.
    const DRAIN: &[u8] = &[0x00, 0x05, 0x80, 0x00, 0x78, 0xae, 0x00];

    let mut rig = Rig::new().await;
    let raw = RawH3::connect(rig.gateway.target().tls).await;
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "webtransport"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/live"),
    ];
    let (_send, mut receive) = raw.bidi(&raw_h3::headers(&fields)).await;
    let _session = rig.upstream.session().await;
    let mut received = Vec::new();
    let mut read = async |until: &dyn Fn(&[u8]) -> bool| {
        while !until(&received) {
            let chunk = within("what the gateway says", receive.read_chunk(1 << 10, true)).await.unwrap();
            received.extend_from_slice(&chunk.expect("the session is open").bytes);
        }
    };
    read(&|received| received.first() == Some(&0x01)).await;
    rig.gateway.terminate().await;
    read(&|received| received.windows(DRAIN.len()).any(|part| part == DRAIN)).await;
    assert!(rig.gateway.is_running());
}

/// Both ends are written by hand, because those on crates neither send the capsule nor show it.
#[tokio::test]
async fn a_wish_for_the_end_is_passed_on() {
    /// `WT_DRAIN_SESSION`: type 0x78ae, and nothing in it.
    const DRAIN: &[u8] = &[0x80, 0x00, 0x78, 0xae, 0x00];

    let endpoint = server_endpoint(TransportConfig::default());
    let url = format!("https://{}", endpoint.local_addr().unwrap());
    let live = Route::new("live").cluster("live");
    let config = Config::default().route(live).cluster_of("live", &[url], WEBTRANSPORT);
    let gateway = config.start().await;
    let raw = RawH3::connect(gateway.target().tls).await;
    let upstream = async {
        let quic = within("a connection", endpoint.accept()).await.unwrap().await.unwrap();
        let mut settings = h3::server::builder();
        settings.enable_webtransport(true).enable_extended_connect(true).enable_datagram(true);
        let h3 = settings.max_webtransport_sessions(1).build::<_, Bytes>(h3_quinn::Connection::new(quic));
        let mut h3 = h3.await.unwrap();
        let (_, mut stream) = h3.accept().await.unwrap().unwrap().resolve_request().await.unwrap();
        stream.send_response(http::Response::new(())).await.unwrap();
        (h3, stream)
    };
    let (mut session, (_h3, mut upstream)) =
        tokio::join!(async { raw.session_at("webtransport", "/").await.expect("a session") }, upstream);

    session.send.write_all(&raw_h3::frame(frame_type::DATA, DRAIN)).await.unwrap();
    let mut arrived = within("a capsule", upstream.recv_data()).await.unwrap().unwrap();
    assert_eq!(arrived.copy_to_bytes(arrived.remaining()), DRAIN);

    upstream.send_data(Bytes::from_static(DRAIN)).await.unwrap();
    let mut arrived = Vec::new();
    while !arrived.ends_with(DRAIN) {
        let chunk = within("a capsule", session.receive.read_chunk(1 << 10, true)).await.unwrap();
        arrived.extend_from_slice(&chunk.expect("the session is open").bytes);
    }
}

/// It need not wait for the drain timeout, which is 30 s here.
#[tokio::test]
async fn a_draining_gateway_ends_with_its_last_session() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    rig.gateway.terminate().await;
    rig.gateway.until_draining().await;
    assert!(rig.gateway.is_running());
    client.close(0, b"");
    closed(&upstream).await;
    assert_eq!(rig.gateway.ended().await.code(), Some(0));
}
