//! Messages that travel in datagrams, where both ends of a call agree to that.
//!
//! ```text
//! datagram  call (varint), number (varint), flags (1 byte: 0x00 or 0x01), payload
//! ```
//!
//! Varints are QUIC's (RFC 9000, section 16).
//!
//! Source: `docs/grpc-webtransport.md`, section 12.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName};

use super::super::{Abort, Encoder, Outbox};
use super::broken;
use crate::call::{End, ResponseHead};
use crate::message::{Message, PREFIX};
use crate::status::Status;

/// The request header with which a client offers datagrams. Its value is the number that names the call.
pub(super) const OFFER: HeaderName = HeaderName::from_static("grpc-wt-datagram");

/// The extension frame of a response that accepts the offer.
pub const ACCEPTED: &[u8] = &[0x28, 0, 0, 0, 0];

/// The largest number that a varint can hold.
const MAX_VARINT: u64 = (1 << 62) - 1;

/// The number with which a request offers datagrams, if it does.
pub fn offer(headers: &HeaderMap) -> Result<Option<u64>, Status> {
    let mut values = headers.get_all(OFFER).iter();
    let number = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.as_bytes(),
        (Some(_), Some(_)) => return Err(broken(NO_NUMBER)),
    };
    let is_decimal = (1..=19).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    let call = number.iter().fold(0, |call: u64, digit| {
        call.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
    });
    if is_decimal && call <= MAX_VARINT { Ok(Some(call)) } else { Err(broken(NO_NUMBER)) }
}

/// The call's number stands for a live call already: the client broke the rules.
pub fn taken() -> Status {
    broken("another call of the session has the same grpc-wt-datagram")
}

const NO_NUMBER: &str = "grpc-wt-datagram must be one decimal number below 2^62";

/// A message in a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The number of the call.
    pub call: u64,
    /// Its place among the messages that the sender has put into datagrams, from 0.
    pub number: u64,
    /// The message.
    pub message: Message,
}

impl Datagram {
    /// Reads the payload of a datagram; `None` if it is none of these.
    pub fn read(mut bytes: Bytes) -> Option<Datagram> {
        let call = read_varint(&mut bytes)?;
        let number = read_varint(&mut bytes)?;
        let compressed = match bytes.try_get_u8().ok()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Datagram { call, number, message: Message { compressed, payload: bytes } })
    }

    /// The payload of the datagram. Numbers above 2^62 are cut, which no call gets to.
    pub fn write(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.len());
        write_varint(self.call, &mut bytes);
        write_varint(self.number, &mut bytes);
        bytes.put_u8(u8::from(self.message.compressed));
        bytes.put_slice(&self.message.payload);
        bytes.freeze()
    }

    /// How long that is.
    fn len(&self) -> usize {
        overhead(self.call, self.number) + self.message.payload.len()
    }
}

/// How much a datagram has before its payload.
fn overhead(call: u64, number: u64) -> usize {
    varint_length(call) + varint_length(number) + 1
}

fn varint_length(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

fn read_varint(bytes: &mut Bytes) -> Option<u64> {
    let first = *bytes.first()?;
    let length = 1 << (first >> 6);
    if bytes.len() < length {
        return None;
    }
    let read = bytes.get_uint(length);
    Some(read & (u64::MAX >> (66 - 8 * length)))
}

fn write_varint(value: u64, bytes: &mut BytesMut) {
    let value = value & MAX_VARINT;
    match varint_length(value) {
        1 => bytes.put_uint(value, 1),
        2 => bytes.put_uint(value | 0x4000, 2),
        4 => bytes.put_uint(value | 0x8000_0000, 4),
        _ => bytes.put_uint(value | 0xc000_0000_0000_0000, 8),
    }
}

/// Which of a call's datagrams are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Those that are newer than every one before: what comes late is out of date.
    Latest,
    /// All.
    All,
}

/// Applies a policy to the datagrams of one direction of a call.
#[derive(Debug)]
pub struct Arrivals {
    policy: Policy,
    last: Option<u64>,
}

impl Arrivals {
    /// Nothing has come yet.
    pub fn new(policy: Policy) -> Arrivals {
        Arrivals { policy, last: None }
    }

    /// Whether the datagram with this number is passed on.
    pub fn admits(&mut self, number: u64) -> bool {
        let is_newest = self.last.is_none_or(|last| number > last);
        if is_newest {
            self.last = Some(number);
        }
        is_newest || self.policy == Policy::All
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way, or was lost.
    Away,
    /// It is larger than the way to the client lets through.
    TooLarge,
}

/// Sends the datagrams of a session.
pub trait SendDatagram: Send {
    /// The largest payload there may be now, in bytes; 0 if the client takes no datagrams.
    fn most(&self) -> usize;
    /// Sends one. It waits for nothing: one that cannot leave is lost.
    fn send(&mut self, payload: Bytes) -> Sent;
}

/// Writes a response whose messages go in datagrams where they fit, and all else as `encoder` has it.
pub struct DatagramEncoder<S> {
    encoder: Box<dyn Encoder>,
    call: u64,
    next: u64,
    send: S,
    splitter: Splitter,
}

impl<S: SendDatagram> DatagramEncoder<S> {
    /// For the call with this number.
    pub fn new(encoder: Box<dyn Encoder>, call: u64, send: S) -> DatagramEncoder<S> {
        DatagramEncoder { encoder, call, next: 0, send, splitter: Splitter::default() }
    }
}

impl<S: SendDatagram> Encoder for DatagramEncoder<S> {
    fn limit(&mut self, max_message: u32) {
        self.encoder.limit(max_message);
    }

    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        self.encoder.head(head, out);
    }

    fn data(&mut self, mut frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        loop {
            let most = self.send.most().checked_sub(overhead(self.call, self.next));
            let (frame, message) = match self.splitter.next_part(&mut frames, most) {
                None => return Ok(()),
                Some(Part::Stream(bytes)) => {
                    self.encoder.data(bytes, out)?;
                    continue;
                }
                Some(Part::Message(frame, message)) => (frame, message),
            };
            let datagram = Datagram { call: self.call, number: self.next, message };
            match self.send.send(datagram.write()) {
                Sent::Away => self.next += 1,
                Sent::TooLarge => self.encoder.data(frame, out)?,
            }
        }
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        self.encoder.end(end, out);
    }

    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.encoder.trailers_only(head, end, out);
    }

    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        // A message that was to go in a datagram has left nothing on the stream.
        let mid_message = abort.mid_message && self.splitter.in_stream_message();
        self.encoder.abort(Abort { mid_message, ..abort }, out);
    }
}

/// Takes messages that are short enough out of a stream of gRPC frames.
#[derive(Debug, Default)]
struct Splitter {
    /// A prefix, or a frame that is short enough, as far as it has come.
    gathered: BytesMut,
    /// Bytes to come of a message that is too large.
    passing: usize,
}

/// A part of the stream.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Bytes that stay on the stream.
    Stream(Bytes),
    /// A message that is short enough, as a frame and as what is in it.
    Message(Bytes, Message),
}

impl Splitter {
    fn in_stream_message(&self) -> bool {
        self.passing > 0
    }

    /// Takes the next part from the front of `bytes`; `None` when more bytes are needed. `most` is the largest payload that
    /// is short enough, if any is.
    fn next_part(&mut self, bytes: &mut Bytes, most: Option<usize>) -> Option<Part> {
        if self.passing > 0 {
            let part = bytes.split_to(self.passing.min(bytes.len()));
            self.passing -= part.len();
            return (!part.is_empty()).then_some(Part::Stream(part));
        }
        self.fill(PREFIX, bytes);
        let &[flags, a, b, c, d] = self.gathered.first_chunk::<PREFIX>()?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        // What is gathered already stays short enough even if the limit has sunk meanwhile; sending it tells.
        if most.is_none_or(|most| length > most) && self.gathered.len() == PREFIX {
            self.passing = length;
            return Some(Part::Stream(self.gathered.split().freeze()));
        }
        self.fill(PREFIX + length, bytes);
        if self.gathered.len() < PREFIX + length {
            return None;
        }
        let frame = self.gathered.split().freeze();
        let message = Message { compressed: flags == 1, payload: frame.slice(PREFIX..) };
        Some(Part::Message(frame, message))
    }

    fn fill(&mut self, length: usize, bytes: &mut Bytes) {
        let missing = length.saturating_sub(self.gathered.len()).min(bytes.len());
        self.gathered.extend_from_slice(&bytes.split_to(missing));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::super::super::tests::{map, sent};
    use super::*;
    use crate::status::Code;
    use crate::testing::{feed_in_every_split, pieces};
    use crate::wire::Reset;

    fn datagram(call: u64, number: u64, compressed: bool, payload: &[u8]) -> Datagram {
        Datagram { call, number, message: Message { compressed, payload: Bytes::copy_from_slice(payload) } }
    }

    #[test]
    fn reads_what_the_specification_shows() {
        let check = |bytes: &[u8], want: Datagram| {
            assert_eq!(want.write(), bytes);
            assert_eq!(Datagram::read(Bytes::copy_from_slice(bytes)), Some(want));
        };
        check(b"\x07\x2a\x00\x0a\x05world", datagram(7, 42, false, b"\x0a\x05world"));
        check(b"\x7b\xbd\x00\x01", datagram(15293, 0, true, b""));
        check(b"\x9d\x7f\x3e\x7d\x40\x40\x00a", datagram(494_878_333, 64, false, b"a"));
        check(b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c\x00\x00", datagram(151_288_809_941_952_652, 0, false, b""));
        // A longer varint than is needed is the same number.
        let long = Bytes::from_static(b"\x40\x07\x80\0\0\x2a\x00a");
        assert_eq!(Datagram::read(long), Some(datagram(7, 42, false, b"a")));
    }

    #[test]
    fn takes_nothing_else_for_a_message() {
        for bad in
            [&b""[..], b"\x07", b"\x07\x2a", b"\x47", b"\x07\xc0\0\0\0", b"\x07\x2a\x02a", b"\x07\x2a\x80"]
        {
            assert_eq!(Datagram::read(Bytes::copy_from_slice(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_offers() {
        let check = |values: &[&str], want: Result<Option<u64>, Code>| {
            let headers: Vec<_> = values.iter().map(|value| ("grpc-wt-datagram", *value)).collect();
            assert_eq!(offer(&map(&headers)).map_err(|status| status.code), want, "{values:?}");
        };
        check(&[], Ok(None));
        check(&["0"], Ok(Some(0)));
        check(&["007"], Ok(Some(7)));
        check(&["4611686018427387903"], Ok(Some(MAX_VARINT)));
        for bad in ["", "4611686018427387904", "-1", "0x1", "1 2", "99999999999999999999"] {
            check(&[bad], Err(Code::Internal));
        }
        check(&["1", "1"], Err(Code::Internal));
    }

    #[test]
    fn the_latest_lets_nothing_older_past() {
        let admitted = |policy| {
            let mut arrivals = Arrivals::new(policy);
            let numbers = [0, 2, 1, 2, 7, 3, 8];
            numbers.into_iter().filter(|&number| arrivals.admits(number)).collect::<Vec<u64>>()
        };
        assert_eq!(admitted(Policy::Latest), [0, 2, 7, 8]);
        assert_eq!(admitted(Policy::All), [0, 2, 1, 2, 7, 3, 8]);
    }

    /// Remembers what it was given; what is longer than `takes` is too large after all.
    struct Wire {
        most: usize,
        takes: usize,
        away: Arc<Mutex<Vec<Bytes>>>,
    }

    impl SendDatagram for Wire {
        fn most(&self) -> usize {
            self.most
        }

        fn send(&mut self, payload: Bytes) -> Sent {
            if payload.len() > self.takes {
                return Sent::TooLarge;
            }
            self.away.lock().unwrap().push(payload);
            Sent::Away
        }
    }

    /// What goes on the stream, and what goes in datagrams.
    fn write(pieces: Vec<Bytes>, most: usize, takes: usize) -> (Vec<u8>, Vec<Bytes>) {
        let away = Arc::default();
        let wire = Wire { most, takes, away: Arc::clone(&away) };
        let mut encoder = DatagramEncoder::new(Box::new(super::super::encoder::Encoder::default()), 7, wire);
        let (_, body, _) = sent(|out| {
            pieces.into_iter().for_each(|piece| encoder.data(piece, out).unwrap());
            encoder.end(Status::OK.into(), out);
        });
        let away = away.lock().unwrap().clone();
        (body.to_vec(), away)
    }

    const FRAMES: &[u8] = b"\0\0\0\0\x01a\x01\0\0\0\x02bc\0\0\0\0\x03def\0\0\0\0\0\0\0\0\0\x01g";
    const END: &[u8] = b"\x80\0\0\0\x10grpc-status: 0\r\n";

    #[test]
    fn messages_that_fit_go_in_datagrams() {
        // Before the payload stand three bytes.
        let (stream, away) = feed_in_every_split(FRAMES, |pieces| write(pieces, 5, 5));
        assert_eq!(stream, [b"\0\0\0\0\x03def", END].concat());
        assert_eq!(away, [&b"\x07\0\0a"[..], b"\x07\x01\x01bc", b"\x07\x02\0", b"\x07\x03\0g"]);
    }

    #[test]
    fn all_stays_in_order_on_the_stream_where_there_are_none() {
        for (most, takes) in [(0, 0), (1000, 0)] {
            let (stream, away) = feed_in_every_split(FRAMES, |pieces| write(pieces, most, takes));
            assert_eq!((stream, away), ([FRAMES, END].concat(), vec![]));
        }
    }

    #[test]
    fn a_break_inside_a_message_is_a_reset_only_on_the_stream() {
        let ending = |frames: &'static [u8]| {
            let wire = Wire { most: 10, takes: 10, away: Arc::default() };
            let mut encoder =
                DatagramEncoder::new(Box::new(super::super::encoder::Encoder::default()), 7, wire);
            let end = Status::new(Code::Unavailable, "").into();
            let abort = Abort { end, reset: Reset::CANCEL, mid_message: true, by_upstream: true };
            sent(|out| {
                encoder.data(Bytes::from_static(frames), out).unwrap();
                encoder.abort(abort, out);
            })
            .2
        };
        assert_eq!(ending(b"\0\0\0\0\x03a"), "clean");
        assert_eq!(ending(b"\0\0\0\0\xffa"), "reset 0x8 UNAVAILABLE");
    }

    proptest! {
        #[test]
        fn reads_what_is_written(
            call in 0..=MAX_VARINT,
            number in prop_oneof![0u64..100, 0..=MAX_VARINT],
            compressed: bool,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let datagram = datagram(call, number, compressed, &payload);
            let bytes = datagram.write();
            prop_assert_eq!(bytes.len(), datagram.len());
            prop_assert_eq!(Datagram::read(bytes), Some(datagram));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), value in "[ -~]{0,24}") {
            let _ = Datagram::read(bytes.into());
            let _ = offer(&map(&[("grpc-wt-datagram", &value)]));
        }

        #[test]
        fn no_message_is_lost_or_doubled(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..12),
            most in 0usize..20,
            takes in 0usize..20,
            cuts in prop::collection::vec(1usize..30, 0..20),
        ) {
            let frames: Vec<u8> = payloads
                .iter()
                .flat_map(|payload| Message { compressed: false, payload: Bytes::copy_from_slice(payload) }.to_frame())
                .collect();
            let (stream, away) = write(pieces(&frames.into(), &cuts), most, takes);
            let mut stream = Bytes::from(stream);
            let mut away = away.into_iter().map(|bytes| Datagram::read(bytes).unwrap()).peekable();
            for (place, payload) in payloads.iter().enumerate() {
                if payload.len() + 3 <= most.min(takes) {
                    let next = away.next().unwrap();
                    prop_assert!(next.number <= place as u64);
                    prop_assert_eq!(&next.message.payload, payload);
                } else {
                    let frame = stream.split_to(PREFIX + payload.len());
                    prop_assert_eq!(&frame[PREFIX..], &payload[..]);
                }
            }
            prop_assert!(away.next().is_none());
            prop_assert_eq!(stream, END);
        }
    }
}
