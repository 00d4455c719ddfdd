//! Reads what follows a request's headers: lets messages through, skips extensions, finds the end.

use bytes::{Buf, Bytes};

use super::super::Frames;
use super::{MAX_BLOCK, broken, flags, too_large};
use crate::message::PREFIX;
use crate::status::Status;

/// Where in the stream the next byte stands.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Before a frame.
    #[default]
    Border,
    /// In the length of a frame: how many of its bytes were read, and what they say.
    Length { kind: Kind, read: u8, length: u32 },
    /// In the payload of a frame, with this many bytes of it to come; never 0.
    Payload { kind: Kind, left: u32 },
    /// After the trailers.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Trailers,
    Extension,
}

impl super::Decoder for Decoder {
    fn data(&mut self, mut bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        // Messages that follow one another go out as one slice of what came in.
        let mut passed = 0;
        while let Some(next) = bytes.get(passed..).filter(|next| !next.is_empty()) {
            let step = self.step(next);
            match step {
                Ok((taken, true)) => passed += taken,
                Ok((taken, false)) => {
                    out.push(bytes.split_to(passed));
                    bytes.advance(taken);
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
        match self.place {
            Place::Border | Place::Ended => Ok(()),
            Place::Length { .. } | Place::Payload { .. } => Err(broken("the stream ended inside a frame")),
        }
    }

    fn is_ended(&self) -> bool {
        matches!(self.place, Place::Ended)
    }
}

impl Decoder {
    /// Takes some of the next bytes: how many, and whether they are a message's.
    fn step(&mut self, next: &[u8]) -> Result<(usize, bool), Status> {
        match self.place {
            Place::Border => {
                let kind = kind(next.first().copied().unwrap_or_default())?;
                self.place = Place::Length { kind, read: 0, length: 0 };
                Ok((1, kind == Kind::Message))
            }
            Place::Length { kind, read, length } => {
                let length = length << 8 | u32::from(next.first().copied().unwrap_or_default());
                self.place = if usize::from(read) + 2 < PREFIX {
                    Place::Length { kind, read: read + 1, length }
                } else {
                    payload(kind, length)?
                };
                Ok((1, kind == Kind::Message))
            }
            Place::Payload { kind, left } => {
                let taken = next.len().min(left as usize);
                self.place = match left - taken as u32 {
                    0 => Place::Border,
                    left => Place::Payload { kind, left },
                };
                Ok((taken, kind == Kind::Message))
            }
            Place::Ended => Err(broken("bytes follow the end of the request")),
        }
    }
}

fn kind(flags: u8) -> Result<Kind, Status> {
    match flags {
        0x00 | 0x01 => Ok(Kind::Message),
        flags::TRAILERS => Ok(Kind::Trailers),
        flags::HEADERS => Err(broken("a second headers frame")),
        flags if flags & flags::EXTENSION != 0 => Ok(Kind::Extension),
        _ => Err(broken("a frame with unknown flags")),
    }
}

fn payload(kind: Kind, length: u32) -> Result<Place, Status> {
    match kind {
        Kind::Trailers if length > 0 => Err(broken("the trailers of a request must be empty")),
        Kind::Trailers => Ok(Place::Ended),
        Kind::Extension if length as usize > MAX_BLOCK => Err(too_large()),
        Kind::Message | Kind::Extension if length == 0 => Ok(Place::Border),
        Kind::Message | Kind::Extension => Ok(Place::Payload { kind, left: length }),
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

    fn decode(pieces: Vec<Bytes>) -> Decoded {
        Decoded::from_pieces(&mut Decoder::default(), pieces, true)
    }

    #[track_caller]
    fn check(stream: &[&[u8]], frames: &[&[u8]], refused: Option<Code>) {
        let seen = feed_in_every_split(&stream.concat(), decode);
        assert_eq!((&seen.frames[..], seen.refused.map(|(code, _)| code)), (&frames.concat()[..], refused));
    }

    #[test]
    fn lets_messages_through_and_nothing_else() {
        let empty = &[1, 0, 0, 0, 0][..];
        let trailers = &[0x80, 0, 0, 0, 0][..];
        let extension = &[0x21, 0, 0, 0, 3, 1, 2, 3][..];
        let empty_extension = &[0xff, 0, 0, 0, 0][..];
        check(&[], &[], None);
        check(&[MESSAGE, empty, MESSAGE], &[MESSAGE, empty, MESSAGE], None);
        check(&[MESSAGE, trailers], &[MESSAGE], None);
        check(
            &[extension, MESSAGE, empty_extension, MESSAGE, extension, trailers],
            &[MESSAGE, MESSAGE],
            None,
        );
    }

    #[test]
    fn refuses_the_rest() {
        let refused = Some(Code::Internal);
        for wrong in [
            &[0x02, 0, 0, 0, 0][..],
            &[0x40, 0, 0, 0, 0],
            &[0x81, 0, 0, 0, 0],
            &[0x80, 0, 0, 0, 1, 0],
            &[0x80, 0, 0, 0, 0, 0],
            &[0x80, 0, 0, 0],
            &[0x20, 0, 0, 0, 1],
            &[0x00, 0, 0],
        ] {
            check(&[MESSAGE, wrong], &[MESSAGE], refused);
        }
        check(&[MESSAGE, &[0x20, 0, 1, 0, 0]], &[MESSAGE], Some(Code::ResourceExhausted));
    }

    #[test]
    fn ends_with_the_trailers_alone() {
        let mut decoder = Decoder::default();
        let mut frames = Frames::default();
        decoder.data(Bytes::from_static(b"\x80\0\0\0"), &mut frames).unwrap();
        assert!(!decoder.is_ended());
        decoder.data(Bytes::from_static(b"\0"), &mut frames).unwrap();
        assert!(decoder.is_ended() && frames.is_empty());
    }

    #[test]
    fn passes_messages_as_slices_of_what_came() {
        let input = Bytes::from([MESSAGE, MESSAGE, b"\x20\0\0\0\0", MESSAGE].concat());
        let mut frames = Frames::default();
        Decoder::default().data(input.clone(), &mut frames).unwrap();
        let places: Vec<_> = frames.iter().map(|bytes| (bytes.as_ptr(), bytes.len())).collect();
        assert_eq!(places, [(input.as_ptr(), 14), (input[19..].as_ptr(), 7)]);
    }

    proptest! {
        #[test]
        fn never_depends_on_the_split(
            frames in prop::collection::vec((any::<u8>(), 0u8..6, 0u8..8), 0..8),
            noise in prop::collection::vec(any::<u8>(), 0..8),
            cuts in prop::collection::vec(1usize..12, 0..40),
        ) {
            let mut stream = Vec::new();
            for (flags, length, payload) in frames {
                // Mostly frames that may stand here, so that streams get somewhere.
                let flags = if flags < 200 { flags & 0x21 } else { flags };
                stream.extend_from_slice(&[flags, 0, 0, 0, length]);
                stream.extend(std::iter::repeat_n(payload, usize::from(length)));
            }
            stream.extend_from_slice(&noise);
            let stream = Bytes::from(stream);
            prop_assert_eq!(decode(pieces(&stream, &cuts)), decode(pieces(&stream, &[])));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(pieces(&bytes.into(), &[]));
        }
    }
}
