//! A look at a request's field section before `h3` reads it.
//!
//! It finds the CONNECTs, which `h3` must not see, and the pseudo-header fields that stand twice or behind regular
//! fields, which `h3` accepts. Nothing is decoded that need not be.

use super::QpackError;
use super::decode::take_prefix;
use super::integer::{Encoded, take_encoded, take_integer};
use super::static_table;

/// What a field section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inspected {
    /// Of a CONNECT.
    Connect,
    /// Of a request that is malformed (RFC 9114, section 4.3).
    Malformed,
    /// With a prefix that cannot be read, or that asks for a dynamic table, which there is not. `h3` reads on behind one
    /// that asks without need.
    Unreadable,
    /// Of another request, or with a field that cannot be read; `h3` refuses that.
    Other,
}

/// The pseudo-header fields of a request (RFC 9114, section 4.3.1; RFC 9220).
const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":protocol"];

/// Looks at a field section.
pub(crate) fn inspect(mut block: &[u8]) -> Inspected {
    let mut found = Found::default();
    if take_prefix(&mut block).is_err() {
        return Inspected::Unreadable;
    }
    while !block.is_empty() {
        if found.take_field(&mut block).is_err() {
            return Inspected::Other;
        }
    }
    match found {
        Found { is_malformed: true, .. } => Inspected::Malformed,
        Found { is_connect: true, .. } => Inspected::Connect,
        _ => Inspected::Other,
    }
}

#[derive(Default)]
struct Found {
    /// Which of `PSEUDO` have been seen, one bit each.
    seen: u8,
    regular: bool,
    is_connect: bool,
    is_malformed: bool,
}

impl Found {
    /// Takes a field line representation (RFC 9204, sections 4.5.2 to 4.5.6).
    fn take_field(&mut self, block: &mut &[u8]) -> Result<(), QpackError> {
        let first = block.first().copied().ok_or(QpackError::Malformed)?;
        let entry = |index| static_table::entry(index).ok_or(QpackError::Malformed);
        if first & 0xc0 == 0xc0 {
            let (name, value) = entry(take_integer(block, 6)?)?;
            self.field(name, value.as_bytes());
        } else if first & 0xd0 == 0x50 {
            let (name, _) = entry(take_integer(block, 4)?)?;
            let value = take_encoded(block, 7)?;
            self.literal(name, value);
        } else if first & 0xe0 == 0x20 {
            let name = take_encoded(block, 3)?;
            let value = take_encoded(block, 7)?;
            if is_pseudo(name) {
                let name = plain(name).and_then(|name| String::from_utf8(name).ok());
                self.literal(name.as_deref().unwrap_or(":"), value);
            } else {
                self.regular = true;
            }
        } else {
            return Err(QpackError::Malformed);
        }
        Ok(())
    }

    fn literal(&mut self, name: &str, value: Encoded<'_>) {
        // The method is the only value that matters here.
        let value = if name == ":method" { plain(value) } else { None };
        self.field(name, value.as_deref().unwrap_or_default());
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        if !name.starts_with(':') {
            self.regular = true;
            return;
        }
        match PSEUDO.iter().position(|pseudo| *pseudo == name) {
            Some(index) => {
                self.is_malformed |= self.regular || self.seen & (1 << index) != 0;
                self.seen |= 1 << index;
            }
            None => self.is_malformed = true,
        }
        self.is_connect |= name == ":method" && value == b"CONNECT";
    }
}

/// Whether a name begins with a colon.
fn is_pseudo(name: Encoded<'_>) -> bool {
    // With Huffman coding, a colon is the seven bits 1011100 (RFC 7541, appendix B).
    name.bytes.first().is_some_and(|first| if name.is_huffman { first >> 1 == 0x5c } else { *first == b':' })
}

/// The name of a pseudo-header field, or a method; `None` for what is too long to be one.
fn plain(string: Encoded<'_>) -> Option<Vec<u8>> {
    const LONGEST: usize = 32;
    if string.bytes.len() > LONGEST {
        return None;
    }
    if !string.is_huffman {
        return Some(string.bytes.to_vec());
    }
    let mut plain = Vec::new();
    httlib_huffman::decode(string.bytes, &mut plain, httlib_huffman::DecoderSpeed::FourBits).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(lines: &[&[u8]], expected: Inspected) {
        assert_eq!(inspect(&[&b"\x00\x00"[..], &lines.concat()].concat()), expected, "{lines:x?}");
    }

    /// A field line with a literal name.
    fn line(name: &str, value: &str, is_huffman: bool) -> Vec<u8> {
        let encode = |text: &str| {
            let mut out = Vec::new();
            if is_huffman {
                httlib_huffman::encode(text.as_bytes(), &mut out).unwrap();
            } else {
                out.extend(text.as_bytes());
            }
            out
        };
        let flag = u8::from(is_huffman);
        let (name, value) = (encode(name), encode(value));
        let mut out = bytes::BytesMut::new();
        super::super::integer::put_integer(name.len() as u64, 3, 0x20 | flag << 3, &mut out);
        out.extend_from_slice(&name);
        super::super::integer::put_integer(value.len() as u64, 7, flag << 7, &mut out);
        out.extend_from_slice(&value);
        out.to_vec()
    }

    const CONNECT: &[u8] = b"\xcf";
    const GET: &[u8] = b"\xd1";
    const PATH: &[u8] = b"\xc1";
    const ACCEPT: &[u8] = b"\xdd";

    #[test]
    fn finds_a_connect_however_it_is_written() {
        check(&[CONNECT, ACCEPT], Inspected::Connect);
        check(&[PATH, b"\x5f\x00\x07CONNECT"], Inspected::Connect);
        for is_huffman in [false, true] {
            check(&[&line(":method", "CONNECT", is_huffman), PATH], Inspected::Connect);
            check(&[&line(":method", "POST", is_huffman), PATH], Inspected::Other);
            check(&[&line(":protocol", "webtransport", is_huffman), CONNECT], Inspected::Connect);
        }
        check(&[GET, PATH, ACCEPT, &line("x-method", "CONNECT", true)], Inspected::Other);
    }

    #[test]
    fn finds_what_stands_twice_or_behind() {
        check(&[GET, GET], Inspected::Malformed);
        check(&[GET, PATH, ACCEPT, PATH], Inspected::Malformed);
        check(&[CONNECT, GET], Inspected::Malformed);
        // ":status", and a name nobody knows.
        check(&[GET, b"\xd9"], Inspected::Malformed);
        for is_huffman in [false, true] {
            check(&[GET, &line("a", "b", is_huffman), &line(":path", "/", is_huffman)], Inspected::Malformed);
            check(&[PATH, &line(":path", "/", is_huffman)], Inspected::Malformed);
            check(&[GET, &line(":unknown", "/", is_huffman)], Inspected::Malformed);
            check(&[GET, &line(":", "/", is_huffman)], Inspected::Malformed);
        }
    }

    #[test]
    fn tells_what_cannot_be_read() {
        for bad in [&b"\x00\x00\xcf\x80"[..], b"\x00\x00\xff\x24"] {
            assert_eq!(inspect(bad), Inspected::Other, "{bad:x?}");
        }
        for bad in [&b"\x01\x00\xcf"[..], b"\x02\x00\xdd", b"\x00", b""] {
            assert_eq!(inspect(bad), Inspected::Unreadable, "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = inspect(&[&b"\x00\x00"[..], &bytes].concat());
        }

        #[test]
        fn agrees_with_the_decoder(bytes in any::<Vec<u8>>()) {
            let block = [&b"\x00\x00\xcf"[..], &bytes].concat();
            if let Ok(fields) = super::super::decode(&block, 1 << 16) {
                let names = || fields.iter().map(|(name, _)| &**name);
                let pseudo = names().filter(|name| name.starts_with(':'));
                let is_sound = names().take_while(|name| name.starts_with(':')).count() == pseudo.clone().count()
                    && pseudo.clone().all(|name| PSEUDO.contains(&name))
                    && PSEUDO.iter().all(|one| pseudo.clone().filter(|name| name == one).count() <= 1);
                let expected = if is_sound { Inspected::Connect } else { Inspected::Malformed };
                prop_assert_eq!(inspect(&block), expected);
            }
        }
    }
}
