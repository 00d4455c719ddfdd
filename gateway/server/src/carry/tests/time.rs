//! Deadlines and idleness.

use h2::Reason;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_call_in_every_state() {
    // While a filter waits.
    let (rig, _upstream) = Rig::simple("filters = [{ use = \"probe\", waits = true }]");
    let client = Client::new();
    rig.call_with(&client, "application/grpc", &[("grpc-timeout", "100m")]);
    assert_eq!(client.status().await, "4");
    client.released().await;
    assert_eq!(probe::seen(), ["request", "stopped waiting", "response", "end DEADLINE_EXCEEDED"]);
    rig.is_balanced(1);
    // While the gateway connects.
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
    let _silent = rig.upstreams.silent(1);
    let client = Client::new();
    rig.call_with(&client, "application/grpc", &[("grpc-timeout", "100m")]);
    assert_eq!(client.status().await, "4");
    client.released().await;
    rig.is_balanced(1);
    // While the upstream works, before and behind the head.
    for begun in [false, true] {
        let (rig, mut upstream) = Rig::simple("");
        let client = Client::new();
        rig.call_with(&client, "application/grpc", &[("grpc-timeout", "100m")]);
        let mut call = upstream.call().await;
        if begun {
            call.answer(&[]).send(message("hi"));
        }
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        assert_eq!(client.status().await, "4");
        client.released().await;
        assert_eq!(rig.logged(), "4 UT");
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_inside_a_message_resets() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call_with(&client, "application/grpc", &[("grpc-timeout", "100m")]);
    let mut call = upstream.call().await;
    call.answer(&[]).send(message("hello").slice(..7));
    let Ended::Reset(reset) = client.ended().await else { panic!("the message seems complete") };
    assert_eq!(reset.reason, 8);
    client.released().await;
    assert_eq!(rig.logged(), "4 UT");
}

#[tokio::test(start_paused = true)]
async fn the_upstream_is_told_what_remains_of_the_clients_own_deadline() {
    let timeout = async |route: &str, headers: &[(&'static str, &str)]| {
        let (rig, mut upstream) = Rig::simple(route);
        let client = Client::new();
        rig.call_with(&client, "application/grpc", headers);
        let call = upstream.call().await;
        let told = call.head.headers().get("grpc-timeout").cloned();
        told.map(|told| sluicegate_core::deadline::parse_timeout(told.as_bytes()).unwrap())
    };
    assert_eq!(timeout("", &[]).await, None);
    assert_eq!(timeout("timeout = \"7s\"", &[]).await, None, "a timeout that the client did not set");
    let told = timeout("", &[("grpc-timeout", "5S")]).await.unwrap();
    assert!(told <= Duration::from_secs(5) && told > Duration::from_secs(4), "{told:?}");
    let told = timeout("timeout = \"2s\"", &[("grpc-timeout", "5S")]).await.unwrap();
    assert!(told <= Duration::from_secs(2), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_routes_timeout_holds_without_a_clients() {
    let (rig, mut upstream) = Rig::simple("timeout = \"1s\"");
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    assert_eq!(call.was_reset().await, Reason::CANCEL);
    assert_eq!(client.status().await, "4");
}

#[tokio::test(start_paused = true)]
async fn a_call_on_which_nothing_moves_ends() {
    let (rig, mut upstream) = Rig::simple("idle_timeout = \"1s\"");
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    call.answer(&[]);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        client.send(message("still here"));
        call.data().await.unwrap();
    }
    assert_eq!(call.was_reset().await, Reason::CANCEL);
    assert_eq!(client.status().await, "4");
    client.released().await;
    assert_eq!(rig.logged(), "4 SI");
    rig.is_balanced(1);
}
