//! What the protocols that give every call a WebSocket of its own have in common: requests arrive as messages, each of
//! which means something, and responses leave as messages, one for each frame.

use bytes::Bytes;
use http::uri::PathAndQuery;

use super::{Head, Protocol, Reply};
use crate::message::PREFIX;
use crate::status::Status;

/// How a protocol uses its WebSocket, for the front that serves it.
#[derive(Clone, Copy, Debug)]
pub struct OnWebSocket {
    /// The protocol that the call is opened with.
    pub protocol: &'static Protocol,
    /// The token that names it in `sec-websocket-protocol`.
    pub subprotocol: &'static str,
    /// Whether each direction has a [window](super::grpc_ws::window), so that both sides read at all times.
    pub has_windows: bool,
    /// Reads the first message, which makes the head of the call. The path is that of the WebSocket's URL.
    pub first: fn(Bytes, PathAndQuery) -> Result<Head, Reply>,
    /// Reads one of the messages after it.
    pub next: fn(Bytes) -> Result<Received, Status>,
}

/// What one message brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes for the decoder.
    Data(Bytes),
    /// The last bytes for the decoder, and the end of the request.
    Last(Bytes),
    /// So many bytes more may be sent to the client.
    Grant(u32),
}

/// Codes that a WebSocket is closed with. RFC 6455, section 7.4, leaves 4000 to 4999 to applications.
pub mod close {
    /// Added to the codes of [`crate::protocol::grpc_wt::stream`], 0x01 to 0x10 being gRPC's statuses.
    pub const BASE: u16 = 4000;

    /// The response broke off, or the client broke the protocol, for this reason.
    pub const fn code(reason: u32) -> u16 {
        // All reasons are below 0x100.
        BASE + if reason < 0x100 { reason as u16 } else { 0xff }
    }
}

/// Finds in the bytes of a response where its messages end: each of them holds one frame, with its prefix.
///
/// Nothing is gathered. A frame that is cut becomes a message in fragments (RFC 6455, section 5.4), which only its
/// receiver needs room for: a response of large messages takes no more memory here than one of small ones.
#[derive(Debug, Default)]
pub struct Messages {
    /// Bytes of the current prefix, and how many have passed.
    prefix: [u8; PREFIX],
    passed: usize,
    /// Bytes of the current payload that have not passed.
    left: usize,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its bytes; never empty.
    pub bytes: Bytes,
    /// Whether a message begins with it.
    pub first: bool,
    /// Whether a message ends with it.
    pub last: bool,
}

impl Messages {
    /// Whether no message stands open.
    pub fn at_border(&self) -> bool {
        self.passed == 0
    }

    /// Takes the next part of a message from the front of `bytes`; `None` when they are empty.
    pub fn next_fragment(&mut self, bytes: &mut Bytes) -> Option<Fragment> {
        let first = self.passed == 0;
        let mut taken = 0;
        while self.passed < PREFIX
            && let Some(&byte) = bytes.get(taken)
        {
            if let Some(place) = self.prefix.get_mut(self.passed) {
                *place = byte;
            }
            self.passed += 1;
            taken += 1;
            if self.passed == PREFIX {
                let [_, a, b, c, d] = self.prefix;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
            }
        }
        let payload = self.left.min(bytes.len() - taken);
        self.left -= payload;
        taken += payload;
        let last = self.passed == PREFIX && self.left == 0;
        if last {
            self.passed = 0;
        }
        (taken > 0).then(|| Fragment { bytes: bytes.split_to(taken), first, last })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{feed_in_every_split, pieces};

    /// The messages that these pieces of a response become, and what is left of an unfinished one.
    fn cut(pieces: Vec<Bytes>) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut messages = Messages::default();
        let (mut whole, mut open) = (Vec::new(), None::<Vec<u8>>);
        for mut piece in pieces {
            while let Some(fragment) = messages.next_fragment(&mut piece) {
                assert_eq!(fragment.first, open.is_none());
                open.get_or_insert_default().extend_from_slice(&fragment.bytes);
                if fragment.last {
                    whole.extend(open.take());
                }
            }
            assert!(piece.is_empty());
        }
        (whole, open)
    }

    #[test]
    fn each_frame_is_a_message() {
        let response = b"\x40\0\0\0\x02ab\0\0\0\0\0\x01\0\0\0\x01c\x80\0\0\0\x01d";
        let (whole, open) = feed_in_every_split(response, cut);
        assert_eq!(whole, [&b"\x40\0\0\0\x02ab"[..], b"\0\0\0\0\0", b"\x01\0\0\0\x01c", b"\x80\0\0\0\x01d"]);
        assert_eq!(open, None);
        let (whole, open) = feed_in_every_split(b"\0\0\0\0\x01a\0\xff\xff\xff\xffb", cut);
        assert_eq!(
            (&*whole, open),
            (&[b"\0\0\0\0\x01a".to_vec()][..], Some(b"\0\xff\xff\xff\xffb".to_vec()))
        );
    }

    #[test]
    fn a_frame_that_is_there_is_one_fragment() {
        let mut bytes = Bytes::from_static(b"\0\0\0\0\x02ab\0\0\0\0\x02c");
        let mut messages = Messages::default();
        let mut next = |bytes: &mut Bytes| {
            messages.next_fragment(bytes).map(|fragment| (fragment.bytes, fragment.first, fragment.last))
        };
        assert_eq!(next(&mut bytes), Some((Bytes::from_static(b"\0\0\0\0\x02ab"), true, true)));
        assert_eq!(next(&mut bytes), Some((Bytes::from_static(b"\0\0\0\0\x02c"), true, false)));
        assert_eq!(next(&mut bytes), None);
        assert_eq!(next(&mut Bytes::from_static(b"d")), Some((Bytes::from_static(b"d"), false, true)));
    }

    #[test]
    fn codes_are_below_5000() {
        assert_eq!((close::code(1), close::code(0x23), close::code(u32::MAX)), (4001, 4035, 4255));
    }

    proptest! {
        #[test]
        fn loses_nothing(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1usize..30, 0..20),
        ) {
            let frames: Vec<Vec<u8>> = payloads
                .iter()
                .map(|payload| [&[0][..], &(payload.len() as u32).to_be_bytes(), payload].concat())
                .collect();
            let (whole, open) = cut(pieces(&frames.concat().into(), &cuts));
            prop_assert_eq!(whole, frames);
            prop_assert_eq!(open, None);
        }
    }
}
