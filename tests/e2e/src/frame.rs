//! The frame that gRPC, gRPC-Web and grpc-wt share: a flag byte, a big-endian u32 length, and that many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;

/// A frame with these flags.
pub fn frame(flags: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + payload.len());
    frame.put_u8(flags);
    frame.put_u32(payload.len() as u32);
    frame.put_slice(payload);
    frame.freeze()
}

/// An uncompressed gRPC message.
pub fn message(payload: &[u8]) -> Bytes {
    frame(0, payload)
}

/// The frame of headers that grpc-wt and grpc-ws open a call with.
pub fn headers(path: &str, headers: &HeaderMap) -> Bytes {
    let mut block = format!(":path: {path}\r\n").into_bytes();
    for (name, value) in headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    frame(0x40, &block)
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame: its flags and its payload.
    pub fn pop(&mut self) -> Option<(u8, Bytes)> {
        let length = u32::from_be_bytes(self.0.get(1..5)?.try_into().unwrap()) as usize;
        if self.0.len() < 5 + length {
            return None;
        }
        let flags = self.0.get_u8();
        self.0.advance(4);
        Some((flags, self.0.split_to(length).freeze()))
    }

    /// Whether the stream stands inside a frame.
    pub fn mid_frame(&self) -> bool {
        !self.0.is_empty()
    }
}
