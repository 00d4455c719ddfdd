//! Which header names are metadata, and how values are written.
//!
//! Metadata is an [`http::HeaderMap`]: names are lower-case, several values of one name keep their order.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Names that gRPC and the web protocols read or write themselves.
pub mod name {
    use http::HeaderName;

    /// The status code of a call.
    pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
    /// The percent-encoded message of a status.
    pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
    /// A base64 `google.rpc.Status`.
    pub const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
    /// How long the call may take.
    pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
    /// How messages with the compressed flag are compressed.
    pub const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
    /// What the sender can decompress.
    pub const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
    /// Set by gRPC-Web clients.
    pub const X_GRPC_WEB: HeaderName = HeaderName::from_static("x-grpc-web");
    /// A browser client's `user-agent`, which scripts may not set.
    pub const X_USER_AGENT: HeaderName = HeaderName::from_static("x-user-agent");
}

/// Whether a name belongs to one connection and never crosses the gateway.
///
/// Source: RFC 9110, section 7.6.1, and RFC 9114, section 4.2; `host` and `content-length` are written anew for each
/// hop.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    match *name {
        header::CONNECTION
        | header::TE
        | header::TRAILER
        | header::TRANSFER_ENCODING
        | header::UPGRADE
        | header::HOST
        | header::CONTENT_LENGTH => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings"),
    }
}

/// Removes the names that never cross the gateway, those that `connection` nominates included.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in nominated {
        headers.remove(name);
    }
    // HTTP/2 and HTTP/3 requests have at most `te` here, so the usual number of removals is one.
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)).cloned() {
        headers.remove(name);
    }
}

/// Removes the names that are picked, with all of their values.
pub(crate) fn remove_names(headers: &mut HeaderMap, is_picked: impl Fn(&HeaderName) -> bool) {
    let picked: Vec<HeaderName> = headers.keys().filter(|name| is_picked(name)).cloned().collect();
    for name in picked {
        headers.remove(name);
    }
}

/// The most values that are told apart.
const MOST_JOINED: usize = 100;

/// Puts joined values of binary names on lines of their own: browsers join all values of a name, and not every server
/// tells them apart. Names whose values would be more than a hundred, with those of names before, stay as they are.
///
/// Source: PROTOCOL-HTTP2.md, "Custom-Metadata": base64 has no commas, so these separate values.
pub(crate) fn split_joined(headers: &mut HeaderMap) {
    let is_joined = |value: &HeaderValue| value.as_bytes().contains(&b',');
    let joined: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().ends_with("-bin") && headers.get_all(*name).iter().any(is_joined))
        .cloned()
        .collect();
    let mut room = MOST_JOINED;
    for name in joined {
        let values =
            headers.get_all(&name).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
        // A part of a value is always a valid one.
        let values: Vec<HeaderValue> =
            values.filter_map(|value| HeaderValue::from_bytes(value.trim_ascii()).ok()).collect();
        let Some(left) = room.checked_sub(values.len()) else { continue };
        room = left;
        headers.remove(&name);
        for value in values {
            headers.append(name.clone(), value);
        }
    }
}

/// Percent-encodes a status message for `grpc-message`.
///
/// Source: PROTOCOL-HTTP2.md, "Status-Message": all but 0x20 to 0x7E is encoded, and `%` too.
pub fn encode_message(message: &str) -> HeaderValue {
    fn plain(byte: u8) -> bool {
        matches!(byte, 0x20..=0x7e) && byte != b'%'
    }
    let encoded: Cow<'_, [u8]> = if message.bytes().all(plain) {
        Cow::Borrowed(message.as_bytes())
    } else {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let mut out = Vec::with_capacity(message.len() * 3);
        for byte in message.bytes() {
            if plain(byte) {
                out.push(byte);
            } else {
                out.extend_from_slice(&[b'%', hex(byte >> 4), hex(byte & 0xf)]);
            }
        }
        Cow::Owned(out)
    };
    // Printable ASCII is always a valid header value.
    HeaderValue::from_bytes(&encoded).unwrap_or(HeaderValue::from_static(""))
}

/// Decodes a `grpc-message`. Broken escapes stay as they are; this never fails.
pub fn decode_message(value: &[u8]) -> String {
    let nibble = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = match (byte, tail) {
            (b'%', [high, low, ..]) => nibble(*high).zip(nibble(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_what_connection_names() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("keep-alive", "5"),
            ("x-kept", "a"),
            ("x-kept", "b"),
        ] {
            headers.append(
                HeaderName::from_static(if name == "x-secret" { "x-secret" } else { name }),
                value.parse().unwrap(),
            );
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.get_all("x-kept").iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn tells_joined_binary_values_apart() {
        let check = |values: &[&str], want: &[&str]| {
            for (name, want) in [("x-bin", want), ("x-text", values)] {
                let mut headers = HeaderMap::new();
                for value in values {
                    headers.append(name, value.parse().unwrap());
                }
                split_joined(&mut headers);
                assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), want, "{name}: {values:?}");
            }
        };
        check(&["AAEC"], &["AAEC"]);
        check(&["AAEC, /+8=,YQ", "Yg"], &["AAEC", "/+8=", "YQ", "Yg"]);
        check(&[""], &[""]);
        check(&["YQ,"], &["YQ", ""]);
        let many = ",".repeat(100);
        check(&[&many], &[&many]);
        check(&[&many[1..]], &[""; 100]);
    }

    #[test]
    fn messages_survive_the_wire() {
        for message in [
            "",
            "plain",
            "50% \u{263a}\n",
            "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        ] {
            assert_eq!(decode_message(encode_message(message).as_bytes()), message);
        }
        assert_eq!(encode_message("a%b\n"), "a%25b%0A");
        assert_eq!(decode_message(b"100%, %zz, %4"), "100%, %zz, %4");
    }

    proptest::proptest! {
        #[test]
        fn any_message_survives_the_wire(message in "(?s).{0,40}|[%0-9a-f]{0,20}") {
            proptest::prop_assert_eq!(decode_message(encode_message(&message).as_bytes()), message);
        }

        #[test]
        fn decoding_never_panics(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            decode_message(&value);
        }
    }
}
