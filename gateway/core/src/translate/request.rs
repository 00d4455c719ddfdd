//! Changes the messages of a request.

use std::sync::Arc;

use bytes::Bytes;

use crate::compression::{MessageEncoding, STEP, unknown_encoding};
use crate::message::{Deframer, Message, Side};
use crate::protocol::{Decoder, Frames};
use crate::schema::{Method, json};
use crate::status::{Flag, Status};

/// What becomes of a message's codec.
pub(super) enum Codec {
    /// Nothing.
    Same,
    /// JSON becomes binary.
    JsonToProto(Arc<Method>),
}

/// Decompresses messages and changes their codec. It holds one message at a time.
pub(super) struct Rewriting {
    client: Box<dyn Decoder>,
    encoding: MessageEncoding,
    codec: Codec,
    /// The largest message in bytes, uncompressed; 0 means none is too large.
    limit: u32,
    deframer: Deframer,
}

impl Rewriting {
    pub(super) fn new(
        client: Box<dyn Decoder>,
        encoding: MessageEncoding,
        codec: Codec,
        limit: u32,
    ) -> Rewriting {
        let deframer = Deframer::new(Side::Client, encoding.limit_on_the_wire(limit));
        Rewriting { client, encoding, codec, limit, deframer }
    }

    fn pass(&mut self, mut frames: Frames, out: &mut Frames) -> Result<(), Status> {
        while let Some(chunk) = frames.pop() {
            self.deframer.push(&chunk);
            while let Some(message) = self.deframer.next_message()? {
                let payload = self.rewritten(message)?;
                out.push(Message { compressed: false, payload }.to_frame());
            }
        }
        Ok(())
    }

    fn rewritten(&self, message: Message) -> Result<Bytes, Status> {
        let plain = self.encoding.decompress(message, self.limit, Side::Client)?;
        Ok(match &self.codec {
            Codec::Same => plain,
            Codec::JsonToProto(method) => json::decode(&method.input(), &plain, &method.json)
                .map_err(|status| status.with_flag(Flag::ClientProtocolError))?
                .into(),
        })
    }

    fn check_encoding(&self) -> Result<(), Status> {
        if self.encoding == MessageEncoding::Unknown { Err(unknown_encoding()) } else { Ok(()) }
    }
}

impl Decoder for Rewriting {
    fn limit(&mut self, max_message: u32) {
        self.client.limit(self.encoding.limit_on_the_wire(max_message));
    }

    fn step(&self) -> usize {
        match self.encoding {
            MessageEncoding::Known(_) => self.client.step().min(STEP),
            MessageEncoding::Identity | MessageEncoding::Unknown => self.client.step(),
        }
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        self.check_encoding()?;
        let mut frames = Frames::default();
        let decoded = self.client.data(bytes, &mut frames);
        self.pass(frames, out)?;
        decoded?;
        if self.client.is_ended() { self.deframer.end() } else { Ok(()) }
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        self.check_encoding()?;
        let mut frames = Frames::default();
        self.client.end(&mut frames)?;
        self.pass(frames, out)?;
        self.deframer.end()
    }

    fn is_ended(&self) -> bool {
        self.client.is_ended()
    }
}
