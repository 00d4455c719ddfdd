//! Changes the messages of a response: binary becomes JSON.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::call::{End, ResponseHead};
use crate::compression::{Encoding, MessageEncoding};
use crate::message::{Deframer, Message, Side};
use crate::protocol::{Abort, Encoder, Outbox};
use crate::schema::{Method, json};
use crate::status::{Flag, Status};

/// Turns binary messages into JSON, and keeps them compressed if the client takes that. It holds one message at a time.
pub(super) struct Rewriting {
    client: Box<dyn Encoder>,
    method: Arc<Method>,
    /// The client's codec, as a gRPC content type.
    content_type: HeaderValue,
    /// What the client can decompress of what is known here.
    accepted: Vec<Encoding>,
    /// How the upstream's messages are compressed.
    encoding: MessageEncoding,
    /// How the client's are to be.
    compress: Option<Encoding>,
    /// The largest message in bytes, uncompressed; 0 means none is too large.
    limit: u32,
    deframer: Deframer,
}

impl Rewriting {
    pub(super) fn new(
        client: Box<dyn Encoder>,
        method: Arc<Method>,
        content_type: HeaderValue,
        accepted: Vec<Encoding>,
        limit: u32,
    ) -> Rewriting {
        Rewriting {
            client,
            method,
            content_type,
            accepted,
            encoding: MessageEncoding::Identity,
            compress: None,
            limit,
            deframer: Deframer::new(Side::Upstream, limit),
        }
    }

    fn rewritten(&self, message: Message) -> Result<Message, Status> {
        let was_compressed = message.compressed;
        let plain = self.encoding.decompress(message, self.limit, Side::Upstream)?;
        let json = json::encode(&self.method.output(), &plain, &self.method.json)
            .map_err(|status| status.with_flag(Flag::UpstreamProtocolError))?;
        Ok(match self.compress.filter(|_| was_compressed) {
            Some(encoding) => Message { compressed: true, payload: encoding.compress(&json) },
            None => Message { compressed: false, payload: json.into() },
        })
    }
}

impl Encoder for Rewriting {
    fn head(&mut self, mut head: ResponseHead, out: &mut Outbox) {
        self.encoding = MessageEncoding::named(head.encoding.as_ref());
        self.deframer = Deframer::new(Side::Upstream, self.encoding.limit_on_the_wire(self.limit));
        self.compress = match self.encoding {
            MessageEncoding::Known(encoding) if self.accepted.contains(&encoding) => Some(encoding),
            _ => None,
        };
        head.encoding = self.compress.map(Encoding::header_value);
        // The gateway is who decompresses requests.
        head.accept_encoding = Some(Encoding::LIST);
        head.content_type = Some(self.content_type.clone());
        self.client.head(head, out);
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        self.deframer.push(&frames);
        while let Some(message) = self.deframer.next_message()? {
            let message = self.rewritten(message)?;
            self.client.data(message.to_frame(), out)?;
        }
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        self.client.end(end, out);
    }

    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.client.trailers_only(head, end, out);
    }

    fn keep_alive(&self) -> Option<&'static [u8]> {
        self.client.keep_alive()
    }

    fn passes_resets(&self) -> bool {
        self.client.passes_resets()
    }

    // The client is given whole messages only.
    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        self.client.abort(Abort { mid_message: false, ..abort }, out);
    }
}
