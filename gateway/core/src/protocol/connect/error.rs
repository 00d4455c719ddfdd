//! Errors, as Connect writes them: JSON, and for unary calls an HTTP status.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Error Codes" and "Error Details".

use prost_reflect::prost_types::Any;
use serde::Serialize;

use super::*;
use crate::binary;
use crate::status::details;

/// An error. There is none for `OK`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorJson<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Detail {
    r#type: String,
    value: String,
}

impl ErrorJson<'_> {
    pub(crate) fn new(status: &Status) -> Option<ErrorJson<'_>> {
        let code = code_name(status.code)?;
        let details = details::read(status).iter().filter_map(Detail::new).collect();
        Some(ErrorJson { code, message: &status.message, details })
    }
}

impl Detail {
    /// `None` for a detail without a type.
    fn new(detail: &Any) -> Option<Detail> {
        let name = details::type_name(detail);
        (!name.is_empty()).then(|| Detail { r#type: name.to_owned(), value: binary::encode(&detail.value) })
    }
}

/// The code with this name.
pub(crate) fn code_named(name: &str) -> Option<Code> {
    Code::ALL.into_iter().find(|code| code_name(*code) == Some(name))
}

/// The name of a code; none for `OK`, which is no error.
fn code_name(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Ok => return None,
        Code::Cancelled => "canceled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(status: &Status) -> String {
        serde_json::to_string(&ErrorJson::new(status).unwrap()).unwrap()
    }

    #[test]
    fn writes_every_code() {
        let want = [
            "1 canceled 499",
            "2 unknown 500",
            "3 invalid_argument 400",
            "4 deadline_exceeded 504",
            "5 not_found 404",
            "6 already_exists 409",
            "7 permission_denied 403",
            "8 resource_exhausted 429",
            "9 failed_precondition 400",
            "10 aborted 409",
            "11 out_of_range 400",
            "12 unimplemented 501",
            "13 internal 500",
            "14 unavailable 503",
            "15 data_loss 500",
            "16 unauthenticated 401",
        ];
        let all = Code::ALL.into_iter().skip(1);
        let written: Vec<_> = all
            .map(|code| format!("{} {} {}", code.number(), code_name(code).unwrap(), code.to_http().as_u16()))
            .collect();
        assert_eq!(written, want);
        assert!(ErrorJson::new(&Status::OK).is_none());
    }

    #[test]
    fn escapes_messages_and_leaves_empty_ones_out() {
        assert_eq!(json(&Status::new(Code::NotFound, "")), r#"{"code":"not_found"}"#);
        let message = "\t\"no\" \\ \u{1}\r\n☺ 😈";
        let written = json(&Status::new(Code::Unknown, message));
        assert_eq!(written, r#"{"code":"unknown","message":"\t\"no\" \\ \u0001\r\n☺ 😈"}"#);
    }

    #[test]
    fn takes_details_out_of_a_google_rpc_status() {
        let any = |type_url: &str, value: &[u8]| Any { type_url: type_url.into(), value: value.into() };
        let details = vec![
            any("type.googleapis.com/test.v1.Why", &[1, 2, 3, 4]),
            any("test.v1.Bare", &[]),
            any("", &[1]),
            any("example.com/", &[1]),
        ];
        let mut status = Status::new(Code::Internal, "no");
        details::write(details, &mut status);
        assert_eq!(
            json(&status),
            r#"{"code":"internal","message":"no","details":[{"type":"test.v1.Why","value":"AQIDBA"},{"type":"test.v1.Bare","value":""}]}"#
        );
        status.details = Some("%".into());
        assert_eq!(json(&status), r#"{"code":"internal","message":"no"}"#);
    }
}
