//! What a front puts between two messages of a response.

use super::*;

const ASIDE: &[u8] = b"\x24\0\0\0\0";

#[tokio::test(start_paused = true)]
async fn a_silent_response_has_it_at_once() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    // Before the head already.
    client.put_aside(ASIDE);
    client.until("the first", |side| side.body == ASIDE).await;
    call.answer(&[]).send(message("hi"));
    client.until("the message", |side| side.body == [ASIDE, &message("hi")].concat()).await;
    client.put_aside(ASIDE);
    client.until("the second", |side| side.body == [ASIDE, &message("hi"), ASIDE].concat()).await;
    call.end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
}

/// Wherever the upstream's chunks are cut: the last begins inside the message that the aside waits for.
#[tokio::test(start_paused = true)]
async fn it_waits_for_the_end_of_a_message() {
    let frames = [message("first"), message("")].concat();
    for filters in ["", "filters = [{ use = \"reader\" }]"] {
        for cut in 1..message("first").len() {
            let (rig, mut upstream) = Rig::simple(filters);
            let client = Client::new();
            rig.call(&client);
            let mut call = upstream.call().await;
            call.answer(&[]).send(Bytes::copy_from_slice(&frames[..cut]));
            settle().await;
            client.put_aside(ASIDE);
            settle().await;
            call.send(Bytes::copy_from_slice(&frames[cut..])).end(&[("grpc-status", "0")]);
            assert_eq!(client.status().await, "0");
            let want = match filters {
                "" => [&message("first")[..], ASIDE, &message("")].concat(),
                // The filter shouts. It sees whole messages, and the client has no part of one before.
                _ => [ASIDE, &message("FIRST!"), &message("!")].concat(),
            };
            assert_eq!(client.side().body, want, "cut at {cut}");
        }
    }
}
