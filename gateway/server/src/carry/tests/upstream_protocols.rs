//! Upstreams that speak gRPC-Web or Connect.

use h2::Reason;
use http::Response;
use sluicegate_core::wire::{Gone, Reset};

use super::*;

const PROTO: &str = "syntax = \"proto3\";
    package test.v1;
    message M { string text = 1; }
    service Test {
      rpc Do(M) returns (M);
      rpc Watch(M) returns (stream M);
      rpc Talk(stream M) returns (stream M);
    }";

const UNARY: &str = "/test.v1.Test/Do";
const TALK: &str = "/test.v1.Test/Talk";

/// What the upstream of a test speaks, with a method that shows it.
#[derive(Clone, Copy, Debug)]
struct Spoken {
    protocol: &'static str,
    path: &'static str,
    content_type: &'static str,
    /// The frame that ends a response well, or nothing.
    end: &'static [u8],
}

const WEB: Spoken = Spoken {
    protocol: "grpc-web",
    path: TALK,
    content_type: "application/grpc-web+proto",
    end: b"\x80\0\0\0\x10grpc-status: 0\r\n",
};
const CONNECT: Spoken =
    Spoken { protocol: "connect", path: UNARY, content_type: "application/proto", end: b"" };
const STREAM: Spoken = Spoken {
    protocol: "connect",
    path: TALK,
    content_type: "application/connect+proto",
    end: b"\x02\0\0\0\x02{}",
};
const ALL: [Spoken; 3] = [WEB, CONNECT, STREAM];

impl Spoken {
    /// A gateway in front of these endpoints.
    fn rig_of(self, route: &str, endpoints: &str) -> Rig {
        // The plan reads the folder, and nothing follows it here.
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("test.proto"), PROTO).unwrap();
        let descriptors = format!("descriptors = {{ protos = [{:?}] }}", folder.path());
        Rig::new(route, &format!("{endpoints}\nprotocol = {:?}\n{descriptors}", self.protocol))
    }

    fn rig(self, route: &str) -> (Rig, Upstream) {
        let rig = self.rig_of(route, "endpoints = [\"http://up:1\"]");
        let upstream = rig.upstreams.at(1, |_| {});
        (rig, upstream)
    }

    /// Calls the method in native gRPC.
    fn call(self, rig: &Rig, client: &Client, headers: &[(&'static str, &str)]) {
        rig.call_to(self.path, client, "application/grpc+proto", headers);
    }

    fn response(self, status: u16, headers: &[(&'static str, &str)]) -> Response<()> {
        let mut response = Response::builder().status(status);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            response = response.header("content-type", self.content_type);
        }
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap()
    }

    fn answer(self, call: &mut UpCall, headers: &[(&'static str, &str)]) {
        call.answer_with(self.response(200, headers), false);
    }

    /// A message as the upstream sends or gets it.
    fn message(self, text: &str) -> Bytes {
        if self.path == UNARY { Bytes::copy_from_slice(text.as_bytes()) } else { message(text) }
    }

    /// Ends a response well.
    fn end(self, call: &mut UpCall) {
        if !self.end.is_empty() {
            call.send(self.end);
        }
        call.end_bare();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_crosses_and_comes_back() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        client.send(message("hello")).end();
        spoken.call(&rig, &client, &[("x-a", "1"), ("grpc-timeout", "3S"), ("grpc-accept-encoding", "gzip")]);
        let mut call = upstream.call().await;
        assert_eq!(call.head.uri(), &*format!("http://up:1{}", spoken.path));
        let headers = call.head.headers().clone();
        assert_eq!(headers["content-type"], spoken.content_type);
        assert_eq!(
            (&headers["x-a"], &headers["x-forwarded-for"]),
            (&"1".parse().unwrap(), &"127.0.0.1".parse().unwrap())
        );
        assert!(!headers.contains_key("te"), "{spoken:?}");
        let timeout = if spoken.protocol == "connect" { "connect-timeout-ms" } else { "grpc-timeout" };
        assert!(
            headers.contains_key(timeout)
                && headers.keys().filter(|name| name.as_str().contains("timeout")).count() == 1
        );
        assert_eq!(call.rest().await, (spoken.message("hello").to_vec(), None), "{spoken:?}");

        let (trailer, last): (&str, Vec<u8>) = match (spoken.protocol, spoken.path) {
            ("grpc-web", _) => ("x-ignored", b"\x80\0\0\0\x18grpc-status: 0\r\nX-T: 2\r\n".to_vec()),
            (_, UNARY) => ("trailer-x-t", Vec::new()),
            _ => (
                "x-ignored",
                message("{\"metadata\":{\"x-t\":[\"2\"]}}")
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| if at == 0 { 2 } else { *byte })
                    .collect(),
            ),
        };
        spoken.answer(&mut call, &[("x-head", "1"), (trailer, "2")]);
        call.send(spoken.message("hi"));
        if !last.is_empty() {
            call.send(last);
        }
        call.end_bare();
        let Ended::Trailers(trailers) = client.ended().await else { panic!("no trailers: {spoken:?}") };
        assert_eq!(
            (&trailers["grpc-status"], &trailers["x-t"]),
            (&"0".parse().unwrap(), &"2".parse().unwrap())
        );
        assert_eq!(client.side().body, message("hi"));
        let head = client.side().head.clone().unwrap().headers;
        assert_eq!(
            (&head["x-head"], &head["content-type"]),
            (&"1".parse().unwrap(), &"application/grpc+proto".parse().unwrap())
        );
        assert!(!head.contains_key("trailer-x-t"));
        client.released().await;
        assert_eq!(rig.logged(), "0 -");
        let line = &rig.log()[0];
        assert_eq!((&line["request_messages"], &line["response_messages"]), (&1.into(), &1.into()));
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn no_timeout_is_made_up() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("timeout = \"9s\"");
        let client = Client::new();
        spoken.call(&rig, &client, &[("connect-timeout-ms", "1")]);
        let headers = upstream.call().await.head.headers().clone();
        let has = |name| headers.contains_key(name) && spoken.protocol == "connect";
        assert!(
            !has("connect-timeout-ms") && !headers.contains_key("grpc-timeout"),
            "{spoken:?} {headers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn messages_go_back_and_forth() {
    for spoken in [WEB, STREAM] {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        spoken.answer(&mut call, &[]);
        for turn in 1..=5 {
            client.send(message("ping"));
            assert_eq!(call.data().await, Some((message("ping"), false)));
            call.send(message("pong"));
            client.until("the answer", |side| side.body.len() == turn * message("pong").len()).await;
        }
        client.end();
        assert_eq!(call.rest().await.0, b"");
        spoken.end(&mut call);
        assert_eq!(client.status().await, "0");
        client.released().await;
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn no_failed_upstream_looks_like_success() {
    async fn check(spoken: Spoken, want: &str, respond: impl Fn(&mut UpCall)) {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        client.send(message("hello")).end();
        spoken.call(&rig, &client, &[]);
        respond(&mut upstream.call().await);
        assert_eq!(client.status().await, want, "{spoken:?}");
        client.released().await;
        let line = rig.logged();
        assert!(line.starts_with(want), "{line}");
        rig.is_balanced(1);
    }
    for spoken in ALL {
        // HTTP's own errors, with and without a body.
        for end in [true, false] {
            check(spoken, "14", |call| {
                call.answer_with(
                    spoken.response(503, &[("grpc-status", "0"), ("content-type", "text/html")]),
                    end,
                );
                if !end {
                    call.send("<html>").end_bare();
                }
            })
            .await;
        }
        check(spoken, "12", |call| call.answer_with(spoken.response(404, &[]), true)).await;
        // Not what the cluster is said to speak.
        for content_type in ["text/html", "application/grpc"] {
            let headers = [("content-type", content_type)];
            let headers = spoken.response(200, &headers);
            let respond = |call: &mut UpCall| {
                call.answer_with(headers.clone(), false);
                call.send(message("hi")).end(&[("grpc-status", "0")]);
            };
            let want = if spoken.path == UNARY && content_type != "text/html" { "13" } else { "2" };
            check(spoken, want, respond).await;
        }
    }
    for spoken in [WEB, STREAM] {
        // Without an end, and with HTTP's trailers in its place.
        check(spoken, "13", |call| call.answer_with(spoken.response(200, &[]), true)).await;
        check(spoken, "13", |call| {
            spoken.answer(call, &[]);
            call.send(message("hi")).end_bare();
        })
        .await;
        check(spoken, "13", |call| {
            spoken.answer(call, &[]);
            call.send(message("hi")).end(&[("grpc-status", "0")]);
        })
        .await;
        // With something behind it.
        check(spoken, "13", |call| {
            spoken.answer(call, &[]);
            call.send(spoken.end).send(message("hi")).end_bare();
        })
        .await;
    }
    check(WEB, "2", |call| {
        WEB.answer(call, &[]);
        call.send(&b"\x80\0\0\0\x08x-t: 1\r\n"[..]).end_bare();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_ends_inside_a_message_breaks_off() {
    for spoken in [WEB, STREAM] {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        spoken.answer(&mut call, &[]);
        call.send(message("hello").slice(..7)).end_bare();
        assert!(matches!(client.ended().await, Ended::Reset(reset) if reset.reason == 2), "{spoken:?}");
        client.released().await;
        assert_eq!(rig.logged(), "13 UPE");
        rig.is_balanced(1);
    }
}

/// What an upstream says of the failure of a call reaches the client whole.
#[tokio::test(start_paused = true)]
async fn errors_of_the_service_cross() {
    let json = r#"{"code":"not_found","message":"gone ☺","details":[{"type":"a.B","value":"AQ"}]}"#;
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        client.send(message("hello")).end();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        match (spoken.protocol, spoken.path) {
            ("grpc-web", _) => call.answer_with(
                spoken.response(
                    200,
                    &[
                        ("grpc-status", "5"),
                        ("grpc-message", "gone %E2%98%BA"),
                        ("grpc-status-details-bin", "AQ"),
                        ("x-t", "1"),
                    ],
                ),
                true,
            ),
            (_, UNARY) => {
                call.answer_with(
                    spoken.response(404, &[("content-type", "application/json"), ("trailer-x-t", "1")]),
                    false,
                );
                call.send(json).end_bare();
            }
            _ => {
                spoken.answer(&mut call, &[]);
                let end = format!(r#"{{"error":{json},"metadata":{{"x-t":["1"]}}}}"#);
                let mut frame = BytesMut::from(&message(&end)[..]);
                frame[0] = 2;
                call.send(frame.freeze()).end_bare();
            }
        }
        let trailers = match client.ended().await {
            Ended::Trailers(trailers) => trailers,
            Ended::Head => client.side().head.clone().unwrap().headers,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (&trailers["grpc-status"], &trailers["grpc-message"]),
            (&"5".parse().unwrap(), &"gone %E2%98%BA".parse().unwrap())
        );
        assert!(trailers.contains_key("grpc-status-details-bin") && trailers["x-t"] == "1", "{spoken:?}");
        client.released().await;
        assert_eq!(rig.logged(), "5 -");
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_unary_method_gets_one_message() {
    // None, before a stream is opened.
    let (rig, mut upstream) = CONNECT.rig("");
    let client = Client::new();
    client.end();
    CONNECT.call(&rig, &client, &[]);
    assert_eq!(client.status().await, "12");
    client.released().await;
    assert!(upstream.has_call().is_none());
    rig.is_balanced(1);
    // None, after it was opened; and two.
    for messages in [0, 2] {
        let (rig, mut upstream) = CONNECT.rig("");
        let client = Client::new();
        CONNECT.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        for _ in 0..messages {
            client.send(message("hello"));
        }
        client.end();
        assert_eq!(client.status().await, "12");
        assert_eq!(call.was_reset().await, Reason::CANCEL, "the request must not seem complete");
        client.released().await;
        rig.is_balanced(1);
    }
    // One that is empty.
    let (rig, mut upstream) = CONNECT.rig("");
    let client = Client::new();
    client.send(message("")).end();
    CONNECT.call(&rig, &client, &[]);
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await, (Vec::new(), None));
    CONNECT.answer(&mut call, &[]);
    call.end_bare();
    assert_eq!(client.status().await, "0");
    assert_eq!(client.side().body, message(""));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_does_not_reach_a_connect_upstream() {
    let (rig, mut upstream) = CONNECT.rig("filters = [{ use = \"probe\" }]");
    let client = Client::new();
    client.send(message("hello")).end();
    rig.call_to("/test.v1.Test/Unknown", &client, "application/grpc", &[]);
    assert_eq!(client.status().await, "12");
    client.released().await;
    assert!(upstream.has_call().is_none());
    assert_eq!(probe::seen(), ["request", "response", "end UNIMPLEMENTED"]);
    assert_eq!(rig.log()[0]["attempts"], 0);
    rig.is_balanced(1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_goes_to_the_other_endpoint_with_its_body() {
    for spoken in ALL {
        let endpoints = "endpoints = [\"http://up:1\", \"http://up:2\"]\nbalance = \"round_robin\"";
        let rig = spoken.rig_of("", endpoints);
        let (mut one, mut two) = (rig.upstreams.at(1, |_| {}), rig.upstreams.at(2, |_| {}));
        let client = Client::new();
        client.send(message("hello")).end();
        spoken.call(&rig, &client, &[]);
        let mut call = one.call().await;
        call.rest().await;
        call.reset(Reason::REFUSED_STREAM);
        let mut call = two.call().await;
        assert_eq!(call.head.headers()["content-type"], spoken.content_type);
        assert_eq!(call.rest().await.0, spoken.message("hello"));
        spoken.answer(&mut call, &[]);
        call.send(spoken.message("hi"));
        spoken.end(&mut call);
        assert_eq!(client.status().await, "0");
        client.released().await;
        assert_eq!(rig.log()[0]["attempts"], 2);
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn filters_see_messages_of_any_upstream() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("filters = [{ use = \"reader\" }]");
        let before = probe::seen().len();
        let client = Client::new();
        message("one").iter().for_each(|byte| _ = client.send(vec![*byte]));
        client.end();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        assert_eq!(call.rest().await.0, spoken.message("ONE!"));
        spoken.answer(&mut call, &[]);
        spoken.message("hi").iter().for_each(|byte| _ = call.send(vec![*byte]));
        spoken.end(&mut call);
        assert_eq!(client.status().await, "0");
        client.released().await;
        assert_eq!(client.side().body, message("HI!"));
        assert_eq!(client.side().head.as_ref().unwrap().headers["x-probe"], "seen");
        assert_eq!(
            probe::seen()[before..],
            [
                "request",
                "to upstream: one",
                "request_message",
                "response",
                "to client: hi",
                "response_message",
                "end OK"
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn limits_hold_in_both_directions() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("max_request_message = 10");
        let client = Client::new();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        client.send(message("0123456789a").slice(..6));
        assert_eq!(client.status().await, "8", "{spoken:?}");
        assert_eq!(call.was_reset().await, Reason::CANCEL);

        let (rig, mut upstream) = spoken.rig("max_response_message = 10");
        let client = Client::new();
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        spoken.answer(&mut call, &[]);
        call.send(spoken.message("0123456789a"));
        assert_eq!(client.status().await, "8", "{spoken:?}");
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        client.released().await;
        rig.is_balanced(1);
    }
}

#[tokio::test(start_paused = true)]
async fn both_ends_may_leave() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        client.send(message("hello"));
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        client.leave(Gone::Reset(Reset::CANCEL));
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        client.released().await;
        assert_eq!(rig.logged(), "1 DR");
        rig.is_balanced(1);

        for begun in [false, true] {
            let (rig, mut upstream) = spoken.rig("");
            let client = Client::new();
            spoken.call(&rig, &client, &[]);
            let mut call = upstream.call().await;
            if begun {
                spoken.answer(&mut call, &[]);
                client.until("the head", |side| side.head.is_some()).await;
            }
            call.reset(Reason::ENHANCE_YOUR_CALM);
            assert_eq!(client.ended().await, Ended::Reset(Reset::from_h2(0xb)), "{spoken:?}");
            client.released().await;
            assert_eq!(rig.logged(), "8 UR");
            rig.is_balanced(1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_kept() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        spoken.call(&rig, &client, &[("grpc-timeout", "100m")]);
        let mut call = upstream.call().await;
        assert_eq!(call.was_reset().await, Reason::CANCEL);
        assert_eq!(client.status().await, "4");
        client.released().await;
        assert_eq!(rig.logged(), "4 UT");
    }
}

#[tokio::test(start_paused = true)]
async fn each_direction_is_held_back_by_its_receiver() {
    for spoken in [WEB, STREAM] {
        let (rig, mut upstream) = spoken.rig("max_request_message = 0\nmax_response_message = 0");
        let client = Client::new();
        client.stop_reading();
        client.send(message(vec![7; 200_000])).send(message("more"));
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        spoken.answer(&mut call, &[]);
        call.send(message(vec![7; 2_000_000]));
        settle().await;
        assert_eq!(client.side().released, 0, "credit for what the upstream has not taken");
        assert_eq!(client.side().unread(), 1, "chunks left with the client");
        assert!(call.waits_to_send(), "the response was read ahead");
        client.end();
        assert_eq!(call.rest().await.0.len(), 200_005 + 9);
        client.grant(usize::MAX / 4);
        client.until("the message", |side| side.body.len() == 2_000_005).await;
        spoken.end(&mut call);
        assert_eq!(client.status().await, "0");
    }
}

/// A message that is larger than every window on the way.
#[tokio::test(start_paused = true)]
async fn a_large_unary_message_crosses() {
    let (rig, mut upstream) = CONNECT.rig("max_request_message = 0\nmax_response_message = 0");
    let client = Client::new();
    client.send(message(vec![7; 2_000_000])).end();
    CONNECT.call(&rig, &client, &[]);
    let mut call = upstream.call().await;
    assert_eq!(call.rest().await.0, vec![7; 2_000_000]);
    CONNECT.answer(&mut call, &[]);
    call.send(vec![8; 2_000_000]).end_bare();
    assert_eq!(client.status().await, "0");
    assert_eq!(client.side().body, message(vec![8; 2_000_000]));
}

/// The protocols of both ends have nothing to do with each other.
#[tokio::test(start_paused = true)]
async fn a_web_client_reaches_any_upstream() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        client.send(message("hello")).end();
        rig.call_to(spoken.path, &client, "application/grpc-web+proto", &[]);
        let mut call = upstream.call().await;
        assert_eq!(call.rest().await.0, spoken.message("hello"));
        spoken.answer(&mut call, &[]);
        call.send(spoken.message("hi"));
        spoken.end(&mut call);
        assert!(matches!(client.ended().await, Ended::Data(_)));
        let body = client.side().body.clone();
        assert!(body.starts_with(&message("hi")) && body.ends_with(b"grpc-status: 0\r\n"), "{body:?}");
    }
}

/// These protocols have no trailers in requests.
#[tokio::test(start_paused = true)]
async fn trailers_of_a_request_stay_behind() {
    for spoken in ALL {
        let (rig, mut upstream) = spoken.rig("");
        let client = Client::new();
        let trailers = HeaderMap::from_iter([("x-t".parse().unwrap(), "1".parse().unwrap())]);
        client.send(message("hello")).end_with(trailers);
        spoken.call(&rig, &client, &[]);
        let mut call = upstream.call().await;
        assert_eq!(call.rest().await, (spoken.message("hello").to_vec(), None), "{spoken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_in_the_head_stays_there() {
    let (rig, mut upstream) = WEB.rig("");
    let client = Client::new();
    WEB.call(&rig, &client, &[]);
    let mut call = upstream.call().await;
    // The end comes in a frame of its own, as over HTTP/1.1 it often does.
    WEB.answer(&mut call, &[("grpc-status", "9"), ("x-t", "1")]);
    settle().await;
    call.end_bare();
    assert_eq!(client.ended().await, Ended::Head);
    assert_eq!(client.status().await, "9");
    assert_eq!(client.side().head.as_ref().unwrap().headers["x-t"], "1");
    client.released().await;
    assert!(client.side().stopped);
}
