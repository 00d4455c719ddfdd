//! Capsules on a session's CONNECT stream (RFC 9297, section 3.2; draft-ietf-webtrans-http3, section 5).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::guard::DATA;
use crate::varint;

/// `WT_CLOSE_SESSION`.
const CLOSE_SESSION: u64 = 0x2843;
/// `WT_DRAIN_SESSION`.
const DRAIN_SESSION: u64 = 0x78ae;
/// `WT_MAX_DATA`.
const MAX_DATA: u64 = 0x190b_4d3d;

/// The longest reason for closing a session, in bytes.
pub(crate) const MAX_REASON: usize = 1024;
/// The longest capsule that is kept: a close with its code and reason.
const MAX_CAPSULE: u64 = 4 + MAX_REASON as u64;

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
    /// How many bytes the other side may send on the session's streams in all.
    MaxData(u64),
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
            Capsule::MaxData(limit) => {
                varint::write(*limit, &mut value);
                MAX_DATA
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
            _ => varint::take(&mut value).map(Capsule::MaxData).ok_or(Malformed),
        }
    }
}

/// Reads capsules from bytes cut anywhere. Capsules of other types are dropped as they stream by.
#[derive(Debug, Default)]
pub(crate) struct CapsuleDecoder {
    /// The start of a capsule whose rest has not arrived: at most a header, or a known capsule.
    partial: BytesMut,
    /// What is still to come of a capsule that is not kept.
    skip: u64,
}

impl CapsuleDecoder {
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
        match capsule_type {
            CLOSE_SESSION | DRAIN_SESSION | MAX_DATA if length > MAX_CAPSULE => Err(Malformed),
            CLOSE_SESSION | DRAIN_SESSION | MAX_DATA => Ok(()),
            _ => {
                self.skip = length;
                self.partial.clear();
                Ok(())
            }
        }
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
        let mut decoder = CapsuleDecoder::default();
        let mut seen = Vec::new();
        for part in parts {
            let mut bytes = Bytes::copy_from_slice(part);
            while let Some(capsule) = decoder.next(&mut bytes)? {
                seen.push(capsule);
            }
        }
        assert!(decoder.partial.len() <= MAX_CAPSULE as usize + 16);
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
            &bare(&Capsule::MaxData(99)),
            &bare(&close(7, "bye ☺")),
            &[0x17, 0x44, 0x00, 9],
        ]
        .concat();
        assert_eq!(run([&stream[..]]), Ok(vec![Capsule::Drain, Capsule::MaxData(99), close(7, "bye ☺")]));
        assert_eq!(close(7, "bye").frame()[..], *b"\x00\x0a\x68\x43\x07\x00\x00\x00\x07bye");
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
