//! gRPC-Web as an upstream's protocol: gRPC's frames, and trailers in a last frame of the body.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>. Only the binary form is used.

use super::envelopes::Envelopes;
use super::*;
use crate::compression::MessageEncoding;
use crate::deadline::format_timeout;
use crate::protocol::take_status;

const TYPE: &str = "application/grpc-web+";
/// Bit of a prefix's flag: the payload is trailers.
const TRAILERS: u8 = 0x80;

pub(super) fn open(codec: Codec) -> Exchange {
    let response = Response { envelopes: Envelopes::new(TRAILERS), codec: codec.clone(), only: None };
    Exchange { request: Box::new(Request(codec)), response: Box::new(response) }
}

struct Request(Codec);

impl RequestEncoder for Request {
    fn head(&self, call: &Call, remaining: Option<Duration>, headers: &mut HeaderMap) {
        let content_type = self.0.content_type(TYPE);
        headers.insert(header::ACCEPT, content_type.clone());
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(name::X_GRPC_WEB, HeaderValue::from_static("1"));
        if let Some(encoding) = &call.encoding {
            headers.insert(name::GRPC_ENCODING, encoding.clone());
        }
        if let Some(accept) = &call.accept_encoding {
            headers.insert(name::GRPC_ACCEPT_ENCODING, accept.clone());
        }
        if let Some(remaining) = remaining {
            headers.insert(name::GRPC_TIMEOUT, format_timeout(remaining));
        }
    }
}

struct Response {
    codec: Codec,
    envelopes: Envelopes,
    /// The status in a head and all of its other fields, as long as nothing has followed.
    only: Option<Box<End>>,
}

impl ResponseDecoder for Response {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, out: &mut Inbox) -> Result<(), Status> {
        // No server reports success with an HTTP error.
        let is_answer = |said: &Status| status == StatusCode::OK || said.code != Code::Ok;
        if let Some(said) = take_status(&mut headers).filter(is_answer) {
            self.only = Some(Box::new(End { status: said, trailers: headers }));
            return Ok(());
        }
        if status != StatusCode::OK {
            return Err(http_error(status));
        }
        self.begin(headers, out)
    }

    fn data(&mut self, bytes: Bytes, out: &mut Inbox) -> Result<(), Status> {
        // A status in a head that a body follows is no status.
        if let Some(only) = self.only.take_if(|_| !bytes.is_empty()) {
            self.begin(only.trailers, out)?;
        }
        self.envelopes.data(bytes, &mut out.frames)
    }

    fn end(&mut self, _out: &mut Inbox) -> Result<End, Status> {
        match self.only.take() {
            Some(mut only) => {
                keep_metadata(&mut only.trailers);
                Ok(*only)
            }
            None => read_trailers(&self.envelopes.end()?),
        }
    }
}

impl Response {
    fn begin(&mut self, mut headers: HeaderMap, out: &mut Inbox) -> Result<(), Status> {
        let content_type = headers.remove(header::CONTENT_TYPE);
        let is_ours = content_type.is_some_and(|value| {
            let value = value.as_bytes();
            self.codec.is_in(value, TYPE)
                // Without a codec it is protobuf.
                || strip_type(value, "application/grpc-web")
                    .is_some_and(|rest| matches!(rest.trim_ascii_start(), [] | [b';', ..]) && &*self.codec.0 == "proto")
        });
        if !is_ours {
            return Err(Status::new(
                Code::Unknown,
                "the upstream's response is not gRPC-Web in the call's codec",
            )
            .with_flag(Flag::UpstreamProtocolError));
        }
        let encoding = compressing(headers.remove(name::GRPC_ENCODING));
        self.envelopes.compressed_with(MessageEncoding::named(encoding.as_ref()));
        out.head = Some(ResponseHead {
            content_type: Some(self.codec.content_type("application/grpc+")),
            encoding,
            accept_encoding: headers.remove(name::GRPC_ACCEPT_ENCODING),
            metadata: headers,
        });
        Ok(())
    }
}

/// Reads trailers. Names in upper case and lines that end without a carriage return are accepted, as browsers' own
/// parsers would.
fn read_trailers(block: &[u8]) -> Result<End, Status> {
    let mut trailers = HeaderMap::new();
    let lines = block.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        let parsed = memchr::memchr(b':', line).and_then(|colon| {
            let (name, value) = line.split_at_checked(colon)?;
            let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
            Some((HeaderName::from_bytes(name).ok()?, value))
        });
        let Some((name, value)) = parsed else {
            return Err(broken("the upstream's trailers are not lines of names and values"));
        };
        trailers.try_append(name, value).map_err(|_| broken("the upstream sent too many trailers"))?;
    }
    let status = take_status(&mut trailers).ok_or_else(|| {
        Status::new(Code::Unknown, "the upstream's trailers have no grpc-status")
            .with_flag(Flag::UpstreamProtocolError)
    })?;
    keep_metadata(&mut trailers);
    Ok(End { status, trailers })
}
