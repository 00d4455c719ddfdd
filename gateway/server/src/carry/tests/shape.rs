//! What crosses the gateway, and in which frames.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_crosses_with_the_end_on_its_last_frame() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call_with(&client, "application/grpc+proto", &[("x-a", "1"), ("x-a", "2"), ("x-bin", "YQ==")]);
    let mut call = upstream.call().await;
    assert_eq!(call.head.uri(), "http://up:1/test.v1.Test/Do");
    assert_eq!(call.head.headers()["content-type"], "application/grpc+proto");
    assert_eq!(call.head.headers()["te"], "trailers");
    assert_eq!(call.head.headers()["x-bin"], "YQ==");
    assert_eq!(call.head.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(!call.head.headers().contains_key("grpc-timeout"), "a timeout that the client did not set");
    assert_eq!(call.data().await, Some((message("hello"), true)), "END_STREAM rides on the last frame");
    call.answer(&[("x-head", "1")]).send(message("hi")).end(&[("grpc-status", "0"), ("x-tail", "2")]);
    let Ended::Trailers(trailers) = client.ended().await else { panic!("no trailers") };
    assert_eq!(
        (&trailers["grpc-status"], &trailers["x-tail"]),
        (&"0".parse().unwrap(), &"2".parse().unwrap())
    );
    assert_eq!(client.side().body, message("hi"));
    assert_eq!(client.side().head.as_ref().unwrap().headers["x-head"], "1");
    client.released().await;
    assert_eq!(rig.logged(), "0 -");
    let line = &rig.log()[0];
    assert_eq!((&line["request_messages"], &line["response_messages"]), (&1.into(), &1.into()));
    assert_eq!((&line["bytes_received"], &line["bytes_sent"]), (&10.into(), &7.into()));
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_body_ends_with_its_head() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.end();
    rig.call(&client);
    assert!(upstream.call().await.body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_late_end_of_the_request_crosses_alone() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello"));
    rig.call(&client);
    let mut call = upstream.call().await;
    assert_eq!(call.data().await, Some((message("hello"), false)));
    client.end();
    assert_eq!(call.rest().await, (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn trailers_of_a_request_cross() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-t"), HeaderValue::from_static("1"))]);
    client.send(message("hello")).end_with(trailers.clone());
    rig.call(&client);
    assert_eq!(upstream.call().await.rest().await, (message("hello").to_vec(), Some(trailers)));
}

#[tokio::test(start_paused = true)]
async fn trailers_only_stays_one_frame() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call(&client);
    upstream.call().await.answer_only(&[("grpc-status", "5"), ("grpc-message", "gone%21"), ("x-t", "1")]);
    assert_eq!(client.ended().await, Ended::Head);
    let head = client.side().head.clone().unwrap();
    assert_eq!(
        (&head.headers["grpc-message"], &head.headers["x-t"]),
        (&"gone!".parse().unwrap(), &"1".parse().unwrap())
    );
    client.released().await;
    assert_eq!(client.status().await, "5");
    assert_eq!(rig.logged(), "5 -");
}

/// An upstream that has answered says with NO_ERROR that it wants no more of the request (RFC 9113, section 8.1).
#[tokio::test(start_paused = true)]
async fn a_reset_behind_a_complete_response_changes_nothing() {
    for only in [true, false] {
        let (rig, mut upstream) = Rig::simple("");
        let client = Client::new();
        client.send(message("hello"));
        rig.call(&client);
        let mut call = upstream.call().await;
        match only {
            true => call.answer_only(&[("grpc-status", "8")]),
            false => call.answer(&[]).send(message("hi")).end(&[("grpc-status", "8")]),
        }
        // The server half of h2 resets with NO_ERROR.
        drop(call);
        assert_eq!(client.status().await, "8");
        client.released().await;
        assert!(client.side().stopped, "the client is told that the rest is not wanted");
        assert_eq!(rig.logged(), "8 -");
    }
}

#[tokio::test(start_paused = true)]
async fn the_response_may_end_before_the_request() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call(&client);
    let mut call = upstream.call().await;
    call.answer(&[]).end(&[("grpc-status", "0")]);
    assert_eq!(client.status().await, "0");
    assert_eq!(call.was_reset().await, h2::Reason::NO_ERROR);
    client.released().await;
    assert!(client.side().stopped);
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn no_failed_upstream_looks_like_success() {
    let check = async |want: &str, respond: fn(&mut UpCall)| {
        let (rig, mut upstream) = Rig::simple("");
        let client = Client::new();
        client.end();
        rig.call(&client);
        respond(&mut upstream.call().await);
        assert_eq!(client.status().await, want);
        client.released().await;
        let line = rig.logged();
        assert!(line.starts_with(want) && !line.starts_with("0 "), "{line}");
        rig.is_balanced(1);
    };
    // Without a status.
    check("2", |call| call.answer(&[]).end(&[])).await;
    check("2", |call| call.answer(&[]).end_bare()).await;
    check("2", |call| call.answer_only(&[])).await;
    // A status that is none, or in the wrong place.
    check("2", |call| call.answer(&[]).end(&[("grpc-status", "99")])).await;
    check("2", |call| call.answer(&[("grpc-status", "0")]).end(&[])).await;
    check("7", |call| call.answer(&[("grpc-status", "0")]).end(&[("grpc-status", "7")])).await;
    // HTTP's own errors.
    check("14", |call| call.answer_with(http::Response::builder().status(503).body(()).unwrap(), true)).await;
    check("14", |call| {
        let response = http::Response::builder().status(503).header("grpc-status", "0").body(()).unwrap();
        call.answer_with(response, true);
    })
    .await;
    check("12", |call| call.answer_with(http::Response::builder().status(404).body(()).unwrap(), false))
        .await;
    // Not gRPC at all.
    check("2", |call| {
        let response = http::Response::builder().header("content-type", "text/html").body(()).unwrap();
        call.answer_with(response, false);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_ends_inside_a_message_breaks_off() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    rig.call(&client);
    upstream.call().await.answer(&[]).send(message("hello").slice(..7)).end(&[("grpc-status", "0")]);
    assert!(matches!(client.ended().await, Ended::Reset(reset) if reset.reason == 2));
    client.released().await;
    assert_eq!(rig.logged(), "13 UPE");
}

/// Both directions of a gRPC-Web call, with trailers in the body.
#[tokio::test(start_paused = true)]
async fn a_web_call_becomes_a_native_one() {
    let (rig, mut upstream) = Rig::simple("");
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call_with(
        &client,
        "application/grpc-web+proto",
        &[("x-a", "1"), ("origin", "https://a"), ("sec-x", "1")],
    );
    let mut call = upstream.call().await;
    let headers = call.head.headers();
    assert_eq!(
        (&headers["content-type"], &headers["x-a"]),
        (&"application/grpc+proto".parse().unwrap(), &"1".parse().unwrap())
    );
    assert!(!headers.contains_key("origin") && !headers.contains_key("sec-x"));
    assert_eq!(call.rest().await, (message("hello").to_vec(), None));
    call.answer(&[("x-head", "1")]).send(message("hi")).end(&[("grpc-status", "0"), ("x-t", "1")]);
    let Ended::Data(last) = client.ended().await else { panic!("trailers outside the body") };
    assert!(last > 0, "the end rides on the last frame");
    let body = client.side().body.clone();
    assert!(body.starts_with(&message("hi")) && body[7] == 0x80, "{body:?}");
    let trailers = String::from_utf8_lossy(&body[12..]).into_owned();
    assert!(trailers.contains("grpc-status: 0\r\n") && trailers.contains("x-t: 1\r\n"), "{trailers}");
    client.released().await;
    // A client that sends trailers of its own is refused (PROTOCOL-WEB.md has none in requests).
    let client = Client::new();
    client.send(vec![0x80, 0, 0, 0, 0]);
    rig.call_with(&client, "application/grpc-web+proto", &[]);
    client.ended().await;
    assert!(String::from_utf8_lossy(&client.side().body).contains("grpc-status: 13\r\n"));
    client.released().await;
    rig.is_balanced(2);
}
