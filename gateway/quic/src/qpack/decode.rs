//! Field sections, from bytes.

use std::borrow::Cow;

use super::integer::{take_integer, take_string};
use super::static_table;

/// Why a field section cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QpackError {
    /// It breaks QPACK's rules, or refers to a dynamic table.
    #[error("the field section is malformed")]
    Malformed,
    /// It is larger than we accept.
    #[error("the field section is too long")]
    TooLong,
}

/// A field line: name and value.
pub(crate) type Field = (Cow<'static, str>, Vec<u8>);

/// What a field costs beyond its bytes (RFC 9114, section 4.2.2).
const FIELD_OVERHEAD: usize = 32;

/// Reads a field section that counts at most `max_size` bytes, names and values and 32 each.
pub(crate) fn decode(mut block: &[u8], max_size: usize) -> Result<Vec<Field>, QpackError> {
    let mut fields = Vec::new();
    let mut left = max_size;
    take_prefix(&mut block)?;
    while !block.is_empty() {
        let (name, value) = take_field(&mut block, left)?;
        let size = name.len() + value.len() + FIELD_OVERHEAD;
        left = left.checked_sub(size).ok_or(QpackError::TooLong)?;
        fields.push((name, value));
    }
    Ok(fields)
}

/// Takes the encoded field section prefix, which must not ask for a dynamic table (RFC 9204, section 4.5.1).
pub(super) fn take_prefix(block: &mut &[u8]) -> Result<(), QpackError> {
    let required_insert_count = take_integer(block, 8)?;
    take_integer(block, 7)?;
    if required_insert_count == 0 { Ok(()) } else { Err(QpackError::Malformed) }
}

/// Takes a field line representation (RFC 9204, sections 4.5.2 to 4.5.6).
fn take_field(block: &mut &[u8], limit: usize) -> Result<Field, QpackError> {
    let first = block.first().copied().ok_or(QpackError::Malformed)?;
    let entry = |index| static_table::entry(index).ok_or(QpackError::Malformed);
    if first & 0xc0 == 0xc0 {
        let (name, value) = entry(take_integer(block, 6)?)?;
        Ok((name.into(), value.as_bytes().to_vec()))
    } else if first & 0xd0 == 0x50 {
        let (name, _) = entry(take_integer(block, 4)?)?;
        Ok((name.into(), take_string(block, 7, limit)?))
    } else if first & 0xe0 == 0x20 {
        let name = take_string(block, 3, limit)?;
        let name = String::from_utf8(name).map_err(|_| QpackError::Malformed)?;
        Ok((name.into(), take_string(block, 7, limit)?))
    } else {
        // The rest refers to a dynamic table, which nobody may use.
        Err(QpackError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_representation() {
        // RFC 9204, appendix B.1, then a static entry and a literal name with Huffman-coded "custom-key".
        let block = b"\x00\x00\x51\x0b/index.html\xcf\x2f\x01\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x01v";
        let fields = decode(block, 1 << 14).unwrap();
        let fields: Vec<(&str, &[u8])> = fields.iter().map(|(n, v)| (&**n, &v[..])).collect();
        assert_eq!(fields, [(":path", &b"/index.html"[..]), (":method", b"CONNECT"), ("custom-key", b"v")]);
    }

    #[test]
    fn refuses_the_dynamic_table_and_what_is_too_long() {
        for bad in [&b"\x01\x00\xd1"[..], b"\x00\x00\x80", b"\x00\x00\x10", b"\x00\x00\xff\x24", b"\x00", b""]
        {
            assert_eq!(decode(bad, 1 << 14), Err(QpackError::Malformed), "{bad:?}");
        }
        // ":method: GET" counts 7 + 3 + 32 bytes.
        assert!(decode(b"\x00\x00\xd1", 42).is_ok());
        assert_eq!(decode(b"\x00\x00\xd1", 41), Err(QpackError::TooLong));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let mut block = vec![0, 0];
            block.extend(bytes);
            if let Ok(fields) = decode(&block, 100) {
                prop_assert!(fields.len() <= 3);
            }
        }
    }
}
