//! The part of [`crate::fuzzing`] that concerns QPACK.

use bytes::{BufMut, Bytes, BytesMut};
use sluicegate_core::testing::{cut_by_its_start, pieces};

use super::decode::take_prefix;
use super::integer::{put_integer, take_huffman, take_integer, take_string};
use super::streams::Instructions;
use super::{Inspected, QpackError, decode, inspect};

pub(crate) fn integer(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let prefix = choice % 8 + 1;
    let mut rest = input;
    if let Ok(value) = take_integer(&mut rest, prefix) {
        assert!(input.ends_with(rest));
        let length = input.len() - rest.len();
        let mut written = BytesMut::new();
        put_integer(value, prefix, 0, &mut written);
        assert!(written.len() <= length);
        assert_eq!(take_integer(&mut &written[..], prefix), Ok(value));
        for cut in 0..length {
            assert_eq!(take_integer(&mut &input[..cut], prefix), Err(QpackError::Malformed));
        }
    }
    // A string's prefix leaves room for the flag.
    let prefix = choice % 7 + 1;
    for limit in [8, 1024] {
        let mut rest = input;
        let Ok(string) = take_string(&mut rest, prefix, limit) else { continue };
        assert!(input.ends_with(rest));
        assert!(string.len() <= limit && string.len() <= (input.len() - rest.len()) * 8 / 5);
        let mut written = BytesMut::new();
        put_integer(string.len() as u64, prefix, 0, &mut written);
        written.put_slice(&string);
        assert_eq!(take_string(&mut &written[..], prefix, limit), Ok(string));
    }
}

pub(crate) fn huffman(input: &[u8]) {
    let mut encoded = Vec::new();
    httlib_huffman::encode(input, &mut encoded).unwrap();
    assert_eq!(take_huffman(&encoded).as_deref(), Some(input));

    let Some(plain) = take_huffman(input) else { return };
    // The shortest code has five bits.
    assert!(plain.len() <= input.len() * 8 / 5);
    encoded.clear();
    httlib_huffman::encode(&plain, &mut encoded).unwrap();
    assert_eq!(encoded, input, "a string has one code, padding included");
}

/// Instructions for tables that are not there.
pub(crate) fn streams(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let (stream, cuts) = cut_by_its_start(input);
    let read = |pieces: Vec<Bytes>| {
        let mut instructions = Instructions::of_type(2 + u64::from(choice % 2)).unwrap();
        pieces.iter().try_for_each(|piece| instructions.read(piece))
    };
    let whole = read(pieces(&stream, &[]));
    assert_eq!(read(pieces(&stream, &cuts)), whole, "in pieces (left), whole (right)");
}

pub(crate) fn field_section(input: &[u8]) {
    let Some((&size, block)) = input.split_first() else { return };
    let max_size = usize::from(size) * 16;
    let inspected = inspect(block);
    assert_eq!(inspected == Inspected::Unreadable, take_prefix(&mut &block[..]).is_err());
    let fields = match (decode(block, max_size), decode(block, usize::MAX)) {
        (Ok(fields), any_size) => {
            assert_eq!(any_size.as_ref(), Ok(&fields));
            fields
        }
        (Err(error), any_size) => {
            assert!(any_size.is_err() || error == QpackError::TooLong);
            return;
        }
    };
    let counted: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    assert!(counted <= max_size);
    assert_eq!(decode(block, counted).as_ref(), Ok(&fields));
    if counted > 0 {
        assert_eq!(decode(block, counted - 1), Err(QpackError::TooLong));
    }
    assert_eq!(inspected, expected(&fields));

    let mut written = BytesMut::from(&[0, 0][..]);
    for (name, value) in &fields {
        put_integer(name.len() as u64, 3, 0x20, &mut written);
        written.put_slice(name.as_bytes());
        put_integer(value.len() as u64, 7, 0, &mut written);
        written.put_slice(value);
    }
    assert_eq!(decode(&written, max_size).as_ref(), Ok(&fields));
    assert_eq!(inspect(&written), inspected);
}

/// What a look at these fields must find.
fn expected(fields: &[super::Field]) -> Inspected {
    const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":protocol"];
    let is_pseudo = |name: &str| name.starts_with(':');
    let pseudo: Vec<&str> = fields.iter().map(|(name, _)| &**name).filter(|name| is_pseudo(name)).collect();
    let first = fields.iter().take_while(|(name, _)| is_pseudo(name)).count();
    let is_sound = first == pseudo.len()
        && pseudo.iter().all(|name| PSEUDO.contains(name))
        && PSEUDO.iter().all(|one| pseudo.iter().filter(|name| *name == one).count() <= 1);
    let is_connect = fields.iter().any(|(name, value)| name == ":method" && value == b"CONNECT");
    match (is_sound, is_connect) {
        (false, _) => Inspected::Malformed,
        (true, true) => Inspected::Connect,
        (true, false) => Inspected::Other,
    }
}
