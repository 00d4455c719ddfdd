//! Clients whose address changes under them: QUIC connections, and what they carry, go on.

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::relay::{Faults, Relay};
use sluicegate_e2e::upstream::{Upstream, method};

use crate::stage::Stage;

over!(every QUIC protocol: a_call_survives_a_rebinding, a_call_survives_many_rebindings);
over!(every QUIC protocol: calls_survive_a_bad_network, moving_clients_find_their_endpoint);

/// A client behind the relay, of a gateway whose own client is of no use here.
async fn behind_a_relay(protocol: Protocol) -> (Stage, Relay) {
    let stage = Stage::new(Protocol::GrpcH2c).await;
    let relay = Relay::to(stage.gateway.target().tls).await;
    let client = Client::connect(protocol, relay.target(stage.gateway.target())).await;
    (Stage { client, ..stage }, relay)
}

async fn a_call_survives_a_rebinding(protocol: Protocol) {
    let (Stage { mut client, mut upstream, gateway }, relay) = behind_a_relay(protocol).await;
    let mut call = client.call(method::PAUSE).open().await;
    call.send(b"moved").await.unwrap();
    call.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;
    assert_eq!(call.response.message().await, "moved");

    let new = relay.rebind().await;
    assert_eq!(new.len(), 1);
    // What the gateway sends first goes to the old address and is lost; it goes to the new one as soon as it has heard
    // from there.
    upstream.release();
    assert_eq!(call.response.message().await, "moved");
    assert_eq!(call.response.end().await.code, 0);
    assert_eq!(client.exchange(method::UNARY, &[b"on"]).await.messages, ["on"]);
    assert_eq!(gateway.metric("sluicegate_downstream_cx_total", &[("transport", "quic")]).await, 1.0);
}

async fn a_call_survives_many_rebindings(protocol: Protocol) {
    let (Stage { mut client, upstream: _upstream, gateway }, relay) = behind_a_relay(protocol).await;
    let mut call = client.call(method::BIDI).open().await;
    for round in 0u8..8 {
        call.send(&[round; 3000]).await.unwrap();
        assert_eq!(call.response.message().await, [round; 3000].as_slice());
        relay.rebind().await;
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
    assert_eq!(gateway.metric("sluicegate_downstream_cx_total", &[("transport", "quic")]).await, 1.0);
}

/// One packet in twenty is lost, one in twenty comes twice, one in ten comes late.
async fn calls_survive_a_bad_network(protocol: Protocol) {
    let stage = Stage::new(Protocol::GrpcH2c).await;
    let faults = Faults { lose: 0.05, duplicate: 0.05, reorder: 0.1 };
    let relay = Relay::with(stage.gateway.target().tls, 20_26, faults).await;
    let mut client = Client::connect(protocol, relay.target(stage.gateway.target())).await;
    let large: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    for _ in 0..3 {
        let returned = client.exchange(method::BIDI, &[&large, b"small"]).await;
        assert_eq!(returned.code(), 0);
        assert_eq!(returned.messages, [large.as_slice(), b"small"]);
    }
    let seen = relay.seen();
    assert!(seen.lost > 0 && seen.duplicated > 0 && seen.reordered > 0, "{seen:?}");
}

/// Each move would take a packet to another of the endpoints twice in three times if the kernel went by addresses.
async fn moving_clients_find_their_endpoint(protocol: Protocol) {
    let key = "quic_lb = { server_id = \"0a01\", key = \"00112233445566778899aabbccddeeff\" }";
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).quic("quic_endpoints = 3").quic(key).start().await;
    let relay = Relay::to(gateway.target().tls).await;
    let mut calls = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        calls.push(client.call(method::BIDI).open().await);
        clients.push(client);
    }
    for round in 0u8..4 {
        for call in &mut calls {
            call.send(&[round; 3000]).await.unwrap();
            assert_eq!(call.response.message().await, [round; 3000].as_slice());
        }
        assert_eq!(relay.rebind().await.len(), 6);
    }
    for mut call in calls {
        call.half_close().await.unwrap();
        assert_eq!(call.response.end().await.code, 0);
    }
    assert_eq!(gateway.metric("sluicegate_downstream_cx_total", &[("transport", "quic")]).await, 6.0);
}

/// The address may be proved to another endpoint than the one that asked for that.
#[tokio::test]
async fn every_endpoint_takes_the_proof_of_an_address() {
    let upstream = Upstream::start().await;
    let config = Config::in_front_of(&[&upstream]).quic("quic_endpoints = 3");
    let gateway = config.limit("quic = { retry_above = 0 }").start().await;
    for _ in 0..9 {
        let mut client = Client::connect(Protocol::GrpcH3, gateway.target()).await;
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
    let refused = gateway.metric("sluicegate_quic_refused_total", &[("limit", "retry_above")]).await;
    assert!(refused >= 9.0, "{refused}");
    gateway.until_said("sockets 3,", 1).await;
}

/// A balancer must find in the gateway's ids what the configuration says.
#[tokio::test]
async fn ids_name_the_server() {
    let upstream = Upstream::start().await;
    for (endpoints, length) in [(1, 11), (3, 12)] {
        let line = "quic_lb = { config_id = 2, server_id = \"0a01\", nonce_length = 8 }";
        let config =
            Config::in_front_of(&[&upstream]).quic(line).quic(&format!("quic_endpoints = {endpoints}"));
        let gateway = config.start().await;
        let mut ids = Vec::new();
        for _ in 0..4 {
            let relay = Relay::to(gateway.target().tls).await;
            let mut client = Client::connect(Protocol::GrpcH3, relay.target(gateway.target())).await;
            assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
            let id = relay.chosen_id().unwrap();
            assert_eq!(id.len(), length);
            // The configuration in three bits, the length of what follows in five, and the server.
            assert_eq!(id[..3], [2 << 5 | (length - 1) as u8, 0x0a, 0x01]);
            assert!(!ids.contains(&id), "{id:?} was chosen twice");
            ids.push(id);
        }
    }
}
