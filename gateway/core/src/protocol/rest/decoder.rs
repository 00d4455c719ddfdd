//! Turns the body of a request into messages.

use bytes::{Bytes, BytesMut};

use super::body::Mapping;
use super::error::bad_request;
use super::split::Splitter;
use super::{Decoder, Frames};
use crate::compression::{BodyDecoder, BodyError, STEP};
use crate::message::Message;
use crate::status::Status;

/// The most bytes of one message, until the route says.
const DEFAULT_LIMIT: u32 = 4 << 20;

fn most(max_message: u32) -> usize {
    if max_message == 0 { usize::MAX } else { max_message as usize }
}

fn push(mapping: &Mapping, body: Bytes, out: &mut Frames) -> Result<(), Status> {
    let payload = mapping.message(body)?.into();
    out.push(Message { compressed: false, payload }.to_frame());
    Ok(())
}

/// Passes on what `split` gives, in one piece: a chunk for each of many short messages would take ten times their memory.
fn push_all(
    mapping: &Mapping,
    out: &mut Frames,
    split: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> Result<(), Status>) -> Result<(), Status>,
) -> Result<(), Status> {
    let mut frames = BytesMut::new();
    let done = split(&mut |value| {
        let message = Message { compressed: false, payload: mapping.message(value.into())?.into() };
        frames.extend_from_slice(&message.prefix());
        frames.extend_from_slice(&message.payload);
        Ok(())
    });
    out.push(frames.freeze());
    done
}

/// Gathers a body, which is one message.
pub(super) struct One {
    mapping: Mapping,
    body: BytesMut,
    limit: usize,
}

impl One {
    pub(super) fn new(mapping: Mapping) -> One {
        One { mapping, body: BytesMut::new(), limit: most(DEFAULT_LIMIT) }
    }
}

impl Decoder for One {
    fn limit(&mut self, max_message: u32) {
        self.limit = most(max_message);
    }

    fn data(&mut self, bytes: Bytes, _out: &mut Frames) -> Result<(), Status> {
        if self.body.len().saturating_add(bytes.len()) > self.limit {
            return Err(Status::resource_exhausted(format!(
                "the body is larger than the limit of {} bytes",
                self.limit
            )));
        }
        self.body.extend_from_slice(&bytes);
        Ok(())
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        push(&self.mapping, self.body.split().freeze(), out)
    }
}

/// Maps each JSON value of a body to a message as soon as it is there.
pub(super) struct Many {
    mapping: Mapping,
    splitter: Splitter,
}

impl Many {
    pub(super) fn new(mapping: Mapping, takes_array: bool) -> Many {
        Many { mapping, splitter: Splitter::new(takes_array, most(DEFAULT_LIMIT)) }
    }
}

impl Decoder for Many {
    fn limit(&mut self, max_message: u32) {
        self.splitter.limit(most(max_message));
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let Many { mapping, splitter } = self;
        push_all(mapping, out, |emit| splitter.push(&bytes, emit))
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        let Many { mapping, splitter } = self;
        push_all(mapping, out, |emit| splitter.end(emit))
    }
}

/// Makes a `google.api.HttpBody` of each piece of a body as it arrives. Where the pieces are cut says nothing.
///
/// Only the first one has the content type, and what path and query set; an empty body is one message.
pub(super) struct Raw {
    mapping: Mapping,
    is_first: bool,
}

impl Raw {
    pub(super) fn new(mapping: Mapping) -> Raw {
        Raw { mapping, is_first: true }
    }
}

impl Decoder for Raw {
    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        push(&self.mapping, bytes, out)?;
        if std::mem::take(&mut self.is_first) {
            self.mapping.only_body();
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        if self.is_first { push(&self.mapping, Bytes::new(), out) } else { Ok(()) }
    }
}

/// Bytes that a piece of a body may stand for where messages have no limit.
const WITHOUT_LIMIT: usize = 64 << 20;

/// Decompresses a body before another decoder reads it.
pub(super) struct Compressed {
    body: BodyDecoder,
    inner: Box<dyn Decoder>,
    limit: usize,
}

impl Compressed {
    pub(super) fn new(body: BodyDecoder, inner: Box<dyn Decoder>) -> Compressed {
        Compressed { body, inner, limit: most(DEFAULT_LIMIT) }
    }
}

/// Source: RFC 9110, section 8.4; what is broken is the client's fault.
fn refusal(error: BodyError) -> Status {
    match error {
        BodyError::Broken(_) => bad_request(error.to_string()),
        error => error.into(),
    }
}

impl Decoder for Compressed {
    fn limit(&mut self, max_message: u32) {
        self.limit = if max_message == 0 { WITHOUT_LIMIT } else { max_message as usize };
        self.inner.limit(max_message);
    }

    fn step(&self) -> usize {
        STEP
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let plain = self.body.data(&bytes, self.limit).map_err(refusal)?;
        if plain.is_empty() { Ok(()) } else { self.inner.data(plain, out) }
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        self.body.end().map_err(refusal)?;
        self.inner.end(out)
    }
}
