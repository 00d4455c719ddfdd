//! Networks that lose, reorder and repeat packets, take none but small ones, or forget who is who.

use sluicegate_e2e::QUIET;
use sluicegate_e2e::client::{Client, Protocol, Transport};
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::relay::{Faults, Relay};
use sluicegate_e2e::upstream::{Upstream, method};

/// The protocols that run on QUIC.
fn protocols() -> impl Iterator<Item = Protocol> {
    Protocol::ALL
        .into_iter()
        .filter(|protocol| matches!(protocol.transport(), Transport::H3 | Transport::WebTransport))
}

async fn rig() -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    (upstream, gateway)
}

/// A call of each kind, the streaming ones in more packets than any burst has.
async fn calls(client: &mut Client) {
    let protocol = client.protocol();
    for _ in 0..5 {
        let unary = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!((unary.code(), unary.messages), (0, vec!["hello".into()]), "{protocol:?}");
    }
    let mut call = client.call(method::BIDI).open().await;
    for number in 0..10u32 {
        let message = number.to_be_bytes();
        call.send(&message).await.unwrap();
        assert_eq!(call.response.message().await, message[..], "{protocol:?}");
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0, "{protocol:?}");
    let downloaded = client.exchange(method::SERVER_STREAM, &[b"8,30000"]).await;
    assert_eq!(downloaded.code(), 0, "{protocol:?}");
    assert_eq!(downloaded.messages.iter().map(|message| message.len()).sum::<usize>(), 240_000);
    let chunk = [7; 30_000];
    let uploaded = client.exchange(method::CLIENT_STREAM, &[&chunk[..]; 8]).await;
    assert_eq!((uploaded.code(), uploaded.messages), (0, vec!["8,240000".into()]), "{protocol:?}");
}

#[tokio::test]
async fn packets_are_lost_doubled_and_overtaken() {
    let (_upstream, gateway) = rig().await;
    for (seed, protocol) in protocols().enumerate() {
        let faults = Faults { lose: 0.05, duplicate: 0.05, reorder: 0.05 };
        let relay = Relay::with(gateway.target().tls, seed as u64, faults).await;
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        calls(&mut client).await;
        let seen = relay.seen();
        assert!(seen.lost > 5 && seen.duplicated > 5 && seen.reordered > 5, "{protocol:?}: {seen:?}");
    }
}

/// The smallest packets that QUIC needs a path to carry. Larger ones, by which both ends find out what it takes, are lost.
#[tokio::test]
async fn packets_of_1200_bytes_are_all_that_passes() {
    let (_upstream, gateway) = rig().await;
    for protocol in protocols() {
        let relay = Relay::to(gateway.target().tls).await;
        relay.set_largest(1200);
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        calls(&mut client).await;
        assert!(relay.seen().lost > 0, "{protocol:?} has never tried a larger one");
    }
}

/// Both ends have learnt that larger packets pass, and then they do not.
#[tokio::test]
async fn the_path_becomes_narrow() {
    let (_upstream, gateway) = rig().await;
    for protocol in protocols() {
        let relay = Relay::to(gateway.target().tls).await;
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        calls(&mut client).await;
        relay.set_largest(1200);
        calls(&mut client).await;
    }
}

/// The client's address changes in the middle of a call, and in the middle of a response that flows.
#[tokio::test]
async fn addresses_change_in_the_middle_of_calls() {
    let (_upstream, gateway) = rig().await;
    for protocol in protocols() {
        let relay = Relay::to(gateway.target().tls).await;
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        let mut call = client.call(method::BIDI).open().await;
        for number in 0..10u32 {
            let message = number.to_be_bytes();
            call.send(&message).await.unwrap();
            assert_eq!(call.response.message().await, message[..], "{protocol:?}");
            assert_eq!(relay.rebind().await.len(), 1);
        }
        call.half_close().await.unwrap();
        assert_eq!(call.response.end().await.code, 0, "{protocol:?}");
        let mut call = client.call(method::SERVER_STREAM).open().await;
        call.send(b"40,30000").await.unwrap();
        call.half_close().await.unwrap();
        for _ in 0..40 {
            assert_eq!(call.response.message().await.len(), 30_000, "{protocol:?}");
            relay.rebind().await;
        }
        assert_eq!(call.response.end().await.code, 0, "{protocol:?}");
    }
}

/// Nothing passes for a while, longer than any timer of recovery runs at first.
#[tokio::test]
async fn nothing_passes_for_a_while() {
    let (_upstream, gateway) = rig().await;
    for protocol in [Protocol::GrpcH3, Protocol::GrpcWt] {
        let relay = Relay::to(gateway.target().tls).await;
        let mut client = Client::connect(protocol, relay.target(gateway.target())).await;
        let mut call = client.call(method::BIDI).open().await;
        call.send(b"before").await.unwrap();
        assert_eq!(call.response.message().await, "before");
        relay.set(Faults { lose: 1.0, ..Faults::default() });
        call.send(b"within").await.unwrap();
        // There is nothing to wait for while nothing passes.
        let silence = tokio::time::timeout(QUIET, call.response.message()).await;
        assert!(silence.is_err(), "{protocol:?}: {silence:?}");
        relay.set(Faults::default());
        assert_eq!(call.response.message().await, "within");
        call.half_close().await.unwrap();
        assert_eq!(call.response.end().await.code, 0, "{protocol:?}");
    }
}
