//! Errors as REST clients get them: an HTTP status, and a `google.rpc.Status` as JSON.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::{Any, Duration};
use serde_json::Value;

use super::{Ending, Outbox};
use crate::schema;
use crate::status::{Flag, Status, details};

/// The client's request is not what the method's descriptor asks for.
pub(super) fn bad_request(what: impl Into<Cow<'static, str>>) -> Status {
    Status::invalid_argument(what).with_flag(Flag::ClientProtocolError)
}

/// Writes a whole response that tells of an error. `headers` holds what else the client is told.
pub(super) fn write(status: &Status, pool: &DescriptorPool, mut headers: HeaderMap, out: &mut Outbox) {
    if let Some(seconds) = details::read(status).iter().find_map(retry_after)
        && !headers.contains_key(header::RETRY_AFTER)
    {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = to_json(status, pool);
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    out.head(status.code.to_http(), headers);
    out.data(body.into());
    out.end(Ending::Clean);
}

/// A status as JSON, without line breaks.
pub(super) fn to_json(status: &Status, pool: &DescriptorPool) -> String {
    let message = Value::from(&*status.message);
    let details = details::read(status);
    let details: Value = details.iter().map(|detail| schema::details::to_json(detail, pool)).collect();
    // In the order of the fields, for who reads it.
    format!(r#"{{"code":{},"message":{message},"details":{details}}}"#, status.code.number())
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Duration>,
}

/// How long a detail asks to wait, in seconds, rounded up.
fn retry_after(detail: &Any) -> Option<u64> {
    if details::type_name(detail) != "google.rpc.RetryInfo" {
        return None;
    }
    let delay = RetryInfo::decode(&*detail.value).ok()?.delay?;
    Some(u64::try_from(delay.seconds).ok()?.saturating_add(u64::from(delay.nanos > 0)))
}
