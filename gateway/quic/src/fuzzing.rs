//! What a fuzzer feeds to the decoders of this crate: for each a function that takes any bytes and panics when the
//! decoder breaks a promise, not only when it panics itself.
//!
//! Where a decoder is fed piece by piece, the first bytes of the input say how the rest is cut, and the outcome may
//! not depend on that. What is read is written again and must be read the same. Nothing a decoder gives may be longer
//! than what it took, but for Huffman's code, which makes eight bytes of five.

use bytes::{Bytes, BytesMut};
use sluicegate_core::testing::{FuzzTarget, cut_by_its_start, pieces};

use crate::guard::{Guard, GuardError, Piece};
use crate::settings::{self, PeerSettings};
use crate::webtransport::capsule::{Capsule, CapsuleDecoder, Malformed};
use crate::{qpack, varint, webtransport};

/// Every function by the name of its corpus, a folder in `tests/fuzz/corpus`.
pub const TARGETS: &[FuzzTarget] = &[
    FuzzTarget::new("capsules", capsules),
    FuzzTarget::new("connect", webtransport::fuzzing::connect),
    FuzzTarget::new("field_section", qpack::fuzzing::field_section),
    FuzzTarget::new("frames", frames),
    FuzzTarget::new("huffman", qpack::fuzzing::huffman),
    FuzzTarget::new("qpack_integer", qpack::fuzzing::integer),
    FuzzTarget::new("qpack_streams", qpack::fuzzing::streams),
    FuzzTarget::new("settings", settings),
    FuzzTarget::new("subprotocol", webtransport::fuzzing::subprotocol),
    FuzzTarget::new("varint", varint),
];

fn varint(input: &[u8]) {
    let mut rest = input;
    let taken = varint::take(&mut rest);
    let Some((value, length)) = varint::read(input) else {
        assert_eq!((taken, rest), (None, input));
        assert!(input.first().is_none_or(|first| varint::length(*first) > input.len()));
        return;
    };
    assert!(value <= varint::MAX);
    assert_eq!((taken, Some(rest)), (Some(value), input.get(length..)));
    for cut in 0..length {
        assert_eq!(varint::read(&input[..cut]), None);
    }
    let mut written = BytesMut::new();
    varint::write(value, &mut written);
    assert!(written.len() <= length);
    assert_eq!(varint::read(&written), Some((value, written.len())));
}

fn frames(input: &[u8]) {
    /// So that there can be too large ones.
    const MAX_FRAME: u32 = 64;
    let (stream, cuts) = cut_by_its_start(input);
    let (whole, end) = guard(pieces(&stream, &[]), MAX_FRAME);
    assert_eq!(
        guard(pieces(&stream, &cuts), MAX_FRAME),
        (whole.clone(), end),
        "in pieces (left), whole (right)"
    );
    let ones = vec![1; stream.len()];
    assert_eq!(
        guard(pieces(&stream, &ones), MAX_FRAME),
        (whole.clone(), end),
        "by bytes (left), whole (right)"
    );
    let passed: Bytes = whole.iter().cloned().flat_map(Piece::into_bytes).collect::<Vec<_>>().into();
    assert!(passed.len() <= stream.len());
    for piece in &whole {
        if let Piece::Frame { bytes, header, .. } = piece {
            assert!(bytes.len() - header <= MAX_FRAME as usize);
        }
    }
    // What has been let through is let through again.
    let (again, again_end) = guard(pieces(&passed, &cuts), MAX_FRAME);
    assert_eq!(again, whole);
    assert!(end.is_err() || again_end.is_ok());
}

/// What gets through, with adjoining payload joined, and whether the stream may end there.
fn guard(pieces: Vec<Bytes>, max_frame: u32) -> (Vec<Piece>, Result<(), GuardError>) {
    let mut guard = Guard::new(max_frame);
    let mut seen: Vec<Piece> = Vec::new();
    for piece in pieces {
        guard.push(piece);
        loop {
            match guard.next() {
                Ok(Some(Piece::Data(more))) => {
                    assert!(!more.is_empty());
                    match seen.last_mut() {
                        Some(Piece::Data(bytes)) => *bytes = [&bytes[..], &more[..]].concat().into(),
                        _ => seen.push(Piece::Data(more)),
                    }
                }
                Ok(Some(piece)) => seen.push(piece),
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            }
        }
    }
    let end = guard.end();
    (seen, end)
}

fn settings(input: &[u8]) {
    let read = PeerSettings::decode(input);
    let (mut expected, mut rest) = (Vec::new(), input);
    while let Some(id) = varint::take(&mut rest)
        && let Some(value) = varint::take(&mut rest)
    {
        expected.push((id, value));
    }
    for (id, _) in &expected {
        let first = expected.iter().find(|setting| setting.0 == *id).unwrap();
        // Behind as many settings as nobody has, one may be forgotten.
        assert!(read.get(*id) == first.1 || expected.len() > 64 && read.get(*id) == 0);
    }
    if expected.len() <= 64 {
        assert_eq!(PeerSettings::decode(&settings::encode(&expected)), read);
    }
}

fn capsules(input: &[u8]) {
    let (stream, cuts) = cut_by_its_start(input);
    let whole = decode_capsules(pieces(&stream, &[]));
    assert_eq!(decode_capsules(pieces(&stream, &cuts)), whole, "in pieces (left), whole (right)");
    let ones = vec![1; stream.len()];
    assert_eq!(decode_capsules(pieces(&stream, &ones)), whole, "by bytes (left), whole (right)");
    let (capsules, result) = whole;
    // The shortest is a type of two bytes and a length of one.
    assert!(capsules.len() <= stream.len() / 3);
    if result.is_err() {
        return;
    }
    let mut written = Vec::new();
    for capsule in &capsules {
        let (frame, end) = guard(vec![capsule.frame()], u32::MAX);
        assert_eq!(end, Ok(()));
        let [Piece::DataHeader(_), Piece::Data(bytes)] = &frame[..] else { panic!("not one DATA frame") };
        written.extend_from_slice(bytes);
    }
    assert_eq!(decode_capsules(pieces(&written.into(), &cuts)), (capsules, Ok(())));
}

fn decode_capsules(pieces: Vec<Bytes>) -> (Vec<Capsule>, Result<(), Malformed>) {
    let mut decoder = CapsuleDecoder::default();
    let mut seen = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(capsule)) => seen.push(capsule),
                Ok(None) => break,
                Err(malformed) => return (seen, Err(malformed)),
            }
        }
        assert!(piece.is_empty());
    }
    (seen, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn replays_the_corpus() {
        for FuzzTarget { name, run, .. } in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
            run(b"");
            let mut inputs = 0;
            for entry in folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
                let path = entry.unwrap().path();
                // Shown when it fails.
                println!("{}", path.display());
                run(&std::fs::read(path).unwrap());
                inputs += 1;
            }
            assert!(inputs > 0, "{} is empty", folder.display());
        }
    }
}
