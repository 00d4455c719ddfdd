//! Clients that ask for much and take little.

use sluicegate_e2e::raw_h3::grpc_request;
use sluicegate_e2e::raw_h3::{RawH3, transport};
use sluicegate_e2e::raw_quic::{RawQuic, frames};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;

use super::siege::Siege;

/// Responses without end to clients that read none of them, with windows from tiny to large. Each holds no more than the
/// window that its upstream has.
#[tokio::test]
async fn clients_that_never_read() {
    let mut siege = Siege::begin().await;
    let mut clients = Vec::new();
    for window in [1u32 << 10, 64 << 10, 1 << 20, 16 << 20] {
        for _ in 0..2 {
            let mut transport = transport();
            transport.stream_receive_window(window.into());
            let raw = RawH3::connect_with(siege.target(), transport, &[]).await;
            let mut calls = Vec::new();
            for _ in 0..10 {
                let (mut send, receive) = raw.call(method::FLOOD).await;
                send.finish().unwrap();
                calls.push(receive);
                siege.step();
            }
            clients.push((raw, calls));
        }
    }
    siege.stand().await;
    siege.withstood().await;
}

/// No credit at all: not even the gateway's settings can be sent. It gives up on such a client in time.
#[tokio::test]
async fn clients_without_any_credit() {
    let mut siege = Siege::configured(|config| config.limit("handshake_timeout = \"1s\"")).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut transport = transport();
        transport.receive_window(0u32.into()).stream_receive_window(0u32.into());
        let raw = RawH3::connect_with(siege.target(), transport, &[]).await;
        let mut calls = Vec::new();
        for _ in 0..20 {
            calls.push(raw.call(method::FLOOD).await);
            siege.step();
        }
        clients.push((raw, calls));
    }
    siege.stand().await;
    for (raw, _calls) in &clients {
        within("the gateway to give up", raw.quic.closed()).await;
    }
    siege.refused("handshake_timeout", 20).await;
    siege.withstood().await;
}

/// Packets that are never acknowledged are kept to be sent again: so many as the congestion window has room for.
#[tokio::test]
async fn clients_that_acknowledge_nothing() {
    let mut siege = Siege::begin().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut raw = RawQuic::connect(siege.target()).await;
        raw.send(&frames::stream(2, 0, &[0x00, 0x04, 0x00])).await;
        for stream in 0..10 {
            raw.send(&frames::last(4 * stream, 0, &grpc_request(method::FLOOD))).await;
            siege.step();
        }
        clients.push(raw);
    }
    siege.stand().await;
    for raw in &mut clients {
        raw.ignore();
    }
    siege.withstood().await;
}
