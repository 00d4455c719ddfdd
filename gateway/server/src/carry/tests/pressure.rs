//! Flow control: each direction is held back by its own receiver alone, and nothing is read ahead.

use super::*;

/// The window that the upstream of these tests grants a stream and a connection.
const WINDOW: usize = 65_535;

/// More than fits into a window.
fn large() -> Bytes {
    Bytes::from(vec![7; 200_000])
}

#[tokio::test(start_paused = true)]
async fn a_blocked_upload_reads_no_further_and_does_not_hold_the_download_up() {
    let (rig, mut upstream) = Rig::simple("max_request_message = 0");
    let client = Client::new();
    client.send(message(large())).send(message("more"));
    rig.call(&client);
    let mut call = upstream.call().await;
    for _ in 0..100 {
        call.answer_once().send(message("hi"));
        settle().await;
    }
    assert_eq!(client.side().body, message("hi").repeat(100));
    assert_eq!(client.side().released, 0, "credit for what the upstream has not taken");
    assert_eq!(client.side().unread(), 1, "chunks left with the client");
    // As soon as the upstream reads, all of it comes.
    client.end();
    assert_eq!(call.rest().await.0.len(), 200_005 + 9);
    assert!(client.side().released >= 200_005);
    call.end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_blocked_download_reads_no_further_and_does_not_hold_the_upload_up() {
    let (rig, mut upstream) = Rig::simple("max_response_message = 0");
    let client = Client::new();
    client.stop_reading();
    rig.call(&client);
    let mut call = upstream.call().await;
    call.answer(&[]).send(message(vec![7; 2_000_000]));
    for _ in 0..100 {
        client.send(message("up"));
        assert_eq!(call.data().await.unwrap().0, message("up"));
    }
    assert!(client.side().body.is_empty());
    // The gateway grants a window and no more, so most of it waits at the upstream.
    assert!(call.waits_to_send(), "the gateway read ahead");
    client.grant(usize::MAX / 4);
    client.until("the message", |side| side.body.len() == 2_000_005).await;
    call.end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
}

/// Both sides push and neither reads until the other has read: what stalls a proxy that couples its directions.
#[tokio::test(start_paused = true)]
async fn two_sides_that_both_push_do_not_lock_each_other_up() {
    let (rig, mut upstream) = Rig::simple("max_request_message = 0\nmax_response_message = 0");
    let client = Client::new();
    for _ in 0..5 {
        client.send(message(large()));
    }
    rig.call(&client);
    let mut call = upstream.call().await;
    // The upstream reads the next message only when the client has its answer to the one before.
    call.answer(&[]);
    let mut answered = 0;
    for _ in 0..5 {
        let mut read = 0;
        while read < 200_005 {
            read += call.data().await.unwrap().0.len();
            if read > WINDOW {
                call.send(message(large()));
                answered += 200_005;
                client.until("the answer", |side| side.body.len() >= answered).await;
            }
        }
    }
    call.end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_gets_the_end_of_a_large_message() {
    let (rig, mut upstream) = Rig::simple("filters = [{ use = \"reader\" }]");
    let client = Client::new();
    client.stop_reading();
    rig.call(&client);
    let mut call = upstream.call().await;
    call.answer(&[]).send(message(vec![b'a'; 100_000])).end(&[("grpc-status", "0")]);
    settle().await;
    for _ in 0..101 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        client.grant(1000);
    }
    assert_eq!(client.status().await, "0");
    assert_eq!(client.side().body.len(), 100_006);
}

/// A client that has taken nothing of a response that is complete, on a route with this idle timeout.
async fn at_the_end(idle_timeout: &str) -> (Rig, Upstream, Client) {
    let (rig, mut upstream) = Rig::simple(&format!("idle_timeout = \"{idle_timeout}\""));
    let client = Client::new();
    client.stop_reading();
    rig.call(&client);
    upstream.call().await.answer(&[]).send(message("hi")).end(&[("grpc-status", "0")]);
    settle().await;
    (rig, upstream, client)
}

#[tokio::test(start_paused = true)]
async fn a_client_may_pause_before_the_end() {
    let (_rig, _upstream, client) = at_the_end("5m").await;
    tokio::time::sleep(Duration::from_secs(290)).await;
    client.grant(1000);
    assert_eq!(client.status().await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_the_end_is_given_up() {
    let (rig, _upstream, client) = at_the_end("1s").await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(client.ended().await, Ended::Reset(sluicegate_core::wire::Reset::CANCEL));
    client.released().await;
    rig.is_balanced(1);
}

/// A connection whose credit one stuck call has used up is not where the next call goes.
#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_credit_make_room_on_another_connection() {
    let (rig, mut upstream) = Rig::simple("max_request_message = 0");
    let stuck = Client::new();
    stuck.send(message(large()));
    rig.call(&stuck);
    let _stuck = upstream.call().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call(&client);
    let mut call = upstream.call().await;
    assert_eq!((call.connection, call.rest().await.0), (2, message("hello").to_vec()));
}

#[tokio::test(start_paused = true)]
async fn calls_above_the_stream_limit_wait_for_a_stream() {
    let (rig, mut upstream) =
        Rig::with("", "max_connections_per_worker = 1", |h2| _ = h2.max_concurrent_streams(2));
    // The limit is known once the upstream's settings have arrived.
    let first = Client::new();
    rig.call(&first);
    let mut calls = vec![upstream.call().await];
    let clients: Vec<_> = (0..5).map(|_| Client::new()).collect();
    for client in &clients {
        rig.call(client);
        settle().await;
    }
    calls.push(upstream.call().await);
    assert!(upstream.has_call().is_none(), "more streams than the upstream allows");
    for _ in 0..4 {
        calls.remove(0).answer_only(&[("grpc-status", "0")]);
        calls.push(upstream.call().await);
    }
    // A call that waits may go as well.
    let waiting = Client::new();
    rig.call(&waiting);
    settle().await;
    waiting.leave(sluicegate_core::wire::Gone::Connection);
    waiting.released().await;
    for mut call in calls {
        call.answer_only(&[("grpc-status", "0")]);
    }
    for client in clients.iter().chain([&first]) {
        assert_eq!(client.status().await, "0");
        client.released().await;
    }
    rig.is_balanced(7);
}

/// Clients that do not read short messages hold up nobody else.
#[tokio::test(start_paused = true)]
async fn many_short_messages_that_nobody_reads_do_no_harm() {
    let (rig, mut upstream) = Rig::with("", "max_connections_per_worker = 1", |_| {});
    let mut stuck = Vec::new();
    for _ in 0..10 {
        let client = Client::new();
        client.stop_reading();
        rig.call(&client);
        let mut call = upstream.call().await;
        call.answer(&[]);
        for _ in 0..15_000 {
            call.send(message("0123456789"));
        }
        stuck.push((client, call));
    }
    settle().await;
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    assert_eq!(call.connection, 1);
    call.answer_only(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
    for (client, mut call) in stuck {
        client.grant(usize::MAX / 4);
        call.end(&[("grpc-status", "0")]);
        assert_eq!(client.status().await, "0");
        assert_eq!(client.side().body.len(), 15 * 15_000);
    }
}

/// An endpoint that takes no further connection still gets calls on the one it has.
#[tokio::test(start_paused = true)]
async fn calls_do_not_wait_long_for_another_connection() {
    let (rig, mut upstream) = Rig::simple("max_request_message = 0");
    let stuck = Client::new();
    stuck.send(message(large()));
    rig.call(&stuck);
    let _stuck = upstream.call().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut silent = rig.upstreams.silent(1);
    let clients = [Client::new(), Client::new()];
    for client in &clients {
        client.end();
        rig.call(client);
    }
    let _silent = soon("an attempt", silent.recv()).await.unwrap();
    for client in &clients {
        let mut call = upstream.call().await;
        assert_eq!(call.connection, 1);
        call.answer_only(&[("grpc-status", "0")]);
        assert_eq!(client.status().await, "0");
    }
}
