//! Native gRPC over HTTP/2 and HTTP/3: passed through, frame for frame and trailer for trailer.
//!
//! Sources: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> and, for HTTP/3, gRPC's proposal G2.

use super::*;
use crate::metadata::name;

pub(super) const PROTOCOL: Protocol = Protocol { name: "grpc", recognise, open };

const TYPE: &str = "application/grpc";

fn recognise(head: &Head) -> bool {
    // Without trailers there is no native gRPC, so HTTP/1.1 cannot carry it.
    matches!(head.transport, Transport::Http2 | Transport::Http3)
        && head.headers.get(http::header::CONTENT_TYPE).is_some_and(is_grpc)
}

/// Whether a content type is `application/grpc`, with or without a codec and parameters.
pub(super) fn is_grpc(content_type: &HeaderValue) -> bool {
    strip_type(content_type.as_bytes(), TYPE).is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]))
}

/// The `+codec` of a gRPC content type; empty when it names none.
pub(super) fn codec(content_type: &HeaderValue) -> &[u8] {
    strip_type(content_type.as_bytes(), TYPE).map(codec_suffix).unwrap_or_default()
}

fn open(mut head: Head) -> Result<Opened, Reply> {
    if head.method != Method::POST {
        return Err(opening::only_post());
    }
    let reserved = opening::take_grpc_headers(&mut head.headers);
    opening::call(head, reserved, HeaderValue::from_static(TYPE), Box::new(Untouched), Box::new(Native))
}

/// Passes frames on as they came.
pub(super) struct Untouched;

impl Decoder for Untouched {
    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        out.push(bytes);
        Ok(())
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        Ok(())
    }
}

struct Native;

impl Encoder for Native {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let content_type = head.content_type.unwrap_or(HeaderValue::from_static(TYPE));
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
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(TYPE));
        put_status(&end.status, &mut headers);
        out.head(StatusCode::OK, headers);
        out.end(Ending::Clean);
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
