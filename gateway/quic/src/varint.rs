//! QUIC's variable-length integers (RFC 9000, section 16).

use bytes::{BufMut, BytesMut};

/// The largest value.
pub(crate) const MAX: u64 = (1 << 62) - 1;

/// How many bytes an integer with this first byte takes.
pub(crate) fn length(first: u8) -> usize {
    1 << (first >> 6)
}

/// How many bytes [`write`] needs for a value.
pub(crate) fn size(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Reads the integer at the start of `bytes` and says how long it is; `None` when it is not all there.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let length = length(first);
    let rest = rest.get(..length - 1)?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, length))
}

/// Takes an integer off the front of `bytes`, or leaves them as they are.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (value, length) = read(bytes)?;
    *bytes = bytes.get(length..)?;
    Some(value)
}

/// Appends a value in its shortest form. One above [`MAX`] is written as `MAX`.
pub(crate) fn write(value: u64, out: &mut BytesMut) {
    match value {
        0..0x40 => out.put_u8(value as u8),
        0x40..0x4000 => out.put_u16(value as u16 | 0x4000),
        0x4000..0x4000_0000 => out.put_u32(value as u32 | 0x8000_0000),
        _ => out.put_u64(value.min(MAX) | 0xc000_0000_0000_0000),
    }
}

/// The same as QUIC's own type, for error codes. Codes come from a table of ours or from the wire, so none is larger.
pub(crate) fn quic(value: u64) -> quinn::VarInt {
    quinn::VarInt::from_u64(value).unwrap_or(quinn::VarInt::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_examples_of_the_rfc() {
        // RFC 9000, appendix A.1.
        let check = |bytes: &[u8], value: u64| assert_eq!(read(bytes), Some((value, bytes.len())));
        check(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652);
        check(&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333);
        check(&[0x7b, 0xbd], 15_293);
        check(&[0x25], 37);
        check(&[0x40, 0x25], 37);
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0x40]), None);
    }

    proptest! {
        #[test]
        fn survives_the_wire(value in 0..=MAX, tail in any::<Vec<u8>>()) {
            let mut out = BytesMut::new();
            write(value, &mut out);
            let length = out.len();
            prop_assert_eq!(size(value), length);
            out.extend_from_slice(&tail);
            prop_assert_eq!(read(&out), Some((value, length)));
            for cut in 0..length {
                prop_assert_eq!(read(&out[..cut]), None);
            }
        }

        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let mut rest = &bytes[..];
            let _ = take(&mut rest);
            prop_assert!(rest.len() <= bytes.len());
        }
    }
}
