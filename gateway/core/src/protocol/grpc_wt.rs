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

pub mod datagram;
mod decoder;
mod encoder;
mod follower;
mod opening_frame;
mod probe;
mod reset;

use super::*;

pub use follower::Follower;
pub use opening_frame::{Opening, Refusal};
pub use probe::{Probe, TicketProbe};
pub use reset::{close, reset_code, stream};

/// The protocol, for fronts that know by the session that a stream speaks it.
pub const PROTOCOL: Protocol = Protocol { name: "grpc_wt", holds_to_one_request: false, recognise, open };

/// The path of the session, unless it is configured to be another one. Its last segment is the version.
pub const PATH: &str = "/grpc-wt/v1";

/// The token that names this version among a session's subprotocols.
pub const SUBPROTOCOL: &str = "grpc-wt-1";

/// The largest block of headers that a client may send, in bytes, and its largest extension frame.
pub const MAX_BLOCK: usize = 16 * 1024;

/// What the flags of a frame say it is. 0x00 and 0x01 are gRPC's messages.
pub(super) mod flags {
    pub(super) const HEADERS: u8 = 0x40;
    pub(in super::super) const TRAILERS: u8 = 0x80;
    /// The bit of frames to skip when they are not known. Of a client's none is.
    pub(super) const EXTENSION: u8 = 0x20;
}

/// The extension frame of a response that says: this server is going away, open new calls in another session.
pub const DRAIN: &[u8] = &[0x24, 0, 0, 0, 0];

/// The extension frame of a response that says: nothing of this call was processed, make it again in another session.
const REFUSED: &[u8] = &[0x30, 0, 0, 0, 0];

/// Answers a call that nothing was done for, in a way that lets its client make it again.
pub fn refuse(status: Status) -> Reply {
    Reply::Status(status, Box::new(encoder::Encoder { is_refusal: true }))
}

fn recognise(head: &Head, services: &Services<'_>) -> bool {
    head.transport == Transport::WebTransport && !connect_wt::recognise(head, services)
}

pub(super) fn open(mut head: Head, _services: &Services<'_>) -> Result<Opened, Reply> {
    let encoder = Box::new(encoder::Encoder::default());
    // An offer that whoever has accepted the stream did not take is none of the upstream's business.
    head.headers.remove(datagram::OFFER);
    let reserved = opening::take_grpc_headers(&mut head.headers);
    if reserved.content_type.as_ref().is_some_and(|value| !grpc::is_grpc(value)) {
        let refused = Status::invalid_argument("the content type is not one of gRPC");
        return Err(Reply::Status(refused.with_flag(Flag::ClientProtocolError), encoder));
    }
    let content_type = HeaderValue::from_static(encoder::CONTENT_TYPE);
    opening::call(head, reserved, content_type, Box::<decoder::Decoder>::default(), encoder)
}

/// The client broke the rules of the stream.
pub(super) fn broken(what: &'static str) -> Status {
    Status::internal(what).with_flag(Flag::ClientProtocolError)
}

/// The client sent a frame other than a message that is larger than the gateway takes.
pub(super) fn too_large() -> Status {
    Status::resource_exhausted(format!("headers and extensions may have {MAX_BLOCK} bytes at most"))
        .with_flag(Flag::ClientProtocolError)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{head, map, open, sent};
    use super::*;
    use crate::message::PREFIX;

    fn opened() -> Opened {
        open(head(Transport::WebTransport, &[])).unwrap()
    }

    #[test]
    fn opens_with_a_default_codec() {
        assert_eq!(opened().content_type, "application/grpc+proto");
        let json = [("content-type", "application/grpc+json"), ("grpc-timeout", "5000m"), ("x", "1")];
        let opened = open(head(Transport::WebTransport, &json)).unwrap();
        assert_eq!(opened.content_type, "application/grpc+json");
        assert_eq!((opened.timeout, opened.metadata), (Some(Duration::from_secs(5)), map(&[("x", "1")])));
    }

    #[test]
    fn refuses_with_a_status() {
        let check = |headers: &[(&'static str, &str)], want| {
            let refused = open(head(Transport::WebTransport, headers)).err().unwrap();
            assert!(refused.starts_with(want), "{headers:?}: {refused}");
        };
        check(&[("content-type", "application/json")], "INVALID_ARGUMENT");
        check(&[("content-type", "application/grpc-web")], "INVALID_ARGUMENT");
        check(&[("grpc-timeout", "x")], "INTERNAL");
    }

    #[test]
    fn writes_everything_as_frames() {
        let mut encoder = opened().encoder;
        let (head, body, ending) = sent(|out| {
            let response = ResponseHead {
                metadata: map(&[("x-bin", "YQ=="), ("x-bin", "YWI=")]),
                content_type: Some(HeaderValue::from_static("application/grpc")),
                encoding: Some(HeaderValue::from_static("gzip")),
                accept_encoding: Some(HeaderValue::from_static("identity")),
            };
            encoder.head(response, out);
            encoder.data(Bytes::from_static(b"\0\0\0\0\x01a"), out).unwrap();
            encoder.end(Status::new(Code::NotFound, "gone").into(), out);
        });
        let head_frame = "\x40\0\0\0\x6ccontent-type: application/grpc\r\ngrpc-encoding: gzip\r\n\
                          grpc-accept-encoding: identity\r\nx-bin: YQ\r\nx-bin: YWI\r\n";
        let end_frame = b"\x80\0\0\0\x24grpc-status: 5\r\ngrpc-message: gone\r\n";
        assert_eq!(body, [head_frame.as_bytes(), b"\0\0\0\0\x01a", end_frame].concat());
        assert_eq!((&*head, &*ending), ("", "clean"));
    }

    #[test]
    fn writes_trailers_only_as_one_frame() {
        let end = End { status: Status::new(Code::NotFound, ""), trailers: map(&[("t", "1")]) };
        let (head, body, ending) =
            sent(|out| opened().encoder.trailers_only(map(&[("h", "0"), ("t", "0")]), end, out));
        assert_eq!(&body[..], b"\x80\0\0\0\x22h: 0\r\nt: 0\r\nt: 1\r\ngrpc-status: 5\r\n");
        assert_eq!((&*head, &*ending), ("", "clean"));
    }

    #[test]
    fn says_that_a_refused_call_was_not_processed() {
        let Reply::Status(status, mut encoder) = refuse(Status::unavailable("")) else { panic!("no status") };
        let (head, body, ending) = sent(|out| encoder.trailers_only(HeaderMap::new(), status.into(), out));
        assert_eq!(&body[..], b"\x30\0\0\0\0\x80\0\0\0\x11grpc-status: 14\r\n");
        assert_eq!((&*head, &*ending), ("", "clean"));
    }

    #[test]
    fn resets_inside_a_message_only() {
        let check = |mid_message, want: &str| {
            let end = Status::deadline_exceeded("").into();
            let abort = Abort { end, reset: Reset::CANCEL, mid_message, by_upstream: false };
            assert_eq!(sent(|out| opened().encoder.abort(abort, out)).2, want);
        };
        check(false, "clean");
        check(true, "reset 0x8 DEADLINE_EXCEEDED");
        assert_eq!(reset_code(Reset { reason: 0x8, code: Code::DeadlineExceeded }), 4);
        assert_eq!(reset_code(Reset { reason: 0x8, code: Code::Ok }), 13);
    }

    #[test]
    fn answers_a_refused_stream_in_trailers() {
        let Err(refusal) = Opening::new().data(Bytes::from_static(b"\x06\0\0\0\0")) else { panic!("opened") };
        let Reply::Status(status, mut encoder) = Reply::from(refusal) else { panic!("no status") };
        let (_, body, ending) = sent(|out| encoder.trailers_only(HeaderMap::new(), status.into(), out));
        assert!(body.starts_with(b"\x80\0\0\0"), "{body:?}");
        assert!(body[PREFIX..].starts_with(b"grpc-status: 13\r\n"), "{body:?}");
        assert_eq!(ending, "clean");
    }
}
