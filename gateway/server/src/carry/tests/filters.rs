//! What filters may rely on, and what they may not break.

use h2::Reason;

use super::*;

#[tokio::test(start_paused = true)]
async fn filters_see_whole_messages_and_change_them() {
    let (rig, mut upstream) = Rig::simple("filters = [{ use = \"reader\" }]");
    let client = Client::new();
    let two = [message("one"), message("two")].concat();
    for byte in &two {
        client.send(vec![*byte]);
    }
    client.end();
    rig.call(&client);
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await.0, [message("ONE!"), message("TWO!")].concat());
    call.answer(&[]);
    for byte in message("hi").iter() {
        call.send(vec![*byte]);
    }
    call.end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
    client.released().await;
    assert_eq!(client.side().body, message("HI!"));
    assert_eq!(client.side().head.as_ref().unwrap().headers["x-probe"], "seen");
    assert_eq!(
        probe::seen(),
        [
            "request",
            "to upstream: one",
            "request_message",
            "to upstream: two",
            "request_message",
            "response",
            "to client: hi",
            "response_message",
            "end OK"
        ]
    );
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_any_hook_ends_the_call_there() {
    for hook in ["request", "request_message", "response", "response_message"] {
        let (rig, mut upstream) =
            Rig::simple(&format!("filters = [{{ use = \"reader\", refuses_at = \"{hook}\" }}]"));
        let before = probe::count("end");
        let client = Client::new();
        client.send(message("one"));
        rig.call(&client);
        let call = if hook == "request" { None } else { Some(upstream.call().await) };
        if let Some(mut call) = call {
            if hook.starts_with("response") {
                call.answer(&[]).send(message("hi"));
            }
            assert_eq!(call.was_reset().await, Reason::CANCEL, "{hook}");
        }
        assert_eq!(client.status().await, "7", "{hook}");
        client.released().await;
        assert!(client.side().body.is_empty(), "{hook}");
        assert_eq!(probe::count("end") - before, 1, "{hook}");
        assert_eq!(probe::seen().last().unwrap(), "end PERMISSION_DENIED", "{hook}");
        assert!(rig.logged().starts_with("7 "), "{hook}");
        rig.is_balanced(1);
        assert!(upstream.has_call().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_any_hook_ends_only_its_call() {
    for hook in ["request", "request_message", "response", "response_message", "end"] {
        let (rig, mut upstream) =
            Rig::simple(&format!("filters = [{{ use = \"reader\", panics_at = \"{hook}\" }}]"));
        let before = probe::count("end");
        let client = Client::new();
        client.send(message("one"));
        rig.call(&client);
        if hook != "request" {
            let mut call = upstream.call().await;
            if hook != "request_message" {
                call.answer(&[]).send(message("hi"));
            }
            match hook {
                "end" => call.end(&[("grpc-status", "0")]),
                _ => assert_eq!(call.was_reset().await, Reason::CANCEL, "{hook}"),
            }
        }
        assert_eq!(client.status().await, "13", "{hook}");
        client.released().await;
        assert_eq!(probe::count("end") - before, 1, "{hook}");
        assert_eq!(rig.logged(), "13 PX", "{hook}");
        assert!(rig.metric("sluicegate_panics_total") >= 1.0, "{hook}");
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_client_leaves_still_closes_the_books() {
    let (rig, mut upstream) = Rig::simple("filters = [{ use = \"probe\", panics_at = \"end\" }]");
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    client.leave(sluicegate_core::wire::Gone::Connection);
    assert_eq!(call.was_reset().await, Reason::CANCEL);
    client.released().await;
    assert_eq!(probe::count("end"), 1);
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn filters_see_the_head_of_a_refusal() {
    let rig = Rig::new("filters = [{ use = \"probe\" }]", "endpoints = [\"http://up:1\"]");
    let client = Client::new();
    rig.call(&client);
    assert_eq!(client.status().await, "14");
    client.released().await;
    assert_eq!(client.side().head.as_ref().unwrap().headers["x-probe"], "seen");
    assert_eq!(probe::seen(), ["request", "response", "end UNAVAILABLE"]);
    assert_eq!(rig.logged(), "14 UF");
}
