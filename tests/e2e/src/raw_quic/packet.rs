//! Packets: building and opening them, with the protection that the handshake has agreed on.
//!
//! Source: RFC 9000, section 17; RFC 9001, sections 5.1 to 5.4.

use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{DirectionalKeys, Keys, Version};

use crate::raw_h3::varint;

/// QUIC version 1.
const VERSION: [u8; 4] = [0, 0, 0, 1];
/// What a packet number is written with. The longest is always right.
const NUMBER: usize = 4;
/// What protection adds to a payload.
const TAG: usize = 16;
/// The shortest datagram with an Initial packet.
pub const INITIAL_DATAGRAM: usize = 1200;

/// What a packet is protected with, and its form on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The first packets, whose keys everybody can derive.
    Initial,
    /// The rest of the handshake.
    Handshake,
    /// Everything else.
    Application,
}

/// The keys that protect Initial packets to a server that was first addressed with this connection id.
pub fn initial_keys(destination: &[u8], side: Side) -> Keys {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
    suite.keys(destination, side, Version::V1)
}

/// Protects a payload of frames. `phase` says whether the keys were changed an odd number of times.
pub fn seal(
    level: Level,
    keys: &DirectionalKeys,
    (destination, source): (&[u8], &[u8]),
    token: &[u8],
    (number, phase): (u64, bool),
    frames: &[u8],
) -> Vec<u8> {
    // The sample that protects the header must be there.
    let length = frames.len().max(4);
    let mut packet = Vec::new();
    let long = match level {
        Level::Initial => Some(0x00),
        Level::Handshake => Some(0x20),
        Level::Application => None,
    };
    match long {
        Some(packet_type) => {
            packet.push(0xc0 | packet_type | (NUMBER as u8 - 1));
            packet.extend(VERSION);
            for id in [destination, source] {
                packet.push(id.len() as u8);
                packet.extend_from_slice(id);
            }
            if level == Level::Initial {
                packet.extend(varint(token.len() as u64));
                packet.extend_from_slice(token);
            }
            // In two bytes.
            let length = (NUMBER + length + TAG) as u16;
            packet.extend((0x4000 | length).to_be_bytes());
        }
        None => {
            packet.push(0x40 | u8::from(phase) << 2 | (NUMBER as u8 - 1));
            packet.extend_from_slice(destination);
        }
    }
    let at = packet.len();
    packet.extend((number as u32).to_be_bytes());
    let mut payload = frames.to_vec();
    payload.resize(length, 0);
    let tag = keys.packet.encrypt_in_place(number, &packet, &mut payload).unwrap();
    packet.extend(payload);
    packet.extend_from_slice(tag.as_ref());
    let sample: [u8; 16] = packet[at + 4..at + 20].try_into().unwrap();
    let (head, rest) = packet.split_at_mut(at);
    keys.header.encrypt_in_place(&sample, &mut head[0], &mut rest[..NUMBER]).unwrap();
    packet
}

/// An Initial packet that fills its datagram, as every first packet of a client does.
pub fn initial(ids: (&[u8], &[u8]), token: &[u8], number: u64, frames: &[u8]) -> Vec<u8> {
    let keys = initial_keys(ids.0, Side::Client);
    padded_initial(&keys.local, ids, token, number, frames)
}

/// The same with keys that are known.
pub fn padded_initial(
    keys: &DirectionalKeys,
    (destination, source): (&[u8], &[u8]),
    token: &[u8],
    number: u64,
    frames: &[u8],
) -> Vec<u8> {
    let around = 7 + destination.len() + source.len() + varint(token.len() as u64).len() + token.len();
    let mut frames = frames.to_vec();
    frames.resize(frames.len().max(INITIAL_DATAGRAM - around - 2 - NUMBER - TAG), 0);
    seal(Level::Initial, keys, (destination, source), token, (number, false), &frames)
}

/// A protected packet that has arrived.
#[derive(Debug)]
pub struct Arrived<'a> {
    /// What kind it is; `None` for a Retry or a version negotiation.
    pub level: Option<Level>,
    /// Whose connection it belongs to.
    pub source: Vec<u8>,
    /// Where the packet number begins.
    at: usize,
    packet: &'a mut [u8],
}

/// Takes the next packet off a datagram to an endpoint whose connection ids are so long.
pub fn take<'a>(datagram: &mut &'a mut [u8], id_length: usize) -> Option<Arrived<'a>> {
    let first = *datagram.first()?;
    if first & 0x80 == 0 {
        let packet = std::mem::take(datagram);
        return Some(Arrived {
            level: Some(Level::Application),
            source: Vec::new(),
            at: 1 + id_length,
            packet,
        });
    }
    let mut at = 5;
    at += 1 + usize::from(*datagram.get(at)?);
    let length = usize::from(*datagram.get(at)?);
    let source = datagram.get(at + 1..at + 1 + length)?.to_vec();
    at += 1 + length;
    let level = match first & 0x30 {
        0x00 => Level::Initial,
        0x20 => Level::Handshake,
        _ => return Some(Arrived { level: None, source, at, packet: std::mem::take(datagram) }),
    };
    if level == Level::Initial {
        let token = take_varint(datagram, &mut at)? as usize;
        at += token;
    }
    let length = take_varint(datagram, &mut at)? as usize;
    let whole = std::mem::take(datagram);
    let (packet, rest) = whole.split_at_mut(at + length);
    *datagram = rest;
    Some(Arrived { level: Some(level), source, at, packet })
}

impl Arrived<'_> {
    /// Whether the sender has changed its keys an odd number of times (RFC 9001, section 6). Says so of a packet whose head
    /// is not protected any more.
    fn phase(&self) -> bool {
        self.level == Some(Level::Application) && self.packet[0] & 0x04 != 0
    }

    /// Takes the protection off the head. Whether the sender has changed its keys an odd number of times, unless the
    /// packet is too short to be one.
    pub fn uncover(&mut self, keys: &DirectionalKeys) -> Option<bool> {
        let (head, rest) = self.packet.split_at_mut(self.at);
        let sample: [u8; 16] = rest.get(4..20)?.try_into().unwrap();
        keys.header.decrypt_in_place(&sample, &mut head[0], &mut rest[..4]).ok()?;
        Some(self.phase())
    }

    /// Takes the protection off the rest. The number and the frames, unless the packet is not for these keys; the number
    /// that is expected next says which of those that end so it is (RFC 9000, appendix A.3).
    pub fn open(self, keys: &DirectionalKeys, expected: u64) -> Option<(u64, Vec<u8>)> {
        let (head, rest) = self.packet.split_at_mut(self.at);
        let length = usize::from(head[0] & 0x03) + 1;
        let end = rest[..length].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let window = 1u64 << (8 * length);
        let near = expected & !(window - 1) | end;
        let number = if near + window / 2 <= expected {
            near + window
        } else if near > expected + window / 2 && near >= window {
            near - window
        } else {
            near
        };
        let (header, payload) = self.packet.split_at_mut(self.at + length);
        keys.packet.decrypt_in_place(number, header, payload).ok().map(|frames| (number, frames.to_vec()))
    }
}

/// The integer at `at`, which is moved behind it.
pub fn take_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = *bytes.get(*at)?;
    let length = 1 << (first >> 6);
    let bytes = bytes.get(*at..*at + length)?;
    *at += length;
    Some(bytes[1..].iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
}
