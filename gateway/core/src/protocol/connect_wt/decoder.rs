//! Reads what follows a request's headers: lets messages through, and finds the end.

use bytes::{Buf, Bytes};

use super::super::Frames;
use super::super::connect;
use super::super::connect_stream::Prefixes;
use super::super::grpc_wt::broken;
use crate::message::PREFIX;
use crate::status::Status;

/// Flags of a request's frames. They are whole numbers here, not bits.
mod flags {
    pub(super) const MESSAGE: u8 = 0x00;
    pub(super) const COMPRESSED: u8 = 0x01;
    pub(super) const END: u8 = 0x02;
}

pub(super) struct Decoder {
    /// Whether the client has said how it compresses.
    is_encoded: bool,
    prefixes: Prefixes,
    /// Bytes of the frame that ends the request, once it has begun.
    end: Option<usize>,
}

impl Decoder {
    pub(super) fn new(is_encoded: bool) -> Decoder {
        Decoder { is_encoded, prefixes: Prefixes::default(), end: None }
    }

    /// Takes some of the next bytes, which are a message's: how many.
    fn step(&mut self, next: &[u8]) -> Result<usize, Status> {
        if self.prefixes.at_border() {
            match next.first() {
                Some(&flags::MESSAGE) => {}
                Some(&flags::COMPRESSED) if self.is_encoded => {}
                Some(&flags::COMPRESSED) => {
                    return Err(broken(
                        "a message is compressed, and connect-content-encoding does not say how",
                    ));
                }
                _ => return Err(broken("a frame with unknown flags, or second headers")),
            }
        }
        Ok(self.prefixes.pass(next))
    }

    /// Takes a byte of the frame that ends the request, which is empty.
    fn ending(&mut self, read: usize, byte: u8) -> Result<(), Status> {
        if read == PREFIX {
            return Err(broken("bytes follow the end of the request"));
        }
        if read > 0 && byte != 0 {
            return Err(connect::invalid("the frame that ends a request must be empty"));
        }
        self.end = Some(read + 1);
        Ok(())
    }
}

impl super::Decoder for Decoder {
    fn data(&mut self, mut bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let mut passed = 0;
        while let Some(next) = bytes.get(passed..).filter(|next| !next.is_empty()) {
            let first = next.first().copied().unwrap_or_default();
            let begins_end = self.prefixes.at_border() && first == flags::END;
            let step = match self.end.or(begins_end.then_some(0)) {
                Some(read) => self.ending(read, first).map(|()| None),
                None => self.step(next).map(Some),
            };
            match step {
                Ok(Some(taken)) => passed += taken,
                Ok(None) => {
                    out.push(bytes.split_to(passed));
                    bytes.advance(1);
                    passed = 0;
                }
                Err(status) => {
                    out.push(bytes.split_to(passed));
                    return Err(status);
                }
            }
        }
        out.push(bytes);
        Ok(())
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        match self.end {
            None | Some(PREFIX) => Ok(()),
            Some(_) => Err(broken("the stream ended inside a frame")),
        }
    }

    fn is_ended(&self) -> bool {
        self.end == Some(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::Decoder as _;
    use super::*;
    use crate::status::Code;
    use crate::testing::{Decoded, feed_in_every_split, pieces};

    const MESSAGE: &[u8] = b"\0\0\0\0\x02hi";
    const END: &[u8] = b"\x02\0\0\0\0";

    fn decode(pieces: Vec<Bytes>) -> Decoded {
        Decoded::from_pieces(&mut Decoder::new(true), pieces, true)
    }

    #[track_caller]
    fn check(stream: &[&[u8]], frames: &[&[u8]], refused: Option<Code>) {
        let seen = feed_in_every_split(&stream.concat(), decode);
        assert_eq!((&seen.frames[..], seen.refused.map(|(code, _)| code)), (&frames.concat()[..], refused));
    }

    #[test]
    fn lets_messages_through_up_to_the_end() {
        let compressed = &b"\x01\0\0\0\x01z"[..];
        check(&[], &[], None);
        check(&[MESSAGE, compressed, MESSAGE], &[MESSAGE, compressed, MESSAGE], None);
        check(&[MESSAGE, END], &[MESSAGE], None);
        check(&[END], &[], None);
        let mut decoder = Decoder::new(false);
        decoder.data(Bytes::from_static(END), &mut Frames::default()).unwrap();
        assert!(decoder.is_ended());
    }

    #[test]
    fn refuses_the_rest() {
        let internal = Some(Code::Internal);
        for wrong in [&b"\x06\0\0\0\0"[..], b"\x03\0\0\0\0", b"\x80\0\0\0\0", b"\x02\0\0", b"\x02\0\0\0\0\0"]
        {
            check(&[MESSAGE, wrong], &[MESSAGE], internal);
        }
        check(&[MESSAGE, b"\x02\0\0\0\x02{}"], &[MESSAGE], Some(Code::InvalidArgument));
        let mut decoder = Decoder::new(false);
        let status = decoder.data(Bytes::from_static(b"\x01"), &mut Frames::default()).unwrap_err();
        assert_eq!(status.code, Code::Internal);
    }

    proptest! {
        #[test]
        fn never_depends_on_the_split(
            frames in prop::collection::vec((0u8..4, prop::collection::vec(any::<u8>(), 0..6)), 0..6),
            noise in prop::collection::vec(any::<u8>(), 0..6),
            cuts in prop::collection::vec(1usize..12, 0..40),
        ) {
            let mut stream = Vec::new();
            for (flags, payload) in frames {
                stream.extend_from_slice(&[flags % 3, 0, 0, 0, payload.len() as u8]);
                stream.extend_from_slice(&payload);
            }
            stream.extend_from_slice(&noise);
            let stream = Bytes::from(stream);
            prop_assert_eq!(decode(pieces(&stream, &cuts)), decode(pieces(&stream, &[])));
        }
    }
}
