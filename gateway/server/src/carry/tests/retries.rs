//! Calls that go to another endpoint, and those that do not.

use h2::Reason;
use sluicegate_core::wire::Reset;

use super::*;

const TWO: &str = "endpoints = [\"http://up:1\", \"http://up:2\"]\nbalance = \"round_robin\"";

fn two() -> (Rig, Upstream, Upstream) {
    let rig = Rig::new("max_request_message = 0", TWO);
    let (one, two) = (rig.upstreams.at(1, |_| {}), rig.upstreams.at(2, |_| {}));
    (rig, one, two)
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_goes_to_the_other_endpoint_with_its_body() {
    for trailers in [None, Some(HeaderMap::from_iter([("x-t".parse().unwrap(), "1".parse().unwrap())]))] {
        let (rig, mut one, mut two) = two();
        let client = Client::new();
        client.send(message("hello")).send(message("world"));
        match trailers.clone() {
            Some(trailers) => client.end_with(trailers),
            None => client.end(),
        };
        rig.call(&client);
        let mut call = one.call().await;
        call.rest().await;
        call.reset(Reason::REFUSED_STREAM);
        let mut call = two.call().await;
        assert_eq!(call.rest().await, ([message("hello"), message("world")].concat(), trailers));
        call.answer_only(&[("grpc-status", "0")]);
        assert_eq!(client.status().await, "0");
        client.released().await;
        assert_eq!(rig.log()[0]["attempts"], 2);
        assert_eq!(rig.log()[0]["upstream_host"], "up:2");
        assert_eq!(rig.metric("sluicegate_cluster_upstream_rq_retry"), 1.0);
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_processed_is_not_sent_twice() {
    // Any other reset, or one behind the head.
    for (begun, reason) in
        [(false, Reason::CANCEL), (false, Reason::INTERNAL_ERROR), (true, Reason::REFUSED_STREAM)]
    {
        let (rig, mut one, mut two) = two();
        let client = Client::new();
        client.end();
        rig.call(&client);
        let mut call = one.call().await;
        if begun {
            call.answer(&[]);
            client.until("the head", |side| side.head.is_some()).await;
        }
        call.reset(reason);
        assert_eq!(client.ended().await, Ended::Reset(Reset::from_h2(reason.into())));
        assert!(two.has_call().is_none());
    }
    // More than is kept.
    let (rig, mut one, mut two) = two();
    let client = Client::new();
    client.send(message(vec![0; 65_536])).end();
    rig.call(&client);
    let mut call = one.call().await;
    call.rest().await;
    call.reset(Reason::REFUSED_STREAM);
    assert_eq!(client.ended().await, Ended::Reset(Reset::REFUSED));
    client.released().await;
    assert!(two.has_call().is_none());
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_cannot_be_reached_is_passed_over() {
    let rig = Rig::new("", TWO);
    let mut upstream = rig.upstreams.at(2, |_| {});
    for _ in 0..3 {
        let client = Client::new();
        client.send(message("hello")).end();
        rig.call(&client);
        let mut call = upstream.call().await;
        assert_eq!(call.rest().await.0, message("hello"));
        call.answer_only(&[("grpc-status", "0")]);
        assert_eq!(client.status().await, "0");
        client.released().await;
    }
    assert_eq!(rig.metric("sluicegate_cluster_upstream_cx_connect_fail"), 1.0);
    rig.is_balanced(3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nothing_can_take_says_why() {
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
    let client = Client::new();
    rig.call(&client);
    assert_eq!(client.status().await, "14");
    client.released().await;
    assert_eq!(rig.logged(), "14 UF");
    let line = &rig.log()[0];
    assert_eq!(
        (&line["attempts"], &line["response_code_details"]),
        (&1.into(), &"connection refused".into())
    );
    assert_eq!(rig.metric("sluicegate_cluster_upstream_cx_connect_fail"), 1.0);
    rig.is_balanced(1);
}

/// One endpoint that restarts its connections loses no call.
#[tokio::test(start_paused = true)]
async fn calls_that_a_goaway_leaves_out_go_to_a_new_connection() {
    let (rig, mut upstream) = Rig::simple("");
    let first = Client::new();
    rig.call(&first);
    let mut old = upstream.call().await;
    upstream.order(Order::Leave);
    settle().await;
    // What was begun goes on, what is new goes elsewhere.
    let second = Client::new();
    rig.call(&second);
    let mut new = upstream.call().await;
    assert_eq!((old.connection, new.connection), (1, 2));
    old.answer_only(&[("grpc-status", "0")]);
    new.answer_only(&[("grpc-status", "0")]);
    for client in [first, second] {
        assert_eq!(client.status().await, "0");
        client.released().await;
    }
    rig.is_balanced(2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_only_endpoint_refused_is_tried_there_again() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call(&client);
    upstream.call().await.reset(Reason::REFUSED_STREAM);
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await.0, message("hello"));
    call.reset(Reason::REFUSED_STREAM);
    // Not for ever.
    assert_eq!(client.ended().await, Ended::Reset(Reset::REFUSED));
    client.released().await;
    assert!(upstream.has_call().is_none());
    rig.is_balanced(1);
}
