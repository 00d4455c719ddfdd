//! Bodies and headers of requests.

use super::*;

#[test]
fn takes_raw_bodies() {
    let seen =
        call_with("PUT /v1/shelves/1/books/2/cover", &[("content-type", "image/png")], " \u{1}{").unwrap();
    let want = r#"{"book":"2","cover":{"contentType":"image/png","data":"IAF7"},"shelf":"1"}"#;
    assert_eq!(seen, ("PutCover".into(), vec![want.into()]));
    check("POST /v1/raw", "x", "EchoBody", &[r#"{"data":"eA=="}"#]);
    check("POST /v1/raw", "", "EchoBody", &["{}"]);
    // Each piece is a message, so the splits differ.
    let scan = |pieces: &[usize]| {
        let mut opened = open_call(request("POST /v1/scans", &[("content-type", "a/b")])).unwrap();
        let pieces = crate::testing::pieces(&Bytes::from_static(b"abcd"), pieces);
        Decoded::from_pieces(&mut *opened.decoder, pieces, true).frames
    };
    assert_eq!(scan(&[1, 3]), &b"\0\0\0\0\x08\x0a\x03a/b\x12\x01a\0\0\0\0\x05\x12\x03bcd"[..]);
    assert_eq!(scan(&[4]), &b"\0\0\0\0\x0b\x0a\x03a/b\x12\x04abcd"[..]);
}

#[test]
fn takes_streams_of_json() {
    let books = [r#"{"book":{"title":"a"},"shelf":"1"}"#, r#"{"book":{"title":"b"},"shelf":"1"}"#];
    let line = "POST /v1/shelves/1/books:import";
    check(line, r#"[{"title":"a"}, {"title":"b"}]"#, "ImportBooks", &books);
    check(line, "{\"title\":\"a\"}\n{\"title\":\"b\"}\n", "ImportBooks", &books);
    check(line, "", "ImportBooks", &[]);
    check(line, "[]", "ImportBooks", &[]);
    let seen =
        call_with("POST /v1/discussion", &[("content-type", "application/x-ndjson")], "{}\n{}").unwrap();
    assert_eq!(seen.1, ["{}", "{}"]);
    refused("POST /v1/discussion", "[{}", r#"inside of a value after ["{}"]"#);
    refused("POST /v1/discussion", "[{}, 7]", r#"INVALID_ARGUMENT"#);
}

#[test]
fn bodies_stay_within_the_limit() {
    let limited = |line: &str, body: &'static str| {
        let mut opened = open_call(request(line, &[])).unwrap();
        opened.decoder.limit(10);
        let seen =
            Decoded::from_pieces(&mut *opened.decoder, vec![Bytes::from_static(body.as_bytes())], true);
        seen.refused.map(|(code, _)| code)
    };
    assert_eq!(limited("POST /v1/shelves", "{       }"), None);
    assert_eq!(limited("POST /v1/shelves", "{         }"), Some(Code::ResourceExhausted));
    assert_eq!(limited("POST /v1/discussion", "[{},{},{},{},{},{}]"), None);
    assert_eq!(limited("POST /v1/discussion", "[{         }]"), Some(Code::ResourceExhausted));
}

#[test]
fn knows_the_types_of_bodies() {
    let check = |line: &str, content_type: &str, length: &str, want: &str| {
        let headers = [("content-type", content_type), ("content-length", length)];
        let seen = open_call(request(line, &headers)).map_or_else(|refused| refused, |_| "opened".into());
        assert!(seen.starts_with(want), "{line} {content_type}: {seen}");
    };
    for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        check("POST /v1/shelves", json, "2", "opened");
        check("POST /v1/discussion", json, "2", "opened");
    }
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""] {
        check("POST /v1/shelves", other, "2", "415");
        check("POST /v1/discussion", other, "2", "415");
        check("POST /v1/shelves", other, "0", "opened");
        check("GET /v1/shelves", other, "0", "opened");
        check("POST /v1/raw", other, "2", "opened");
    }
    check("POST /v1/discussion", "application/x-ndjson", "2", "opened");
    check("POST /v1/shelves", "application/x-ndjson", "2", "415");
}

#[test]
fn messages_that_come_together_stay_together() {
    let mut opened = open_call(request("POST /v1/discussion", &[])).unwrap();
    let mut frames = Frames::default();
    opened.decoder.data(Bytes::from_static(b"{}\n{}\n{\"title\":\"x\"}\n}"), &mut frames).unwrap_err();
    assert_eq!(frames.len(), 1, "what came before the mistake too");
    assert_eq!(frames.pop().unwrap().split_at(10).0, [0; 10]);
}

#[test]
fn decompresses_bodies() {
    use crate::compression::Encoding;
    let headers = |encoding| [("content-encoding", encoding), ("content-type", "application/json")];
    for encoding in Encoding::ALL {
        let body = encoding.compress(br#"{"theme":"x"}"#);
        let frames = feed_in_every_split(&body, |pieces| {
            let mut opened = open_call(request("POST /v1/shelves", &headers(encoding.as_str()))).unwrap();
            Decoded::from_pieces(&mut *opened.decoder, pieces, true)
        });
        assert_eq!((&frames.frames[..], frames.refused), (&b"\0\0\0\0\x05\x0a\x03\x12\x01x"[..], None));
    }
    // Many small messages are more than one may be.
    let books: String =
        (0..4000).map(|number| format!("{{\"id\":{number},\"title\":\"{number:x}\"}}\n")).collect();
    let mut opened = open_call(request("POST /v1/discussion", &headers("gzip"))).unwrap();
    opened.decoder.limit(20_000);
    assert!(books.len() > 100_000);
    let compressed = Encoding::Gzip.compress(books.as_bytes());
    let pieces = compressed.chunks(opened.decoder.step()).map(Bytes::copy_from_slice).collect();
    assert_eq!(Decoded::from_pieces(&mut *opened.decoder, pieces, true).refused, None);
    let unknown = open_call(request("POST /v1/shelves", &headers("pack200"))).err().unwrap();
    assert!(unknown.starts_with("415"), "{unknown}");
    let seen = call_with("POST /v1/shelves", &headers("gzip"), "{}").unwrap_err();
    assert!(seen.starts_with("INVALID_ARGUMENT"), "{seen}");
}

#[test]
fn passes_metadata_and_the_timeout() {
    let opened = open_call(request(
        "GET /v1/shelves",
        &[
            ("grpc-timeout", "2S"),
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "gzip"),
            ("accept", "*/*"),
            ("accept-encoding", "br"),
            ("content-type", "application/json"),
            ("content-length", "0"),
            ("sec-fetch-mode", "cors"),
            ("te", "trailers"),
            ("origin", "https://a"),
            ("authorization", "Bearer x"),
            ("user-agent", "curl"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("grpc-metadata-x-a", "3"),
            ("grpc-metadata-b-bin", "YQ"),
            ("grpc-metadata-grpc-status", "0"),
            ("grpc-metadata-host", "h"),
            ("grpc-metadata-", "e"),
        ],
    ));
    let opened = opened.unwrap();
    assert_eq!(opened.timeout, Some(Duration::from_secs(2)));
    assert_eq!(opened.content_type, "application/grpc+proto");
    assert_eq!((opened.encoding, opened.accept_encoding), (None, None));
    assert_eq!(opened.path.as_str(), "/library.v1.Library/ListShelves");
    let metadata = [
        ("origin", "https://a"),
        ("authorization", "Bearer x"),
        ("user-agent", "curl"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x-a", "3"),
        ("b-bin", "YQ"),
    ];
    assert_eq!(opened.metadata, map(&metadata));
    let bad = open_call(request("GET /v1/shelves", &[("grpc-timeout", "soon")])).err().unwrap();
    assert!(bad.starts_with("400 {\"code\":3"), "{bad}");
}
