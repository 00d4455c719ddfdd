//! Prefixed integers and strings (RFC 9204, section 4.1).

use bytes::{BufMut, BytesMut};
use httlib_huffman::DecoderSpeed;

use super::QpackError;

/// Takes an integer whose first byte has `prefix` bits of it (1 to 8) off the front.
pub(super) fn take_integer(bytes: &mut &[u8], prefix: u8) -> Result<u64, QpackError> {
    let mask = u64::from(u8::MAX >> (8 - prefix));
    let mut value = u64::from(take_byte(bytes)?) & mask;
    if value < mask {
        return Ok(value);
    }
    let mut shift = 0;
    loop {
        let byte = take_byte(bytes)?;
        // Nine bytes hold more than any length or index; RFC 9204 asks for 62 bits.
        if shift > 56 {
            return Err(QpackError::Malformed);
        }
        value += u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
}

/// Takes a string whose first byte has the Huffman flag above `prefix` bits of its length off the front. It may have
/// at most `limit` bytes.
pub(super) fn take_string(bytes: &mut &[u8], prefix: u8, limit: usize) -> Result<Vec<u8>, QpackError> {
    let Encoded { is_huffman, bytes: string } = take_encoded(bytes, prefix)?;
    // Huffman's longest code has 30 bits, so this bounds the work before it is done.
    if string.len() > limit.saturating_mul(4) {
        return Err(QpackError::TooLong);
    }
    let string =
        if is_huffman { take_huffman(string).ok_or(QpackError::Malformed)? } else { string.to_vec() };
    if string.len() > limit { Err(QpackError::TooLong) } else { Ok(string) }
}

/// The string that Huffman's code stands for; `None` when it is not one, padding included (RFC 7541, section 5.2).
pub(super) fn take_huffman(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(encoded.len() * 2);
    httlib_huffman::decode(encoded, &mut plain, DecoderSpeed::FourBits).ok()?;
    // The decoder takes any padding, but only one is right.
    let mut again = Vec::with_capacity(encoded.len());
    httlib_huffman::encode(&plain, &mut again).ok()?;
    (again == encoded).then_some(plain)
}

/// A string as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoded<'a> {
    pub(super) is_huffman: bool,
    pub(super) bytes: &'a [u8],
}

/// Takes a string off the front without decoding it.
pub(super) fn take_encoded<'a>(bytes: &mut &'a [u8], prefix: u8) -> Result<Encoded<'a>, QpackError> {
    let is_huffman = bytes.first().is_some_and(|first| first & (1 << prefix) != 0);
    let length = usize::try_from(take_integer(bytes, prefix)?).map_err(|_| QpackError::Malformed)?;
    let (string, rest) = bytes.split_at_checked(length).ok_or(QpackError::Malformed)?;
    *bytes = rest;
    Ok(Encoded { is_huffman, bytes: string })
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8, QpackError> {
    let (&first, rest) = bytes.split_first().ok_or(QpackError::Malformed)?;
    *bytes = rest;
    Ok(first)
}

/// Appends an integer behind the flags in the upper bits of its first byte.
pub(super) fn put_integer(mut value: u64, prefix: u8, flags: u8, out: &mut BytesMut) {
    let mask = u64::from(u8::MAX >> (8 - prefix));
    if value < mask {
        return out.put_u8(flags | value as u8);
    }
    out.put_u8(flags | mask as u8);
    value -= mask;
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_examples_of_hpack() {
        // RFC 7541, appendix C.1.
        assert_eq!(take_integer(&mut &[0x0a][..], 5), Ok(10));
        assert_eq!(take_integer(&mut &[0x1f, 0x9a, 0x0a][..], 5), Ok(1337));
        assert_eq!(take_integer(&mut &[0x2a][..], 8), Ok(42));
        assert_eq!(take_integer(&mut &[0xff; 12][..], 8), Err(QpackError::Malformed));
    }

    #[test]
    fn takes_the_one_padding_that_is_right() {
        let check = |encoded: &[u8], plain: Option<&[u8]>| {
            assert_eq!(take_huffman(encoded).as_deref(), plain, "{encoded:x?}");
        };
        check(b"", Some(b""));
        // "a" has the five bits 00011.
        check(&[0x1f], Some(b"a"));
        check(&[0x18], None);
        check(&[0x1f, 0xff], None);
        check(&[0xff], None);
    }

    proptest! {
        #[test]
        fn survives_the_wire(value in 0u64..1 << 62, prefix in 1u8..=8) {
            let mut out = BytesMut::new();
            put_integer(value, prefix, 0, &mut out);
            prop_assert_eq!(take_integer(&mut &out[..], prefix), Ok(value));
            prop_assert_eq!(take_integer(&mut &out[..out.len() - 1], prefix), Err(QpackError::Malformed));
        }

        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), prefix in 1u8..=7) {
            let _ = take_integer(&mut &bytes[..], prefix);
            if let Ok(string) = take_string(&mut &bytes[..], prefix, 64) {
                prop_assert!(string.len() <= 64);
            }
        }
    }
}
