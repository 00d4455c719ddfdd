//! Watches the HTTP/3 frames of a stream before `h3` sees them.
//!
//! `h3` collects a frame of any declared length, re-adds up its buffers on every step, takes an empty DATA frame for
//! the end of the body and a body that stops inside a frame for a complete one. Behind this guard none of that can
//! happen: a frame other than DATA is bounded and arrives as one chunk, unknown frames and empty DATA frames are
//! dropped as they stream by, and the end of the stream is only accepted between frames. DATA arrives as one chunk
//! with the frame's header, then its payload, so that `h3` takes exactly as much as it gives out and never buffers.
//! Frames that hold integers hold exactly those, because `h3` waits for the rest of one that breaks off, reading on and
//! on, and takes what stands behind one for the next frame.

use bytes::{Buf, Bytes, BytesMut};

use crate::varint;

/// DATA (RFC 9114, section 7.2.1).
pub(crate) const DATA: u64 = 0x00;
/// HEADERS (RFC 9114, section 7.2.2).
pub(crate) const HEADERS: u64 = 0x01;
/// SETTINGS (RFC 9114, section 7.2.4).
pub(crate) const SETTINGS: u64 = 0x04;
/// CANCEL_PUSH (RFC 9114, section 7.2.3).
const CANCEL_PUSH: u64 = 0x03;
/// PUSH_PROMISE (RFC 9114, section 7.2.5).
const PUSH_PROMISE: u64 = 0x05;
/// MAX_PUSH_ID (RFC 9114, section 7.2.7).
const MAX_PUSH_ID: u64 = 0x0d;
/// GOAWAY (RFC 9114, section 7.2.6).
pub(crate) const GOAWAY: u64 = 0x07;
/// The type that opens a WebTransport stream; it has no length, and no place behind other frames.
pub(crate) const WEBTRANSPORT_STREAM: u64 = 0x41;

/// Whether `h3` must see a frame of this type, be it to refuse it: those of RFC 9114, sections 7.2 and 11.2.1.
fn is_known(frame_type: u64) -> bool {
    matches!(frame_type, 0x00..=0x09 | 0x0d)
}

/// A part of the stream that may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A whole frame other than DATA, header included.
    Frame {
        /// Its type.
        frame_type: u64,
        /// All of it.
        bytes: Bytes,
        /// How many of these bytes are its header.
        header: usize,
    },
    /// The header of a DATA frame.
    DataHeader(Bytes),
    /// A part of the payload of a DATA frame; never empty.
    Data(Bytes),
}

impl Piece {
    /// The bytes as `h3` gets them.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Piece::Frame { bytes, .. } | Piece::DataHeader(bytes) | Piece::Data(bytes) => bytes,
        }
    }
}

/// Why the connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardError {
    /// A frame other than DATA declares more than the limit.
    #[error("a frame of type {frame_type:#x} declares {length} bytes")]
    ExcessiveLoad {
        /// Its type.
        frame_type: u64,
        /// The length that it declares.
        length: u64,
    },
    /// The payload of a frame is not what its type asks for.
    #[error("the payload of a frame of type {frame_type:#x} is malformed")]
    Malformed {
        /// Its type.
        frame_type: u64,
    },
    /// A WebTransport stream header stands where only frames may.
    #[error("a WebTransport stream header behind the start of a stream")]
    Unexpected,
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
}

impl GuardError {
    /// The HTTP/3 error code to close the connection with (RFC 9114, section 8.1).
    pub(crate) fn code(self) -> h3::error::Code {
        match self {
            GuardError::ExcessiveLoad { .. } => h3::error::Code::H3_EXCESSIVE_LOAD,
            GuardError::Unexpected => h3::error::Code::H3_FRAME_UNEXPECTED,
            GuardError::Malformed { .. } | GuardError::Truncated => h3::error::Code::H3_FRAME_ERROR,
        }
    }
}

/// The state machine. Feed it with [`Guard::push`] whenever [`Guard::next`] has nothing more to give.
#[derive(Debug)]
pub(crate) struct Guard {
    input: Bytes,
    state: State,
    max_frame: u64,
}

#[derive(Debug)]
enum State {
    /// Waits for the rest of a type and a length; holds what came in an earlier chunk.
    Header(BytesMut),
    /// Waits for payload of a DATA frame.
    Data(u64),
    /// Waits for the rest of a frame that `h3` wants whole.
    Collect { frame_type: u64, frame: BytesMut, header: usize, left: usize },
    /// Waits for the end of a frame that nobody knows.
    Skip(u64),
}

impl Guard {
    /// A guard at the start of a frame, with the largest frame to accept.
    pub(crate) fn new(max_frame: u32) -> Guard {
        Guard { input: Bytes::new(), state: State::Header(BytesMut::new()), max_frame: u64::from(max_frame) }
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            let mut joined = BytesMut::with_capacity(self.input.len() + bytes.len());
            joined.extend_from_slice(&self.input);
            joined.extend_from_slice(&bytes);
            self.input = joined.freeze();
        }
    }

    /// The stream has ended: whether it may.
    pub(crate) fn end(&self) -> Result<(), GuardError> {
        match &self.state {
            State::Header(partial) if partial.is_empty() && self.input.is_empty() => Ok(()),
            _ => Err(GuardError::Truncated),
        }
    }

    /// The next part that may go on; `None` when more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, GuardError> {
        loop {
            match &mut self.state {
                State::Header(partial) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    if partial.is_empty()
                        && let Some(header) = FrameHeader::read(&self.input)
                    {
                        // The usual case: the header lies in one chunk and is passed on without a copy.
                        let bytes = self.input.split_to(header.size);
                        if let Some(piece) = self.begin(header, bytes)? {
                            return Ok(Some(piece));
                        }
                        continue;
                    }
                    partial.extend_from_slice(&[self.input.get_u8()]);
                    if let Some(header) = FrameHeader::read(partial) {
                        let bytes = std::mem::take(partial).freeze();
                        if let Some(piece) = self.begin(header, bytes)? {
                            return Ok(Some(piece));
                        }
                    }
                }
                State::Data(left) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let some = available(*left, &self.input);
                    *left -= some as u64;
                    if *left == 0 {
                        self.state = State::Header(BytesMut::new());
                    }
                    return Ok(Some(Piece::Data(self.input.split_to(some))));
                }
                State::Collect { frame_type, frame, header, left } => {
                    let some = available(*left as u64, &self.input);
                    frame.extend_from_slice(&self.input.split_to(some));
                    *left -= some;
                    if *left > 0 {
                        return Ok(None);
                    }
                    let (frame_type, header) = (*frame_type, *header);
                    let bytes = std::mem::take(frame).freeze();
                    self.state = State::Header(BytesMut::new());
                    if !is_sound(frame_type, bytes.get(header..).unwrap_or_default()) {
                        return Err(GuardError::Malformed { frame_type });
                    }
                    return Ok(Some(Piece::Frame { frame_type, bytes, header }));
                }
                State::Skip(left) => {
                    let some = available(*left, &self.input);
                    self.input.advance(some);
                    *left -= some as u64;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Header(BytesMut::new());
                }
            }
        }
    }

    /// Enters the frame whose header has just been read. The header is passed on at once only if it is DATA's.
    fn begin(&mut self, header: FrameHeader, bytes: Bytes) -> Result<Option<Piece>, GuardError> {
        let FrameHeader { frame_type, length, .. } = header;
        if frame_type == DATA {
            if length == 0 {
                self.state = State::Header(BytesMut::new());
                return Ok(None);
            }
            self.state = State::Data(length);
            return Ok(Some(Piece::DataHeader(bytes)));
        }
        if frame_type == WEBTRANSPORT_STREAM {
            return Err(GuardError::Unexpected);
        }
        if length > self.max_frame {
            return Err(GuardError::ExcessiveLoad { frame_type, length });
        }
        self.state = if is_known(frame_type) {
            // Grows with what arrives: a declared length alone costs nothing.
            let header = bytes.len();
            State::Collect { frame_type, frame: BytesMut::from(&bytes[..]), header, left: length as usize }
        } else {
            State::Skip(length)
        };
        Ok(None)
    }
}

/// Whether the integers of a frame are all there, and nothing else is.
fn is_sound(frame_type: u64, mut payload: &[u8]) -> bool {
    match frame_type {
        CANCEL_PUSH | GOAWAY | MAX_PUSH_ID => varint::take(&mut payload).is_some() && payload.is_empty(),
        SETTINGS => {
            while !payload.is_empty() {
                if varint::take(&mut payload).is_none() || varint::take(&mut payload).is_none() {
                    return false;
                }
            }
            true
        }
        // A field section follows.
        PUSH_PROMISE => varint::take(&mut payload).is_some(),
        _ => true,
    }
}

/// How many of `left` bytes there are.
fn available(left: u64, input: &Bytes) -> usize {
    usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))
}

/// A frame's type and length.
#[derive(Clone, Copy, Debug)]
struct FrameHeader {
    frame_type: u64,
    length: u64,
    size: usize,
}

impl FrameHeader {
    fn read(bytes: &[u8]) -> Option<FrameHeader> {
        let (frame_type, first) = varint::read(bytes)?;
        let (length, second) = varint::read(bytes.get(first..)?)?;
        Some(FrameHeader { frame_type, length, size: first + second })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: u32 = 64;

    fn frame(frame_type: u64, payload: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        varint::write(frame_type, &mut out);
        varint::write(payload.len() as u64, &mut out);
        out.extend_from_slice(payload);
        out.to_vec()
    }

    /// What gets through, with adjoining payload joined.
    fn run<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Piece>, Result<(), GuardError>) {
        let mut guard = Guard::new(MAX);
        let mut seen: Vec<Piece> = Vec::new();
        for part in parts {
            guard.push(Bytes::copy_from_slice(part));
            loop {
                match guard.next() {
                    Ok(Some(Piece::Data(more))) => match seen.last_mut() {
                        Some(Piece::Data(bytes)) => *bytes = [&bytes[..], &more[..]].concat().into(),
                        _ => seen.push(Piece::Data(more)),
                    },
                    Ok(Some(piece)) => seen.push(piece),
                    Ok(None) => break,
                    Err(error) => return (seen, Err(error)),
                }
            }
        }
        (seen, guard.end())
    }

    #[test]
    fn hands_on_frames_whole_and_drops_the_rest() {
        let stream = [
            frame(0x21, b"grease"),
            frame(HEADERS, b"block"),
            frame(DATA, b""),
            frame(DATA, b"body"),
            frame(0x40 * 0x1f + 0x21, b""),
        ]
        .concat();
        let (seen, end) = run([&stream[..]]);
        assert_eq!(end, Ok(()));
        assert_eq!(
            seen,
            [
                Piece::Frame { frame_type: HEADERS, bytes: frame(HEADERS, b"block").into(), header: 2 },
                Piece::DataHeader(Bytes::from_static(&[0, 4])),
                Piece::Data(Bytes::from_static(b"body")),
            ]
        );
    }

    #[test]
    fn refuses_what_is_too_long_before_it_comes() {
        for frame_type in [HEADERS, SETTINGS, 0x21] {
            let mut out = BytesMut::new();
            varint::write(frame_type, &mut out);
            varint::write(1 << 40, &mut out);
            let error = GuardError::ExcessiveLoad { frame_type, length: 1 << 40 };
            assert_eq!(run([&out[..]]), (vec![], Err(error)));
            assert_eq!(error.code(), h3::error::Code::H3_EXCESSIVE_LOAD);
        }
        assert_eq!(run([&frame(HEADERS, &[0; MAX as usize])[..]]).1, Ok(()));
        assert!(run([&frame(HEADERS, &[0; MAX as usize + 1])[..]]).1.is_err());
    }

    #[test]
    fn refuses_integers_that_break_off_or_have_something_behind() {
        let check = |frame_type, payload: &[u8], is_sound: bool| {
            let expected = if is_sound { Ok(()) } else { Err(GuardError::Malformed { frame_type }) };
            let stream = frame(frame_type, payload);
            assert_eq!(run([&stream[..]]).1, expected, "{stream:x?}");
            assert_eq!(run(stream.chunks(1)).1, expected, "{stream:x?}");
        };
        for frame_type in [CANCEL_PUSH, GOAWAY, MAX_PUSH_ID] {
            check(frame_type, &[7], true);
            check(frame_type, &[0x40, 7], true);
            for broken in [&[][..], &[0x40], &[0xc0, 0], &[7, 0]] {
                check(frame_type, broken, false);
            }
        }
        check(SETTINGS, &[], true);
        check(SETTINGS, &[6, 0x40, 1, 0x21, 0], true);
        for broken in [&[6][..], &[6, 0x40], &[0x40], &[6, 1, 0x21]] {
            check(SETTINGS, broken, false);
        }
        check(PUSH_PROMISE, &[], false);
        check(PUSH_PROMISE, &[0, 0, 0], true);
        assert_eq!(GuardError::Malformed { frame_type: 0 }.code(), h3::error::Code::H3_FRAME_ERROR);
    }

    #[test]
    fn refuses_an_end_inside_a_frame() {
        for stream in [frame(HEADERS, b"block"), frame(DATA, b"body"), frame(0x21, b"grease")] {
            for cut in 1..stream.len() {
                assert_eq!(run([&stream[..cut]]).1, Err(GuardError::Truncated), "{cut}");
            }
        }
        assert_eq!(run([&[0x40, 0x41, 0][..]]).1, Err(GuardError::Unexpected));
    }

    proptest! {
        #[test]
        fn is_equal_in_all_splits(
            frames in prop::collection::vec((0u64..0x50, prop::collection::vec(any::<u8>(), 0..80)), 0..6),
            noise in prop::collection::vec(any::<u8>(), 0..4),
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let mut stream: Vec<u8> = frames.iter().flat_map(|(ty, payload)| frame(*ty, payload)).collect();
            stream.extend_from_slice(&noise);
            let whole = run([&stream[..]]);
            prop_assert_eq!(&run(stream.chunks(1)), &whole);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            prop_assert_eq!(&run(cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]])), &whole);
        }

        #[test]
        fn never_panics_and_never_buffers_more_than_a_frame(bytes in any::<Vec<u8>>()) {
            let _ = run(bytes.chunks(3));
        }
    }
}
