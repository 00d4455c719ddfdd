//! Reading the head of a request before anyone parses it for real.
//!
//! A call and a request for a site are served by different code, and Pingora's proxy wants to read its requests itself.
//! So the bytes of the head are read here, looked at once, and put back for whoever gets the request. This is also
//! where its size and the time it takes are limited.

use bytes::BytesMut;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use pingora_core::protocols::Stream;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Head;
use tokio::io::AsyncReadExt;

/// Fields in one head.
const FIELDS: usize = 128;

/// Why there is no head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoHead {
    /// The connection ended before or within it.
    Closed,
    /// It is longer than allowed, or has too many fields.
    TooLarge,
    /// It is not HTTP/1.
    Malformed,
}

/// A head and everything that was read so far.
pub(super) struct Peeked {
    pub(super) head: Head,
    /// An authority in the request target (absolute form).
    pub(super) authority: Option<String>,
    pub(super) http_1_0: bool,
    /// The head as it was sent, and what follows it.
    pub(super) bytes: BytesMut,
    /// How many of them are the head.
    pub(super) head_len: usize,
}

/// Reads up to the end of a head, or a little further. `bytes` is what was read of it already.
pub(super) async fn read(io: &mut Stream, mut bytes: BytesMut, limit: usize) -> Result<Peeked, NoHead> {
    loop {
        if let Some((head, authority, http_1_0, head_len)) = parse(&bytes)? {
            return Ok(Peeked { head, authority, http_1_0, bytes, head_len });
        }
        if bytes.len() >= limit {
            return Err(NoHead::TooLarge);
        }
        bytes.reserve(2048);
        if io.read_buf(&mut bytes).await.map_err(|_| NoHead::Closed)? == 0 {
            return Err(NoHead::Closed);
        }
    }
}

type Parsed = (Head, Option<String>, bool, usize);

/// The head at the front of `bytes`, once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<Parsed>, NoHead> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let head_len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head_len)) => head_len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(NoHead::TooLarge),
        Err(_) => return Err(NoHead::Malformed),
    };
    let method = request.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let target = request.path.and_then(|target| target.parse::<http::Uri>().ok());
    let (Some(method), Some(target)) = (method, target) else { return Err(NoHead::Malformed) };
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NoHead::Malformed)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| NoHead::Malformed)?;
        headers.append(name, value);
    }
    if !has_one_length(&headers) {
        return Err(NoHead::Malformed);
    }
    let authority = target.authority().map(|authority| authority.as_str().to_owned());
    // The authority form is for CONNECT, which is not proxied; it has no path.
    let path = target.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let head = Head { method, path, headers, transport: Transport::Http1 };
    Ok(Some((head, authority, request.version == Some(0), head_len)))
}

/// Whether it is clear how long the body is. Whoever disagrees about that with a proxy can smuggle a request past it.
///
/// Source: RFC 9112, section 6.3.
fn has_one_length(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let coding = codings.next();
    let digits = |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    lengths.next().is_none()
        && codings.next().is_none()
        && length.is_none_or(digits)
        && coding.is_none_or(|coding| length.is_none() && coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &[u8] = b"POST /s.S/m?q HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: 2\r\n\r\nbody";

    #[test]
    fn is_complete_exactly_at_the_empty_line() {
        let end = REQUEST.len() - 4;
        assert!((0..end).all(|len| parse(&REQUEST[..len]).unwrap().is_none()));
        let (head, authority, http_1_0, head_len) = parse(REQUEST).unwrap().unwrap();
        assert_eq!(head_len, end);
        assert_eq!(
            (head.method, head.path.as_str(), authority, http_1_0),
            (Method::POST, "/s.S/m?q", None, false)
        );
        assert_eq!(head.headers.get_all("x-two").iter().collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn refuses_what_is_not_http_and_what_is_too_much() {
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01").err(), Some(NoHead::Malformed));
        assert_eq!(parse(b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n").err(), Some(NoHead::Malformed));
        for fields in [
            "content-length: 1\r\ntransfer-encoding: chunked",
            "content-length: 1\r\ncontent-length: 2",
            "content-length: +5",
            "content-length: 5, 5",
            "transfer-encoding: xchunked",
        ] {
            let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n");
            assert_eq!(parse(request.as_bytes()).err(), Some(NoHead::Malformed), "{fields}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(FIELDS + 1));
        assert_eq!(parse(many.as_bytes()).err(), Some(NoHead::TooLarge));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
