//! Every way a call can end, in every state it can be in.

use h2::Reason;
use sluicegate_core::wire::{Gone, Reset};

use super::*;

const LEFT: Gone = Gone::Reset(Reset::CANCEL);

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_the_call_at_the_upstream_along() {
    type State = (&'static str, fn(&Client), fn(&mut UpCall));
    let states: [State; 5] = [
        ("idle", |client| _ = client.send(message("hello")), |_| {}),
        ("half-closed", |client| _ = client.send(message("hello")).end(), |_| {}),
        ("after the head", |client| _ = client.end(), |call| _ = call.answer(&[])),
        ("blocked upload", |client| _ = client.send(vec![0; 100_000]), |_| {}),
        ("blocked download", |client| client.stop_reading(), |call| _ = call.answer(&[]).send(message("hi"))),
    ];
    for (state, prepare, respond) in states {
        for (gone, reason, flag) in [
            (LEFT, Reason::CANCEL, "DR"),
            (Gone::Reset(Reset::from_h2(0xb)), Reason::ENHANCE_YOUR_CALM, "DR"),
            (Gone::Connection, Reason::CANCEL, "DC"),
            (Gone::Protocol, Reason::CANCEL, "DPE"),
        ] {
            let (rig, mut upstream) = Rig::simple("max_request_message = 0");
            let client = Client::new();
            prepare(&client);
            rig.call(&client);
            let mut call = upstream.call().await;
            respond(&mut call);
            settle().await;
            client.leave(gone);
            assert_eq!(call.was_reset().await, reason, "{state}");
            client.released().await;
            assert_eq!(rig.logged(), format!("1 {flag}"), "{state}");
            rig.is_balanced(1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_leave_while_the_gateway_connects() {
    let rig = Rig::new("", "endpoints = [\"http://up:1\"]");
    let mut silent = rig.upstreams.silent(1);
    let client = Client::new();
    client.send(message("hello"));
    rig.call(&client);
    soon("a connection", silent.recv()).await.unwrap();
    client.leave(LEFT);
    client.released().await;
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_leave_while_a_filter_waits() {
    let (rig, mut upstream) = Rig::simple("filters = [{ use = \"probe\", waits = true }]");
    let client = Client::new();
    rig.call(&client);
    settle().await;
    assert_eq!(probe::seen(), ["request"]);
    client.leave(LEFT);
    client.released().await;
    assert_eq!(probe::seen(), ["request", "stopped waiting", "end CANCELLED"]);
    assert!(upstream.has_call().is_none());
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_task_closes_the_books() {
    let (rig, mut upstream) = Rig::simple("filters = [{ use = \"probe\" }]");
    let client = Client::new();
    let (receive, transmit) = client.wire();
    let head = Head {
        method: Method::POST,
        path: "/test.v1.Test/Do".parse().unwrap(),
        headers: HeaderMap::from_iter([(
            HeaderName::from_static("content-type"),
            HeaderValue::from_static("application/grpc"),
        )]),
        transport: Transport::Http2,
    };
    let Admission::Call(protocol, Ok(opened)) = rig.door.admit(head, "up") else { panic!("no call") };
    let task = tokio::spawn(rig.door.carry(protocol, *opened, entrance(), receive, transmit));
    let mut call = upstream.call().await;
    task.abort();
    assert_eq!(call.was_reset().await, Reason::CANCEL);
    client.released().await;
    assert_eq!(probe::seen(), ["request", "end CANCELLED"]);
    assert_eq!(rig.logged(), "1 DC");
    rig.is_balanced(1);
}

/// Native clients get the upstream's code, whatever it is; others a status.
#[tokio::test(start_paused = true)]
async fn a_reset_of_the_upstream_keeps_its_code() {
    for (reason, status) in [
        (Reason::CANCEL, 1),
        (Reason::ENHANCE_YOUR_CALM, 8),
        (Reason::INADEQUATE_SECURITY, 7),
        (Reason::INTERNAL_ERROR, 13),
        (Reason::NO_ERROR, 13),
    ] {
        for begun in [false, true] {
            let (rig, mut upstream) = Rig::simple("");
            let client = Client::new();
            rig.call(&client);
            let mut call = upstream.call().await;
            if begun {
                call.answer(&[]).send(message("hi"));
                client.until("the message", |side| !side.body.is_empty()).await;
            }
            call.reset(reason);
            assert_eq!(client.ended().await, Ended::Reset(Reset::from_h2(reason.into())));
            client.released().await;
            assert_eq!(rig.logged(), format!("{status} UR"));
            rig.is_balanced(1);
        }
    }
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call_with(&client, "application/grpc-web+proto", &[]);
    upstream.call().await.reset(Reason::ENHANCE_YOUR_CALM);
    assert!(matches!(client.ended().await, Ended::Data(_)));
    let body = String::from_utf8_lossy(&client.side().body).into_owned();
    assert!(body.contains("grpc-status: 8\r\n"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_dies_is_unavailable() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call(&client);
    let _call = upstream.call().await;
    upstream.order(Order::Die);
    assert_eq!(client.status().await, "14");
    client.released().await;
    assert_eq!(rig.logged(), "14 UC");
    rig.is_balanced(1);
    // And the next call gets a new connection.
    let client = Client::new();
    rig.call(&client);
    assert_eq!(upstream.call().await.connection, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_route_is_refused() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call_to("/other.v1.Other/Do", &client, "application/grpc", &[]);
    assert_eq!(client.status().await, "12");
    client.released().await;
    assert!(client.side().stopped && upstream.has_call().is_none());
    assert_eq!(rig.logged(), "12 NR");
    assert_eq!(rig.metric("sluicegate_downstream_rq_no_route"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn limits_are_enforced_at_the_prefix() {
    let prefix = |length: u32| {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(length);
        frame.freeze()
    };
    for (length, status) in [(11, "8"), (u32::MAX, "8")] {
        // From the client, before a byte of the message is there.
        let (rig, mut upstream) = Rig::simple("max_request_message = 10");
        let client = Client::new();
        client.send(message("0123456789"));
        rig.call(&client);
        let mut call = upstream.call().await;
        assert_eq!(call.data().await.unwrap().0, message("0123456789"));
        client.send(prefix(length));
        assert_eq!(client.status().await, status);
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        client.released().await;
        assert!(client.side().stopped);
        rig.is_balanced(1);
        // From the upstream.
        let (rig, mut upstream) = Rig::simple("max_response_message = 10");
        let client = Client::new();
        rig.call(&client);
        let mut call = upstream.call().await;
        call.answer(&[]).send(message("0123456789")).send(prefix(length));
        assert_eq!(client.status().await, status);
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        assert_eq!(client.side().body, message("0123456789"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_ends_inside_a_message_is_an_error() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello").slice(..7));
    rig.call(&client);
    let mut call = upstream.call().await;
    call.data().await.unwrap();
    client.end();
    assert_eq!(client.status().await, "13");
    assert_eq!(call.was_reset().await, Reason::CANCEL);
    client.released().await;
    assert_eq!(rig.logged(), "13 DPE");
}
