//! Messages and the 5-byte prefix before each: flag, then the length as a big-endian u32.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Length-Prefixed-Message".

use std::borrow::Cow;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::status::{Flag, Status};

/// Length of the prefix before every message.
pub const PREFIX: usize = 5;

/// One message of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether `payload` is compressed with the call's `grpc-encoding`.
    pub compressed: bool,
    /// The message without its prefix.
    pub payload: Bytes,
}

impl Message {
    /// The prefix that goes before the payload.
    pub fn prefix(&self) -> [u8; PREFIX] {
        // A payload never exceeds the u32 it was read with; a filter that makes a longer one is refused by `Deframer`.
        let [a, b, c, d] = u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        [u8::from(self.compressed), a, b, c, d]
    }

    /// Prefix and payload in one piece.
    pub fn to_frame(&self) -> Bytes {
        let mut frame = BytesMut::with_capacity(PREFIX + self.payload.len());
        frame.put_slice(&self.prefix());
        frame.put_slice(&self.payload);
        frame.freeze()
    }
}

/// Whose messages are watched: it decides whom a broken prefix is blamed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Messages that the client sends.
    Client,
    /// Messages that the upstream sends.
    Upstream,
}

impl Side {
    /// The status for what this side did wrong.
    pub(crate) fn broken(self, what: impl Into<Cow<'static, str>>) -> Status {
        match self {
            Side::Client => Status::internal(what).with_flag(Flag::ClientProtocolError),
            Side::Upstream => Status::internal(what).with_flag(Flag::UpstreamProtocolError),
        }
    }
}

/// Follows message borders in a stream of gRPC frames without touching or keeping a byte of it.
///
/// It enforces the message size limit as soon as a prefix shows it, and knows at any point whether the stream stands
/// inside a message.
#[derive(Debug)]
pub struct Borders {
    side: Side,
    limit: u32,
    messages: u64,
    /// Bytes of the current payload that have not passed yet.
    payload_left: u32,
    /// Bytes of the current prefix seen so far, and how many.
    prefix: [u8; PREFIX],
    prefix_len: u8,
}

impl Borders {
    /// Follows one direction of a call. `limit` is the largest allowed payload in bytes; 0 means none.
    pub fn new(side: Side, limit: u32) -> Borders {
        let limit = if limit == 0 { u32::MAX } else { limit };
        Borders { side, limit, messages: 0, payload_left: 0, prefix: [0; PREFIX], prefix_len: 0 }
    }

    /// Messages whose prefix has passed.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether the stream may not end here.
    pub fn mid_message(&self) -> bool {
        self.payload_left > 0 || self.prefix_len > 0
    }

    /// Whether a payload has begun and more of it must come.
    pub fn in_payload(&self) -> bool {
        self.payload_left > 0
    }

    /// How many of the next bytes belong to the message that has begun, as far as is known: until its prefix is whole these
    /// are the rest of that. 0 between two messages.
    pub fn rest(&self) -> usize {
        match self.prefix_len {
            0 => self.payload_left as usize,
            read => PREFIX - usize::from(read),
        }
    }

    /// Takes note of the next bytes. An error means that they must not be passed on.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Status> {
        while !bytes.is_empty() {
            let in_payload = bytes.len().min(self.payload_left as usize);
            bytes.advance(in_payload);
            self.payload_left -= in_payload as u32;
            while self.payload_left == 0 && !bytes.is_empty() {
                if let Some(slot) = self.prefix.get_mut(usize::from(self.prefix_len)) {
                    *slot = bytes.get_u8();
                    self.prefix_len += 1;
                }
                if usize::from(self.prefix_len) == PREFIX {
                    self.payload_left = self.read_prefix()?;
                    self.prefix_len = 0;
                }
            }
        }
        Ok(())
    }

    /// Checks that the direction may end here.
    pub fn end(&self) -> Result<(), Status> {
        if self.mid_message() { Err(self.side.broken("the stream ended inside a message")) } else { Ok(()) }
    }

    fn read_prefix(&mut self) -> Result<u32, Status> {
        let [flag, a, b, c, d] = self.prefix;
        if flag > 1 {
            return Err(self.side.broken("a message prefix has a flag other than 0 or 1"));
        }
        let length = u32::from_be_bytes([a, b, c, d]);
        check_length(length, self.limit)?;
        self.messages += 1;
        Ok(length)
    }
}

fn check_length(length: u32, limit: u32) -> Result<(), Status> {
    if length > limit {
        return Err(Status::resource_exhausted(format!(
            "a message of {length} bytes is larger than the limit of {limit} bytes"
        )));
    }
    Ok(())
}

/// Cuts a stream of gRPC frames into whole messages, for routes whose filters look at them.
///
/// It buffers at most one message, and only after its prefix was found to be within the limit.
#[derive(Debug)]
pub struct Deframer {
    side: Side,
    limit: u32,
    buffer: BytesMut,
}

impl Deframer {
    /// Cuts one direction of a call. `limit` is the largest allowed payload in bytes; 0 means none.
    pub fn new(side: Side, limit: u32) -> Deframer {
        let limit = if limit == 0 { u32::MAX } else { limit };
        Deframer { side, limit, buffer: BytesMut::new() }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if one has arrived.
    pub fn next_message(&mut self) -> Result<Option<Message>, Status> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX>() else { return Ok(None) };
        if flag > 1 {
            return Err(self.side.broken("a message prefix has a flag other than 0 or 1"));
        }
        let length = u32::from_be_bytes([a, b, c, d]);
        check_length(length, self.limit)?;
        if self.buffer.len() < PREFIX + length as usize {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(Message { compressed: flag == 1, payload: self.buffer.split_to(length as usize).freeze() }))
    }

    /// Checks that the direction may end here.
    pub fn end(&self) -> Result<(), Status> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(self.side.broken("the stream ended inside a message"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Code;

    fn frames(payloads: &[&[u8]]) -> Vec<u8> {
        payloads
            .iter()
            .flat_map(|p| Message { compressed: false, payload: Bytes::copy_from_slice(p) }.to_frame())
            .collect()
    }

    #[test]
    fn counts_messages_in_every_split() {
        let stream = frames(&[b"", b"one", b"", b"a longer message"]);
        for cut in 0..=stream.len() {
            let mut borders = Borders::new(Side::Client, 64);
            let (head, tail) = stream.split_at(cut);
            borders.pass(head).unwrap();
            borders.pass(tail).unwrap();
            assert_eq!((borders.messages(), borders.mid_message()), (4, false), "cut at {cut}");
        }
        let mut borders = Borders::new(Side::Client, 64);
        for byte in &stream {
            borders.pass(std::slice::from_ref(byte)).unwrap();
        }
        assert_eq!(borders.messages(), 4);
        borders.end().unwrap();
    }

    #[test]
    fn knows_how_far_the_border_is() {
        let mut borders = Borders::new(Side::Client, 64);
        let mut rests = vec![borders.rest()];
        for byte in frames(&[b"", b"ab"]) {
            borders.pass(&[byte]).unwrap();
            rests.push(borders.rest());
        }
        assert_eq!(rests, [0, 4, 3, 2, 1, 0, 4, 3, 2, 1, 2, 1, 0]);
    }

    #[test]
    fn refuses_a_message_over_the_limit_at_its_prefix() {
        let mut borders = Borders::new(Side::Client, 10);
        borders.pass(&[0, 0, 0, 0]).unwrap();
        assert_eq!(borders.pass(&[11]).unwrap_err().code, Code::ResourceExhausted);
        let mut deframer = Deframer::new(Side::Client, 10);
        deframer.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(deframer.next_message().unwrap_err().code, Code::ResourceExhausted);
    }

    #[test]
    fn refuses_unknown_flags_and_truncated_ends() {
        assert_eq!(Borders::new(Side::Client, 0).pass(&[0x80, 0, 0, 0, 0]).unwrap_err().code, Code::Internal);
        for cut in 1..8 {
            let mut borders = Borders::new(Side::Upstream, 0);
            borders.pass(&frames(&[b"abc"])[..cut]).unwrap();
            assert_eq!(borders.end().unwrap_err().flag, Some(Flag::UpstreamProtocolError));
        }
    }

    #[test]
    fn cuts_whole_messages_in_every_split() {
        let stream = frames(&[b"", b"one", b"two"]);
        for cut in 0..=stream.len() {
            let mut deframer = Deframer::new(Side::Client, 64);
            let mut seen = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                deframer.push(part);
                while let Some(message) = deframer.next_message().unwrap() {
                    seen.push(message.payload);
                }
            }
            assert_eq!(seen, [&b""[..], b"one", b"two"]);
            deframer.end().unwrap();
        }
    }
}
