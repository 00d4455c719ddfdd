//! Responses of every form.

use super::*;

/// What a response of these messages looks like: head, body, ending.
fn answer(
    line: &str,
    headers: &[(&'static str, &str)],
    metadata: Option<&[(&'static str, &str)]>,
    messages: &[&str],
    end: End,
) -> (String, String, String) {
    let opened = |line| open_call(request(line, headers)).unwrap();
    let output = schema().method(&opened(line).path).unwrap().output();
    let frame = |json: &&str| {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let message = DynamicMessage::deserialize(output.clone(), json).unwrap();
        let payload = prost::Message::encode_to_vec(&message).into();
        crate::message::Message { compressed: false, payload }.to_frame()
    };
    let frames: Vec<u8> = messages.iter().flat_map(frame).collect();
    feed_in_every_split(&frames, |pieces| {
        let mut encoder = opened(line).encoder;
        let (head, body, ending) = sent(|out| {
            let Some(metadata) = metadata else {
                return encoder.trailers_only(map(&[("filter", "1")]), end.clone(), out);
            };
            encoder.head(crate::call::ResponseHead { metadata: map(metadata), ..Default::default() }, out);
            let fed = pieces.into_iter().try_for_each(|piece| encoder.data(piece, out));
            encoder.end(fed.err().map_or(end.clone(), End::from), out);
        });
        // A length that is not the body's stays, and no test expects one.
        let head = head.replace(&format!("content-length: {}; ", body.len()), "");
        (head, String::from_utf8_lossy(&body).into_owned(), ending)
    })
}

fn ok(trailers: &[(&'static str, &str)]) -> End {
    End { status: Status::OK, trailers: map(trailers) }
}

fn not_found() -> End {
    End { status: Status::new(Code::NotFound, "no \"x\""), trailers: map(&[("t", "1"), ("t", "2")]) }
}

const NOT_FOUND: &str = r#"{"code":5,"message":"no \"x\"","details":[]}"#;

/// Checks the response of a call without request headers, which ends cleanly.
#[track_caller]
fn check_answer(
    line: &str,
    metadata: Option<&[(&'static str, &str)]>,
    messages: &[&str],
    end: End,
    head: &str,
    body: &str,
) {
    let seen = answer(line, &[], metadata, messages, end);
    assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, "clean"), "{line}");
}

#[test]
fn answers_unary_calls() {
    let shelf = r#"{"id":"1","theme":"x"}"#;
    check_answer(
        "GET /v1/shelves/1",
        Some(&[("x-a", "1"), ("x-a", "2"), ("content-length", "7"), ("etag", "e")]),
        &[shelf],
        ok(&[("t", "1"), ("www-authenticate", "w")]),
        "200 content-type: application/json; etag: e; grpc-trailer-t: 1; www-authenticate: w; x-a: 1; x-a: 2",
        shelf,
    );
    check_answer(
        "POST /v1/shelves",
        Some(&[("x-http-code", "201")]),
        &[shelf],
        ok(&[]),
        "201 content-type: application/json",
        shelf,
    );
    check_answer("DELETE /v1/shelves/1", Some(&[("x-http-code", "204")]), &["{}"], ok(&[]), "204 ", "");
    for code in ["500", "302", "99", "x"] {
        let head = "200 content-type: application/json";
        check_answer("DELETE /v1/shelves/1", Some(&[("x-http-code", code)]), &["{}"], ok(&[]), head, "{}");
    }
    let json = "200 content-type: application/json";
    check_answer(
        "GET /v1/shelves/1/titles",
        Some(&[]),
        &[r#"{"titles":["a","b"]}"#],
        ok(&[]),
        json,
        r#"["a","b"]"#,
    );
    check_answer("GET /v1/shelves/1/titles", Some(&[]), &["{}"], ok(&[]), json, "[]");
    check_answer("PUT /v1/everything/labels", Some(&[]), &["{}"], ok(&[]), json, "{}");
    check_answer("PUT /v1/everything/text", Some(&[]), &["{}"], ok(&[]), json, "\"\"");
    check_answer("PUT /v1/everything/text", Some(&[]), &[r#"{"stringValue":"x"}"#], ok(&[]), json, "\"x\"");
    let time = "1970-01-01T00:00:01Z";
    let timestamp = format!(r#"{{"timestamp":"{time}"}}"#);
    check_answer("PUT /v1/everything/time", Some(&[]), &[&timestamp], ok(&[]), json, &format!("\"{time}\""));
    check_answer(
        "GET /v1/shelves/1/books/2/cover",
        Some(&[("content-type", "x/y")]),
        &[r#"{"contentType":"image/png","data":"AQI="}"#],
        ok(&[]),
        "200 content-type: image/png",
        "\u{1}\u{2}",
    );
    check_answer(
        "POST /v1/raw",
        Some(&[]),
        &["{}"],
        ok(&[]),
        "200 content-type: application/octet-stream",
        "",
    );
}

#[test]
fn answers_errors_with_their_http_status() {
    let line = "GET /v1/shelves/1";
    let with_metadata = "404 content-type: application/json; grpc-trailer-t: 1; grpc-trailer-t: 2; x: 1";
    check_answer(line, Some(&[("x", "1")]), &[], not_found(), with_metadata, NOT_FOUND);
    check_answer(line, Some(&[("x", "1")]), &["{}"], not_found(), with_metadata, NOT_FOUND);
    let alone = "404 content-type: application/json; filter: 1; t: 1; t: 2";
    check_answer(line, None, &[], not_found(), alone, NOT_FOUND);
    check_answer("GET /v1/shelves/1/books", None, &[], not_found(), alone, NOT_FOUND);
    check_answer("GET /v1/shelves/1/books/2/scan", None, &[], not_found(), alone, NOT_FOUND);
    let of_raw = "404 content-type: application/json; grpc-trailer-t: 1; grpc-trailer-t: 2";
    check_answer("GET /v1/shelves/1/books/2/scan", Some(&[]), &[], not_found(), of_raw, NOT_FOUND);
    let mut end = not_found();
    end.trailers = map(&[("retry-after", "7"), ("content-length", "1"), ("content-type", "x/y")]);
    check_answer(
        line,
        None,
        &[],
        end.clone(),
        "404 content-type: application/json; filter: 1; retry-after: 7",
        NOT_FOUND,
    );
    end.trailers = map(&[("retry-after", "7")]);
    // A RetryInfo of 1 second; what the upstream says in so many words counts.
    end.status.details = Some("GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBAoCCAE".into());
    let seen = answer(line, &[], Some(&[]), &[], end);
    assert_eq!(seen.0, "404 content-type: application/json; retry-after: 7");
    let none = r#"{"code":12,"message":"the upstream ended a unary call without a message","details":[]}"#;
    check_answer(line, Some(&[]), &[], ok(&[]), "501 content-type: application/json", none);
    let two =
        r#"{"code":12,"message":"the upstream answered a unary call with several messages","details":[]}"#;
    check_answer(line, Some(&[]), &["{}", "{}"], ok(&[]), "501 content-type: application/json", two);
}

#[test]
fn shows_the_details_of_errors() {
    let any = |type_url: &str, value: &[u8]| prost_reflect::prost_types::Any {
        type_url: format!("type.googleapis.com/{type_url}"),
        value: value.to_vec(),
    };
    let mut details = Vec::new();
    for detail in [
        any("library.v1.Missing", b"\x0a\x01x"),
        any("google.rpc.RetryInfo", b"\x0a\x05\x08\x02\x10\x80\x01"),
        any("google.protobuf.Duration", b"\x08\x01"),
        any("other.Type", b"\x01"),
        any("library.v1.Missing", b"\xff"),
    ] {
        prost::encoding::message::encode(3, &detail, &mut details);
    }
    let mut status = Status::unavailable("later");
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, &details);
    status.details = Some(text.into());
    let (head, body, _) = answer("GET /v1/shelves/1", &[], Some(&[]), &[], status.into());
    assert_eq!(head, "503 content-type: application/json; retry-after: 3");
    let google = "type.googleapis.com";
    assert_eq!(
        body,
        format!(
            concat!(
                r#"{{"code":14,"message":"later","details":[{{"@type":"{google}/library.v1.Missing","name":"x"}},"#,
                r#"{{"@type":"{google}/google.rpc.RetryInfo","retryDelay":"2.000000128s"}},"#,
                r#"{{"@type":"{google}/google.protobuf.Duration","value":"1s"}},"#,
                r#"{{"@type":"{google}/other.Type","value":"AQ=="}},"#,
                r#"{{"@type":"{google}/library.v1.Missing","value":"/w=="}}]}}"#
            ),
            google = google
        )
    );
    let mut broken = Status::unavailable("later");
    broken.details = Some(Bytes::from_static(b"*"));
    let (_, body, _) = answer("GET /v1/shelves/1", &[], Some(&[]), &[], broken.into());
    assert_eq!(body, r#"{"code":14,"message":"later","details":[]}"#);
}

#[test]
fn streams_in_the_form_that_is_accepted() {
    let check = |accept: &str, messages: &[&str], end: End, head: &str, body: &str, ending: &str| {
        let seen =
            answer("GET /v1/shelves/1/books", &[("accept", accept)], Some(&[("x", "1")]), messages, end);
        assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, ending), "{accept}");
    };
    let books = [r#"{"id":"1"}"#, r#"{"id":"2"}"#];
    let array = "200 content-type: application/json; vary: accept; x: 1";
    let trailers = || ok(&[("t", "1")]);
    check("*/*", &books, trailers(), array, "[{\"id\":\"1\"},\n{\"id\":\"2\"}]", "clean");
    check("application/json", &[], ok(&[]), array, "[]", "clean");
    check("text/html, application/json", &["{}"], ok(&[]), array, "[{}]", "clean");
    check("text/html", &["{}"], ok(&[]), array, "[{}]", "clean");
    check("", &["{}"], not_found(), array, "[{}", "reset 0x2 NOT_FOUND");
    let lines = "200 content-type: application/x-ndjson; vary: accept; x: 1";
    check("application/x-ndjson", &books, trailers(), lines, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n", "clean");
    check("application/jsonl;q=1", &[], ok(&[]), lines, "", "clean");
    check(
        "application/ndjson",
        &["{}"],
        not_found(),
        lines,
        &format!("{{}}\n{{\"error\":{NOT_FOUND}}}\n"),
        "clean",
    );
    let sequence = "200 content-type: application/json-seq; vary: accept; x: 1";
    let body = format!("\x1e{{}}\n\x1e{{\"error\":{NOT_FOUND}}}\n");
    check("application/json-seq", &["{}"], not_found(), sequence, &body, "clean");
    let events = "200 cache-control: no-cache; content-type: text/event-stream; vary: accept; x: 1";
    check(
        "text/event-stream",
        &books,
        trailers(),
        events,
        "data: {\"id\":\"1\"}\n\ndata: {\"id\":\"2\"}\n\nevent: end\ndata: {\"t\":[\"1\"]}\n\n",
        "clean",
    );
    check(
        "application/json;q=0.4, Text/Event-Stream;q=0.5, application/x-ndjson;q=0",
        &[],
        not_found(),
        events,
        &format!("event: error\ndata: {NOT_FOUND}\n\nevent: end\ndata: {{\"t\":[\"1\",\"2\"]}}\n\n"),
        "clean",
    );
}

#[test]
fn whole_responses_have_their_length() {
    let head = |path: &str, end: End| {
        let mut encoder = open_call(request(&format!("GET {path}"), &[])).unwrap().encoder;
        sent(|out| {
            encoder.head(crate::call::ResponseHead::default(), out);
            encoder.data(Bytes::from_static(b"\0\0\0\0\0"), out).unwrap();
            encoder.end(end, out);
        })
        .0
    };
    assert_eq!(head("/v1/shelves/1", ok(&[])), "200 content-length: 2; content-type: application/json");
    let length = NOT_FOUND.len();
    assert!(head("/v1/shelves/1", not_found()).contains(&format!(" content-length: {length};")));
    assert!(!head("/v1/shelves/1/books", ok(&[])).contains("content-length"));
}

#[test]
fn a_stream_always_may_have_a_body() {
    for (code, want) in [("204", "200"), ("205", "200"), ("201", "201")] {
        let seen = answer("GET /v1/shelves/1/books", &[], Some(&[("x-http-code", code)]), &["{}"], ok(&[]));
        assert_eq!((&seen.0[..3], &*seen.1), (want, "[{}]"));
    }
}

#[test]
fn streams_end_with_trailers_for_who_reads_them() {
    let check = |te: &str, want: &str| {
        let headers = [("te", te), ("accept", "application/x-ndjson")];
        let seen = answer("GET /v1/shelves/1/books", &headers, Some(&[]), &["{}"], ok(&[("t", "1")]));
        assert_eq!((&*seen.1, &*seen.2), ("{}\n", want));
    };
    check("trailers", "t: 1");
    check("gzip", "clean");
}

#[test]
fn streams_raw_bodies() {
    let check = |messages: &[&str], end: End, head: &str, body: &str, ending: &str| {
        let seen = answer("GET /v1/shelves/1/books/2/scan", &[], Some(&[]), messages, end);
        assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, ending));
    };
    let pieces = [r#"{"contentType":"a/b","data":"YQ=="}"#, r#"{"contentType":"c/d","data":"Yg=="}"#];
    check(&pieces, ok(&[]), "200 content-type: a/b", "ab", "clean");
    check(&pieces, not_found(), "200 content-type: a/b", "ab", "reset 0x2 NOT_FOUND");
    check(&[], ok(&[]), "200 content-type: application/octet-stream", "", "clean");
}

#[test]
fn only_events_are_kept_alive() {
    let keep_alive = |accept: &str, path: &str| {
        open_call(request(&format!("GET {path}"), &[("accept", accept)])).unwrap().encoder.keep_alive()
    };
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1/books"), Some(&b": keep-alive\n\n"[..]));
    assert_eq!(keep_alive("application/json", "/v1/shelves/1/books"), None);
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1/books/2/scan"), None);
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1"), None);
}

#[test]
fn reads_what_the_upstream_compressed() {
    use crate::compression::Encoding;
    let compressed = |encoding: Option<&'static str>| {
        let payload = Encoding::Gzip.compress(b"\x08\x07");
        let frame = crate::message::Message { compressed: true, payload }.to_frame();
        let mut encoder = open_call(request("GET /v1/shelves/1", &[])).unwrap().encoder;
        let mut out = Outbox::default();
        let encoding = encoding.map(HeaderValue::from_static);
        encoder.head(crate::call::ResponseHead { encoding, ..Default::default() }, &mut out);
        let fed = encoder.data(frame, &mut out).map_err(|status| status.code);
        fed.map(|()| sent(|out| encoder.end(ok(&[]), out)).1)
    };
    assert_eq!(compressed(Some("gzip")).unwrap(), r#"{"id":"7"}"#);
    assert_eq!(compressed(Some("pack200")).unwrap_err(), Code::Internal);
    for none in [Some("identity"), None] {
        assert_eq!(compressed(none).unwrap_err(), Code::Internal);
    }
}

#[test]
fn holds_what_the_upstream_compressed_to_the_limit() {
    use crate::compression::Encoding;
    let check = |line: &str, limit: u32, want: Option<Code>| {
        // A field of 6 MiB that the descriptors do not know.
        let message = [&b"\x7a\x80\x80\x80\x03"[..], &vec![b'a'; 6 << 20]].concat();
        let frame = crate::message::Message { compressed: true, payload: Encoding::Gzip.compress(&message) };
        let mut encoder = open_call(request(line, &[])).unwrap().encoder;
        encoder.limit(limit);
        let encoding = Some(Encoding::Gzip.header_value());
        let mut out = Outbox::default();
        encoder.head(crate::call::ResponseHead { encoding, ..Default::default() }, &mut out);
        let refused = encoder.data(frame.to_frame(), &mut out).err().map(|status| status.code);
        assert_eq!(refused, want, "{line} {limit}");
    };
    for line in ["GET /v1/shelves/1", "GET /v1/shelves/1/books"] {
        check(line, 0, None);
        check(line, 8 << 20, None);
        check(line, 4 << 20, Some(Code::ResourceExhausted));
    }
}

#[test]
fn an_error_behind_a_head_alone_is_still_a_status() {
    const WATCH: &str = "GET /v1/shelves/1/books";
    let failed = |line, accept| answer(line, &[("accept", accept)], Some(&[("x-id", "7")]), &[], not_found());
    for (line, accept) in [
        (WATCH, "application/json"),
        (WATCH, "application/x-ndjson"),
        (WATCH, "application/json-seq"),
        ("GET /v1/shelves/1/books/2/scan", "image/*"),
    ] {
        let (head, body, ending) = failed(line, accept);
        assert_eq!(
            head, "404 content-type: application/json; grpc-trailer-t: 1; grpc-trailer-t: 2; x-id: 7",
            "{accept}"
        );
        assert_eq!((&*body, &*ending), (NOT_FOUND, "clean"), "{accept}");
    }
    let (head, body, _) = failed(WATCH, "text/event-stream");
    assert!(head.starts_with("200 "), "the head of events does not wait: {head}");
    assert!(body.starts_with(&format!("event: error\ndata: {NOT_FOUND}\n\n")), "{body}");
}
