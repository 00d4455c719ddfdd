//! Length-prefixed frames: one byte of flags, four of length, then the payload. gRPC, gRPC-Web and gRPC over
//! WebTransport differ in the flags alone.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::failure::Failure;

/// A message, not compressed.
pub(crate) const MESSAGE: u8 = 0x00;
/// Header fields at the beginning of a call over WebTransport.
pub(crate) const HEADERS: u8 = 0x40;
/// Trailers, in gRPC-Web and over WebTransport.
pub(crate) const TRAILERS: u8 = 0x80;

pub(crate) const PREFIX: usize = 5;
/// Far above any workload's messages; a longer frame is a broken stream.
const LONGEST: usize = 1 << 20;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) flags: u8,
    pub(crate) payload: Bytes,
}

/// Puts frames together from bytes that arrive in any pieces.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffered: BytesMut,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffered.extend_from_slice(bytes);
    }

    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Failure> {
        let Some((prefix, rest)) = self.buffered.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let [flags, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(Failure::new(format!("a frame of {length} bytes")));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffered.advance(PREFIX);
        Ok(Some(Frame { flags, payload: self.buffered.split_to(length).freeze() }))
    }

    /// Fails when the stream ended inside a frame.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match self.buffered.len() {
            0 => Ok(()),
            left => Err(Failure::new(format!("the stream ended inside a frame, after {left} bytes of it"))),
        }
    }
}

pub(crate) fn encode(flags: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + payload.len());
    frame.put_u8(flags);
    // No payload of a workload comes near 4 GiB.
    frame.put_u32(payload.len() as u32);
    frame.put_slice(payload);
    frame.freeze()
}

/// Checks the status in a block of trailers, as gRPC-Web and gRPC over WebTransport write it.
pub(crate) fn check_status(block: &[u8]) -> Result<(), Failure> {
    let text = std::str::from_utf8(block)?;
    let status = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("grpc-status").then(|| value.trim())
    });
    match status {
        Some("0") => Ok(()),
        _ => Err(Failure::new(format!("the call ended with {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_frames_together_however_they_are_split() {
        let whole = [encode(HEADERS, b"a: b\r\n"), encode(MESSAGE, b""), encode(TRAILERS, b"xyz")].concat();
        for size in 1..=whole.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for piece in whole.chunks(size) {
                frames.push(piece);
                while let Some(frame) = frames.next().unwrap() {
                    seen.push((frame.flags, frame.payload));
                }
            }
            frames.finish().unwrap();
            let expected = [(HEADERS, &b"a: b\r\n"[..]), (MESSAGE, b""), (TRAILERS, b"xyz")];
            assert_eq!(seen, expected.map(|(flags, payload)| (flags, Bytes::from_static(payload))));
        }
    }

    #[test]
    fn a_cut_frame_and_an_endless_one_are_failures() {
        let mut frames = Frames::default();
        frames.push(&[0, 0, 0, 0, 2, b'a']);
        assert_eq!(frames.next().unwrap(), None);
        frames.finish().unwrap_err();
        let mut frames = Frames::default();
        frames.push(&[0, 0xff, 0, 0, 0]);
        frames.next().unwrap_err();
    }

    #[test]
    fn only_status_zero_is_success() {
        for (block, good) in [
            ("grpc-status: 0\r\n", true),
            ("grpc-message:\r\ngrpc-status:0\r\n", true),
            ("Grpc-Status: 0\r\n", true),
            ("grpc-status: 14\r\n", false),
            ("grpc-message: grpc-status: 0\r\n", false),
            ("", false),
        ] {
            assert_eq!(check_status(block.as_bytes()).is_ok(), good, "{block:?}");
        }
    }
}
