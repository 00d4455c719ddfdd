//! Compression: of single messages, and of HTTP bodies as a whole.
//!
//! Sources: <https://github.com/grpc/grpc/blob/master/doc/compression.md> for messages, RFC 9110, section 8.4, for
//! bodies. What inflates beyond a limit is stopped there: it never takes more memory than the limit, the format's
//! window, of which none over 8 MiB is accepted, and a small buffer.

mod body;
mod inflate;
mod message;

use std::io::Write;

use bytes::Bytes;
use http::HeaderValue;

pub use body::{BodyDecoder, BodyError};
pub(crate) use message::{MessageEncoding, unknown_encoding};

use crate::accept;
use crate::status::Status;
use inflate::{Fault, Inflate, Output};

/// A way to compress. No compression (`identity`) is `None` wherever an encoding is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 1952, of one or more members.
    Gzip,
    /// The zlib format of RFC 1950, which is what HTTP and gRPC call `deflate`.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// Brotli, RFC 7932.
    Br,
    /// Snappy's framing format, <https://github.com/google/snappy/blob/main/framing_format.txt>.
    Snappy,
}

/// How many compressed bytes are decompressed at a time, where what they stand for is held at once: what compresses best
/// takes about this many for a message, however long.
pub(crate) const STEP: usize = 256;

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 5] =
        [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Br, Encoding::Snappy];

    /// All of them as a `grpc-accept-encoding` or `accept-encoding`.
    pub const LIST: HeaderValue = HeaderValue::from_static("gzip,deflate,zstd,br,snappy");

    /// The encoding with this name, whose case does not matter.
    pub fn named(name: &[u8]) -> Option<Encoding> {
        // RFC 9110, section 8.4.1.3: `x-gzip` is gzip too.
        let name = if name.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { name };
        Self::ALL.into_iter().find(|encoding| encoding.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name in `grpc-encoding` and `content-encoding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Zstd => "zstd",
            Encoding::Br => "br",
            Encoding::Snappy => "snappy",
        }
    }

    /// The name as a header's value.
    pub fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(self.as_str())
    }

    /// Compresses a message, quickly rather than well.
    pub fn compress(self, message: &[u8]) -> Bytes {
        let mut compressed = Vec::with_capacity(message.len() / 2 + 64);
        // Writing into memory does not fail.
        let _ = self.write_compressed(message, &mut compressed);
        compressed.into()
    }

    fn write_compressed(self, message: &[u8], to: &mut Vec<u8>) -> std::io::Result<()> {
        use flate2::Compression;
        match self {
            Encoding::Gzip => flate2::write::GzEncoder::new(to, Compression::fast()).write_all(message),
            Encoding::Deflate => flate2::write::ZlibEncoder::new(to, Compression::fast()).write_all(message),
            Encoding::Zstd => {
                const LEVEL: i32 = 1;
                zstd::bulk::compress(message, LEVEL).map(|compressed| *to = compressed)
            }
            Encoding::Br => {
                const BUFFER: usize = 4096;
                const QUALITY: u32 = 3;
                // A window of 256 KiB keeps the encoder's tables small.
                const WINDOW_LOG: u32 = 18;
                brotli::CompressorWriter::new(to, BUFFER, QUALITY, WINDOW_LOG).write_all(message)
            }
            Encoding::Snappy => snap::write::FrameEncoder::new(to).write_all(message),
        }
    }

    /// Decompresses a message that may have `limit` bytes then; 0 means any number.
    ///
    /// Nothing at all stands for an empty message in every encoding.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED as soon as the message is larger than the limit, INTERNAL when it is not in this format, is
    /// cut short or has something after its end.
    pub fn decompress(self, compressed: &[u8], limit: u32) -> Result<Bytes, Status> {
        if compressed.is_empty() {
            return Ok(Bytes::new());
        }
        let most = if limit == 0 { u32::MAX } else { limit };
        let inflated = || -> Result<Vec<u8>, Fault> {
            let mut inflate = Inflate::new(self, Output::within(most as usize))?;
            inflate.write(compressed)?;
            inflate.end()?;
            Ok(inflate.take())
        };
        inflated().map(Bytes::from).map_err(|fault| match fault {
            Fault::TooLarge => Status::resource_exhausted(format!(
                "a message is larger than the limit of {most} bytes when decompressed"
            )),
            Fault::Broken => {
                Status::internal(format!("a message cannot be decompressed as {}", self.as_str()))
            }
        })
    }
}

/// What is known here of lists such as `grpc-accept-encoding` or `accept-encoding`, the best first.
///
/// `*`, which names none, is left out.
pub(crate) fn known<'a>(lists: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<Encoding> {
    let mut known = Vec::new();
    for encoding in accept::by_weight(lists).into_iter().filter_map(Encoding::named) {
        if !known.contains(&encoding) {
            known.push(encoding);
        }
    }
    known
}

/// Encodings as a list; `None` when there are none.
pub(crate) fn list(encodings: &[Encoding]) -> Option<HeaderValue> {
    match encodings {
        [] => None,
        [only] => Some(only.header_value()),
        // Names and commas are a valid value.
        several => {
            HeaderValue::try_from(several.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(",")).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::status::Code;

    #[test]
    fn knows_names() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::named(encoding.as_str().as_bytes()), Some(encoding));
            assert_eq!(Encoding::named(encoding.as_str().to_uppercase().as_bytes()), Some(encoding));
        }
        assert_eq!(Encoding::named(b"X-Gzip"), Some(Encoding::Gzip));
        assert_eq!(Encoding::named(b"identity"), None);
        assert_eq!(Encoding::named(b""), None);
    }

    #[test]
    fn lists_what_is_known() {
        let check = |value: &str, want: Option<&str>| {
            let value: HeaderValue = value.parse().unwrap();
            let listed = list(&known([&value]));
            assert_eq!(listed.as_ref().map(|value| value.to_str().unwrap()), want, "{value:?}");
        };
        check(Encoding::LIST.to_str().unwrap(), Encoding::LIST.to_str().ok());
        check("gzip", Some("gzip"));
        check("br, gzip,x, X-GZIP , zstd", Some("br,gzip,zstd"));
        check("gzip;q=0.5, br;q=1.0, zstd; Q=0.75, deflate;q=0", Some("br,zstd,gzip"));
        for none in ["", "identity", "*", "gzip;q=0", "gzipped"] {
            check(none, None);
        }
        assert_eq!(known(None), []);
    }

    #[test]
    fn stops_a_bomb_of_every_encoding() {
        let bomb = vec![0; 8 << 20];
        for encoding in Encoding::ALL {
            let compressed = encoding.compress(&bomb);
            assert!(compressed.len() < 1 << 20, "{encoding:?}");
            let limit = bomb.len() as u32;
            assert_eq!(encoding.decompress(&compressed, limit).unwrap().len(), bomb.len(), "{encoding:?}");
            for limit in [1, 4096, limit - 1] {
                let refused = encoding.decompress(&compressed, limit).unwrap_err();
                assert_eq!(refused.code, Code::ResourceExhausted, "{encoding:?} {limit}");
            }
        }
    }

    #[test]
    fn holds_no_more_than_the_limit() {
        let mut inflate = Inflate::new(Encoding::Gzip, Output::within(100_000)).unwrap();
        assert!(inflate.write(&Encoding::Gzip.compress(&vec![0; 1 << 20])).is_err());
        assert!(inflate.take().capacity() <= 100_000);
    }

    #[test]
    fn refuses_what_is_cut_short_or_followed_by_more() {
        for encoding in Encoding::ALL {
            let whole = encoding.compress(b"some text, some more text, and still some more text");
            for length in 1..whole.len() {
                // Snappy's chunks say nothing of a last one, and its stream may be cut between them.
                if encoding == Encoding::Snappy && length == 10 {
                    continue;
                }
                let refused = encoding.decompress(&whole[..length], 0).unwrap_err();
                assert_eq!(refused.code, Code::Internal, "{encoding:?} cut to {length}");
            }
            let more = [&whole[..], b"\x02 more"].concat();
            assert_eq!(encoding.decompress(&more, 0).unwrap_err().code, Code::Internal, "{encoding:?}");
        }
    }

    #[test]
    fn reads_an_empty_message_and_several_members() {
        for encoding in Encoding::ALL {
            assert_eq!(encoding.decompress(b"", 1).unwrap(), "", "{encoding:?}");
            assert_eq!(encoding.decompress(&encoding.compress(b""), 1).unwrap(), "", "{encoding:?}");
        }
        for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Snappy] {
            let members = [encoding.compress(b"one "), encoding.compress(b"two")].concat();
            assert_eq!(encoding.decompress(&members, 7).unwrap(), "one two", "{encoding:?}");
            assert_eq!(encoding.decompress(&members, 6).unwrap_err().code, Code::ResourceExhausted);
        }
    }

    /// What Go's encoders, which peers use most, make of "hello hello hello".
    #[test]
    fn reads_what_others_write() {
        let check = |encoding: Encoding, hex: &str| {
            let digits: Vec<u8> =
                hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
            let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            assert_eq!(encoding.decompress(&bytes, 64).unwrap(), "hello hello hello", "{encoding:?}");
        };
        check(Encoding::Gzip, "1f8b08000000000000ffca48cdc9c957402201010000ffff8088f9e511000000");
        check(Encoding::Deflate, "789cca48cdc9c957402201010000ffff3a2e067d");
        check(Encoding::Zstd, "28b52ffd040089000068656c6c6f2068656c6c6f2068656c6c6fa2ed1e0c");
        check(Encoding::Br, "1b10000024406a1064eaf09c1e");
        check(Encoding::Snappy, "ff060000734e6150705901150000ab04b51d68656c6c6f2068656c6c6f2068656c6c6f");
    }

    #[test]
    fn refuses_windows_that_no_http_decoder_must_have() {
        // RFC 8878, section 3.1.1.1.2: the window descriptor of 128 MiB, and a raw block of one byte.
        let zstd = b"\x28\xb5\x2f\xfd\0\x88\x09\0\0a";
        assert_eq!(Encoding::Zstd.decompress(zstd, 64).unwrap_err().code, Code::Internal);
        let fits = b"\x28\xb5\x2f\xfd\0\x68\x09\0\0a";
        assert_eq!(Encoding::Zstd.decompress(fits, 64).unwrap(), "a");
        // Brotli's windows of more than 16 MiB are not in RFC 7932.
        let brotli = |large_window, lgwin| {
            let defaults = brotli::enc::BrotliEncoderParams::default();
            let params = brotli::enc::BrotliEncoderParams { large_window, lgwin, quality: 9, ..defaults };
            let mut compressed = Vec::new();
            // The encoder takes a smaller window for what it knows to be short.
            brotli::BrotliCompress(&mut std::io::repeat(b'a').take(17 << 20), &mut compressed, &params)
                .unwrap();
            Encoding::Br.decompress(&compressed, 64).unwrap_err().code
        };
        assert_eq!(brotli(false, 23), Code::ResourceExhausted);
        assert_eq!(brotli(false, 24), Code::Internal);
        assert_eq!(brotli(true, 28), Code::Internal);
    }

    fn encoding() -> impl Strategy<Value = Encoding> {
        proptest::sample::select(&Encoding::ALL[..])
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(
            encoding in encoding(),
            message in prop::collection::vec(any::<u8>(), 0..3000),
            times in 1_usize..200,
        ) {
            let message = message.repeat(times);
            let compressed = encoding.compress(&message);
            prop_assert_eq!(encoding.decompress(&compressed, message.len() as u32).unwrap(), &message);
            if message.len() > 1 {
                let refused = encoding.decompress(&compressed, message.len() as u32 - 1).unwrap_err();
                prop_assert_eq!(refused.code, Code::ResourceExhausted);
            }
        }

        #[test]
        fn garbage_never_panics(encoding in encoding(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = encoding.decompress(&bytes, 10_000);
        }

        #[test]
        fn a_flipped_byte_never_panics_nor_grows(
            encoding in encoding(), at in any::<prop::sample::Index>(), with in 1_u8..,
        ) {
            let mut bytes = encoding.compress(&b"some text ".repeat(50)).to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= with;
            if let Ok(message) = encoding.decompress(&bytes, 10_000) {
                prop_assert!(message.len() <= 10_000);
            }
        }
    }
}
