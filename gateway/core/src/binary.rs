//! Bytes as text: base64, which is written without padding, as gRPC and Connect want it, and read with or without.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Peers pad or do not, and some leave bits over that mean nothing.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Writes the standard alphabet.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads the standard alphabet.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Reads the alphabet that URLs may hold unescaped.
pub(crate) fn decode_url_safe(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).ok()
}

/// Reads either alphabet, but not both at once.
pub(crate) fn decode_either(text: &[u8]) -> Option<Vec<u8>> {
    decode(text).or_else(|| decode_url_safe(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_peers_write() {
        let check = |text: &str, want: Option<&[u8]>| {
            assert_eq!(decode(text.as_bytes()).as_deref(), want, "{text:?}");
        };
        check("", Some(b""));
        check("YQ", Some(b"a"));
        check("YQ==", Some(b"a"));
        check("YR", Some(b"a"));
        for broken in ["Y", "YQ=a", "YQ===", "%", "-_-_"] {
            check(broken, None);
        }
        assert_eq!(encode(b"\xfb\xff"), "+/8");
    }

    #[test]
    fn alphabets_do_not_mix() {
        for (text, is_url_safe, is_either) in
            [("+/8", false, true), ("-_8=", true, true), ("+_8", false, false)]
        {
            assert_eq!(decode_url_safe(text.as_bytes()).is_some(), is_url_safe, "{text:?}");
            assert_eq!(decode_either(text.as_bytes()).is_some(), is_either, "{text:?}");
        }
    }
}
