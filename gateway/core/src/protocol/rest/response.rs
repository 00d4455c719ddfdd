//! Makes bodies of the upstream's messages.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::binding::Binding;
use super::http_body::{HttpBody, holds_http_body, is_http_body};
use crate::call::ResponseHead;
use crate::compression::MessageEncoding;
use crate::message::{Deframer, Side};
use crate::protocol::append_renamed;
use crate::schema::json;
use crate::status::{Flag, Status};

/// Reads the messages of one response.
pub(super) struct Messages {
    pub(super) binding: Arc<Binding>,
    deframer: Deframer,
    encoding: MessageEncoding,
    /// The largest message in bytes, uncompressed; 0 means none is too large.
    limit: u32,
}

/// What a message is in the body of a response.
pub(super) enum Part {
    /// JSON without line breaks.
    Json(Bytes),
    /// Bytes of a type of their own.
    Raw(HttpBody),
}

impl Messages {
    pub(super) fn new(binding: Arc<Binding>) -> Messages {
        // Whoever carries the frames has checked their lengths.
        Messages {
            binding,
            deframer: Deframer::new(Side::Upstream, 0),
            encoding: MessageEncoding::Identity,
            limit: 0,
        }
    }

    /// Where the types of a status's details are looked up.
    pub(super) fn pool(&self) -> &DescriptorPool {
        self.binding.method.descriptor.parent_pool()
    }

    /// Whether messages are bytes of a type of their own.
    pub(super) fn are_raw(&self) -> bool {
        match &self.binding.response_body {
            Some(field) => holds_http_body(field),
            None => is_http_body(&self.binding.method.output()),
        }
    }

    /// Takes note of how the upstream compresses messages. Nobody asks it to, but it may.
    pub(super) fn compressed_with(&mut self, encoding: Option<&HeaderValue>) {
        self.encoding = MessageEncoding::named(encoding);
    }

    /// Says how large a message may be.
    pub(super) fn limit(&mut self, max_message: u32) {
        self.limit = max_message;
    }

    pub(super) fn push(&mut self, frames: &[u8]) {
        self.deframer.push(frames);
    }

    /// The next message that has arrived whole.
    pub(super) fn next(&mut self) -> Result<Option<Part>, Status> {
        let Some(message) = self.deframer.next_message()? else { return Ok(None) };
        let payload = self.encoding.decompress(message, self.limit, Side::Upstream)?;
        self.part(&payload).map(Some)
    }

    fn part(&self, payload: &Bytes) -> Result<Part, Status> {
        let output = self.binding.method.output();
        let options = &self.binding.method.json;
        if self.binding.response_body.is_none() && !self.are_raw() {
            return json::encode(&output, payload, options).map(|json| Part::Json(json.into()));
        }
        let message = DynamicMessage::decode(output, payload.clone()).map_err(|_| {
            Status::internal("the upstream's message is not of the type it should be")
                .with_flag(Flag::UpstreamProtocolError)
        })?;
        let raw = match &self.binding.response_body {
            Some(field) if !self.are_raw() => {
                return json::encode_field(&message, field, options).map(|json| Part::Json(json.into()));
            }
            Some(field) => message.get_field(field).as_message().map(DynamicMessage::transcode_to),
            None => Some(message.transcode_to()),
        };
        let of_another_shape =
            |_| Status::internal("the descriptors have a google.api.HttpBody of another shape");
        raw.transpose().map(Option::unwrap_or_default).map(Part::Raw).map_err(of_another_shape)
    }
}

/// Metadata that chooses the HTTP status of a response that went well.
const X_HTTP_CODE: HeaderName = HeaderName::from_static("x-http-code");

/// The HTTP status and the headers of a response with this head. Initial metadata are headers as they are; those that
/// describe a body are not theirs to set.
pub(super) fn head(head: ResponseHead) -> (StatusCode, HeaderMap) {
    let mut headers = head.metadata;
    strip_body_headers(&mut headers);
    let code = headers.remove(X_HTTP_CODE);
    let status = code.and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
    (status.filter(StatusCode::is_success).unwrap_or(StatusCode::OK), headers)
}

/// Removes names that would describe the body, which the gateway writes.
pub(super) fn strip_body_headers(headers: &mut HeaderMap) {
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::TRANSFER_ENCODING,
        header::TRAILER,
    ] {
        headers.remove(name);
    }
}

/// Adds trailing metadata to the headers of a response that has no trailers, as `grpc-trailer-<name>`. What HTTP itself
/// has a header for keeps its name.
pub(super) fn put_trailers(trailers: HeaderMap, headers: &mut HeaderMap) {
    append_renamed(trailers, headers, trailer_name);
}

fn trailer_name(name: &HeaderName) -> Option<HeaderName> {
    if matches!(*name, header::RETRY_AFTER | header::WWW_AUTHENTICATE) {
        return Some(name.clone());
    }
    HeaderName::try_from(format!("grpc-trailer-{name}")).ok()
}

/// The content type that a raw body says it has.
pub(super) fn content_type(body: &HttpBody) -> HeaderValue {
    match HeaderValue::try_from(&body.content_type) {
        Ok(value) if !value.is_empty() => value,
        _ => HeaderValue::from_static("application/octet-stream"),
    }
}

/// Whether a response with this status has no body, whatever its headers say.
///
/// Source: RFC 9110, sections 15.3.5 and 15.3.6.
pub(super) fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
}
