//! Requests whose body is compressed as a whole, as HTTP allows.

use bytes::Bytes;

use super::{Decoder, Frames};
use crate::compression::BodyDecoder;
use crate::status::Status;

/// Bytes that a piece of a body may stand for beyond one message: other messages, and prefixes.
const ROOM: usize = 64 << 10;

/// The same when messages have no limit: what 64 KiB of deflate can stand for.
const WITHOUT_LIMIT: usize = 64 << 20;

/// Decompresses a body, and passes it on to the decoder of its mode.
///
/// Memory is bounded for each piece of the body: it may stand for one message of the greatest size, as text or not, and
/// a little more.
pub(super) struct Decompressing {
    body: BodyDecoder,
    mode: Box<dyn Decoder>,
    /// Bytes that one piece may stand for.
    most: usize,
}

impl Decompressing {
    pub(super) fn new(body: BodyDecoder, mode: Box<dyn Decoder>) -> Decompressing {
        Decompressing { body, mode, most: WITHOUT_LIMIT }
    }
}

impl Decoder for Decompressing {
    fn limit(&mut self, max_message: u32) {
        // Text is a third longer than what it stands for.
        let max_text = max_message as usize / 3 * 4;
        self.most = if max_message == 0 { WITHOUT_LIMIT } else { max_text + ROOM };
        self.mode.limit(max_message);
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let plain = self.body.data(&bytes, self.most)?;
        if plain.is_empty() { Ok(()) } else { self.mode.data(plain, out) }
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        self.body.end()?;
        self.mode.end(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::grpc::Untouched;
    use super::super::text;
    use super::*;
    use crate::compression::Encoding;
    use crate::status::Code;
    use crate::testing::{Decoded, feed_in_every_split, pieces};

    fn decoder(encoding: Encoding, is_text: bool) -> Decompressing {
        let mode: Box<dyn Decoder> =
            if is_text { Box::<text::Decoder>::default() } else { Box::new(Untouched) };
        Decompressing::new(BodyDecoder::new(encoding), mode)
    }

    #[test]
    fn decompresses_both_modes_in_every_split() {
        for encoding in Encoding::ALL {
            for (is_text, body) in
                [(false, &b"\0\0\0\0\x03abc\0\0\0\0\0"[..]), (true, b"AAAAAANhYmM=AAAAAAA=")]
            {
                let body = encoding.compress(body);
                let seen = feed_in_every_split(&body, |pieces| {
                    Decoded::from_pieces(&mut decoder(encoding, is_text), pieces, true)
                });
                assert_eq!(seen.refused, None, "{encoding:?} {is_text}");
                assert_eq!(&seen.frames[..], b"\0\0\0\0\x03abc\0\0\0\0\0", "{encoding:?} {is_text}");
            }
        }
    }

    #[test]
    fn a_body_of_no_bytes_is_empty() {
        decoder(Encoding::Gzip, false).end(&mut Frames::default()).unwrap();
    }

    #[test]
    fn takes_a_message_of_the_greatest_size_and_no_bomb() {
        let check = |is_text: bool, length: usize, want: Option<Code>| {
            let mut body = [&b"\0"[..], &(length as u32).to_be_bytes(), &vec![0; length]].concat();
            if is_text {
                body = text::encode(&body).into();
            }
            let mut decoder = decoder(Encoding::Gzip, is_text);
            decoder.limit(1 << 20);
            let mut out = Frames::default();
            let result = decoder.data(Encoding::Gzip.compress(&body), &mut out);
            assert_eq!(result.err().map(|status| status.code), want, "{is_text} {length}");
        };
        for is_text in [false, true] {
            check(is_text, 1 << 20, None);
            check(is_text, 2 << 20, Some(Code::ResourceExhausted));
        }
    }

    proptest! {
        #[test]
        fn never_panics(
            encoding in prop::sample::select(&Encoding::ALL[..]),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(0_usize..50, 0..10),
            is_text in any::<bool>(),
        ) {
            let compressed = encoding.compress(&bytes);
            for body in [bytes.into(), compressed] {
                Decoded::from_pieces(&mut decoder(encoding, is_text), pieces(&body, &cuts), true);
            }
        }
    }
}
