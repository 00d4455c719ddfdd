//! Feeds the same input whole, byte by byte and in every split in two.

use std::fmt::Debug;

use bytes::Bytes;

use crate::message::{Borders, Side};
use crate::protocol::{Decoder, Frames};
use crate::status::{Code, Status};

/// Runs `decode` on the input whole, then byte by byte and in every split in two, and returns what it gave: always the
/// same.
///
/// `decode` makes a new decoder each time and feeds it the pieces, none of which is empty.
///
/// # Panics
/// When it gives something else for some split.
#[track_caller]
pub fn feed_in_every_split<T: PartialEq + Debug>(input: &[u8], decode: impl Fn(Vec<Bytes>) -> T) -> T {
    let input = Bytes::copy_from_slice(input);
    let whole = decode(pieces(&input, &[]));
    let ones = vec![1; input.len()];
    assert_eq!(decode(pieces(&input, &ones)), whole, "fed byte by byte (left) and whole (right)");
    for cut in 1..input.len() {
        assert_eq!(decode(pieces(&input, &[cut])), whole, "cut after {cut} bytes (left) and whole (right)");
    }
    whole
}

/// Cuts the input into pieces of these lengths and a last one of what is left. None is empty.
pub fn pieces(input: &Bytes, lengths: &[usize]) -> Vec<Bytes> {
    let mut rest = input.clone();
    let mut pieces: Vec<Bytes> =
        lengths.iter().map(|&length| rest.split_to(length.min(rest.len()))).collect();
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Takes what a fuzzer made apart: a stream, and lengths for [`pieces`] of it.
///
/// The first byte says how many lengths there are, seven at most; each is a byte. What follows is the stream.
pub fn cut_by_its_start(input: &[u8]) -> (Bytes, Vec<usize>) {
    let (&count, rest) = input.split_first().unwrap_or((&0, &[]));
    let (lengths, stream) = rest.split_at(usize::from(count % 8).min(rest.len()));
    (Bytes::copy_from_slice(stream), lengths.iter().copied().map(usize::from).collect())
}

/// A function for a fuzzer to feed.
#[derive(Clone, Copy, Debug)]
pub struct FuzzTarget {
    /// The name of its corpus.
    pub name: &'static str,
    /// Takes any bytes, and panics when what reads them breaks a promise.
    pub run: fn(&[u8]),
    /// Bytes that it may allocate in all, beside a small multiple of its input.
    pub room: usize,
}

impl FuzzTarget {
    /// The target with this name, which needs no more room than a call's objects do.
    pub const fn new(name: &'static str, run: fn(&[u8])) -> FuzzTarget {
        FuzzTarget { name, run, room: 64 << 10 }
    }

    /// The same with more room, for what needs tables or buffers however short its input is.
    pub const fn with_room(self, room: usize) -> FuzzTarget {
        FuzzTarget { room, ..self }
    }
}

/// What a decoder made of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The gRPC frames, in one piece.
    pub frames: Bytes,
    /// Whether the client has ended its direction, by its transport or within its bytes.
    pub ended: bool,
    /// The code and message that the client is refused with.
    pub refused: Option<(Code, String)>,
}

impl Decoded {
    /// Feeds these pieces to a decoder and then, if `fin`, the end; it stops at the first refusal.
    ///
    /// As in the gateway, message borders are watched in what the decoder gives. Of a refused request only the frames
    /// count that were whole before what was wrong.
    pub fn from_pieces(decoder: &mut dyn Decoder, pieces: Vec<Bytes>, fin: bool) -> Decoded {
        let mut seen = Vec::new();
        let decoded = feed(decoder, pieces, fin, &mut seen);
        let mut borders = Borders::new(Side::Client, 0);
        let mut whole = 0;
        let bordered: Result<(), Status> = seen.iter().enumerate().try_for_each(|(at, byte)| {
            borders.pass(std::slice::from_ref(byte))?;
            whole = if borders.mid_message() { whole } else { at + 1 };
            Ok(())
        });
        let ended = || -> Result<bool, Status> {
            bordered?;
            decoded?;
            let ended = fin || decoder.is_ended();
            if ended {
                borders.end()?;
            }
            Ok(ended)
        };
        match ended() {
            Ok(ended) => Decoded { frames: seen.into(), ended, refused: None },
            Err(status) => {
                seen.truncate(whole);
                let refused = Some((status.code, status.message.into_owned()));
                Decoded { frames: seen.into(), ended: false, refused }
            }
        }
    }
}

fn feed(decoder: &mut dyn Decoder, pieces: Vec<Bytes>, fin: bool, seen: &mut Vec<u8>) -> Result<(), Status> {
    let mut frames = Frames::default();
    let mut result = pieces.into_iter().try_for_each(|piece| decoder.data(piece, &mut frames));
    if fin && result.is_ok() {
        result = decoder.end(&mut frames);
    }
    while let Some(bytes) = frames.pop() {
        seen.extend_from_slice(&bytes);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_without_empty_pieces() {
        let check = |lengths: &[usize], want: &[&str]| {
            assert_eq!(pieces(&Bytes::from_static(b"abcde"), lengths), want, "{lengths:?}");
        };
        check(&[], &["abcde"]);
        check(&[2, 0, 1], &["ab", "c", "de"]);
        check(&[5], &["abcde"]);
        check(&[4, 9, 9], &["abcd", "e"]);
        assert!(pieces(&Bytes::new(), &[1]).is_empty());
    }

    #[test]
    fn takes_lengths_from_the_start() {
        let check = |input: &[u8], stream: &[u8], lengths: &[usize]| {
            assert_eq!(
                cut_by_its_start(input),
                (Bytes::copy_from_slice(stream), lengths.to_vec()),
                "{input:?}"
            );
        };
        check(b"", b"", &[]);
        check(b"\0abc", b"abc", &[]);
        check(b"\x0a\x01\x02abc", b"abc", &[1, 2]);
        check(b"\x03\x01\x02", b"", &[1, 2]);
    }

    #[test]
    fn feeds_every_split() {
        let fed = std::cell::RefCell::new(Vec::new());
        feed_in_every_split(b"abc", |pieces| fed.borrow_mut().push(pieces));
        assert_eq!(fed.into_inner(), [&["abc"][..], &["a", "b", "c"], &["a", "bc"], &["ab", "c"]]);
    }

    #[test]
    #[should_panic(expected = "fed byte by byte")]
    fn finds_what_depends_on_the_split() {
        feed_in_every_split(b"abc", |pieces| pieces.len());
    }
}
