//! Frames of QUIC, those that a client needs to understand and those that a hostile one sends.
//!
//! Source: RFC 9000, section 19; RFC 9221, section 4.

use super::packet::take_varint;
use crate::raw_h3::varint;

/// A frame that matters to a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A part of the handshake.
    Crypto {
        /// Where it belongs.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
    },
    /// A part of a stream.
    Stream {
        /// Which one.
        stream: u64,
        /// How many bytes came.
        length: usize,
    },
    /// An acknowledgement of packets up to this one.
    Ack(u64),
    /// The connection's end.
    Close(Close),
    /// A frame that asks for an acknowledgement and nothing else here.
    Other,
    /// A frame that asks for none.
    Quiet,
}

/// Why the gateway has closed the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Whether HTTP/3 said so, and not QUIC.
    pub application: bool,
    /// The code.
    pub code: u64,
    /// The reason, for the message of a test that fails.
    pub reason: String,
}

/// The frames of a packet. One that is not understood ends the test: nothing behind it could be read.
pub fn parse(packet: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at < packet.len() {
        let frame = next(packet, &mut at).unwrap_or_else(|| panic!("a frame breaks off: {packet:x?}"));
        frames.push(frame);
    }
    frames
}

fn next(packet: &[u8], at: &mut usize) -> Option<Frame> {
    let integer = |at: &mut usize| take_varint(packet, at);
    let frame_type = integer(at)?;
    let skip = |count: usize, at: &mut usize| (0..count).try_for_each(|_| integer(at).map(drop));
    Some(match frame_type {
        0x00 => Frame::Quiet,
        0x01 | 0x1e => Frame::Other,
        0x02 | 0x03 => {
            let largest = take_varint(packet, at)?;
            take_varint(packet, at)?;
            let ranges = take_varint(packet, at)? as usize;
            let counts = if frame_type == 0x03 { 3 } else { 0 };
            (0..1 + 2 * ranges + counts).try_for_each(|_| take_varint(packet, at).map(drop))?;
            Frame::Ack(largest)
        }
        // RESET_STREAM; STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED; those with one integer.
        0x04 => skip(3, at).map(|()| Frame::Other)?,
        0x05 | 0x11 | 0x15 => skip(2, at).map(|()| Frame::Other)?,
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => skip(1, at).map(|()| Frame::Other)?,
        0x06 => {
            let offset = take_varint(packet, at)?;
            let data = take_bytes(packet, at)?.to_vec();
            Frame::Crypto { offset, data }
        }
        0x07 => take_bytes(packet, at).map(|_| Frame::Other)?,
        0x08..=0x0f => {
            let stream = take_varint(packet, at)?;
            if frame_type & 0x04 != 0 {
                take_varint(packet, at)?;
            }
            let length = if frame_type & 0x02 != 0 {
                take_bytes(packet, at)?.len()
            } else {
                packet.len() - std::mem::replace(at, packet.len())
            };
            Frame::Stream { stream, length }
        }
        0x18 => {
            skip(2, at)?;
            let length = usize::from(*packet.get(*at)?);
            *at += 1 + length + 16;
            Frame::Other
        }
        // A path is challenged or confirmed with eight bytes.
        0x1a | 0x1b => {
            *at += 8;
            Frame::Other
        }
        0x1c | 0x1d => {
            let code = take_varint(packet, at)?;
            if frame_type == 0x1c {
                take_varint(packet, at)?;
            }
            let reason = String::from_utf8_lossy(take_bytes(packet, at)?).into_owned();
            Frame::Close(Close { application: frame_type == 0x1d, code, reason })
        }
        0x30 => {
            *at = packet.len();
            Frame::Other
        }
        0x31 => take_bytes(packet, at).map(|_| Frame::Other)?,
        other => panic!("a frame of type {other:#x}"),
    })
}

fn take_bytes<'a>(packet: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = take_varint(packet, at)? as usize;
    let bytes = packet.get(*at..*at + length)?;
    *at += length;
    Some(bytes)
}

/// A frame that consists of its type and integers.
pub fn integers(frame_type: u64, integers: &[u64]) -> Vec<u8> {
    let mut frame = varint(frame_type);
    integers.iter().for_each(|integer| frame.extend(varint(*integer)));
    frame
}

/// CRYPTO.
pub fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
    [integers(0x06, &[offset, data.len() as u64]), data.to_vec()].concat()
}

/// STREAM.
pub fn stream(stream: u64, offset: u64, data: &[u8]) -> Vec<u8> {
    [integers(0x0e, &[stream, offset, data.len() as u64]), data.to_vec()].concat()
}

/// STREAM with the last bytes.
pub fn last(stream: u64, offset: u64, data: &[u8]) -> Vec<u8> {
    [integers(0x0f, &[stream, offset, data.len() as u64]), data.to_vec()].concat()
}

/// ACK of these packets, each of which arrived; the largest first.
pub fn ack(largest: u64, further: u64) -> Vec<u8> {
    integers(0x02, &[largest, 0, 0, further])
}
