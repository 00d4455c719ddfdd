//! Bodies of messages with 5-byte prefixes, and a last frame that tells the end: gRPC-Web and Connect streaming.
//!
//! The prefixes of both are gRPC's, so messages pass without being copied or kept. Only the last frame is.

use bytes::{Buf, Bytes, BytesMut};

use super::{MAX_END, broken};
use crate::compression::MessageEncoding;
use crate::message::PREFIX;
use crate::protocol::Frames;
use crate::status::Status;

/// Bit of a prefix's flag: the payload is compressed.
const COMPRESSED: u8 = 1;

/// Takes a body apart.
#[derive(Debug)]
pub(super) struct Envelopes {
    /// The bit of a flag that makes the last frame.
    end_bit: u8,
    /// What payloads with the compressed bit are compressed with; a name that nobody knows here is fine for messages.
    encoding: MessageEncoding,
    at: At,
    /// Bytes of the current prefix seen so far, and how many.
    prefix: [u8; PREFIX],
    prefix_len: u8,
}

/// Where in the body it stands.
#[derive(Debug)]
enum At {
    /// Before or inside a prefix.
    Prefix,
    /// Inside a message, with so many bytes to come.
    Message(u32),
    /// Inside the last frame.
    Last { payload: BytesMut, left: usize, compressed: bool },
    /// Behind it.
    Ended(Bytes),
}

impl Envelopes {
    pub(super) fn new(end_bit: u8) -> Envelopes {
        Envelopes {
            end_bit,
            encoding: MessageEncoding::Identity,
            at: At::Prefix,
            prefix: [0; PREFIX],
            prefix_len: 0,
        }
    }

    /// Says how payloads are compressed, before any.
    pub(super) fn compressed_with(&mut self, encoding: MessageEncoding) {
        self.encoding = encoding;
    }

    /// Takes the next bytes, and gives those of messages.
    pub(super) fn data(&mut self, mut bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        // How many bytes from the front go out in one piece.
        let mut passed = 0;
        while let Some(&next) = bytes.get(passed) {
            match &mut self.at {
                At::Message(left) => {
                    let step = (bytes.len() - passed).min(*left as usize);
                    passed += step;
                    *left -= step as u32;
                    if *left == 0 {
                        self.at = At::Prefix;
                    }
                }
                At::Prefix => {
                    if let Some(slot) = self.prefix.get_mut(usize::from(self.prefix_len)) {
                        *slot = next;
                        self.prefix_len += 1;
                    }
                    let [flag, ..] = self.prefix;
                    self.check(flag)?;
                    if flag & self.end_bit == 0 {
                        passed += 1;
                    } else {
                        // Only a prefix of the last frame stands behind what goes out.
                        out.push(bytes.split_to(passed));
                        bytes.advance(1);
                        passed = 0;
                    }
                    if usize::from(self.prefix_len) == PREFIX {
                        self.enter()?;
                    }
                }
                At::Last { payload, left, .. } => {
                    let part = bytes.split_to((*left).min(bytes.len()));
                    *left -= part.len();
                    payload.extend_from_slice(&part);
                    self.close()?;
                }
                At::Ended(_) => {
                    return Err(broken("the upstream sent something after the end of its response"));
                }
            }
        }
        out.push(bytes);
        Ok(())
    }

    /// The payload of the last frame, once the body has ended.
    pub(super) fn end(&mut self) -> Result<Bytes, Status> {
        match &mut self.at {
            At::Ended(payload) => Ok(std::mem::take(payload)),
            At::Prefix if self.prefix_len == 0 => {
                Err(broken("the upstream's response ended without saying how the call ended"))
            }
            _ => Err(broken("the upstream's response ended inside a frame")),
        }
    }

    fn check(&self, flag: u8) -> Result<(), Status> {
        if flag & !(self.end_bit | COMPRESSED) != 0 {
            return Err(broken("a frame of the upstream has a flag that means nothing"));
        }
        if flag & COMPRESSED != 0 && self.encoding == MessageEncoding::Identity {
            return Err(broken("a frame of the upstream is compressed, and its response does not say how"));
        }
        Ok(())
    }

    /// A whole prefix was read.
    fn enter(&mut self) -> Result<(), Status> {
        let [flag, a, b, c, d] = self.prefix;
        let length = u32::from_be_bytes([a, b, c, d]);
        self.prefix_len = 0;
        if flag & self.end_bit == 0 {
            if length > 0 {
                self.at = At::Message(length);
            }
            return Ok(());
        }
        let left = length as usize;
        if left > MAX_END {
            return Err(too_large());
        }
        self.at = At::Last { payload: BytesMut::new(), left, compressed: flag & COMPRESSED != 0 };
        self.close()
    }

    /// Takes note of it when the last frame is whole.
    fn close(&mut self) -> Result<(), Status> {
        let At::Last { payload, left: 0, compressed } = &mut self.at else { return Ok(()) };
        let payload = std::mem::take(payload).freeze();
        let payload = match (*compressed && !payload.is_empty(), self.encoding) {
            (false, _) => payload,
            (true, MessageEncoding::Known(encoding)) => encoding.decompress(&payload, MAX_END as u32)?,
            (true, _) => {
                return Err(broken("the upstream compressed the end of its response in an unknown way"));
            }
        };
        self.at = At::Ended(payload);
        Ok(())
    }
}

fn too_large() -> Status {
    Status::resource_exhausted(format!("the end of the upstream's response is larger than {MAX_END} bytes"))
}
