//! The two streams of QPACK (RFC 9204, section 4.2), as far as they say anything where no dynamic table is allowed.

use h3::error::Code;

/// The other side's encoder stream or decoder stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// What it does with the table that it writes. We allow it none, so it may only say that the table is empty.
    Encoder,
    /// What it has read of the table that we write, which is nothing; it may cancel streams all the same.
    Decoder {
        /// How many bytes of an instruction's integer have been read; 0 between instructions.
        read: u8,
    },
}

/// "Set Dynamic Table Capacity" to zero (RFC 9204, section 4.3.1).
const NO_CAPACITY: u8 = 0x20;
/// The pattern of "Stream Cancellation" in the first two bits (RFC 9204, section 4.4.2).
const CANCELLATION: u8 = 0b01;
/// The integer's part in the first byte of a cancellation; if it is full, more bytes follow.
const PREFIX: u8 = 0x3f;
/// The most bytes of a number of a stream.
const LONGEST: u8 = 10;

impl Instructions {
    /// The stream of this type; `None` for one that is not QPACK's.
    pub(crate) fn of_type(stream_type: u64) -> Option<Instructions> {
        match stream_type {
            0x02 => Some(Instructions::Encoder),
            0x03 => Some(Instructions::Decoder { read: 0 }),
            _ => None,
        }
    }

    /// Reads the next bytes. The error is the code to close the connection with.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<(), Code> {
        match self {
            Instructions::Encoder if bytes.iter().all(|byte| *byte == NO_CAPACITY) => Ok(()),
            Instructions::Encoder => Err(Code::QPACK_ENCODER_STREAM_ERROR),
            Instructions::Decoder { read } => {
                for byte in bytes {
                    let ends = match *read {
                        0 if byte >> 6 != CANCELLATION => return Err(Code::QPACK_DECODER_STREAM_ERROR),
                        0 => byte & PREFIX != PREFIX,
                        LONGEST.. => return Err(Code::QPACK_DECODER_STREAM_ERROR),
                        _ => byte & 0x80 == 0,
                    };
                    *read = if ends { 0 } else { *read + 1 };
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_nothing_about_a_table_that_is_not_there() {
        let check = |stream_type, bytes: &[u8], expected| {
            assert_eq!(Instructions::of_type(stream_type).unwrap().read(bytes), expected, "{bytes:x?}");
        };
        check(0x02, &[0x20, 0x20], Ok(()));
        // A capacity of 4096, an insertion, and a duplicate.
        for bytes in [&[0x3f, 0xe1, 0x1f][..], &[0xc0, 0x00], &[0x41, b'a', 0x00], &[0x00]] {
            check(0x02, bytes, Err(Code::QPACK_ENCODER_STREAM_ERROR));
        }
        // Cancellations of streams 4, 63 and 2^62 - 4.
        check(0x03, &[0x44, 0x7f, 0x00], Ok(()));
        let longest = [0x7f, 0xbd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
        check(0x03, &[&longest[..], &longest].concat(), Ok(()));
        // An acknowledgement, an increment, and an integer without end.
        for bytes in [&[0x80][..], &[0x01], &[0x44, 0x80], &[&[0x7f][..], &[0xff; 10]].concat()] {
            check(0x03, bytes, Err(Code::QPACK_DECODER_STREAM_ERROR));
        }
        assert!(Instructions::of_type(0x00).is_none());
    }

    proptest! {
        #[test]
        fn is_equal_in_all_splits(bytes in any::<Vec<u8>>(), at in 0usize..40, stream_type in 2u64..4) {
            let whole = Instructions::of_type(stream_type).unwrap().read(&bytes);
            let mut parts = Instructions::of_type(stream_type).unwrap();
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(parts.read(left).and_then(|()| parts.read(right)), whole);
        }
    }
}
