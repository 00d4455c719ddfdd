//! Ends that are not OK: those the upstream sends, and those made of its failures.

use sluicegate_e2e::client::{Client, Encoding, End, Protocol, Received};
use sluicegate_e2e::upstream::{Event, method};

use crate::stage::Stage;

over!(every protocol: trailers_only, error_mid_stream, every_code, early_end, no_status, html_503);
over!(every protocol: reset_before_head, reset_after_head, reset_mid_message);
over!(every protocol: dies_before_head, dies_mid_message);
over!(every protocol: early_ok, no_status_in_trailers, ok_mid_message, no_grpc_content_type);

fn assert_is_the_failure(end: &End) {
    assert_eq!(end.code, 9);
    assert_eq!(end.message, method::FAILURE_MESSAGE);
    assert_eq!(end.details.as_deref(), Some(method::FAILURE_DETAILS));
    assert_eq!(end.trailers["x-failed"], "yes");
}

async fn trailers_only(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::TRAILERS_ONLY, &[b""]).await;
    assert_is_the_failure(returned.end());
    assert!(returned.messages.is_empty());
    // For gRPC clients a status in the headers counts only when nothing follows, so one block must stay one block.
    if is_native(protocol) {
        assert!(returned.end().trailers_only);
    }
}

async fn error_mid_stream(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::MID_STREAM, &[b""]).await;
    assert_eq!(returned.messages, ["one", "two"]);
    assert_is_the_failure(returned.end());
    assert!(!returned.end().trailers_only);
}

async fn every_code(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    for code in 1..=16 {
        for path in [method::TRAILERS_ONLY, method::MID_STREAM] {
            let call = client.call(path).metadata("x-status", &code.to_string()).open().await;
            assert_eq!(call.exchange(&[b""]).await.code(), code);
        }
    }
}

/// A response that is complete before the request is: the rest of the request is not wanted, and not waited for.
async fn early_end(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::EARLY).open().await;
    let returned = call.response.all().await;
    assert_is_the_failure(returned.end());
    let mut seen = upstream.next_call().await;
    assert_eq!(seen.next().await, Event::Answered);
    assert!(
        matches!(seen.next().await, Event::Reset(0 | 8)),
        "the upstream's stream does not stay half open"
    );
    drop(call);
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

async fn no_status(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::NO_STATUS, &[b""]).await;
    assert_eq!((returned.code(), returned.messages), (2, vec!["one".into()]));
}

async fn html_503(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::HTML_503, &[b""]).await;
    assert_eq!((returned.code(), returned.messages.len()), (14, 0));
}

async fn reset_before_head(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    // ENHANCE_YOUR_CALM, INTERNAL_ERROR and CANCEL, and what PROTOCOL-HTTP2.md makes of them.
    for (reason, code) in [("11", 8), ("2", 13), ("8", 1)] {
        let call = client.call(method::RESET_BEFORE_HEAD).metadata("x-reset", reason).open().await;
        let returned = call.exchange(&[b""]).await;
        match &returned.end {
            Ok(end) => assert_eq!(end.code, code),
            // A native client may be reset in its turn.
            Err(broken) => assert!(is_native(protocol), "{broken}"),
        }
    }
}

async fn reset_after_head(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let received = until_broken_off(&mut client, method::RESET_AFTER_HEAD).await;
    // The stream stands between two messages, so every protocol but native gRPC can still write a status there.
    match received {
        Received::End(end) => assert_eq!(end.code, 8),
        Received::Broken(broken) => {
            assert!(is_native(protocol), "{broken:?}");
        }
        other => panic!("no second message: {other:?}"),
    }
}

async fn reset_mid_message(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    assert_not_ok(until_broken_off(&mut client, method::RESET_MID_MESSAGE).await);
    // The gateway and its other connections go on.
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

async fn dies_before_head(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::DIE_BEFORE_HEAD, &[b""]).await;
    assert_eq!(returned.code(), 14);
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

async fn dies_mid_message(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    assert_not_ok(until_broken_off(&mut client, method::DIE_MID_MESSAGE).await);
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

/// The reset after the complete response must not overtake it.
async fn early_ok(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    for _ in 0..5 {
        let mut call = client.call(method::EARLY_OK).open().await;
        call.send(b"the first of many").await.unwrap();
        let returned = call.response.all().await;
        assert_eq!((returned.code(), returned.messages.len()), (0, 3));
    }
}

async fn no_status_in_trailers(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::NO_STATUS_IN_TRAILERS, &[b""]).await;
    assert_eq!((returned.code(), returned.messages), (2, vec!["one".into()]));
}

async fn ok_mid_message(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::OK_MID_MESSAGE, &[b""]).await;
    assert!(returned.messages.is_empty());
    if let Ok(end) = returned.end {
        assert_eq!(end.code, 13);
    }
}

async fn no_grpc_content_type(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let returned = client.exchange(method::TEXT, &[b""]).await;
    assert_eq!((returned.code(), returned.messages.len()), (2, 0));
}

/// Reads the one whole message and what comes after it.
async fn until_broken_off(client: &mut Client, path: &str) -> Received {
    let full_duplex = client.protocol().is_full_duplex();
    let mut call = client.call(path).metadata("x-reset", "11").open().await;
    call.send(b"").await.unwrap();
    if full_duplex {
        assert_eq!(call.response.message().await, "whole");
    }
    // The upstream breaks off once it sees this; a client that cannot read meanwhile may lose the message to it.
    let _ = call.half_close().await;
    match call.recv().await {
        Received::Message(message) if !full_duplex => {
            assert_eq!(message, "whole");
            call.recv().await
        }
        received => received,
    }
}

fn assert_not_ok(received: Received) {
    match received {
        Received::End(end) => assert_ne!(end.code, 0),
        Received::Broken(_) => {}
        other => panic!("half a message arrived as {other:?}"),
    }
}

fn is_native(protocol: Protocol) -> bool {
    protocol.encoding() == Encoding::Grpc
}
