//! What clients say about compression.

use super::*;
use crate::compression::Encoding;

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
    match (values.next(), values.next()) {
        (first, None) => encoding_named(first),
        (Some(first), Some(second)) => encoding_named(Some(&[first, second].join(&b","[..]))),
        (None, Some(_)) => Ok(None),
    }
}

/// What the client can decompress, the best first, as a `grpc-accept-encoding`.
///
/// A client that does not say takes what it sent itself. Encodings that the gateway does not know are left out, as are
/// those with a quality of 0 and `*`, which names none.
pub(crate) fn accepted(
    headers: &HeaderMap,
    name: &HeaderName,
    sent: Option<Encoding>,
) -> Option<HeaderValue> {
    if !headers.contains_key(name) {
        return sent.map(Encoding::header_value);
    }
    let values = headers.get_all(name).iter();
    let items = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let mut accepted: Vec<(u32, Encoding)> = items.filter_map(read_item).collect();
    // Stable: among equals, the order is the client's.
    accepted.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    let mut names: Vec<&str> = Vec::new();
    for (_, encoding) in accepted {
        if !names.contains(&encoding.as_str()) {
            names.push(encoding.as_str());
        }
    }
    // Names and commas are a valid value.
    (!names.is_empty()).then(|| HeaderValue::try_from(names.join(",")).ok()).flatten()
}

/// An encoding and its quality in thousandths, unless that is 0.
fn read_item(item: &[u8]) -> Option<(u32, Encoding)> {
    let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let encoding = Encoding::named(parts.next()?)?;
    let quality = match parts.find_map(|part| part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="))) {
        None => 1000,
        Some(quality) => {
            std::str::from_utf8(quality).ok()?.parse::<f32>().ok()?.clamp(0.0, 1.0).mul_add(1000.0, 0.5)
                as u32
        }
    };
    (quality > 0).then_some((quality, encoding))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::map;
    use super::*;

    #[test]
    fn lists_what_both_know() {
        let check = |value: &str, want: Option<&str>| {
            let headers = map(&[("accept-encoding", value)]);
            let accepted = accepted(&headers, &header::ACCEPT_ENCODING, Some(Encoding::Zstd));
            assert_eq!(accepted.as_ref().map(|value| value.to_str().unwrap()), want, "{value:?}");
        };
        check("gzip", Some("gzip"));
        check("br, gzip,x, GZIP , zstd", Some("br,gzip,zstd"));
        check("gzip;q=0.5, br;q=1.0, zstd; Q=0.75, deflate;q=0", Some("br,zstd,gzip"));
        check("gzip;q=nonsense", None);
        check("gzip;q=NaN", None);
        check("identity", None);
        check("*", None);
        check("", None);
    }

    #[test]
    fn a_client_that_does_not_say_takes_what_it_sent() {
        let sent = |sent| accepted(&map(&[]), &header::ACCEPT_ENCODING, sent);
        assert_eq!(sent(Some(Encoding::Gzip)).unwrap(), "gzip");
        assert_eq!(sent(None), None);
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
