//! gRPC over WebSocket, version 1 (`grpc-ws-1`): the stream of [`grpc_wt`] on a WebSocket of its own for each call, for
//! clients whose networks let no QUIC through.
//!
//! Every binary message is exactly one frame. TRAILERS without payload end the request, because a WebSocket has no
//! half-close; a close before the response has ended cancels the call.
//!
//! Source: `docs/grpc-webtransport.md`.

pub mod window;

use super::websocket::{OnWebSocket, Received};
use super::*;
use crate::message::PREFIX;

/// The protocol, for fronts that know by the subprotocol that a WebSocket speaks it.
pub const PROTOCOL: Protocol =
    Protocol { name: "grpc_ws", holds_to_one_request: false, recognise, open: grpc_wt::open };

/// The path of the WebSocket, unless it is configured to be another one. Its last segment is the version.
pub const PATH: &str = "/grpc-ws/v1";

/// How it uses its WebSocket.
pub const ON_WEBSOCKET: OnWebSocket =
    OnWebSocket { protocol: &PROTOCOL, subprotocol: "grpc-ws-1", has_windows: false, first, next };

/// How it does with a window for each direction.
pub const WITH_WINDOWS: OnWebSocket = OnWebSocket {
    subprotocol: "grpc-ws-1-windows",
    has_windows: true,
    next: next_with_windows,
    ..ON_WEBSOCKET
};

/// Of the protocols on WebSockets it is the one whose heads are read from frames.
fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    head.transport == Transport::WebSocket
}

/// Reads the HEADERS frame. The URL has the same path for every call.
fn first(message: Bytes, _path: PathAndQuery) -> Result<Head, Reply> {
    let mut opening = grpc_wt::Opening::new();
    match opening.data(message) {
        Ok(Some((head, rest))) if rest.is_empty() => Ok(Head { transport: Transport::WebSocket, ..head }),
        Ok(Some(_)) => Err(grpc_wt::Refusal::broken(NOT_ONE_FRAME).into()),
        Ok(None) => Err(opening.end().into()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn next(message: Bytes) -> Result<Received, Status> {
    let length = match *message {
        [_, a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]) as usize,
        _ => return Err(grpc_wt::broken(NOT_ONE_FRAME)),
    };
    if message.len() - PREFIX != length {
        return Err(grpc_wt::broken(NOT_ONE_FRAME));
    }
    match message.first() {
        Some(&grpc_wt::flags::TRAILERS) => Ok(Received::Last(message)),
        _ => Ok(Received::Data(message)),
    }
}

fn next_with_windows(message: Bytes) -> Result<Received, Status> {
    match *message {
        [window::WINDOW, 0, 0, 0, 4, a, b, c, d] => Ok(Received::Grant(u32::from_be_bytes([a, b, c, d]))),
        [window::WINDOW, ..] => Err(grpc_wt::broken("a WINDOW frame holds a number of bytes")),
        _ => next(message),
    }
}

const NOT_ONE_FRAME: &str = "a WebSocket message must be exactly one frame";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(message: &'static [u8]) -> Result<String, Code> {
        match first(Bytes::from_static(message), PathAndQuery::from_static(PATH)) {
            Ok(head) => {
                assert_eq!(head.transport, Transport::WebSocket);
                Ok(head.path.to_string())
            }
            Err(Reply::Status(status, _)) => Err(status.code),
            Err(Reply::Http(status, _)) => panic!("HTTP {status}"),
        }
    }

    #[test]
    fn the_first_message_is_the_headers() {
        assert_eq!(head(b"\x40\0\0\0\x0f:path: /s.S/M\r\n").as_deref(), Ok("/s.S/M"));
        for bad in [
            &b""[..],
            b"\x40",
            b"\x40\0\0\0\x10:path: /s.S/M\r\n",
            b"\x40\0\0\0\x0f:path: /s.S/M\r\n\0",
            b"\0\0\0\0\0",
        ] {
            assert_eq!(head(bad), Err(Code::Internal), "{bad:?}");
        }
        assert_eq!(head(b"\x40\0\xff\xff\xff"), Err(Code::ResourceExhausted));
    }

    #[test]
    fn every_message_is_one_frame() {
        let read = |message| next(Bytes::from_static(message)).map_err(|status| status.code);
        let message = Bytes::from_static(b"\0\0\0\0\x01a");
        assert_eq!(read(b"\0\0\0\0\x01a"), Ok(Received::Data(message)));
        let end = Bytes::from_static(b"\x80\0\0\0\0");
        assert_eq!(read(b"\x80\0\0\0\0"), Ok(Received::Last(end)));
        for bad in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\x01ab", b"\0\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(read(bad), Err(Code::Internal), "{bad:?}");
        }
    }

    #[test]
    fn windows_are_granted() {
        let read = |message| next_with_windows(Bytes::from_static(message)).map_err(|status| status.code);
        assert_eq!(read(b"\x2c\0\0\0\x04\0\x01\0\x02"), Ok(Received::Grant(0x10002)));
        for bad in [&b"\x2c"[..], b"\x2c\0\0\0\x01\0", b"\x2c\0\0\0\x04\0\0\0", b"\x2c\0\0\0\x04\0\0\0\0\0"] {
            assert_eq!(read(bad), Err(Code::Internal), "{bad:?}");
        }
        assert_eq!(read(b"\x80\0\0\0\0"), Ok(Received::Last(Bytes::from_static(b"\x80\0\0\0\0"))));
        // Without windows it is an extension like any other.
        let extension = Bytes::from_static(b"\x2c\0\0\0\x01\0");
        assert_eq!(next(extension.clone()).ok(), Some(Received::Data(extension)));
    }

    proptest! {
        #[test]
        fn takes_whole_frames_and_nothing_else(
            flags: u8,
            payload in prop::collection::vec(any::<u8>(), 0..40),
            other in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let frame = Bytes::from([&[flags][..], &(payload.len() as u32).to_be_bytes(), &payload].concat());
            let want = if flags == 0x80 { Received::Last(frame.clone()) } else { Received::Data(frame.clone()) };
            prop_assert_eq!(next(frame).map_err(|status| status.code), Ok(want));
            let other = Bytes::from(other);
            if let Ok(Received::Data(same) | Received::Last(same)) = next(other.clone()) {
                prop_assert_eq!(same, other);
            }
        }
    }
}
