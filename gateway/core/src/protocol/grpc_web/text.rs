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
