//! Errors as REST clients get them: an HTTP status, and a `google.rpc.Status` as JSON.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message;
use prost_reflect::prost_types::{Any, Duration};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::{Ending, Outbox};
use crate::schema::bundled;
use crate::status::{Code, Flag, Status};

/// The client's request is not what the method's descriptor asks for.
pub(super) fn bad_request(what: impl Into<Cow<'static, str>>) -> Status {
    Status::invalid_argument(what).with_flag(Flag::ClientProtocolError)
}

/// Writes a whole response that tells of an error. `headers` holds what else the client is told.
pub(super) fn write(status: &Status, pool: &DescriptorPool, mut headers: HeaderMap, out: &mut Outbox) {
    let details = Details::of(status);
    if let Some(seconds) = details.retry_after()
        && !headers.contains_key(header::RETRY_AFTER)
    {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.head(http_status(status.code), headers);
    out.data(details.to_json(status, pool).into());
    out.end(Ending::Clean);
}

/// A status as JSON, without line breaks.
pub(super) fn to_json(status: &Status, pool: &DescriptorPool) -> String {
    Details::of(status).to_json(status, pool)
}

/// The HTTP status of a response with this code.
///
/// Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
pub(super) fn http_status(code: Code) -> StatusCode {
    let number = match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What a status carries besides code and message: `google.rpc.Status`, of which only the details count.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Duration>,
}

impl Details {
    /// Details that cannot be read are none: code and message still count.
    fn of(status: &Status) -> Details {
        let text = status.details.as_deref().unwrap_or_default();
        let decoded = super::value::base64(&String::from_utf8_lossy(text));
        decoded.and_then(|bytes| Details::decode(&*bytes).ok()).unwrap_or_default()
    }

    fn to_json(&self, status: &Status, pool: &DescriptorPool) -> String {
        let message = Value::from(&*status.message);
        let details: Value = self.details.iter().map(|detail| detail_to_json(detail, pool)).collect();
        // In the order of the fields, for who reads it.
        format!(r#"{{"code":{},"message":{message},"details":{details}}}"#, status.code.number())
    }

    /// In seconds, rounded up.
    fn retry_after(&self) -> Option<u64> {
        let info = self.details.iter().find(|detail| type_name(detail) == "google.rpc.RetryInfo")?;
        let delay = RetryInfo::decode(&*info.value).ok()?.delay?;
        Some(u64::try_from(delay.seconds).ok()? + u64::from(delay.nanos > 0))
    }
}

fn type_name(detail: &Any) -> &str {
    detail.type_url.rsplit('/').next().unwrap_or_default()
}

/// The upstream's descriptors need not have the types of `google.rpc`.
fn type_of(detail: &Any, pool: &DescriptorPool) -> Option<MessageDescriptor> {
    let name = type_name(detail);
    pool.get_message_by_name(name).or_else(|| bundled::pool().get_message_by_name(name))
}

/// The JSON of an `Any`; where its type is unknown, its bytes in base64.
fn detail_to_json(detail: &Any, pool: &DescriptorPool) -> Value {
    let known = type_of(detail, pool).and_then(|descriptor| {
        let message = DynamicMessage::decode(descriptor, &*detail.value).ok()?;
        serde_json::to_value(message).ok()
    });
    match known {
        Some(Value::Object(mut fields)) => {
            fields.insert("@type".into(), detail.type_url.clone().into());
            Value::Object(fields)
        }
        // A type whose JSON is no object, such as `Duration`.
        Some(value) => json!({ "@type": detail.type_url, "value": value }),
        None => json!({ "@type": detail.type_url, "value": STANDARD.encode(&detail.value) }),
    }
}
