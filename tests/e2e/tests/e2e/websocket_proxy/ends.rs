//! How WebSockets end, and who gets to know.

use super::*;

over_both!(
    closes_pass_both_ways,
    an_upstream_that_dies_is_told_of,
    a_client_that_leaves_is_told_of,
    one_in_which_nothing_moves_ends,
    a_draining_gateway_lets_it_go_on_and_then_cuts_it,
);

async fn closes_pass_both_ways(over: Over) {
    let rig = Rig::new(over).await;
    for by_client in [true, false] {
        let Pair { client, upstream } = rig.open("/live").await;
        let (mut one, mut other) = if by_client { (client, upstream) } else { (upstream, client) };
        let close = CloseFrame { code: 4321.into(), reason: "bye".into() };
        within("a close", one.close(Some(close.clone()))).await.unwrap();
        assert_eq!(next(&mut other).await, Message::Close(Some(close.clone())));
        within("the answer to be taken", other.flush()).await.unwrap_or_default();
        assert_eq!(next(&mut one).await, Message::Close(Some(close)));
        // One connection ends with the other.
        drop(one);
        let end = within("the end", other.next()).await;
        assert!(!matches!(end, Some(Ok(_))), "{end:?}");
        drop(other);
        if by_client {
            // Before there is a second one.
            let line = rig.gateway.log_line("of a WebSocket", |line| line["route"] == "live").await;
            let status = if over == Over::Http1 { 101 } else { 200 };
            assert_eq!(line["http_status"], status);
            // A client on HTTP/2 that lets go of a WebSocket resets its stream.
            assert_eq!(line["response_flags"], if over == Over::Http1 { "-" } else { "DC" });
        }
    }
    let labels = [("route", "live"), ("protocol", "websocket")];
    rig.gateway.until_metric("sluicegate_proxied_sessions_active", &labels, 0.0).await;
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_total", &labels).await, 2.0);
}

async fn an_upstream_that_dies_is_told_of(over: Over) {
    let rig = Rig::new(over).await;
    let Pair { mut client, upstream } = rig.open("/live").await;
    drop(upstream);
    let end = within("the end", client.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
}

async fn a_client_that_leaves_is_told_of(over: Over) {
    let rig = Rig::new(over).await;
    let Pair { client, mut upstream } = rig.open("/live").await;
    drop(client);
    let end = within("the end", upstream.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    let labels = [("route", "live")];
    drop(upstream);
    rig.gateway.until_metric("sluicegate_proxied_sessions_active", &labels, 0.0).await;
}

async fn one_in_which_nothing_moves_ends(over: Over) {
    let rig = Rig::configured(over, |config| config, |route| route.key("idle_timeout = \"1s\"")).await;
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    for _ in 0..4 {
        tokio::time::sleep(QUIET).await;
        send(&mut upstream, "alive").await;
        assert_eq!(next(&mut client).await, Message::text("alive"));
    }
    let (one, other) = tokio::join!(within("the end", client.next()), within("the end", upstream.next()));
    assert!(!matches!(one, Some(Ok(_))) && !matches!(other, Some(Ok(_))), "{one:?} {other:?}");
    let line = rig.gateway.log_line("of the WebSocket", |line| line["route"] == "live").await;
    assert_eq!((&line["closed_by"], &line["response_flags"]), (&"gateway".into(), &"SI".into()));
}

/// No frame of the gateway's own can be put between those of the two ends, so it can only cut the connection.
async fn a_draining_gateway_lets_it_go_on_and_then_cuts_it(over: Over) {
    let mut rig = Rig::configured(over, |config| config.top("drain_timeout = \"2s\""), |route| route).await;
    let Pair { mut client, mut upstream } = rig.open("/live").await;
    rig.gateway.terminate().await;
    rig.gateway.until_draining().await;
    send(&mut upstream, "one more").await;
    assert_eq!(next(&mut client).await, Message::text("one more"));
    let (one, other) = tokio::join!(within("the end", client.next()), within("the end", upstream.next()));
    assert!(!matches!(one, Some(Ok(_))) && !matches!(other, Some(Ok(_))), "{one:?} {other:?}");
    assert_eq!(rig.gateway.ended().await.code(), Some(0));
}
