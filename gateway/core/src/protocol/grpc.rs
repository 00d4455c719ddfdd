//! Native gRPC over HTTP/2 and HTTP/3: passed through, frame for frame and trailer for trailer.
//!
//! Sources: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> and, for HTTP/3, gRPC's proposal G2.

use super::*;
use crate::metadata::name;

/// Native gRPC.
pub const PROTOCOL: Protocol = Protocol { name: "grpc", holds_to_one_request: false, recognise, open };

const TYPE: &str = "application/grpc";

fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    // Without trailers there is no native gRPC, so HTTP/1.1 cannot carry it.
    matches!(head.transport, Transport::Http2 | Transport::Http3)
        && head.headers.get(http::header::CONTENT_TYPE).is_some_and(is_grpc)
}

/// Whether a content type is `application/grpc`, with or without a codec and parameters.
pub(super) fn is_grpc(content_type: &HeaderValue) -> bool {
    strip_type(content_type.as_bytes(), TYPE).is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]))
}

/// The `+codec` of a gRPC content type; empty when it names none.
pub(crate) fn codec(content_type: &HeaderValue) -> &[u8] {
    strip_type(content_type.as_bytes(), TYPE).map(codec_suffix).unwrap_or_default()
}

fn open(mut head: Head, _services: &Services<'_>) -> Result<Opened, Reply> {
    if head.method != Method::POST {
        return Err(opening::only_post());
    }
    let reserved = opening::take_grpc_headers(&mut head.headers);
    let content_type = reserved.content_type.clone().unwrap_or(HeaderValue::from_static(TYPE));
    let encoder = Box::new(Native { content_type: content_type.clone() });
    opening::call(head, reserved, content_type, Box::new(Untouched), encoder)
}

/// Passes frames on as they came.
pub(crate) struct Untouched;

impl Decoder for Untouched {
    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        out.push(bytes);
        Ok(())
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        Ok(())
    }
}

struct Native {
    /// The request's, for responses that do not come from an upstream. Clients refuse another codec than their own.
    content_type: HeaderValue,
}

impl Encoder for Native {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let content_type = head.content_type.unwrap_or_else(|| self.content_type.clone());
        let mut headers = head.metadata;
        headers.insert(http::header::CONTENT_TYPE, content_type);
        put_encodings(head.encoding, head.accept_encoding, &mut headers);
        out.head(StatusCode::OK, headers);
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        out.data(frames);
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        let mut trailers = end.trailers;
        put_status(&end.status, &mut trailers);
        out.end(Ending::Trailers(trailers));
    }

    // One block of headers that is the whole response. Clients ignore a status in the headers when anything follows.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        let mut headers = end.trailers;
        append_all(&mut headers, head);
        headers.insert(http::header::CONTENT_TYPE, self.content_type.clone());
        put_status(&end.status, &mut headers);
        out.head(StatusCode::OK, headers);
        out.end(Ending::Clean);
    }

    fn passes_resets(&self) -> bool {
        true
    }

    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        if abort.by_upstream {
            out.end(Ending::Reset(abort.reset));
        } else if abort.mid_message {
            out.end(Ending::Reset(Reset { code: abort.end.status.code, ..abort.reset }));
        } else {
            self.end(abort.end, out);
        }
    }
}

/// Adds what is said about compression.
pub(super) fn put_encodings(
    encoding: Option<HeaderValue>,
    accept_encoding: Option<HeaderValue>,
    headers: &mut HeaderMap,
) {
    if let Some(encoding) = encoding {
        headers.insert(name::GRPC_ENCODING, encoding);
    }
    if let Some(accept_encoding) = accept_encoding {
        headers.insert(name::GRPC_ACCEPT_ENCODING, accept_encoding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, head, map, open, sent};
    use super::*;
    use crate::testing::feed_in_every_split;

    fn request(headers: &[(&'static str, &str)]) -> Head {
        let mut request = head(Transport::Http2, headers);
        request.headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
        request
    }

    fn opened() -> Opened {
        open(request(&[])).unwrap()
    }

    #[test]
    fn a_list_may_stand_on_several_lines() {
        let check = |lines: &[&str], want: Option<&str>| {
            let headers: Vec<_> = lines.iter().map(|line| ("grpc-accept-encoding", *line)).collect();
            let accept_encoding = open(request(&headers)).unwrap().accept_encoding;
            assert_eq!(accept_encoding.as_ref().map(|list| list.to_str().unwrap()), want);
        };
        check(&[], None);
        check(&["gzip, br"], Some("gzip, br"));
        check(&["gzip", "br,zstd", "x"], Some("gzip,br,zstd,x"));
    }

    #[test]
    fn takes_reserved_headers_out_and_leaves_metadata() {
        let opened = open(request(&[
            ("grpc-timeout", "150m"),
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "gzip,zstd"),
            ("te", "trailers"),
            ("content-length", "5"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-bin", "YQ=="),
            ("authorization", "Bearer abc"),
        ]));
        let opened = opened.unwrap();
        assert_eq!(opened.path.as_str(), "/chat.v1.Chat/Say");
        assert_eq!(opened.content_type, "application/grpc+proto");
        assert_eq!(opened.timeout, Some(Duration::from_millis(150)));
        assert_eq!(opened.encoding.unwrap(), "gzip");
        assert_eq!(opened.accept_encoding.unwrap(), "gzip,zstd");
        let metadata = [("x-a", "1"), ("x-a", "2"), ("x-bin", "YQ=="), ("authorization", "Bearer abc")];
        assert_eq!(opened.metadata, map(&metadata));
    }

    #[test]
    fn answers_what_opens_no_call() {
        let mut delete = request(&[]);
        delete.method = Method::DELETE;
        assert_eq!(open(delete).err().unwrap(), "405 allow: POST");
        let mut query = request(&[]);
        query.path = PathAndQuery::from_static("/chat.v1.Chat/Say?x=1");
        assert!(open(query).err().unwrap().starts_with("UNIMPLEMENTED"));
        assert!(open(request(&[("grpc-timeout", "soon")])).err().unwrap().starts_with("INTERNAL"));
    }

    #[test]
    fn passes_frames_untouched() {
        let frames = b"\0\0\0\0\x02ab\x01\0\0\0\0\0\0\0\0\x01c";
        let seen = feed_in_every_split(frames, |pieces| decoded(opened(), pieces, true));
        assert_eq!((&seen.frames[..], seen.refused), (&frames[..], None));
        let (head, body, ending) =
            sent(|out| opened().encoder.data(Bytes::from_static(frames), out).unwrap());
        assert_eq!((&*head, &body[..], &*ending), ("", &frames[..], ""));
    }

    #[test]
    fn writes_head_and_trailers() {
        let mut encoder = opened().encoder;
        let response = ResponseHead {
            metadata: map(&[("x", "1"), ("x", "2")]),
            content_type: Some(HeaderValue::from_static("application/grpc+json")),
            encoding: Some(HeaderValue::from_static("gzip")),
            accept_encoding: None,
        };
        let (head, _, ending) = sent(|out| encoder.head(response, out));
        assert_eq!(head, "200 content-type: application/grpc+json; grpc-encoding: gzip; x: 1; x: 2");
        assert_eq!(ending, "");
        let end = End { status: Status::new(Code::NotFound, "gone"), trailers: map(&[("t", "1")]) };
        let (head, body, ending) = sent(|out| encoder.end(end, out));
        assert_eq!((&*head, body.len()), ("", 0));
        assert_eq!(ending, "grpc-message: gone; grpc-status: 5; t: 1");
    }

    #[test]
    fn puts_trailers_only_into_the_head_alone() {
        let end = End { status: Status::new(Code::NotFound, "gone"), trailers: map(&[("t", "1")]) };
        let cors = map(&[("access-control-allow-origin", "*")]);
        let (head, body, ending) = sent(|out| opened().encoder.trailers_only(cors, end, out));
        assert_eq!(
            head,
            "200 access-control-allow-origin: *; content-type: application/grpc+proto; grpc-message: gone; \
             grpc-status: 5; t: 1"
        );
        assert_eq!((body.len(), &*ending), (0, "clean"));
    }

    #[test]
    fn resets_only_when_it_must() {
        let check = |mid_message, by_upstream, want: &str| {
            let end = Status::deadline_exceeded("").into();
            let abort = Abort { end, reset: Reset::REFUSED, mid_message, by_upstream };
            let (_, _, ending) = sent(|out| opened().encoder.abort(abort, out));
            assert_eq!(ending, want, "mid message: {mid_message}, by upstream: {by_upstream}");
        };
        check(false, false, "grpc-status: 4");
        check(true, false, "reset 0x7 DEADLINE_EXCEEDED");
        check(false, true, "reset 0x7 UNAVAILABLE");
        check(true, true, "reset 0x7 UNAVAILABLE");
    }
}
