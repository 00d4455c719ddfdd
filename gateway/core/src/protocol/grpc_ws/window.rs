//! Windows: how far each side of a WebSocket may be ahead of the other, so that both can read at all times.
//!
//! Source: `docs/grpc-webtransport.md`, section 11.

use bytes::Bytes;

use super::super::websocket::Fragment;

/// The window of a direction at first, in bytes.
pub const INITIAL: u32 = 1 << 16;
/// What a frame costs besides its length, in bytes.
const PER_FRAME: i64 = 128;
/// The flags of the frame that grants more.
pub(super) const WINDOW: u8 = 0x2c;

/// The window of the response: what the client may still be sent.
#[derive(Debug)]
pub struct ResponseWindow {
    left: i64,
    /// Whether the frame that is being sent costs anything.
    charges: bool,
}

impl Default for ResponseWindow {
    fn default() -> ResponseWindow {
        ResponseWindow { left: INITIAL.into(), charges: false }
    }
}

impl ResponseWindow {
    /// The client takes so many bytes more.
    pub fn grant(&mut self, bytes: u32) {
        self.left = self.left.saturating_add(bytes.into());
    }

    /// Whether the frame that begins with these bytes may be sent now.
    pub fn admits(&self, frame: &[u8]) -> bool {
        self.left > 0 || !frame.first().is_some_and(is_message)
    }

    /// A part of a frame is sent.
    pub fn sent(&mut self, part: &Fragment) {
        if part.first {
            self.charges = part.bytes.first().is_some_and(is_message);
            self.left -= if self.charges { PER_FRAME } else { 0 };
        }
        if self.charges {
            self.left -= bytes(part.bytes.len());
        }
    }
}

/// The window of the request: what the client may still send, and what it is to be granted again.
#[derive(Debug)]
pub struct RequestWindow {
    size: i64,
    left: i64,
    /// What was passed on and not granted again.
    passed: i64,
}

/// The client has sent more than it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl RequestWindow {
    /// One of so many bytes, [`INITIAL`] or more.
    pub fn new(size: u32) -> RequestWindow {
        let (size, left) = (i64::from(size), i64::from(INITIAL));
        RequestWindow { size, left, passed: size - left }
    }

    /// A frame has arrived: not HEADERS, TRAILERS or WINDOW, which cost nothing.
    pub fn arrived(&mut self, frame: &[u8]) -> Result<(), Overrun> {
        if self.left <= 0 {
            return Err(Overrun);
        }
        self.left -= cost(frame);
        Ok(())
    }

    /// A frame was passed on, and is kept here no longer.
    pub fn passed(&mut self, frame: &[u8]) {
        self.passed += cost(frame);
    }

    /// The WINDOW frame to send, if there is enough to grant.
    pub fn grant(&mut self) -> Option<Bytes> {
        if self.passed * 2 < self.size {
            return None;
        }
        let granted = u32::try_from(self.passed).unwrap_or(u32::MAX);
        self.passed -= i64::from(granted);
        self.left += i64::from(granted);
        let [a, b, c, d] = granted.to_be_bytes();
        Some(Bytes::copy_from_slice(&[WINDOW, 0, 0, 0, 4, a, b, c, d]))
    }
}

fn cost(frame: &[u8]) -> i64 {
    bytes(frame.len()) + PER_FRAME
}

/// No frame is as long as an `i64` can count.
fn bytes(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn is_message(flags: &u8) -> bool {
    *flags <= 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::websocket::Messages;
    use super::*;
    use crate::testing::pieces;

    fn message(length: usize) -> Bytes {
        let prefix = [&[0][..], &(length as u32).to_be_bytes()].concat();
        Bytes::from([&prefix[..], &vec![0; length]].concat())
    }

    /// Sends a frame, cut at these places, and answers what is left of the window.
    fn send(window: &mut ResponseWindow, frame: &Bytes, cuts: &[usize]) -> i64 {
        let mut messages = Messages::default();
        for mut piece in pieces(frame, cuts) {
            while let Some(part) = messages.next_fragment(&mut piece) {
                window.sent(&part);
            }
        }
        window.left
    }

    #[test]
    fn a_response_may_take_its_window_below_zero() {
        let mut window = ResponseWindow::default();
        let large = message(100_000);
        assert!(window.admits(&large));
        assert_eq!(send(&mut window, &large, &[]), 65_536 - 100_000 - 5 - 128);
        assert!(!window.admits(&large));
        window.grant(34_597);
        assert!(!window.admits(b"\x01"));
        // All but messages are for nothing.
        for free in [&b"\x40\0\0\0\x01a"[..], b"\x24\0\0\0\0", b"\x80\0\0\0\0"] {
            assert!(window.admits(free));
            assert_eq!(send(&mut window, &Bytes::from_static(free), &[1, 3]), 0);
        }
        window.grant(1);
        assert!(window.admits(b"\0"));
    }

    #[test]
    fn a_request_is_granted_what_was_passed_on() {
        let grant = |window: &mut RequestWindow| {
            let frame = window.grant()?;
            assert_eq!(frame[..5], *b"\x2c\0\0\0\x04");
            Some(u32::from_be_bytes(frame[5..].try_into().unwrap()))
        };
        assert_eq!(grant(&mut RequestWindow::new(INITIAL)), None);
        let mut window = RequestWindow::new(256 << 10);
        assert_eq!(grant(&mut window), Some((256 << 10) - INITIAL));
        let half = message((128 << 10) - 5 - 128);
        assert_eq!(window.arrived(&half), Ok(()));
        assert_eq!(window.arrived(&half), Ok(()));
        assert_eq!(window.arrived(&message(0)), Err(Overrun));
        assert_eq!(grant(&mut window), None);
        window.passed(&half);
        assert_eq!((grant(&mut window), grant(&mut window)), (Some(128 << 10), None));
        assert_eq!(window.arrived(&message(1 << 20)), Ok(()));
        assert_eq!(window.arrived(&message(0)), Err(Overrun));
    }

    proptest! {
        /// Whatever the sizes and the cuts, what is kept is at most the window and one frame, and all gets through.
        #[test]
        fn both_ends_agree(
            lengths in prop::collection::vec(0usize..200_000, 1..40),
            cuts in prop::collection::vec(1usize..9_000, 0..60),
            size in INITIAL..1 << 20,
        ) {
            // The window that the client would keep of a request is the one that the gateway keeps of a response.
            let (mut sender, mut receiver) = (ResponseWindow::default(), RequestWindow::new(size));
            let mut kept = std::collections::VecDeque::new();
            for frame in lengths.into_iter().map(message) {
                loop {
                    while let Some(grant) = receiver.grant() {
                        sender.grant(u32::from_be_bytes(grant[5..].try_into().unwrap()));
                    }
                    if sender.admits(&frame) {
                        break;
                    }
                    let taken: Bytes = kept.pop_front().expect("a window that is used up by nothing");
                    receiver.passed(&taken);
                }
                send(&mut sender, &frame, &cuts);
                prop_assert_eq!(receiver.arrived(&frame), Ok(()));
                prop_assert_eq!(sender.left, receiver.left);
                kept.push_back(frame);
                let all_but_last: i64 = kept.iter().rev().skip(1).map(|frame| cost(frame)).sum();
                prop_assert!(all_but_last < i64::from(size));
            }
        }
    }
}
