//! Upstream protocols: how a call is carried to a service that is not reached by native gRPC.
//!
//! They mirror the client protocols and are sans-IO too. A cluster that speaks gRPC has none of this: its frames,
//! headers and trailers pass as they are.
//!
//! ```text
//! gRPC frames ── RequestEncoder ──► body of the upstream request
//! head, gRPC frames, end ◄── ResponseDecoder ── status, headers and body of the response
//! ```
//!
//! A response counts as ended in order only where its protocol says so: [`ResponseDecoder::end`] returns the call's end
//! or says why there is none, and nothing else can.

mod connect_error;
mod connect_stream;
mod connect_unary;
mod envelopes;
mod grpc_web;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::call::{Call, End, ResponseHead};
use crate::metadata::{name, strip_hop_by_hop};
use crate::protocol::{Frames, codec_suffix, strip_type};
use crate::schema::MethodKind;
use crate::status::{Code, Flag, Status};

/// Bytes of trailing metadata, or of an error, that are accepted within a body: as many as HTTP/2 upstreams may send in
/// a header list.
const MAX_END: usize = 64 << 10;

/// A protocol other than native gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// gRPC-Web, binary.
    ///
    /// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>
    GrpcWeb,
    /// Connect, unary or streaming by the method's kind.
    ///
    /// Source: <https://connectrpc.com/docs/protocol>
    Connect,
}

/// Both directions of one call.
pub struct Exchange {
    /// What makes the request.
    pub request: Box<dyn RequestEncoder>,
    /// What reads the response.
    pub response: Box<dyn ResponseDecoder>,
}

impl UpstreamProtocol {
    /// Prepares for one call.
    ///
    /// `kind` is what the method's descriptor says, if there is one; `max_response_message` bounds, in bytes, what is
    /// gathered of a response that has to be whole, with 0 for no bound. Fails with `UNIMPLEMENTED` if the call cannot be
    /// expressed.
    pub fn open(
        self,
        call: &Call,
        kind: Option<MethodKind>,
        max_response_message: u32,
    ) -> Result<Exchange, Status> {
        let codec = Codec::of(&call.content_type);
        match (self, kind) {
            (UpstreamProtocol::GrpcWeb, _) => Ok(grpc_web::open(codec)),
            (UpstreamProtocol::Connect, Some(MethodKind::Unary)) => {
                connect_unary::open(codec, call.encoding.clone(), max_response_message)
            }
            (UpstreamProtocol::Connect, Some(_)) => Ok(connect_stream::open(codec)),
            (UpstreamProtocol::Connect, None) => Err(Status::unimplemented(
                "the upstream speaks Connect, and no descriptor tells whether this method streams: configure the \
                 cluster's `descriptors`",
            )),
        }
    }
}

/// Turns a call into an upstream request.
pub trait RequestEncoder: Send {
    /// Adds the protocol's own header fields to those of the call's metadata that cross. It may be asked again when the
    /// call is sent again. `remaining` is what is left of the client's own deadline.
    fn head(&self, call: &Call, remaining: Option<Duration>, headers: &mut HeaderMap);
    /// The next bytes of the call's gRPC frames, cut anywhere. Their prefixes were checked already. They pass as they are
    /// where the protocol has the same frames.
    fn data(&mut self, frames: Bytes, out: &mut Frames) -> Result<(), Status> {
        out.push(frames);
        Ok(())
    }
    /// The request has ended, not inside a frame.
    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        Ok(())
    }
}

/// Turns the upstream's response into gRPC's terms. `head` is called once and first, `end` once and last; an error of
/// any is the last call too.
pub trait ResponseDecoder: Send {
    /// The final HTTP status and the header fields, without those of the hop.
    fn head(&mut self, status: StatusCode, headers: HeaderMap, out: &mut Inbox) -> Result<(), Status>;
    /// The next bytes of the body.
    fn data(&mut self, bytes: Bytes, out: &mut Inbox) -> Result<(), Status>;
    /// The body has ended as HTTP demands: how the call ends. If no head was put into the inbox by then, the response is
    /// trailers-only.
    fn end(&mut self, out: &mut Inbox) -> Result<End, Status>;
}

/// What a decoder has made of a response, in this order.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The head, once.
    pub head: Option<ResponseHead>,
    /// gRPC frames, cut anywhere.
    pub frames: Frames,
}

/// The codec of a call's messages: what follows the `+` of a gRPC content type.
#[derive(Clone, Debug)]
struct Codec(Box<str>);

impl Codec {
    /// The codec of a gRPC content type; `proto` when it names none.
    fn of(content_type: &HeaderValue) -> Codec {
        let suffix = strip_type(content_type.as_bytes(), "application/grpc").map(codec_suffix);
        let named = suffix.and_then(|suffix| std::str::from_utf8(suffix.get(1..)?).ok());
        Codec(named.unwrap_or("proto").to_ascii_lowercase().into())
    }

    /// The codec as a content type with this before it, such as `application/connect+`.
    fn content_type(&self, prefix: &str) -> HeaderValue {
        // It was a part of a header value, and so is this.
        HeaderValue::try_from(format!("{prefix}{}", self.0))
            .unwrap_or(HeaderValue::from_static("application/proto"))
    }

    /// Whether a response of this content type has messages in this codec.
    fn is_in(&self, content_type: &[u8], prefix: &str) -> bool {
        let rest = strip_type(content_type, prefix).unwrap_or_default();
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let named = rest.get(..end).unwrap_or_default().trim_ascii();
        named.eq_ignore_ascii_case(self.0.as_bytes())
    }
}

/// Something that the protocol does not allow.
fn broken(what: &'static str) -> Status {
    Status::internal(what).with_flag(Flag::UpstreamProtocolError)
}

/// What an HTTP status other than 200 says of the call.
fn http_error(status: StatusCode) -> Status {
    Status::new(Code::from_http(status), format!("the upstream answered HTTP {}", status.as_u16()))
        .with_flag(Flag::UpstreamProtocolError)
}

/// Leaves only metadata of a protocol that has it in bodies, or that does not reserve gRPC's names.
fn keep_metadata(headers: &mut HeaderMap) {
    const RESERVED: [HeaderName; 8] = [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::ACCEPT_ENCODING,
        name::GRPC_STATUS,
        name::GRPC_MESSAGE,
        name::GRPC_STATUS_DETAILS,
        name::GRPC_ENCODING,
        name::GRPC_ACCEPT_ENCODING,
    ];
    strip_hop_by_hop(headers);
    for name in RESERVED {
        headers.remove(name);
    }
}

/// An encoding that is one: `identity` stands for none.
fn compressing(encoding: Option<HeaderValue>) -> Option<HeaderValue> {
    encoding.filter(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
