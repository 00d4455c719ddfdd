//! Holds compressed messages that pass as they are to the limit for what they stand for.

use bytes::Bytes;

use crate::compression::{BodyDecoder, BodyError, Encoding};
use crate::message::PREFIX;
use crate::protocol::{Decoder, Frames};
use crate::status::{Flag, Status};

/// Passes compressed messages on untouched and refuses the request at the first that is too large when decompressed.
///
/// What it decompresses for that is thrown away at once.
pub(super) struct Measured {
    client: Box<dyn Decoder>,
    encoding: Encoding,
    /// The largest message in bytes, uncompressed.
    limit: u32,
    prefix: [u8; PREFIX],
    prefix_len: usize,
    /// Bytes of the current message that have not passed.
    left: usize,
    measuring: Option<Measuring>,
}

/// A message that could be too large.
struct Measuring {
    decoder: BodyDecoder,
    /// Bytes that the rest of it may stand for.
    allowed: usize,
}

impl Measured {
    pub(super) fn new(client: Box<dyn Decoder>, encoding: Encoding, limit: u32) -> Measured {
        Measured { client, encoding, limit, prefix: [0; PREFIX], prefix_len: 0, left: 0, measuring: None }
    }

    fn measure(&mut self, mut bytes: &[u8]) -> Result<(), Status> {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(self.left));
            self.left -= part.len();
            self.pass(part)?;
            bytes = rest;
            while self.left == 0
                && let Some((&byte, rest)) = bytes.split_first()
            {
                if let Some(slot) = self.prefix.get_mut(self.prefix_len) {
                    *slot = byte;
                }
                self.prefix_len += 1;
                bytes = rest;
                if self.prefix_len == PREFIX {
                    self.begin();
                }
            }
        }
        Ok(())
    }

    /// A message begins.
    fn begin(&mut self) {
        let [flag, a, b, c, d] = self.prefix;
        let length = u32::from_be_bytes([a, b, c, d]);
        self.prefix_len = 0;
        self.left = length as usize;
        let is_small = u64::from(length) * most_for_a_byte(self.encoding) <= u64::from(self.limit);
        self.measuring = (flag == 1 && !is_small)
            .then(|| Measuring { decoder: BodyDecoder::new(self.encoding), allowed: self.limit as usize });
    }

    fn pass(&mut self, part: &[u8]) -> Result<(), Status> {
        let Some(measuring) = &mut self.measuring else { return Ok(()) };
        match measuring.decoder.data(part, measuring.allowed) {
            Ok(plain) => measuring.allowed -= plain.len(),
            Err(BodyError::TooLarge(_)) => {
                return Err(Status::resource_exhausted(format!(
                    "a message is larger than the limit of {} bytes when decompressed",
                    self.limit
                )));
            }
            // Nobody knows how large it is, then.
            Err(BodyError::Broken(_) | BodyError::Unknown) => {
                let what = format!("a message cannot be decompressed as {}", self.encoding.as_str());
                return Err(Status::internal(what).with_flag(Flag::ClientProtocolError));
            }
        }
        Ok(())
    }

    fn take(&mut self, mut frames: Frames, out: &mut Frames) -> Result<(), Status> {
        while let Some(chunk) = frames.pop() {
            self.measure(&chunk)?;
            out.push(chunk);
        }
        Ok(())
    }
}

/// How many bytes one byte of this encoding can stand for: 1032 at most for DEFLATE, any number for the others.
///
/// Source: <https://zlib.net/zlib_tech.html>, "Maximum Compression Factor".
fn most_for_a_byte(encoding: Encoding) -> u64 {
    match encoding {
        Encoding::Gzip | Encoding::Deflate => 1032,
        Encoding::Zstd | Encoding::Br | Encoding::Snappy => u64::from(u32::MAX),
    }
}

impl Decoder for Measured {
    fn limit(&mut self, max_message: u32) {
        self.client.limit(max_message);
    }

    fn step(&self) -> usize {
        self.client.step()
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let mut frames = Frames::default();
        let decoded = self.client.data(bytes, &mut frames);
        self.take(frames, out)?;
        decoded
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        let mut frames = Frames::default();
        let decoded = self.client.end(&mut frames);
        self.take(frames, out)?;
        decoded
    }

    fn is_ended(&self) -> bool {
        self.client.is_ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::protocol::grpc::Untouched;
    use crate::status::Code;
    use crate::testing::{Decoded, feed_in_every_split};

    const LIMIT: u32 = 30_000;

    fn frame(compressed: bool, payload: Bytes) -> Bytes {
        Message { compressed, payload }.to_frame()
    }

    fn pass(encoding: Encoding, pieces: Vec<Bytes>) -> Decoded {
        let mut measured = Measured::new(Box::new(Untouched), encoding, LIMIT);
        Decoded::from_pieces(&mut measured, pieces, true)
    }

    #[test]
    fn passes_what_is_within_the_limit() {
        for encoding in Encoding::ALL {
            let bytes = [
                frame(true, encoding.compress(&[7; LIMIT as usize])),
                frame(false, Bytes::from_static(b"plain")),
                frame(true, Bytes::new()),
                frame(true, encoding.compress(b"more")),
            ]
            .concat();
            let seen = feed_in_every_split(&bytes, |pieces| pass(encoding, pieces));
            assert_eq!(
                (seen.frames.as_ref(), seen.refused, seen.ended),
                (&bytes[..], None, true),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn refuses_the_first_message_beyond_it() {
        for encoding in Encoding::ALL {
            let good = frame(true, encoding.compress(b"good"));
            let large = frame(true, encoding.compress(&[7; LIMIT as usize + 1]));
            // The cuts decide whether the good message had passed by then.
            let refused = |pieces| pass(encoding, pieces).refused.map(|(code, _)| code);
            let refused = feed_in_every_split(&[good, large].concat(), refused);
            assert_eq!(refused, Some(Code::ResourceExhausted), "{encoding:?}");
            let broken = frame(true, Bytes::from_static(&[0xff; 20]));
            let refused = feed_in_every_split(&broken, |pieces| pass(encoding, pieces).refused);
            let is_small = matches!(encoding, Encoding::Gzip | Encoding::Deflate);
            // What cannot be too large is left to the upstream.
            assert_eq!(refused.map(|(code, _)| code), (!is_small).then_some(Code::Internal), "{encoding:?}");
        }
    }
}
