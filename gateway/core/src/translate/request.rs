//! Changes the messages of a request.

use std::sync::Arc;

use bytes::Bytes;

use super::{Compression, unknown_encoding};
use crate::message::{Deframer, Message, Side};
use crate::protocol::{Decoder, Frames};
use crate::schema::{Method, json};
use crate::status::{Code, Flag, Status};

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
    compression: Compression,
    codec: Codec,
    /// The largest message in bytes, uncompressed; 0 means none is too large.
    limit: u32,
    deframer: Deframer,
}

impl Rewriting {
    pub(super) fn new(
        client: Box<dyn Decoder>,
        compression: Compression,
        codec: Codec,
        limit: u32,
    ) -> Rewriting {
        let deframer = Deframer::new(Side::Client, on_the_wire(compression, limit));
        Rewriting { client, compression, codec, limit, deframer }
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
        let plain = decompressed(message, self.compression, self.limit, Side::Client)?;
        Ok(match &self.codec {
            Codec::Same => plain,
            Codec::JsonToProto(method) => json::decode(&method.input(), &plain, &method.json)
                .map_err(|status| status.with_flag(Flag::ClientProtocolError))?
                .into(),
        })
    }

    fn check_encoding(&self) -> Result<(), Status> {
        if self.compression == Compression::Unknown { Err(unknown_encoding()) } else { Ok(()) }
    }
}

impl Decoder for Rewriting {
    fn limit(&mut self, max_message: u32) {
        self.client.limit(on_the_wire(self.compression, max_message));
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

/// How long a message may be as it comes, if it may have `limit` bytes uncompressed. What does not compress grows a
/// little instead.
pub(super) fn on_the_wire(compression: Compression, limit: u32) -> u32 {
    match (compression, limit) {
        (Compression::None, _) | (_, 0) => limit,
        _ => limit.saturating_add(limit / 64 + 1024),
    }
}

/// The payload of a message, uncompressed.
pub(super) fn decompressed(
    message: Message,
    compression: Compression,
    limit: u32,
    side: Side,
) -> Result<Bytes, Status> {
    let payload = match (message.compressed, compression) {
        (false, _) => message.payload,
        (true, Compression::Known(encoding)) => {
            encoding.decompress(&message.payload, limit).map_err(|status| {
                if status.code == Code::Internal { status.with_flag(broken_by(side)) } else { status }
            })?
        }
        (true, Compression::None) => {
            let what = "a message is compressed, but no encoding was named";
            return Err(Status::internal(what).with_flag(broken_by(side)));
        }
        (true, Compression::Unknown) => {
            return Err(match side {
                Side::Client => unknown_encoding(),
                Side::Upstream => Status::internal("the upstream's encoding is not known")
                    .with_flag(Flag::UpstreamProtocolError),
            });
        }
    };
    if limit != 0 && payload.len() > limit as usize {
        return Err(Status::resource_exhausted(format!(
            "a message of {} bytes is larger than the limit of {limit} bytes",
            payload.len()
        )));
    }
    Ok(payload)
}

fn broken_by(side: Side) -> Flag {
    match side {
        Side::Client => Flag::ClientProtocolError,
        Side::Upstream => Flag::UpstreamProtocolError,
    }
}
