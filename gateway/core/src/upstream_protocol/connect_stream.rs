//! Connect streaming as an upstream's protocol: gRPC's frames, and JSON in a last frame that says how the call ended.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Streaming RPCs".

use super::connect_error::read_end_stream;
use super::envelopes::Envelopes;
use super::*;
use crate::compression::MessageEncoding;

const TYPE: &str = "application/connect+";
/// Bit of a prefix's flag: the payload tells the end of the stream.
const END_STREAM: u8 = 2;
const CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");

pub(super) fn open(codec: Codec) -> Exchange {
    let response = Response { envelopes: Envelopes::new(END_STREAM), codec: codec.clone() };
    Exchange { request: Box::new(Request(codec)), response: Box::new(response) }
}

struct Request(Codec);

impl RequestEncoder for Request {
    fn head(&self, call: &Call, remaining: Option<Duration>, headers: &mut HeaderMap) {
        connect_unary::put_connect_fields(remaining, headers);
        headers.insert(header::CONTENT_TYPE, self.0.content_type(TYPE));
        if let Some(encoding) = &call.encoding {
            headers.insert(CONTENT_ENCODING, encoding.clone());
        }
        if let Some(accept) = &call.accept_encoding {
            headers.insert(ACCEPT_ENCODING, accept.clone());
        }
    }
}

struct Response {
    codec: Codec,
    envelopes: Envelopes,
}

impl ResponseDecoder for Response {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, out: &mut Inbox) -> Result<(), Status> {
        // Errors of streams stand in their last frame; an HTTP error is no answer of the service.
        if status != StatusCode::OK {
            return Err(http_error(status));
        }
        let content_type =
            headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
        if !self.codec.is_in(content_type, TYPE) {
            return Err(Status::new(
                if strip_type(content_type, TYPE).is_some() { Code::Internal } else { Code::Unknown },
                "the upstream's response is not a Connect stream in the call's codec",
            )
            .with_flag(Flag::UpstreamProtocolError));
        }
        let encoding = compressing(headers.remove(CONTENT_ENCODING));
        let accept_encoding = headers.remove(ACCEPT_ENCODING);
        self.envelopes.compressed_with(MessageEncoding::named(encoding.as_ref()));
        keep_metadata(&mut headers);
        let content_type = Some(self.codec.content_type("application/grpc+"));
        out.head = Some(ResponseHead { metadata: headers, content_type, encoding, accept_encoding });
        Ok(())
    }

    fn data(&mut self, bytes: Bytes, out: &mut Inbox) -> Result<(), Status> {
        self.envelopes.data(bytes, &mut out.frames)
    }

    fn end(&mut self, _out: &mut Inbox) -> Result<End, Status> {
        read_end_stream(&self.envelopes.end()?)
    }
}
