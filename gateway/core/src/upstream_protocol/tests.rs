mod properties;
mod requests;

use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::call::{Client, Transport};
use crate::compression::Encoding;
use crate::message::{Deframer, Message, Side};
use crate::path::MethodPath;
use crate::testing::{feed_in_every_split, pieces};

const WEB: Way = Way(UpstreamProtocol::GrpcWeb, None);
const UNARY: Way = Way(UpstreamProtocol::Connect, Some(MethodKind::Unary));
const STREAM: Way = Way(UpstreamProtocol::Connect, Some(MethodKind::BidiStreaming));

/// A protocol and the kind of the method.
#[derive(Clone, Copy, Debug)]
struct Way(UpstreamProtocol, Option<MethodKind>);

fn call(content_type: &'static str) -> Call {
    Call {
        path: MethodPath::parse_str("/test.v1.Test/Do").unwrap(),
        host: "test".into(),
        metadata: HeaderMap::new(),
        content_type: HeaderValue::from_static(content_type),
        encoding: None,
        accept_encoding: None,
        deadline: None,
        deadline_from_client: false,
        received: Instant::now(),
        client: Client {
            address: "127.0.0.1:1".parse().unwrap(),
            forwarded_for: HeaderValue::from_static("127.0.0.1"),
            protocol: "grpc",
            transport: Transport::Http2,
            secure: false,
        },
        identity: None::<Arc<str>>,
    }
}

fn gzip_call() -> Call {
    let mut call = call("application/grpc+proto");
    call.encoding = Some(HeaderValue::from_static("gzip"));
    call
}

fn frame(flag: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&[flag][..], &u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    map
}

/// Sorted, because a map does not keep the order of its names.
fn lines(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.join("; ")
}

/// What became of a response.
#[derive(Debug, PartialEq)]
struct Heard {
    /// The head's metadata, if there was a head.
    head: Option<String>,
    encoding: Option<HeaderValue>,
    /// Flags and payloads of the messages; none of a response that failed, where it depends on how the body was cut.
    messages: Vec<(bool, Bytes)>,
    /// Status and trailers.
    end: Result<(String, String), String>,
}

impl Heard {
    /// The head's metadata, the messages as text, status and trailers.
    #[track_caller]
    fn is(&self, head: Option<&str>, messages: &[&str], status: &str, trailers: &str) {
        let seen: Vec<_> =
            self.messages.iter().map(|(_, payload)| String::from_utf8_lossy(payload).into_owned()).collect();
        assert_eq!(
            (self.head.as_deref(), &seen[..]),
            (head, &messages.iter().map(|m| m.to_string()).collect::<Vec<_>>()[..])
        );
        assert_eq!(self.end, Ok((status.to_owned(), trailers.to_owned())));
    }

    /// The code that the call failed with because the response is broken.
    #[track_caller]
    fn fails(&self, code: Code) {
        let refused = self.end.as_ref().expect_err("the response was taken");
        assert!(refused.starts_with(code.name()), "{refused}");
    }

    fn is_ok(&self) -> bool {
        self.end.as_ref().is_ok_and(|(status, _)| status == "OK")
    }
}

impl Way {
    fn open(self, call: &Call, limit: u32) -> Exchange {
        self.0.open(call, self.1, limit).unwrap()
    }

    /// The content type of a response in protobuf.
    fn content_type(self) -> &'static str {
        match self {
            Way(UpstreamProtocol::GrpcWeb, _) => "application/grpc-web+proto",
            Way(_, Some(MethodKind::Unary)) => "application/proto",
            Way(..) => "application/connect+proto",
        }
    }

    /// The content type, and further fields.
    fn response(self, more: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = headers(more);
        map.insert("content-type", HeaderValue::from_static(self.content_type()));
        map
    }

    fn hear_pieces(self, status: u16, headers: HeaderMap, pieces: Vec<Bytes>, limit: u32) -> Heard {
        let mut decoder = self.open(&call("application/grpc+proto"), limit).response;
        let mut inbox = Inbox::default();
        let read = || {
            decoder.head(StatusCode::from_u16(status).unwrap(), headers, &mut inbox)?;
            pieces.into_iter().try_for_each(|piece| decoder.data(piece, &mut inbox))?;
            decoder.end(&mut inbox)
        };
        let end = read();
        let bytes: Vec<u8> = inbox.frames.iter().flatten().copied().collect();
        let mut deframer = Deframer::new(Side::Upstream, 0);
        deframer.push(&bytes);
        let mut messages = Vec::new();
        if end.is_ok() {
            while let Some(Message { compressed, payload }) = deframer.next_message().unwrap() {
                messages.push((compressed, payload));
            }
            deframer.end().unwrap();
        }
        Heard {
            head: inbox.head.as_ref().filter(|_| end.is_ok()).map(|head| lines(&head.metadata)),
            encoding: inbox.head.filter(|_| end.is_ok()).and_then(|head| head.encoding),
            messages,
            end: end
                .map(|end| (end.status.to_string(), lines(&end.trailers)))
                .map_err(|status| format!("{status} {:?}", status.flag)),
        }
    }

    /// A response with this body, in every split.
    fn hear(self, status: u16, more: &[(&'static str, &str)], body: impl AsRef<[u8]>) -> Heard {
        feed_in_every_split(body.as_ref(), |pieces| self.hear_pieces(status, self.response(more), pieces, 0))
    }

    /// The body of a request of these frames, in every split; or what refused it.
    fn body(self, call: &Call, frames: &[u8]) -> Result<Vec<u8>, String> {
        feed_in_every_split(frames, |pieces| {
            let mut encoder = self.open(call, 0).request;
            let mut out = Frames::default();
            pieces
                .into_iter()
                .try_for_each(|piece| encoder.data(piece, &mut out))
                .map_err(|s| s.to_string())?;
            encoder.end(&mut out).map_err(|status| status.to_string())?;
            Ok(out.iter().flatten().copied().collect())
        })
    }

    fn head(self, call: &Call, remaining: Option<Duration>) -> String {
        let mut headers = HeaderMap::new();
        self.open(call, 0).request.head(call, remaining, &mut headers);
        lines(&headers)
    }
}

#[test]
fn reads_a_web_response() {
    let body =
        [frame(0, "one"), frame(0, ""), frame(0x80, "grpc-status: 0\r\nx-t: 1\r\nx-t: 2\r\n")].concat();
    WEB.hear(200, &[("x-h", "1")], &body).is(Some("x-h: 1"), &["one", ""], "OK", "x-t: 1; x-t: 2");
    let body = frame(0x80, "Grpc-Status:5\nGRPC-Message: gone%21\nX-T:  1 \n\n");
    WEB.hear(200, &[], &body).is(Some(""), &[], "NOT_FOUND: gone!", "x-t: 1");
}

#[test]
fn reads_compressed_frames_of_a_web_response() {
    let trailers = Encoding::Gzip.compress(b"grpc-status: 9\r\nx-t: 1\r\n");
    let body = [frame(1, "as it is"), frame(0, "plain"), frame(0x81, &trailers)].concat();
    let heard = WEB.hear(200, &[("grpc-encoding", "gzip")], &body);
    heard.is(Some(""), &["as it is", "plain"], "FAILED_PRECONDITION", "x-t: 1");
    assert_eq!(heard.messages.iter().map(|(compressed, _)| *compressed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(heard.encoding.unwrap(), "gzip");
    // Compressed in a way that was not announced, or that is unknown, or not at all.
    WEB.hear(200, &[], frame(1, "?")).fails(Code::Internal);
    WEB.hear(200, &[("grpc-encoding", "identity")], frame(1, "?")).fails(Code::Internal);
    WEB.hear(200, &[], frame(0x81, &trailers)).fails(Code::Internal);
    WEB.hear(200, &[("grpc-encoding", "x-new")], frame(0x81, &trailers)).fails(Code::Internal);
    WEB.hear(200, &[("grpc-encoding", "gzip")], frame(0x81, "grpc-status: 0\r\n")).fails(Code::Internal);
    // Small on the wire only.
    let bomb = Encoding::Gzip.compress(&vec![b' '; MAX_END + 1]);
    WEB.hear_pieces(200, WEB.response(&[("grpc-encoding", "gzip")]), vec![frame(0x81, &bomb).into()], 0)
        .fails(Code::ResourceExhausted);
}

#[test]
fn a_web_status_in_the_head_counts_if_nothing_follows() {
    let said = [("grpc-status", "5"), ("grpc-message", "gone"), ("x-t", "1")];
    WEB.hear(200, &said, b"").is(None, &[], "NOT_FOUND: gone", "x-t: 1");
    WEB.hear(404, &said, b"").is(None, &[], "NOT_FOUND: gone", "x-t: 1");
    WEB.hear(200, &[("grpc-status", "0")], b"").is(None, &[], "OK", "");
    WEB.hear(503, &[("grpc-status", "0")], b"").fails(Code::Unavailable);
    WEB.hear(200, &said, frame(0x80, "grpc-status: 7\r\n")).is(Some("x-t: 1"), &[], "PERMISSION_DENIED", "");
    WEB.hear(200, &[("grpc-status", "0")], frame(0, "one")).fails(Code::Internal);
}

#[test]
fn a_web_response_without_its_end_fails() {
    let whole = frame(0x80, "grpc-status: 0\r\n");
    WEB.hear(200, &[], b"").fails(Code::Internal);
    WEB.hear(200, &[], frame(0, "one")).fails(Code::Internal);
    WEB.hear(200, &[], frame(0x80, "x-t: 1\r\n")).fails(Code::Unknown);
    WEB.hear(200, &[], frame(0x80, "")).fails(Code::Unknown);
    WEB.hear(200, &[], frame(0x80, "grpc-status 0\r\n")).fails(Code::Internal);
    WEB.hear(200, &[], frame(0x80, "grpc-status: 0\r\na b: c\r\n")).fails(Code::Internal);
    for more in [frame(0, ""), whole.clone(), vec![0]] {
        WEB.hear(200, &[], [&whole[..], &more].concat()).fails(Code::Internal);
    }
    for flag in [2, 4, 0x82, 0xff] {
        WEB.hear(200, &[], [frame(flag, ""), whole.clone()].concat()).fails(Code::Internal);
    }
    let long = [&[0x80][..], &(MAX_END as u32 + 1).to_be_bytes()].concat();
    WEB.hear(200, &[], long).fails(Code::ResourceExhausted);
}

#[test]
fn reads_a_stream() {
    let body = [frame(0, "one"), frame(0, ""), frame(2, r#"{"metadata":{"x-t":["1","2"]}}"#)].concat();
    STREAM.hear(200, &[("x-h", "1")], &body).is(Some("x-h: 1"), &["one", ""], "OK", "x-t: 1; x-t: 2");
    let body = frame(2, r#"{"error":{"code":"not_found","message":"gone"}}"#);
    STREAM.hear(200, &[], &body).is(Some(""), &[], "NOT_FOUND: gone", "");
    let end = Encoding::Gzip.compress(b"{}");
    let heard =
        STREAM.hear(200, &[("connect-content-encoding", "gzip")], [frame(1, "x"), frame(3, end)].concat());
    heard.is(Some(""), &["x"], "OK", "");
    assert_eq!((heard.encoding.unwrap(), heard.messages[0].0), (HeaderValue::from_static("gzip"), true));
}

#[test]
fn a_stream_without_its_end_fails() {
    STREAM.hear(200, &[], b"").fails(Code::Internal);
    STREAM.hear(200, &[], frame(0, "one")).fails(Code::Internal);
    STREAM.hear(200, &[], frame(2, "")).fails(Code::Internal);
    STREAM.hear(200, &[], frame(2, "[]")).fails(Code::Internal);
    STREAM.hear(200, &[], [frame(2, "{}"), frame(0, "")].concat()).fails(Code::Internal);
    STREAM.hear(200, &[], [frame(2, "{}"), frame(2, "{}")].concat()).fails(Code::Internal);
    STREAM.hear(200, &[], frame(3, "{}")).fails(Code::Internal);
    STREAM.hear(200, &[], frame(0x80, "grpc-status: 0\r\n")).fails(Code::Internal);
    // What gRPC would say is nothing here.
    STREAM.hear(200, &[("grpc-status", "0")], b"").fails(Code::Internal);
}

#[test]
fn reads_a_unary_response() {
    let heads = [("x-h", "1"), ("trailer-x-t", "1"), ("trailer-x-t", "2"), ("trailer-grpc-status", "7")];
    UNARY.hear(200, &heads, "one").is(Some("x-h: 1"), &["one"], "OK", "x-t: 1; x-t: 2");
    UNARY.hear(200, &[], "").is(Some(""), &[""], "OK", "");
    for (body, compressed) in [("as it is", true), ("", false)] {
        let heard = UNARY.hear(200, &[("content-encoding", "gzip")], body);
        heard.is(Some(""), &[body], "OK", "");
        assert_eq!(
            (heard.encoding.unwrap(), heard.messages[0].0),
            (HeaderValue::from_static("gzip"), compressed)
        );
    }
}

#[test]
fn a_unary_message_has_a_limit() {
    let hear = |body: &'static str, cut| {
        let pieces = pieces(&Bytes::from_static(body.as_bytes()), &[cut]);
        UNARY.hear_pieces(200, UNARY.response(&[]), pieces, 10)
    };
    for cut in 0..11 {
        hear("0123456789", cut.min(10)).is(Some(""), &["0123456789"], "OK", "");
        hear("0123456789a", cut).fails(Code::ResourceExhausted);
    }
}

#[test]
fn reads_a_unary_error() {
    let error = |status, more: &[(&'static str, &str)], body: &[u8]| {
        let mut headers = headers(more);
        headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
        feed_in_every_split(body, |pieces| UNARY.hear_pieces(status, headers.clone(), pieces, 4))
    };
    let json = br#"{"code":"not_found","message":"gone"}"#;
    let heads = [("x-h", "1"), ("trailer-x-t", "2")];
    error(404, &heads, json).is(Some("x-h: 1"), &[], "NOT_FOUND: gone", "x-t: 2");
    error(404, &[("content-encoding", "gzip")], &Encoding::Gzip.compress(json)).is(
        Some(""),
        &[],
        "NOT_FOUND: gone",
        "",
    );
    // Without a code that there is, HTTP's status tells.
    error(503, &[], br#"{"message":"later"}"#).is(Some(""), &[], "UNAVAILABLE: later", "");
    error(403, &[], br#"{"code":"ok"}"#).is(Some(""), &[], "PERMISSION_DENIED", "");
    for page in [&b"<html>"[..], b"", b"[]", b"null", b"7"] {
        error(503, &[], page).is(Some(""), &[], "UNAVAILABLE: the upstream answered HTTP 503", "");
    }
    let long = [&br#"{"code":"not_found","message":""#[..], &vec![b'a'; MAX_END], br#""}"#].concat();
    let mut json_type = HeaderMap::new();
    json_type.insert("content-type", HeaderValue::from_static("application/json"));
    for cuts in [&[][..], &[100, 70_000]] {
        let lengths: Vec<usize> = cuts.iter().map(|cut| (*cut).min(long.len())).collect();
        let body = pieces(&long.clone().into(), &lengths);
        UNARY.hear_pieces(429, json_type.clone(), body, 0).is(
            Some(""),
            &[],
            "UNAVAILABLE: the upstream answered HTTP 429",
            "",
        );
    }
}

#[test]
fn http_errors_and_foreign_content_types_are_no_responses() {
    for way in [WEB, UNARY, STREAM] {
        for (status, code) in [
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (502, Code::Unavailable),
            (500, Code::Unknown),
            (204, Code::Unknown),
            (302, Code::Unknown),
        ] {
            way.hear(status, &[], "page").fails(code);
        }
        for content_type in ["text/html", "application/grpc+proto", "application/grpc-web-text+proto", ""] {
            let heard = way.hear_pieces(200, headers(&[("content-type", content_type)]), vec![], 0);
            assert!(heard.end.is_err(), "{way:?} {content_type:?}");
        }
        way.hear_pieces(200, HeaderMap::new(), vec![], 0).fails(Code::Unknown);
    }
    let json =
        |way: Way, content_type| way.hear_pieces(200, headers(&[("content-type", content_type)]), vec![], 0);
    json(UNARY, "application/json").fails(Code::Internal);
    json(STREAM, "application/connect+json").fails(Code::Internal);
}

#[test]
fn content_types_are_read_generously() {
    for (way, content_type, body) in [
        (WEB, "application/grpc-web", frame(0x80, "grpc-status: 0")),
        (WEB, "Application/gRPC-Web+Proto; charset=utf-8", frame(0x80, "grpc-status: 0")),
        (UNARY, "application/PROTO ; a=b", Vec::new()),
        (STREAM, "application/connect+proto;a", frame(2, "{}")),
    ] {
        let heard = way.hear_pieces(200, headers(&[("content-type", content_type)]), vec![body.into()], 0);
        assert!(heard.is_ok(), "{way:?} {content_type}");
    }
}
