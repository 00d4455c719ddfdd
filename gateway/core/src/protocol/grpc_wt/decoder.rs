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
