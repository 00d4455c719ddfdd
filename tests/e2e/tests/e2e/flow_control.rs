//! Back-pressure: a peer that does not read holds up its own direction of its own call, and costs no memory.

use sluicegate_e2e::client::{Client, Protocol, Received};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::upstream::{Options, Upstream, method};
use tokio::task::JoinSet;

use crate::stage::Stage;

over!(every protocol: upload_without_reading, twenty_stuck_uploads);
over!(every full-duplex protocol: both_sides_push, stuck_calls_delay_no_other, small_window_of_the_upstream);

const MIB: usize = 1 << 20;

/// A client that only sends, to an upstream that answers all it gets: both directions fill up, and then nothing moves.
async fn upload_without_reading(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway } = Stage::new(protocol).await;
    assert_eq!(client.exchange(method::UNARY, &[b"warm up"]).await.code(), 0);
    let before = gateway.resident_memory();
    let mut call = client.call(method::BIDI).open().await;
    let chunk = vec![7; 64 << 10];
    let mut taken = 0;
    while taken < 100 * MIB && call.request.try_send(&chunk).await.unwrap() {
        taken += chunk.len();
    }
    let grown = gateway.resident_memory().saturating_sub(before);
    // What was taken lies in windows and socket buffers on the way there and back, the client's own among them.
    assert!(taken < 20 * MIB, "{} MiB of 100 were taken", taken / MIB);
    assert!(grown < 16 * MIB, "memory grew by {} MiB", grown / MIB);
    call.cancel();
    let mut other = Client::connect(protocol, gateway.target()).await;
    assert_eq!(other.exchange(method::UNARY, &[b""]).await.code(), 0);
}

/// Two thousand MiB are offered, on a connection each.
async fn twenty_stuck_uploads(protocol: Protocol) {
    let Stage { client, upstream: _upstream, gateway } = Stage::new(protocol).await;
    drop(client);
    let before = gateway.resident_memory();
    let mut uploads = JoinSet::new();
    for _ in 0..20 {
        let target = gateway.target();
        uploads.spawn(async move {
            let mut client = Client::connect(protocol, target).await;
            let mut call = client.call(method::BIDI).open().await;
            let chunk = vec![7; 64 << 10];
            let mut taken = 0;
            while taken < 100 * MIB && call.request.try_send(&chunk).await.unwrap() {
                taken += chunk.len();
            }
            // Stuck until all are.
            (client, call, taken)
        });
    }
    let stuck = uploads.join_all().await;
    let grown = gateway.resident_memory().saturating_sub(before);
    assert!(stuck.iter().all(|(_, _, taken)| *taken < 20 * MIB));
    assert!(grown < 64 * MIB, "memory grew by {} MiB", grown / MIB);
}

/// Each request message is answered with 16 MiB before the next is read, and the client keeps sending: whoever stops
/// reading while it waits to write stops everything.
async fn both_sides_push(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::AMPLIFY).open().await;
    let message = vec![1; 16 << 10];
    let (request, response) = (&mut call.request, &mut call.response);
    let upload = async {
        // Longer than the windows of the whole way hold, so that this direction is stuck most of the time.
        while request.send_patiently(&message).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let download = async {
        let mut received = 0;
        while received < 40 * MIB {
            match response.recv().await {
                Received::Message(message) => received += message.len(),
                other => panic!("{other:?} after {received} bytes"),
            }
        }
    };
    tokio::select! {
        () = upload => {}
        () = download => {}
    }
}

async fn stuck_calls_delay_no_other(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut stuck = client.call(method::NOT_READING).open().await;
    upstream.next_call().await;
    let chunk = vec![7; 16 << 10];
    while stuck.request.try_send(&chunk).await.unwrap() {}
    let flooded = client.call(method::FLOOD).open().await;
    upstream.next_call().await;
    for _ in 0..10 {
        let returned = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!(returned.code(), 0);
    }
    drop((stuck, flooded));
}

/// One stuck upload takes all the credit of the upstream's connection; other calls then need another connection.
async fn small_window_of_the_upstream(protocol: Protocol) {
    let options = Options { connection_window: 65_535, ..Options::default() };
    let mut upstream = Upstream::start_with(options).await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut stuck = client.call(method::NOT_READING).open().await;
    upstream.next_call().await;
    let chunk = vec![7; 16 << 10];
    while stuck.request.try_send(&chunk).await.unwrap() {}
    for _ in 0..10 {
        let returned = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!(returned.code(), 0);
    }
    drop(stuck);
}
