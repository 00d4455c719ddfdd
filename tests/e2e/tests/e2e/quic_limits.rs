//! Limits on QUIC: each is reached by a client, and counted under the name that the configuration has for it.

use bytes::Bytes;
use sluicegate_e2e::client::quic_endpoint;
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::raw_h3::{self, RawH3, frame_type};
use sluicegate_e2e::relay::{Faults, Relay};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;

const REFUSED: &str = "sluicegate_quic_refused_total";

/// A gateway with this limit, and a client's connection.
async fn limited(limit: &str) -> (Upstream, Gateway, RawH3) {
    let (upstream, gateway) = gateway(limit).await;
    let raw = RawH3::connect(gateway.target().tls).await;
    (upstream, gateway, raw)
}

async fn gateway(limit: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).limit(limit).start().await;
    (upstream, gateway)
}

/// Waits until the limit has refused something, and checks that no other has.
async fn counted(gateway: &Gateway, limit: &str) {
    within(&format!("{limit} to be counted"), async {
        while gateway.metric(REFUSED, &[("limit", limit)]).await == 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (all, this) =
        (gateway.metric(REFUSED, &[]).await, gateway.metric(REFUSED, &[("limit", limit)]).await);
    assert_eq!(all, this, "only {limit} was reached");
}

#[tokio::test]
async fn idle_timeout() {
    let (_upstream, gateway, raw) = limited("quic = { idle_timeout = \"2s\" }").await;
    raw.closed().await;
    counted(&gateway, "idle_timeout").await;
}

#[tokio::test]
async fn header_timeout() {
    let (_upstream, gateway, raw) = limited("header_timeout = \"200ms\"").await;
    let _silent = raw.bidi(&[0x01]).await;
    counted(&gateway, "header_timeout").await;
}

#[tokio::test]
async fn max_header_bytes() {
    let (_upstream, gateway, raw) = limited("max_header_bytes = \"1KiB\"").await;
    let long = "x".repeat(2000);
    let mut fields = raw_h3::grpc_fields(method::UNARY).to_vec();
    fields.push(("x-long", &long));
    let _refused = raw.bidi(&raw_h3::headers(&fields)).await;
    counted(&gateway, "max_header_bytes").await;
}

#[tokio::test]
async fn max_frame() {
    let (_upstream, gateway, raw) = limited("quic = { max_frame = \"16KiB\" }").await;
    let _refused = raw.bidi(&raw_h3::declared(frame_type::GREASE, 17 << 10)).await;
    raw.closed().await;
    counted(&gateway, "max_frame").await;
}

#[tokio::test]
async fn max_sessions() {
    let (_upstream, gateway, raw) = limited("quic = { max_sessions = 1 }").await;
    let _first = raw.session().await.unwrap();
    assert!(raw.session().await.is_none());
    counted(&gateway, "max_sessions").await;
}

#[tokio::test]
async fn max_session_streams() {
    let (_upstream, gateway, raw) = limited("quic = { max_session_streams = 1 }").await;
    let session = raw.session().await.unwrap();
    let _first = raw.bidi(&raw_h3::wt_bidi(session.id)).await;
    let _second = raw.bidi(&raw_h3::wt_bidi(session.id)).await;
    counted(&gateway, "max_session_streams").await;
}

#[tokio::test]
async fn max_resets_per_second() {
    let (_upstream, gateway, raw) = limited("quic = { max_resets_per_second = 3 }").await;
    for _ in 0..20 {
        let Ok((mut send, _receive)) = raw.quic.open_bi().await else { break };
        let _ = send.write_all(&raw_h3::grpc_request(method::SILENT)).await;
        let _ = send.reset(0x10cu32.into());
    }
    raw.closed().await;
    counted(&gateway, "max_resets_per_second").await;
}

#[tokio::test]
async fn early_streams() {
    let (_upstream, gateway, raw) = limited("quic = { early_streams = 0 }").await;
    let _refused = raw.bidi(&raw_h3::wt_bidi(400)).await;
    counted(&gateway, "early_streams").await;
}

#[tokio::test]
async fn early_datagrams() {
    let (_upstream, gateway, raw) = limited("quic = { early_datagrams = 0 }").await;
    // A quarter stream id, of a session that has not been asked for, and a payload.
    raw.quic.send_datagram(Bytes::from_static(&[0x30, 1, 2, 3])).unwrap();
    counted(&gateway, "early_datagrams").await;
}

#[tokio::test]
async fn retry_above() {
    for limit in ["retry_above", "retry_above_per_ip"] {
        let (_upstream, gateway, raw) = limited(&format!("quic = {{ {limit} = 0 }}")).await;
        raw.works().await;
        counted(&gateway, limit).await;
    }
}

/// A client that begins a handshake and hears nothing of the gateway, behind a relay that it keeps.
async fn half_a_handshake(gateway: &Gateway) -> (Relay, quinn::Endpoint, quinn::Connecting) {
    let relay = Relay::to(gateway.target().tls).await;
    let endpoint = quic_endpoint();
    let connecting = endpoint.connect(relay.address(), "localhost").unwrap();
    within("the first packet", async {
        while relay.seen().arrived == 0 {
            tokio::task::yield_now().await;
        }
        relay.set(Faults { lose: 1.0, ..Faults::default() });
    })
    .await;
    (relay, endpoint, connecting)
}

#[tokio::test]
async fn handshake_timeout() {
    let (_upstream, gateway) = gateway("handshake_timeout = \"300ms\"").await;
    let _half = half_a_handshake(&gateway).await;
    counted(&gateway, "handshake_timeout").await;
}

#[tokio::test]
async fn max_incoming() {
    for limit in ["max_incoming", "max_incoming_per_ip"] {
        let (_upstream, gateway) = gateway(&format!("quic = {{ {limit} = 1 }}")).await;
        let _half = half_a_handshake(&gateway).await;
        gateway.until_metric("sluicegate_downstream_cx_active", &[("transport", "quic")], 1.0).await;
        let refused = quic_endpoint().connect(gateway.target().tls, "localhost").unwrap();
        assert!(within("a refusal", refused).await.is_err());
        counted(&gateway, limit).await;
    }
}

/// Whoever configures more than the kernel gives is told how to get it.
#[tokio::test]
async fn socket_buffers() {
    for (limit, key) in [("socket_receive_buffer", "rmem_max"), ("socket_send_buffer", "wmem_max")] {
        let allowed = std::fs::read_to_string(format!("/proc/sys/net/core/{key}")).unwrap();
        let wanted = 1 << 30;
        let (_upstream, gateway) = gateway(&format!("quic = {{ {limit} = {wanted} }}")).await;
        let command = format!("run `sysctl -w net.core.{key}={wanted}`");
        match allowed.trim().parse::<u64>().unwrap() < wanted {
            true => gateway.until_said(&command, 1).await,
            false => assert_eq!(gateway.said(&command), 0),
        }
    }
}
