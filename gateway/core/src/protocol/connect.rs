//! What the forms of the Connect protocol share: codecs, request headers, errors.
//!
//! Source: <https://connectrpc.com/docs/protocol>. The forms are rows of their own, because each has a decoder and an
//! encoder of its own, and because operators want to tell them apart: [`connect_unary`](super::connect_unary),
//! [`connect_get`](super::connect_get) and [`connect_stream`](super::connect_stream).

mod encodings;
mod error;
mod unary;

use http::{HeaderName, header};

use super::*;
use crate::metadata::{remove_names, strip_hop_by_hop};
pub(super) use encodings::{accepted, encoding_named, encoding_of};
pub(super) use error::ErrorJson;
pub(crate) use error::code_named;
pub(super) use unary::Unary;

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Proto,
    Json,
}

impl Codec {
    pub(super) fn named(name: &[u8]) -> Option<Codec> {
        [Codec::Proto, Codec::Json]
            .into_iter()
            .find(|codec| name.eq_ignore_ascii_case(codec.name().as_bytes()))
    }

    /// The codec of a content type that starts with this prefix. Parameters mean nothing: JSON is always UTF-8.
    pub(super) fn of_request(headers: &HeaderMap, prefix: &str) -> Option<Codec> {
        let rest = strip_type(headers.get(header::CONTENT_TYPE)?.as_bytes(), prefix)?;
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        Codec::named(rest.get(..end)?.trim_ascii_end())
    }

    /// The codec of a response: the one that its upstream names, or else the request's.
    pub(super) fn of_response(self, content_type: Option<&HeaderValue>) -> Codec {
        let named = content_type.and_then(|value| Codec::named(grpc::codec(value).get(1..)?));
        named.unwrap_or(self)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Codec::Proto => "proto",
            Codec::Json => "json",
        }
    }

    pub(super) fn grpc_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Codec::Proto => "application/grpc+proto",
            Codec::Json => "application/grpc+json",
        })
    }
}

/// Whether the transport carries HTTP requests.
pub(super) fn is_http(head: &Head) -> bool {
    !matches!(head.transport, Transport::WebTransport | Transport::WebSocket)
}

/// The path of a request without its query.
pub(super) fn path_of(path: &PathAndQuery) -> Option<MethodPath> {
    match path.query() {
        None => MethodPath::parse(path.clone()),
        Some(_) => MethodPath::parse_str(path.path()),
    }
}

/// The answer to a content type that does not fit the method, or that nobody knows.
pub(super) fn unsupported(accept_post: &'static str) -> Reply {
    let accept = HeaderMap::from_iter([(ACCEPT_POST, HeaderValue::from_static(accept_post))]);
    Reply::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, accept)
}

/// What the client did is not what the protocol says.
pub(super) fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> Status {
    Status::invalid_argument(what).with_flag(Flag::ClientProtocolError)
}

/// How long the client gives the call. Also checks the version, if the client names one.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    if headers.get_all(PROTOCOL_VERSION).iter().any(|version| version != "1") {
        return Err(invalid("connect-protocol-version must be 1"));
    }
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let digits = value.as_bytes();
    if !(1..=10).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid("connect-timeout-ms must be 1 to 10 digits"));
    }
    let millis = digits.iter().fold(0, |millis, digit| millis * 10 + u64::from(digit - b'0'));
    Ok(Some(Duration::from_millis(millis)))
}

/// Takes out all that is not metadata.
pub(super) fn keep_metadata(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    grpc_web::keep_metadata(headers);
    headers.remove(header::CONTENT_TYPE);
    // Both prefixes are reserved, so nothing of the application's has them.
    remove_names(headers, |name| name.as_str().starts_with("connect-") || name.as_str().starts_with("grpc-"));
}

/// Makes metadata as it is sent.
pub(super) fn unpad(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if name.as_str().ends_with("-bin") {
            *value = sent_value(name, value.clone());
        }
    }
}

/// A value of metadata as it is sent: `-bin` values without padding, which may stand before a comma too.
pub(super) fn sent_value(name: &HeaderName, value: HeaderValue) -> HeaderValue {
    if !name.as_str().ends_with("-bin") || !value.as_bytes().contains(&b'=') {
        return value;
    }
    let unpadded: Vec<u8> = value.as_bytes().iter().copied().filter(|&byte| byte != b'=').collect();
    // A part of a header value is always a valid one.
    HeaderValue::from_maybe_shared(Bytes::from(unpadded)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::map;
    use super::*;

    #[test]
    fn reads_timeouts_of_ten_digits() {
        let check = |value: &str, want: Result<u64, ()>| {
            let read = timeout(&map(&[("connect-timeout-ms", value)]));
            assert_eq!(read.map(|read| read.unwrap().as_millis() as u64).map_err(|_| ()), want, "{value:?}");
        };
        check("0", Ok(0));
        check("1500", Ok(1500));
        check("9999999999", Ok(9_999_999_999));
        for bad in ["", "10000000000", "-1", "1.5", "1 ", "1s", "0x1"] {
            check(bad, Err(()));
        }
        assert_eq!(timeout(&map(&[])).unwrap(), None);
    }

    #[test]
    fn knows_one_version() {
        timeout(&map(&[("connect-protocol-version", "1")])).unwrap();
        for bad in ["", "2", "v1"] {
            let refused = timeout(&map(&[("connect-protocol-version", bad)])).unwrap_err();
            assert_eq!(refused.code, Code::InvalidArgument, "{bad:?}");
        }
    }

    #[test]
    fn keeps_metadata_and_nothing_else() {
        let mut headers = map(&[
            ("content-type", "application/proto"),
            ("content-length", "3"),
            ("content-encoding", "gzip"),
            ("accept-encoding", "gzip"),
            ("accept", "*/*"),
            ("host", "a"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("connect-protocol-version", "1"),
            ("connect-timeout-ms", "1"),
            ("connect-content-encoding", "gzip"),
            ("connect-other", "1"),
            ("grpc-timeout", "1S"),
            ("grpc-status", "0"),
            ("grpc-trace-bin", "AA"),
            ("sec-fetch-mode", "cors"),
            ("user-agent", "connect-es"),
            ("authorization", "Bearer abc"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-bin", "YQ=="),
        ]);
        keep_metadata(&mut headers);
        let kept = [
            ("user-agent", "connect-es"),
            ("authorization", "Bearer abc"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-bin", "YQ=="),
        ];
        assert_eq!(headers, map(&kept));
    }

    #[test]
    fn sends_binary_values_without_padding() {
        let check = |name, value, want: &str| {
            let name = HeaderName::from_static(name);
            assert_eq!(sent_value(&name, HeaderValue::from_static(value)), want);
        };
        check("x-bin", "YQ==", "YQ");
        check("x-bin", "YQ==, YWI=", "YQ, YWI");
        check("x-bin", "YQ", "YQ");
        check("x-text", "a=b", "a=b");
    }
}
