//! What a fuzzer feeds to the decoders of this crate: for each a function that takes any bytes and panics when the
//! decoder breaks a promise, not only when it panics itself.
//!
//! Where a decoder is fed piece by piece, the first bytes of the input say how the rest is cut, and the outcome may
//! not depend on that ([`crate::testing::cut_by_its_start`]). What is read is written again and must be read the same.
//! Nothing a decoder gives may be longer than a small multiple of what it took.

use std::time::Duration;

use bytes::Bytes;

use crate::deadline::{format_timeout, parse_timeout};
use crate::message::{Borders, Deframer, PREFIX, Side};
use crate::metadata::{decode_message, encode_message};
use crate::status::Status;
use crate::testing::{FuzzTarget, cut_by_its_start, pieces};
use crate::{binary, protocol};

/// Every function by the name of its corpus, a folder in `tests/fuzz/corpus`.
pub const TARGETS: &[FuzzTarget] = &[
    FuzzTarget::new("base64", base64),
    FuzzTarget::new("borders", borders),
    FuzzTarget::new("connect_stream", protocol::fuzzing::connect_stream),
    FuzzTarget::new("connect_wt", protocol::fuzzing::connect_wt),
    FuzzTarget::new("datagrams", protocol::fuzzing::datagrams),
    FuzzTarget::new("grpc_message", grpc_message),
    FuzzTarget::new("grpc_timeout", grpc_timeout),
    FuzzTarget::new("grpc_web_compressed", protocol::fuzzing::grpc_web_compressed).with_room(64 << 20),
    FuzzTarget::new("grpc_web_text", protocol::fuzzing::grpc_web_text),
    FuzzTarget::new("grpc_websockets", protocol::fuzzing::grpc_websockets),
    FuzzTarget::new("grpc_ws", protocol::fuzzing::grpc_ws),
    FuzzTarget::new("grpc_wt_frames", protocol::fuzzing::grpc_wt_frames),
    FuzzTarget::new("grpc_wt_opening", protocol::fuzzing::grpc_wt_opening),
    FuzzTarget::new("header_block", protocol::fuzzing::header_block),
    FuzzTarget::new("websocket_messages", protocol::fuzzing::websocket_messages),
];

fn base64(input: &[u8]) {
    let standard = binary::decode(input);
    let url_safe = binary::decode_url_safe(input);
    for decoded in [&standard, &url_safe].into_iter().flatten() {
        assert!(decoded.len() <= input.len() / 4 * 3 + 2, "more bytes than the text can stand for");
    }
    if let Some(decoded) = &standard {
        assert_eq!(binary::decode(binary::encode(decoded).as_bytes()).as_ref(), Some(decoded));
    }
    if let (Some(standard), Some(url_safe)) = (&standard, &url_safe) {
        assert_eq!(standard, url_safe, "text that is in both alphabets");
    }
    assert_eq!(binary::decode_either(input), standard.or(url_safe));
    let text = binary::encode(input);
    assert_eq!(binary::decode(text.as_bytes()).as_deref(), Some(input));
    let unescaped: Vec<u8> = text
        .bytes()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    assert_eq!(binary::decode_url_safe(&unescaped).as_deref(), Some(input));
}

fn grpc_timeout(input: &[u8]) {
    if let Ok(timeout) = parse_timeout(input) {
        check_timeout(timeout);
    }
    if let Some((seconds, nanos)) = input.split_first_chunk::<8>()
        && let Some(nanos) = nanos.first_chunk::<4>()
    {
        let nanos = u32::from_be_bytes(*nanos) % 1_000_000_000;
        check_timeout(Duration::new(u64::from_be_bytes(*seconds), nanos));
    }
}

fn check_timeout(timeout: Duration) {
    // The largest that the format has.
    let timeout = timeout.min(Duration::from_secs(99_999_999 * 3600));
    let written = format_timeout(timeout);
    let read = parse_timeout(written.as_bytes()).unwrap();
    let lost = timeout.checked_sub(read);
    // A coarser unit is used only where the finer one needs more than eight digits.
    assert!(lost.is_some_and(|lost| lost <= timeout / 1000), "{timeout:?} became {written:?}");
    // Perhaps in a finer unit, now that it fits one.
    assert_eq!(parse_timeout(format_timeout(read).as_bytes()), Ok(read));
}

fn grpc_message(input: &[u8]) {
    let text = decode_message(input);
    // A byte that is not UTF-8 becomes a character of three.
    assert!(text.len() <= input.len() * 3);
    let written = encode_message(&text);
    assert_eq!(decode_message(written.as_bytes()), text);
    assert!(written.as_bytes().iter().all(|byte| matches!(byte, 0x20..=0x7e)));
}

/// The two ways to follow messages see the same.
fn borders(input: &[u8]) {
    let Some((&limit, input)) = input.split_first() else { return };
    let limit = u32::from(limit);
    let (stream, cuts) = cut_by_its_start(input);
    let whole = follow(&pieces(&stream, &[]), limit);
    assert_eq!(follow(&pieces(&stream, &cuts), limit), whole, "fed in pieces (left) and whole (right)");
    let ones = vec![1; stream.len()];
    assert_eq!(follow(&pieces(&stream, &ones), limit), whole, "fed byte by byte (left) and whole (right)");

    let mut deframer = Deframer::new(Side::Client, limit);
    let mut frames = Vec::new();
    let mut messages = 0;
    let mut deframed = Ok(());
    'pieces: for piece in pieces(&stream, &cuts) {
        deframer.push(&piece);
        loop {
            match deframer.next_message() {
                Ok(Some(message)) => {
                    assert!(limit == 0 || message.payload.len() <= limit as usize);
                    messages += 1;
                    frames.extend_from_slice(&message.to_frame());
                }
                Ok(None) => break,
                Err(status) => {
                    deframed = Err(status);
                    break 'pieces;
                }
            }
        }
    }
    assert!(stream.starts_with(&frames), "messages are not what they were cut from");
    let deframed = deframed.and_then(|()| deframer.end()).map_err(seen);
    let (begun, in_payload, result) = whole;
    assert_eq!(result, deframed, "by borders (left) and by messages (right)");
    assert_eq!(begun, messages + u64::from(in_payload), "messages by borders (left) and by messages (right)");
    assert!(begun <= stream.len().div_ceil(PREFIX) as u64);
}

/// Messages that have begun, whether the last has not ended, and how it ends.
fn follow(pieces: &[Bytes], limit: u32) -> (u64, bool, Result<(), String>) {
    let mut borders = Borders::new(Side::Client, limit);
    let result = pieces.iter().try_for_each(|piece| borders.pass(piece)).and_then(|()| borders.end());
    (borders.messages(), borders.in_payload(), result.map_err(seen))
}

fn seen(status: Status) -> String {
    format!("{:?} {}", status.code, status.message)
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
