//! What clients say about compression.

use super::*;
use crate::compression::{self, Encoding};

/// The encoding with this name; `None` for none at all, which `identity` stands for too.
pub(crate) fn encoding_named(name: Option<&[u8]>) -> Result<Option<Encoding>, Status> {
    match name {
        None | Some(b"") => Ok(None),
        Some(name) if name.eq_ignore_ascii_case(b"identity") => Ok(None),
        Some(name) => Encoding::named(name).map(Some).ok_or_else(|| {
            let known = Encoding::ALL.map(Encoding::as_str).join(", ");
            let name = String::from_utf8_lossy(name);
            Status::unimplemented(format!("unknown compression \"{name}\": known are {known}"))
                .with_flag(Flag::ClientProtocolError)
        }),
    }
}

/// What a header field with this name says of a request. Two encodings, one upon the other, are none that is known.
pub(crate) fn encoding_of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Encoding>, Status> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = values.next();
    match values.next() {
        None => encoding_named(first),
        Some(second) => encoding_named(Some(&[first.unwrap_or_default(), second].join(&b","[..]))),
    }
}

/// What the client can decompress, the best first, as a `grpc-accept-encoding`.
///
/// A client that does not say takes what it sent itself. What the gateway does not know is left out.
pub(crate) fn accepted(
    headers: &HeaderMap,
    name: &HeaderName,
    sent: Option<Encoding>,
) -> Option<HeaderValue> {
    if headers.contains_key(name) {
        compression::list(&compression::known(headers.get_all(name)))
    } else {
        sent.map(Encoding::header_value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::map;
    use super::*;

    #[test]
    fn a_client_that_does_not_say_takes_what_it_sent() {
        let sent = |sent| accepted(&map(&[]), &header::ACCEPT_ENCODING, sent);
        assert_eq!(sent(Some(Encoding::Gzip)).unwrap(), "gzip");
        assert_eq!(sent(None), None);
        let said = |value| {
            accepted(&map(&[("accept-encoding", value)]), &header::ACCEPT_ENCODING, Some(Encoding::Gzip))
        };
        assert_eq!(said("br, zstd").unwrap(), "br,zstd");
        assert_eq!(said("identity"), None);
    }

    #[test]
    fn names_what_is_known_when_something_is_not() {
        assert_eq!(encoding_named(Some(b"Identity")).unwrap(), None);
        assert_eq!(encoding_named(Some(b"GZip")).unwrap(), Some(Encoding::Gzip));
        let named = |values: &[(&'static str, &str)]| {
            encoding_of(&map(values), &header::CONTENT_ENCODING).map_err(|status| status.code)
        };
        assert_eq!(named(&[]), Ok(None));
        assert_eq!(named(&[("content-encoding", "br")]), Ok(Some(Encoding::Br)));
        let twice = [("content-encoding", "br"), ("content-encoding", "br")];
        assert_eq!(named(&twice), Err(Code::Unimplemented));
        let refused = encoding_named(Some(b"foo")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "UNIMPLEMENTED: unknown compression \"foo\": known are gzip, deflate, zstd, br, snappy"
        );
    }
}
