//! `google.api.HttpBody`: bytes of any type, which stand for a message as they are.
//!
//! Source: <https://github.com/googleapis/googleapis/blob/master/google/api/httpbody.proto>.

use bytes::Bytes;
use prost::Message;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// The message, without its extensions.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpBody {
    #[prost(string, tag = "1")]
    pub(super) content_type: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) data: Bytes,
}

/// Whether this is its type.
pub(super) fn is_http_body(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.api.HttpBody"
}

/// Whether a field holds exactly one.
pub(super) fn holds_http_body(field: &FieldDescriptor) -> bool {
    !field.is_list() && matches!(field.kind(), Kind::Message(message) if is_http_body(&message))
}
