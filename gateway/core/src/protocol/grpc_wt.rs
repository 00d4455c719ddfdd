//! gRPC over WebTransport, version 1 (`grpc-wt-1`): one call is one bidirectional stream that the client opens.
//!
//! ```text
//! request   HEADERS *MESSAGE [TRAILERS, empty] FIN
//! response  [HEADERS] *MESSAGE TRAILERS FIN
//! frame     flags (1 byte), length (4 bytes, big-endian), payload
//! ```
//!
//! MESSAGE frames are gRPC's own, byte for byte, and the trailers are gRPC-Web's. So messages cross untouched, and only
//! the frames around them are read and written here. [`Opening`] reads the first frame of a stream, which makes the
//! call's [`Head`]; from there on it is a protocol like the others.
//!
//! Source: `docs/grpc-webtransport.md`.

mod decoder;
mod encoder;
mod opening_frame;
mod probe;
mod reset;

use super::*;

pub use opening_frame::{Opening, Refusal};
pub use probe::probe_json;
pub use reset::{close, reset_code, stream};

pub(super) const PROTOCOL: Protocol = Protocol { name: "grpc_wt", recognise, open };

/// The path of the session, unless it is configured to be another one. Its last segment is the version.
pub const PATH: &str = "/grpc-wt/v1";

/// The token that names this version among a session's subprotocols.
pub const SUBPROTOCOL: &str = "grpc-wt-1";

/// The largest block of headers that a client may send, in bytes, and its largest extension frame.
pub const MAX_BLOCK: usize = 16 * 1024;

/// What the flags of a frame say it is. 0x00 and 0x01 are gRPC's messages.
mod flags {
    pub(super) const HEADERS: u8 = 0x40;
    pub(super) const TRAILERS: u8 = 0x80;
    /// The bit of frames to skip when they are not known. None is.
    pub(super) const EXTENSION: u8 = 0x20;
}

fn recognise(head: &Head) -> bool {
    head.transport == Transport::WebTransport
}

fn open(mut head: Head) -> Result<Opened, Reply> {
    let encoder = Box::new(encoder::Encoder);
    let reserved = opening::take_grpc_headers(&mut head.headers);
    if reserved.content_type.as_ref().is_some_and(|value| !grpc::is_grpc(value)) {
        let refused = Status::invalid_argument("the content type is not one of gRPC");
        return Err(Reply::Status(refused.with_flag(Flag::ClientProtocolError), encoder));
    }
    let content_type = HeaderValue::from_static(encoder::CONTENT_TYPE);
    opening::call(head, reserved, content_type, Box::<decoder::Decoder>::default(), encoder)
}

/// The client broke the rules of the stream.
fn broken(what: &'static str) -> Status {
    Status::internal(what).with_flag(Flag::ClientProtocolError)
}

/// The client sent a frame other than a message that is larger than the gateway takes.
fn too_large() -> Status {
    Status::resource_exhausted(format!("headers and extensions may have {MAX_BLOCK} bytes at most"))
        .with_flag(Flag::ClientProtocolError)
}
