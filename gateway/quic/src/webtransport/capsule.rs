//! Capsules on a session's CONNECT stream (RFC 9297, section 3.2; draft-ietf-webtrans-http3-16, sections 4.7, 5.6
//! and 6). Their types have been the same since they appeared: closing in draft 02, draining in 07, flow control in 13.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::flow::Kind;
use crate::guard::DATA;
use crate::varint;

/// `WT_CLOSE_SESSION`.
const CLOSE_SESSION: u64 = 0x2843;
/// `WT_DRAIN_SESSION`.
const DRAIN_SESSION: u64 = 0x78ae;
/// `WT_MAX_DATA`.
const MAX_DATA: u64 = 0x190b_4d3d;
/// `WT_MAX_STREAMS` for bidirectional streams.
const MAX_STREAMS_BIDI: u64 = 0x190b_4d3f;
/// `WT_MAX_STREAMS` for unidirectional streams.
const MAX_STREAMS_UNI: u64 = 0x190b_4d40;
/// `WT_DATA_BLOCKED`.
const DATA_BLOCKED: u64 = 0x190b_4d41;
/// `WT_STREAMS_BLOCKED` for bidirectional streams.
const STREAMS_BLOCKED_BIDI: u64 = 0x190b_4d43;
/// `WT_STREAMS_BLOCKED` for unidirectional streams.
const STREAMS_BLOCKED_UNI: u64 = 0x190b_4d44;
/// `WT_MAX_STREAM_DATA` and `WT_STREAM_DATA_BLOCKED`, which belong to HTTP/2 and are prohibited here.
const PROHIBITED: [u64; 2] = [0x190b_4d3e, 0x190b_4d42];

/// The longest reason for closing a session, in bytes.
pub(crate) const MAX_REASON: usize = 1024;
/// The longest value that is kept: of a close with its code and reason.
const MAX_VALUE: u64 = 4 + MAX_REASON as u64;

/// A capsule that means something here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Capsule {
    /// The session is over.
    Close {
        /// The application's code.
        code: u32,
        /// The application's reason.
        reason: String,
    },
    /// The session should end soon.
    Drain,
    /// How many bytes the other side may send, or how many streams it may open, over the whole session.
    Max(Kind, u64),
    /// The other side would send more, or open more, but for this limit.
    Blocked(Kind, u64),
}

/// A capsule of a known type that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed capsule")]
pub(crate) struct Malformed;

impl Capsule {
    /// A DATA frame with this capsule. A reason that is too long is cut at a character.
    pub(crate) fn frame(&self) -> Bytes {
        let mut value = BytesMut::new();
        let capsule_type = match self {
            Capsule::Close { code, reason } => {
                value.put_u32(*code);
                let end = reason.floor_char_boundary(MAX_REASON);
                value.put_slice(reason.as_bytes().get(..end).unwrap_or_default());
                CLOSE_SESSION
            }
            Capsule::Drain => DRAIN_SESSION,
            Capsule::Max(kind, limit) => {
                varint::write(*limit, &mut value);
                match kind {
                    Kind::Data => MAX_DATA,
                    Kind::Bidi => MAX_STREAMS_BIDI,
                    Kind::Uni => MAX_STREAMS_UNI,
                }
            }
            Capsule::Blocked(kind, limit) => {
                varint::write(*limit, &mut value);
                match kind {
                    Kind::Data => DATA_BLOCKED,
                    Kind::Bidi => STREAMS_BLOCKED_BIDI,
                    Kind::Uni => STREAMS_BLOCKED_UNI,
                }
            }
        };
        let mut capsule = BytesMut::new();
        varint::write(capsule_type, &mut capsule);
        varint::write(value.len() as u64, &mut capsule);
        capsule.put(value);
        let mut frame = BytesMut::new();
        varint::write(DATA, &mut frame);
        varint::write(capsule.len() as u64, &mut frame);
        frame.put(capsule);
        frame.freeze()
    }

    fn read(capsule_type: u64, mut value: &[u8]) -> Result<Capsule, Malformed> {
        match capsule_type {
            CLOSE_SESSION => {
                let code = value.try_get_u32().map_err(|_| Malformed)?;
                let reason = std::str::from_utf8(value).map_err(|_| Malformed)?;
                Ok(Capsule::Close { code, reason: reason.to_owned() })
            }
            DRAIN_SESSION => Ok(Capsule::Drain),
            _ => {
                let limit = varint::take(&mut value).filter(|_| value.is_empty()).ok_or(Malformed)?;
                Ok(match capsule_type {
                    MAX_DATA => Capsule::Max(Kind::Data, limit),
                    MAX_STREAMS_BIDI => Capsule::Max(Kind::Bidi, limit),
                    MAX_STREAMS_UNI => Capsule::Max(Kind::Uni, limit),
                    DATA_BLOCKED => Capsule::Blocked(Kind::Data, limit),
                    STREAMS_BLOCKED_BIDI => Capsule::Blocked(Kind::Bidi, limit),
                    STREAMS_BLOCKED_UNI => Capsule::Blocked(Kind::Uni, limit),
                    // Nothing else is kept.
                    _ => return Err(Malformed),
                })
            }
        }
    }
}

/// Whether a capsule of this type means something in any session.
fn is_known(capsule_type: u64) -> bool {
    matches!(capsule_type, CLOSE_SESSION | DRAIN_SESSION)
}

/// Whether it does in sessions with flow control.
fn is_flow_control(capsule_type: u64) -> bool {
    matches!(capsule_type, MAX_DATA..=STREAMS_BLOCKED_UNI)
}

/// Reads capsules from bytes cut anywhere. Capsules of other types are dropped as they stream by.
#[derive(Debug)]
pub(crate) struct CapsuleDecoder {
    /// Whether the session has flow control: whoever has none must ignore its capsules.
    flow_control: bool,
    /// The start of a capsule whose rest has not arrived: at most a header, or a known capsule.
    partial: BytesMut,
    /// What is still to come of a capsule that is not kept.
    skip: u64,
}

impl Default for CapsuleDecoder {
    fn default() -> Self {
        CapsuleDecoder::new(true)
    }
}

impl CapsuleDecoder {
    /// A decoder at the start of the stream, for a session with flow control or one without.
    pub(crate) fn new(flow_control: bool) -> CapsuleDecoder {
        CapsuleDecoder { flow_control, partial: BytesMut::new(), skip: 0 }
    }

    /// Whether the stream may end here: not inside a capsule (RFC 9297, section 3.3).
    pub(crate) fn is_between_capsules(&self) -> bool {
        self.partial.is_empty() && self.skip == 0
    }

    /// Takes the next capsule off the front of `bytes`; `None` when they are used up.
    pub(crate) fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Capsule>, Malformed> {
        loop {
            let skipped = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
            bytes.advance(skipped);
            self.skip -= skipped as u64;
            if bytes.is_empty() {
                return Ok(None);
            }
            let mut header = &self.partial[..];
            let Some((_, length)) = varint::take(&mut header).zip(varint::take(&mut header)) else {
                // At most 15 times per capsule.
                self.partial.put_u8(bytes.get_u8());
                self.begin()?;
                if let Some(capsule) = self.complete()? {
                    return Ok(Some(capsule));
                }
                continue;
            };
            let missing = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(header.len());
            self.partial.put(bytes.split_to(missing.min(bytes.len())));
            if let Some(capsule) = self.complete()? {
                return Ok(Some(capsule));
            }
        }
    }

    /// Once the header is there: decides whether the capsule is kept.
    fn begin(&mut self) -> Result<(), Malformed> {
        let mut rest = &self.partial[..];
        let Some((capsule_type, length)) = varint::take(&mut rest).zip(varint::take(&mut rest)) else {
            return Ok(());
        };
        let is_kept = is_known(capsule_type) || self.flow_control && is_flow_control(capsule_type);
        if is_kept && (length > MAX_VALUE || PROHIBITED.contains(&capsule_type)) {
            return Err(Malformed);
        }
        if !is_kept {
            self.skip = length;
            self.partial.clear();
        }
        Ok(())
    }

    /// The capsule, once all of it is there.
    fn complete(&mut self) -> Result<Option<Capsule>, Malformed> {
        let mut value = &self.partial[..];
        let Some((capsule_type, length)) = varint::take(&mut value).zip(varint::take(&mut value)) else {
            return Ok(None);
        };
        if (value.len() as u64) < length {
            return Ok(None);
        }
        let capsule = Capsule::read(capsule_type, value)?;
        self.partial.clear();
        Ok(Some(capsule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Capsule>, Malformed> {
        read(CapsuleDecoder::default(), parts)
    }

    fn read<'a>(
        mut decoder: CapsuleDecoder,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<Capsule>, Malformed> {
        let mut seen = Vec::new();
        for part in parts {
            let mut bytes = Bytes::copy_from_slice(part);
            while let Some(capsule) = decoder.next(&mut bytes)? {
                seen.push(capsule);
            }
        }
        assert!(decoder.partial.len() <= MAX_VALUE as usize + 16);
        Ok(seen)
    }

    /// The capsule without the frame around it.
    fn bare(capsule: &Capsule) -> Vec<u8> {
        let frame = capsule.frame();
        let mut rest = &frame[..];
        assert_eq!(varint::take(&mut rest), Some(DATA));
        assert_eq!(varint::take(&mut rest), Some(rest.len() as u64));
        rest.to_vec()
    }

    fn close(code: u32, reason: &str) -> Capsule {
        Capsule::Close { code, reason: reason.to_owned() }
    }

    #[test]
    fn reads_what_it_knows_and_drops_the_rest() {
        // A capsule of type 0x17 and one that declares more than arrives.
        let stream = [
            &[0x17, 3, 1, 2, 3][..],
            &bare(&Capsule::Drain),
            &bare(&Capsule::Max(Kind::Data, 99)),
            &bare(&close(7, "bye ☺")),
            &[0x17, 0x44, 0x00, 9],
        ]
        .concat();
        let max = Capsule::Max(Kind::Data, 99);
        assert_eq!(run([&stream[..]]), Ok(vec![Capsule::Drain, max, close(7, "bye ☺")]));
        // Without flow control its capsules are none.
        let ignored =
            [&stream[..], &[0x99, 0x0b, 0x4d, 0x3e, 1, 0, 0x99, 0x0b, 0x4d, 0x3d, 0x44, 0x05]].concat();
        let without = read(CapsuleDecoder::new(false), [&ignored[..]]);
        assert_eq!(without, Ok(vec![Capsule::Drain, close(7, "bye ☺")]));
        assert_eq!(close(7, "bye").frame()[..], *b"\x00\x0a\x68\x43\x07\x00\x00\x00\x07bye");
    }

    #[test]
    fn writes_flow_control_as_the_draft_does() {
        let check = |capsule: Capsule, last: u8| {
            assert_eq!(bare(&capsule), [0x99, 0x0b, 0x4d, last, 1, 7]);
            assert_eq!(run([&bare(&capsule)[..]]), Ok(vec![capsule]));
        };
        check(Capsule::Max(Kind::Data, 7), 0x3d);
        check(Capsule::Max(Kind::Bidi, 7), 0x3f);
        check(Capsule::Max(Kind::Uni, 7), 0x40);
        check(Capsule::Blocked(Kind::Data, 7), 0x41);
        check(Capsule::Blocked(Kind::Bidi, 7), 0x43);
        check(Capsule::Blocked(Kind::Uni, 7), 0x44);
        for bad in
            [&[0x3e, 1, 0][..], &[0x42, 0], &[0x3d, 0], &[0x3f, 2, 1, 1], &[0x40, 1, 0x40], &[0x3d, 0x44, 5]]
        {
            assert_eq!(run([&[&[0x99, 0x0b, 0x4d][..], bad].concat()[..]]), Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn may_end_only_between_capsules() {
        let stream = [bare(&Capsule::Drain), vec![0x17, 2, 0, 0], bare(&close(1, "x"))].concat();
        let ends: Vec<usize> = (0..=stream.len())
            .filter(|end| {
                let mut decoder = CapsuleDecoder::default();
                let mut bytes = Bytes::copy_from_slice(&stream[..*end]);
                while let Ok(Some(_)) = decoder.next(&mut bytes) {}
                decoder.is_between_capsules()
            })
            .collect();
        assert_eq!(ends, [0, 5, 9, stream.len()]);
    }

    #[test]
    fn refuses_a_broken_close() {
        for bad in
            [&b"\x68\x43\x03\x00\x00\x00"[..], b"\x68\x43\x05\x00\x00\x00\x00\xff", b"\x68\x43\x44\x05"]
        {
            assert_eq!(run([bad]), Err(Malformed), "{bad:?}");
        }
        assert!(bare(&close(1, &"é".repeat(MAX_REASON))).len() <= MAX_REASON + 8);
    }

    proptest! {
        #[test]
        fn is_equal_in_all_splits(
            capsules in prop::collection::vec((any::<u32>(), ".{0,20}"), 0..4),
            noise in prop::collection::vec(any::<u8>(), 0..20),
            at in 0usize..200,
        ) {
            let mut stream = Vec::new();
            for (code, reason) in &capsules {
                stream.extend(bare(&close(*code, reason)));
                stream.extend(bare(&Capsule::Drain));
                stream.extend(bare(&Capsule::Max(Kind::Bidi, u64::from(*code))));
                stream.extend(bare(&Capsule::Blocked(Kind::Data, u64::from(*code) << 30)));
            }
            stream.extend(noise);
            let whole = run([&stream[..]]);
            let (left, right) = stream.split_at(at.min(stream.len()));
            prop_assert_eq!(&run([left, right]), &whole);
            prop_assert_eq!(&run(stream.chunks(1)), &whole);
        }

        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = run([&bytes[..]]);
        }
    }
}
