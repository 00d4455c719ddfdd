//! Connect on a stream of a WebTransport session, as `connect-bidi-web` has it: one call for each bidirectional stream that
//! the client opens.
//!
//! ```text
//! request   HEADERS *MESSAGE [END, empty] FIN
//! response  HEADERS *MESSAGE END FIN
//! frame     flags (1 byte), length (4 bytes, big-endian), payload
//! ```
//!
//! Messages and the END of a response are those of Connect's streams, for unary methods too. HEADERS are JSON, and name the
//! path. Their flags are 0x06 in version 0.3 of `connect-bidi-web`, and were 0x07 in 0.2 and 0x04 in 0.1; all else is the
//! same. A response has those of its request.
//!
//! Source: `connectwebtransport/README.md` of <https://github.com/sudorandom/connect-bidi-web>, version 0.3.0.

mod decoder;
mod opening_frame;

use http::{HeaderName, header};
use serde::Serialize;

use super::connect::{self, Codec};
use super::connect_stream::{Begun, Metadata, Stream};
use super::*;

pub use opening_frame::{Opening, Refusal};

/// The protocol, for fronts that know by its first byte that a stream speaks it.
pub const PROTOCOL: Protocol = Protocol { name: "connect_wt", holds_to_one_request: true, recognise, open };

/// Set by [`Opening`] to the flags that the request's headers had. Nothing of the application's begins with `connect-`.
const HEADERS_FLAGS: HeaderName = HeaderName::from_static("connect-headers-flags");

/// Whether a stream with this first byte speaks it.
pub fn begins_with(first: u8) -> bool {
    matches!(first, 0x04 | 0x06 | 0x07)
}

pub(super) fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    head.transport == Transport::WebTransport && head.headers.contains_key(HEADERS_FLAGS)
}

fn open(mut head: Head, services: &Services<'_>) -> Result<Opened, Reply> {
    let flags = head.headers.remove(HEADERS_FLAGS);
    let flags = flags.and_then(|flags| flags.to_str().ok()?.parse().ok()).unwrap_or(opening_frame::FLAGS);
    let codec = codec(&head.headers);
    let kind = connect::path_of(&head.path).and_then(|path| services.method(&path)).map(|method| method.kind);
    let encoder = Box::new(Encoder { flags, stream: Stream::new(codec.unwrap_or(Codec::Proto), kind) });
    let Some(codec) = codec else {
        let status = connect::invalid("the content type is none of Connect's");
        return Err(Reply::Status(status, encoder));
    };
    match Begun::new(head, codec) {
        Ok(begun) => {
            let decoder = decoder::Decoder::new(begun.encoding.is_some());
            Ok(begun.opened(Box::new(decoder), encoder))
        }
        Err(status) => Err(Reply::Status(status, encoder)),
    }
}

/// The codec of a request: of a unary method clients name it as over HTTP. Without a content type it is binary.
fn codec(headers: &HeaderMap) -> Option<Codec> {
    if !headers.contains_key(header::CONTENT_TYPE) {
        return Some(Codec::Proto);
    }
    ["application/connect+", "application/"].into_iter().find_map(|prefix| Codec::of_request(headers, prefix))
}

/// Writes a response as Connect's streams have it, with the head as a frame.
struct Encoder {
    flags: u8,
    stream: Stream,
}

/// The payload of a frame of headers.
#[derive(Serialize)]
struct Headers<'a> {
    metadata: Metadata<'a>,
}

impl super::Encoder for Encoder {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let mut http = Outbox::default();
        self.stream.head(head, &mut http);
        let headers = http.head.map(|head| head.headers).unwrap_or_default();
        // Strings and lists of them are always written.
        let json = serde_json::to_vec(&Headers { metadata: Metadata(&headers) }).unwrap_or_default();
        out.data(header_block::frame(self.flags, |payload| payload.extend_from_slice(&json)));
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        self.stream.data(frames, out)
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        self.stream.end(end, out);
    }

    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.head(ResponseHead { metadata: head, ..ResponseHead::default() }, out);
        self.end(end, out);
    }
}
