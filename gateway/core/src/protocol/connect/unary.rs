//! Writes a unary response: the bare message, or an error as JSON with an HTTP status of its own.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Unary-Response".

use bytes::Buf;

use super::*;
use crate::message::PREFIX;

/// A chunk up to this many bytes is copied, so that it does not keep a much larger buffer alive.
const SHORT: usize = 1024;

/// Holds everything until the end, which decides on the HTTP status.
pub(crate) struct Unary {
    codec: Codec,
    /// Whether the method is one that the descriptors, of which there are some, do not have.
    is_unknown: bool,
    /// Whether caches may keep the response, so that they must know what it depends on.
    is_cacheable: bool,
    head: ResponseHead,
    prefix: [u8; PREFIX],
    prefix_len: u8,
    /// Bytes of the message to come.
    left: u32,
    message: Frames,
    /// What comes after `message`, gathered from short chunks.
    tail: BytesMut,
}

impl Unary {
    pub(crate) fn new(codec: Codec, path: Option<&MethodPath>, services: &Services<'_>) -> Unary {
        let is_unknown =
            path.is_some_and(|path| !services.schema.is_empty() && services.method(path).is_none());
        Unary {
            codec,
            is_unknown,
            is_cacheable: false,
            head: ResponseHead::default(),
            prefix: [0; PREFIX],
            prefix_len: 0,
            left: 0,
            message: Frames::default(),
            tail: BytesMut::new(),
        }
    }

    /// For a GET.
    pub(crate) fn cacheable(self) -> Unary {
        Unary { is_cacheable: true, ..self }
    }

    fn message(&mut self, end: End, out: &mut Outbox) {
        let codec = self.codec.of_response(self.head.content_type.as_ref());
        let mut headers = self.headers(end.trailers);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(match codec {
                Codec::Proto => "application/proto",
                Codec::Json => "application/json",
            }),
        );
        self.message.push(self.tail.split().freeze());
        let [flag, ..] = self.prefix;
        // An empty body is never compressed.
        if flag == 1 && !self.message.is_empty() {
            let Some(encoding) = self.head.encoding.take() else {
                let broken = Status::internal("the upstream compressed a message and does not say how");
                return self.error(broken.with_flag(Flag::UpstreamProtocolError), headers, out);
            };
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        if let Some(accept_encoding) = self.head.accept_encoding.take() {
            headers.insert(header::ACCEPT_ENCODING, accept_encoding);
        }
        let length = self.message.iter().map(Bytes::len).sum::<usize>();
        headers.insert(header::CONTENT_LENGTH, length.into());
        out.head(StatusCode::OK, headers);
        while let Some(bytes) = self.message.pop() {
            out.data(bytes);
        }
        out.end(Ending::Clean);
    }

    fn error(&self, status: Status, mut headers: HeaderMap, out: &mut Outbox) {
        // That no such method exists is HTTP's 404; that a method exists and is not implemented is Connect's 501.
        let nowhere = status.flag == Some(Flag::NoRoute) || self.is_unknown;
        let http = match status.code {
            Code::Unimplemented if nowhere => StatusCode::NOT_FOUND,
            code => code.to_http(),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Strings and lists of them are always written.
        let body = serde_json::to_vec(&ErrorJson::new(&status)).unwrap_or_default();
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        out.head(http, headers);
        out.data(body.into());
        out.end(Ending::Clean);
    }

    /// Leading and trailing metadata in the one head that there is.
    fn headers(&mut self, trailers: HeaderMap) -> HeaderMap {
        let mut headers = std::mem::take(&mut self.head.metadata);
        for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        unpad(&mut headers);
        append_trailers(trailers, &mut headers);
        if self.is_cacheable {
            headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        headers
    }
}

impl Encoder for Unary {
    fn head(&mut self, head: ResponseHead, _out: &mut Outbox) {
        self.head = head;
    }

    fn data(&mut self, mut frames: Bytes, _out: &mut Outbox) -> Result<(), Status> {
        while usize::from(self.prefix_len) < PREFIX && !frames.is_empty() {
            if let Some(slot) = self.prefix.get_mut(usize::from(self.prefix_len)) {
                *slot = frames.get_u8();
            }
            self.prefix_len += 1;
            if usize::from(self.prefix_len) == PREFIX {
                let [_, a, b, c, d] = self.prefix;
                self.left = u32::from_be_bytes([a, b, c, d]);
            }
        }
        if frames.len() > self.left as usize {
            return Err(not_one("the upstream sent more than one message to a unary method"));
        }
        self.left -= frames.len() as u32;
        if frames.len() <= SHORT {
            self.tail.extend_from_slice(&frames);
        } else {
            self.message.push(self.tail.split().freeze());
            self.message.push(frames);
        }
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        if end.status.code != Code::Ok {
            let headers = self.headers(end.trailers);
            self.error(end.status, headers, out);
        } else if usize::from(self.prefix_len) < PREFIX || self.left > 0 {
            let headers = self.headers(end.trailers);
            self.error(not_one("the upstream sent no message to a unary method"), headers, out);
        } else {
            self.message(end, out);
        }
    }

    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.head.metadata = head;
        self.end(end, out);
    }

    // Nothing was sent, whatever the upstream had begun.
    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        self.end(abort.end, out);
    }
}

fn not_one(what: &'static str) -> Status {
    Status::unimplemented(what).with_flag(Flag::UpstreamProtocolError)
}

/// Adds trailing metadata under the names that tell it apart from leading metadata.
fn append_trailers(trailers: HeaderMap, headers: &mut HeaderMap) {
    append_renamed(trailers, headers, |name| HeaderName::try_from(format!("trailer-{name}")).ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::tests::{greeter, map, sent};
    use super::*;
    use crate::testing::pieces;

    fn encoder() -> Unary {
        Unary::new(Codec::Proto, None, &Services::everywhere(&Schema::default()))
    }

    #[test]
    fn long_chunks_are_not_copied() {
        let input = Bytes::from([&b"\0\0\0\x10\0"[..], &[7; 4096]].concat());
        let mut out = Outbox::default();
        let mut encoder = encoder();
        encoder.data(input.clone(), &mut out).unwrap();
        assert!(out.is_empty(), "nothing goes out before the end");
        encoder.end(Status::OK.into(), &mut out);
        let places: Vec<_> = out.data.iter().map(|bytes| (bytes.as_ptr(), bytes.len())).collect();
        assert_eq!(places, [(input[5..].as_ptr(), 4096)]);
    }

    #[test]
    fn a_second_message_is_refused_at_once() {
        let two = Bytes::from_static(b"\0\0\0\0\x01a\0");
        let refused = encoder().data(two, &mut Outbox::default()).unwrap_err();
        assert_eq!((refused.code, refused.flag), (Code::Unimplemented, Some(Flag::UpstreamProtocolError)));
    }

    #[test]
    fn what_no_route_takes_is_not_found() {
        let check = |status: Status, want: &str| {
            let (head, ..) = sent(|out| encoder().trailers_only(HeaderMap::new(), status.into(), out));
            assert!(head.starts_with(want), "{head}");
        };
        check(Status::unimplemented("").with_flag(Flag::NoRoute), "404");
        check(Status::unimplemented(""), "501");
        check(Status::unavailable("").with_flag(Flag::NoRoute), "503");
    }

    #[test]
    fn what_descriptors_do_not_tell_of_is_not_found() {
        let check = |schema: &Schema, path: &str, want: &str| {
            let path = MethodPath::parse_str(path);
            let mut encoder = Unary::new(Codec::Proto, path.as_ref(), &Services::everywhere(schema));
            let status = Status::unimplemented("");
            let (head, ..) = sent(|out| encoder.trailers_only(HeaderMap::new(), status.into(), out));
            assert!(head.starts_with(want), "{path:?}: {head}");
        };
        check(greeter(), "/helloworld.Greeter/SayHello", "501");
        for path in ["/helloworld.Greeter/SayNothing", "/other.Service/Do"] {
            check(greeter(), path, "404");
            check(&Schema::default(), path, "501");
        }
    }

    #[test]
    fn pages_may_read_trailers_if_they_may_read_headers() {
        let check = |head: &[(&'static str, &str)], want: Option<&str>| {
            let end = End {
                status: Status::unavailable(""),
                trailers: map(&[("x", "1"), ("x", "2"), ("y-bin", "AQ==")]),
            };
            let mut out = Outbox::default();
            encoder().trailers_only(map(head), end, &mut out);
            let headers = out.head.unwrap().headers;
            let exposed = headers.get("access-control-expose-headers").map(|value| value.to_str().unwrap());
            assert_eq!(exposed, want);
            assert_eq!(headers.get_all("trailer-x").iter().collect::<Vec<_>>(), ["1", "2"]);
            assert_eq!(headers["trailer-y-bin"], "AQ");
        };
        check(
            &[("access-control-expose-headers", "grpc-status")],
            Some("grpc-status,trailer-x,trailer-y-bin"),
        );
        check(&[], None);
    }

    #[test]
    fn the_upstream_describes_no_body() {
        let mut encoder = encoder();
        let metadata = map(&[("content-encoding", "br"), ("content-length", "7"), ("x", "1")]);
        let (head, body, _) = sent(|out| {
            encoder.head(ResponseHead { metadata, ..ResponseHead::default() }, out);
            encoder.data(Bytes::from_static(b"\0\0\0\0\x01a"), out).unwrap();
            encoder.end(Status::OK.into(), out);
        });
        assert_eq!(
            (&*head, &body[..]),
            ("200 content-length: 1; content-type: application/proto; x: 1", &b"a"[..])
        );
    }

    proptest! {
        #[test]
        fn never_depends_on_the_split(
            frame in prop::collection::vec(any::<u8>(), 0..3000),
            is_whole: bool,
            code in 0u64..17,
            cuts in prop::collection::vec(1usize..1500, 0..8),
        ) {
            let mut frame = frame;
            let is_whole = is_whole && frame.len() >= PREFIX;
            if is_whole {
                frame[0] &= 1;
                let length = (frame.len() - PREFIX) as u32;
                frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
            }
            let frame = Bytes::from(frame);
            let write = |pieces: Vec<Bytes>| {
                let mut encoder = encoder();
                let encoding = Some(HeaderValue::from_static("gzip"));
                sent(|out| {
                    encoder.head(ResponseHead { encoding, ..ResponseHead::default() }, out);
                    let read = pieces.into_iter().try_for_each(|piece| encoder.data(piece, out));
                    let status = read.err().unwrap_or(Status::new(Code::from_number(code).unwrap(), ""));
                    encoder.end(status.into(), out);
                })
            };
            let whole = write(pieces(&frame, &[]));
            if is_whole && code == 0 {
                prop_assert_eq!(&whole.1[..], &frame[PREFIX..]);
            }
            prop_assert_eq!(write(pieces(&frame, &cuts)), whole);
        }
    }
}
