//! The base64 of gRPC-Web's text mode.
//!
//! A body is a row of base64 runs. Each may end in padding, at any point of the body, and neither runs nor their
//! quanta of four characters know anything of the frames in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::Frames;
use crate::status::{Flag, Status};

/// Characters that stand for up to three bytes together.
const QUANTUM: usize = 4;

/// Turns text into the frames that it stands for.
///
/// It keeps at most three characters and gives three bytes for four characters of input.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    started: [u8; QUANTUM],
    started_len: usize,
}

impl super::Decoder for Decoder {
    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let mut decoded = Vec::with_capacity((self.started_len + bytes.len()) / QUANTUM * 3);
        let result = self.decode(&bytes, &mut decoded);
        out.push(decoded.into());
        result
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        if self.started_len == 0 {
            Ok(())
        } else {
            Err(broken("the request ends inside four base64 characters"))
        }
    }
}

impl Decoder {
    fn decode(&mut self, text: &[u8], decoded: &mut Vec<u8>) -> Result<(), Status> {
        let text = self.finish_quantum(text, decoded)?;
        // Padding ends a run, which is decoded at once; without padding all that has come is one run.
        let mut rest = text;
        while let Some(padding) = memchr::memchr(b'=', rest) {
            let end_of_run = (padding / QUANTUM + 1) * QUANTUM;
            let Some((run, after)) = rest.split_at_checked(end_of_run) else { break };
            decode_run(run, decoded)?;
            rest = after;
        }
        let (run, started) = rest.split_at(rest.len() / QUANTUM * QUANTUM);
        decode_run(run, decoded)?;
        self.start_quantum(started);
        Ok(())
    }

    /// Fills up the quantum that earlier text has begun, and returns the text after it.
    fn finish_quantum<'a>(&mut self, text: &'a [u8], decoded: &mut Vec<u8>) -> Result<&'a [u8], Status> {
        if self.started_len == 0 {
            return Ok(text);
        }
        let (missing, rest) = text.split_at(text.len().min(QUANTUM - self.started_len));
        self.start_quantum(missing);
        if self.started_len == QUANTUM {
            self.started_len = 0;
            decode_run(&self.started, decoded)?;
        }
        Ok(rest)
    }

    fn start_quantum(&mut self, text: &[u8]) {
        for (slot, byte) in self.started.iter_mut().skip(self.started_len).zip(text) {
            *slot = *byte;
        }
        self.started_len += text.len();
    }
}

/// Decodes whole quanta, of which only the last may have padding. What stands before a wrong quantum is decoded all
/// the same, so that the outcome does not depend on where the text was cut.
fn decode_run(run: &[u8], decoded: &mut Vec<u8>) -> Result<(), Status> {
    let before = decoded.len();
    if BASE64_STANDARD.decode_vec(run, decoded).is_ok() {
        return Ok(());
    }
    decoded.truncate(before);
    for quantum in run.chunks(QUANTUM) {
        let mut bytes = [0; 3];
        let length = BASE64_STANDARD.decode_slice(quantum, &mut bytes);
        let bytes = length.ok().and_then(|length| bytes.get(..length));
        decoded.extend_from_slice(bytes.ok_or_else(|| broken("the request's text is not base64"))?);
    }
    Ok(())
}

fn broken(what: &'static str) -> Status {
    Status::internal(what).with_flag(Flag::ClientProtocolError)
}

/// A run of its own, padded, so that a client can decode all of it at once.
pub(super) fn encode(bytes: &[u8]) -> Bytes {
    BASE64_STANDARD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::Decoder as _;
    use super::*;
    use crate::status::Code;
    use crate::testing::{feed_in_every_split, pieces};

    fn decode(pieces: Vec<Bytes>) -> (Vec<u8>, Option<Code>) {
        let mut decoder = Decoder::default();
        let mut frames = Frames::default();
        let fed = pieces.into_iter().try_for_each(|piece| {
            let most = piece.len() / QUANTUM * 3 + 3;
            let before: usize = frames.iter().map(Bytes::len).sum();
            let result = decoder.data(piece, &mut frames);
            assert!(frames.iter().map(Bytes::len).sum::<usize>() <= before + most, "more than was fed");
            result
        });
        let result = fed.and_then(|()| decoder.end(&mut frames));
        (frames.iter().flatten().copied().collect(), result.err().map(|status| status.code))
    }

    #[track_caller]
    fn check(text: &str, want: &[u8], refused: Option<Code>) {
        assert_eq!(feed_in_every_split(text.as_bytes(), decode), (want.to_vec(), refused), "{text:?}");
    }

    #[test]
    fn reads_runs_with_padding_anywhere() {
        check("", b"", None);
        check("AAEC", &[0, 1, 2], None);
        check("AA==AQ==AgM=", &[0, 1, 2, 3], None);
        check("AAECAA==AAEC", &[0, 1, 2, 0, 0, 1, 2], None);
        check("+/+/", &[0xfb, 0xff, 0xbf], None);
    }

    #[test]
    fn refuses_what_is_not_base64() {
        for (text, before) in [
            ("A", &b""[..]),
            ("AAECAA", &[0, 1, 2]),
            ("AAE", b""),
            ("AAECA===", &[0, 1, 2]),
            ("====", b""),
            ("AA=A", b""),
            ("AAEC=AAE", &[0, 1, 2]),
            ("AAEC\r\nAA", &[0, 1, 2]),
            ("AA EC", b""),
            ("_-_-", b""),
            ("AR==", b""),
            ("AAECAAE\u{e9}", &[0, 1, 2]),
        ] {
            check(text, before, Some(Code::Internal));
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(0usize..20, 0..30),
        ) {
            let text: Vec<u8> = chunks.iter().flat_map(|chunk| encode(chunk)).collect();
            let fed = pieces(&text.into(), &cuts);
            prop_assert_eq!(decode(fed), (chunks.concat(), None));
        }

        #[test]
        fn never_depends_on_the_split(
            text in "[A-Za-z0-9+/=]{0,60}|[A-Za-z0-9+/= \r\n]{0,40}",
            cuts in prop::collection::vec(0usize..20, 0..30),
        ) {
            let text = Bytes::from(text);
            prop_assert_eq!(decode(pieces(&text, &cuts)), decode(pieces(&text, &[])));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(pieces(&bytes.into(), &[]));
        }
    }
}
