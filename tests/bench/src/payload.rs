//! What the messages hold: their own number, then a fixed pattern. So an answer that was cut, mixed up with another
//! call's or sent twice is found.

use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::failure::Failure;
use crate::frame::{self, MESSAGE};

/// Messages of one size, told apart by a number.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pattern: Bytes,
}

/// Asks the upstream's `Repeat` method for `count` messages of `size` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RepeatRequest {
    pub(crate) count: u32,
    pub(crate) size: u32,
}

impl Payload {
    /// Messages of `size` bytes, at least the eight that the number takes.
    pub(crate) fn new(size: usize) -> Payload {
        let pattern = (size_of::<u64>()..size).map(|index| (index * 31 % 251) as u8).collect();
        Payload { pattern }
    }

    /// The message with this number, without a frame.
    pub(crate) fn bare(&self, number: u64) -> Bytes {
        let mut framed = self.message(number);
        framed.advance(frame::PREFIX);
        framed
    }

    /// The message with this number, framed.
    pub(crate) fn message(&self, number: u64) -> Bytes {
        let mut message = BytesMut::with_capacity(size_of::<u64>() + self.pattern.len());
        message.put_u64(number);
        message.put_slice(&self.pattern);
        frame::encode(MESSAGE, &message)
    }

    pub(crate) fn check(&self, number: u64, message: &[u8]) -> Result<(), Failure> {
        let matches = message
            .split_first_chunk::<{ size_of::<u64>() }>()
            .is_some_and(|(got, rest)| u64::from_be_bytes(*got) == number && rest == self.pattern);
        if matches {
            return Ok(());
        }
        let shown = message.get(..32).unwrap_or(message);
        Err(Failure::new(format!(
            "message {number} came back as {} bytes that begin with {shown:02x?}",
            message.len()
        )))
    }
}

impl RepeatRequest {
    pub(crate) fn encode(self) -> Bytes {
        let mut message = BytesMut::with_capacity(8);
        message.put_u32(self.count);
        message.put_u32(self.size);
        frame::encode(MESSAGE, &message)
    }

    pub(crate) fn decode(message: &[u8]) -> Option<RepeatRequest> {
        let (count, rest) = message.split_first_chunk()?;
        let (size, []) = rest.split_first_chunk()? else { return None };
        Some(RepeatRequest { count: u32::from_be_bytes(*count), size: u32::from_be_bytes(*size) })
    }
}

/// Nanoseconds since `start`, for a list of latencies. Half a millennium fits.
pub(crate) fn nanoseconds_since(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_message_from_any_other() {
        let payload = Payload::new(64);
        let framed = payload.message(7);
        let message = &framed[5..];
        assert_eq!(message.len(), 64);
        payload.check(7, message).unwrap();
        payload.check(8, message).unwrap_err();
        payload.check(7, &message[..63]).unwrap_err();
        payload.check(7, &[message, b"x"].concat()).unwrap_err();
        payload.check(7, b"").unwrap_err();
    }

    #[test]
    fn a_repeat_request_survives_the_wire() {
        let request = RepeatRequest { count: 10_000, size: 64 };
        assert_eq!(RepeatRequest::decode(&request.encode()[5..]), Some(request));
        assert_eq!(RepeatRequest::decode(b"1234567"), None);
        assert_eq!(RepeatRequest::decode(b"123456789"), None);
    }
}
