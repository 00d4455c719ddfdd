//! How a call ended: the gRPC status, and for the operator the reason behind it.

pub(crate) mod details;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;

/// A gRPC status code.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// The code with this number, if there is one.
    pub fn from_number(number: u64) -> Option<Code> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The code in a `grpc-status` value. Anything that is not a number from 0 to 16 is `Unknown`.
    pub fn from_header(value: &[u8]) -> Code {
        match value {
            [d] if d.is_ascii_digit() => Self::from_number(u64::from(d - b'0')).unwrap_or(Code::Unknown),
            [b'1', d] if d.is_ascii_digit() => {
                Self::from_number(10 + u64::from(d - b'0')).unwrap_or(Code::Unknown)
            }
            _ => Code::Unknown,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The number as it stands in `grpc-status`.
    pub fn as_str(self) -> &'static str {
        const DIGITS: [&str; 17] =
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
        DIGITS.get(self as usize).copied().unwrap_or("2")
    }

    /// The name in the specification, as logs and metrics show it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// What an HTTP status means for a call whose response has no `grpc-status`.
    ///
    /// Source: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
    pub fn from_http(status: http::StatusCode) -> Code {
        match status.as_u16() {
            400 | 431 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }

    /// The HTTP status of a response that has one message or this code, as in Connect unary and REST.
    ///
    /// Sources: <https://connectrpc.com/docs/protocol>, "Error Codes", and
    /// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
    pub fn to_http(self) -> http::StatusCode {
        let number = match self {
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
        // All of them are from 100 to 999.
        http::StatusCode::from_u16(number).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What an HTTP/2 error code means for the call on the stream that was reset with it.
    ///
    /// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "HTTP2 Transport Mapping".
    pub fn from_h2_reason(reason: u32) -> Code {
        match reason {
            0x7 => Code::Unavailable,
            0x8 => Code::Cancelled,
            0xb => Code::ResourceExhausted,
            0xc => Code::PermissionDenied,
            _ => Code::Internal,
        }
    }
}

/// Why the gateway, and not the upstream service, ended a call: Envoy's response flags.
///
/// They stand in the access log, for the operator; a client never sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// `NR`: no route matches.
    NoRoute,
    /// `UH`: no endpoint of the cluster can be tried.
    NoHealthyUpstream,
    /// `UF`: connecting to the upstream failed.
    UpstreamConnectionFailure,
    /// `UC`: the upstream's connection ended during the call.
    UpstreamConnectionTermination,
    /// `UR`: the upstream reset the stream.
    UpstreamRemoteReset,
    /// `UPE`: the upstream broke the protocol.
    UpstreamProtocolError,
    /// `UT`: the deadline passed while the upstream was working.
    UpstreamTimeout,
    /// `SI`: nothing moved on the stream for too long.
    StreamIdle,
    /// `DC`: the client's connection ended.
    ClientConnectionTermination,
    /// `DR`: the client reset the stream.
    ClientReset,
    /// `DPE`: the client broke the protocol.
    ClientProtocolError,
    /// `RL`: refused by a local rate limit.
    RateLimited,
    /// `UAEX`: refused by an authentication or authorisation filter.
    Unauthorized,
    /// `DN`: the client's session is draining. Our own; Envoy has no such flag.
    Draining,
    /// `PX`: a panic was caught. Our own; Envoy has no such flag.
    Panic,
}

impl Flag {
    /// The short form in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Flag::NoRoute => "NR",
            Flag::NoHealthyUpstream => "UH",
            Flag::UpstreamConnectionFailure => "UF",
            Flag::UpstreamConnectionTermination => "UC",
            Flag::UpstreamRemoteReset => "UR",
            Flag::UpstreamProtocolError => "UPE",
            Flag::UpstreamTimeout => "UT",
            Flag::StreamIdle => "SI",
            Flag::ClientConnectionTermination => "DC",
            Flag::ClientReset => "DR",
            Flag::ClientProtocolError => "DPE",
            Flag::RateLimited => "RL",
            Flag::Unauthorized => "UAEX",
            Flag::Draining => "DN",
            Flag::Panic => "PX",
        }
    }
}

/// How a call ended, as its client is told. The message is safe to show.
#[derive(Clone, Debug)]
pub struct Status {
    /// The gRPC code.
    pub code: Code,
    /// Plain words for the caller; empty when there is nothing to add. Not percent-encoded.
    pub message: Cow<'static, str>,
    /// The raw (base64) value of `grpc-status-details-bin`.
    pub details: Option<Bytes>,
    /// Trailing metadata that goes with a refusal, such as `retry-after`.
    pub metadata: Option<Box<HeaderMap>>,
    /// Why, for the access log; `None` when the upstream service itself decided.
    pub flag: Option<Flag>,
}

impl Status {
    /// The call succeeded.
    pub const OK: Status = Status::of(Code::Ok, "");

    const fn of(code: Code, message: &'static str) -> Status {
        Status { code, message: Cow::Borrowed(message), details: None, metadata: None, flag: None }
    }

    /// A status with a code and a message.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Status {
        Status { message: message.into(), ..Status::of(code, "") }
    }

    /// Something in the gateway or on the wire is not as the protocol demands.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::Internal, message)
    }

    /// A limit was reached.
    pub fn resource_exhausted(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::ResourceExhausted, message)
    }

    /// Nothing serves this method.
    pub fn unimplemented(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::Unimplemented, message)
    }

    /// The upstream cannot be reached now; trying again later may help.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::Unavailable, message)
    }

    /// The deadline passed.
    pub fn deadline_exceeded(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::DeadlineExceeded, message)
    }

    /// The caller did not say who it is, or not convincingly.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::Unauthenticated, message).with_flag(Flag::Unauthorized)
    }

    /// The caller may not do this.
    pub fn permission_denied(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::PermissionDenied, message).with_flag(Flag::Unauthorized)
    }

    /// The caller sent something that can never work.
    pub fn invalid_argument(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::InvalidArgument, message)
    }

    /// The client took the call back.
    pub fn cancelled(message: impl Into<Cow<'static, str>>) -> Status {
        Status::new(Code::Cancelled, message)
    }

    /// The same status with the reason for the access log.
    #[must_use]
    pub fn with_flag(mut self, flag: Flag) -> Status {
        self.flag = Some(flag);
        self
    }

    /// The same status with one more entry of trailing metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: http::HeaderName, value: http::HeaderValue) -> Status {
        self.metadata.get_or_insert_default().append(name, value);
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.message {
            "" => f.write_str(self.code.name()),
            message => write!(f, "{}: {message}", self.code.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_number_and_nothing_else() {
        for code in Code::ALL {
            assert_eq!(Code::from_header(code.as_str().as_bytes()), code);
            assert_eq!(Code::from_number(u64::from(code.number())), Some(code));
        }
        for bad in ["", "17", "99", "-1", "00", "01", "abc", "1 ", "100"] {
            assert_eq!(Code::from_header(bad.as_bytes()), Code::Unknown, "{bad:?}");
        }
    }

    #[test]
    fn maps_resets_as_grpc_does() {
        assert_eq!(Code::from_h2_reason(0x7), Code::Unavailable);
        assert_eq!(Code::from_h2_reason(0x8), Code::Cancelled);
        assert_eq!(Code::from_h2_reason(0x0), Code::Internal);
        assert_eq!(Code::from_h2_reason(0xffff), Code::Internal);
    }
}
