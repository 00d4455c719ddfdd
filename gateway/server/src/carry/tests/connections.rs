//! Connections to upstreams: opened when needed, watched while used, closed when idle.

use super::*;

async fn succeeds(rig: &Rig, upstream: &mut Upstream) -> usize {
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    call.answer_only(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
    client.released().await;
    call.connection
}

#[tokio::test(start_paused = true)]
async fn calls_share_a_connection_until_it_is_idle() {
    let (rig, mut upstream) = Rig::with("", "idle_timeout = \"60s\"\nping_interval = \"10s\"", |_| {});
    // Calls so short that none is open when the connection is looked at.
    for _ in 0..20 {
        assert_eq!(succeeds(&rig, &mut upstream).await, 1);
        tokio::time::sleep(Duration::from_secs(8)).await;
    }
    tokio::time::sleep(Duration::from_secs(71)).await;
    let connections = || rig.door.worker.running.clusters[0].endpoints[0].connections();
    assert_eq!(connections(), 0, "connections without calls");
    assert_eq!(succeeds(&rig, &mut upstream).await, 2);
    assert_eq!(connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_tried_again_only_after_a_pause() {
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
    let failed = || rig.metric("sluicegate_cluster_upstream_cx_connect_fail");
    for _ in 0..3 {
        let client = Client::new();
        rig.call(&client);
        assert_eq!(client.status().await, "14");
        client.released().await;
    }
    assert_eq!(failed(), 3.0);
    // It is there now, but nobody looks before the pause is over.
    let mut upstream = rig.upstreams.at(1, |_| {});
    let client = Client::new();
    rig.call(&client);
    assert_eq!(client.status().await, "14");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(succeeds(&rig, &mut upstream).await, 1);
}

/// A second connection that cannot be had is tried again, and the calls on the first are not held up.
#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_a_stream_get_a_second_connection_when_there_is_one() {
    let cluster = "endpoints = [\"http://up:1\"]\nmax_streams_per_connection = 1";
    let rig = Rig::new("", cluster);
    let mut first = rig.upstreams.at(1, |_| {});
    let long = Client::new();
    rig.call(&long);
    let mut long_there = first.call().await;
    rig.upstreams.nobody(1);
    let waiting = Client::new();
    rig.call(&waiting);
    settle().await;
    let mut second = rig.upstreams.at(1, |_| {});
    let mut call = second.call().await;
    call.answer_only(&[("grpc-status", "0")]);
    assert_eq!(waiting.status().await, "0");
    long_there.answer_only(&[("grpc-status", "0")]);
    assert_eq!(long.status().await, "0");
}
