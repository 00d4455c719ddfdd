//! The first frame of a stream, the request's headers, from which everything else follows.

use bytes::{Buf, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::super::{Head, Reply, header_block};
use super::{MAX_BLOCK, broken, encoder, flags, stream, too_large};
use crate::call::Transport;
use crate::message::PREFIX;
use crate::metadata::is_hop_by_hop;
use crate::status::Status;

/// Reads the headers frame of a stream, fed in any pieces. It keeps no more than that frame.
#[derive(Debug, Default)]
pub struct Opening {
    started: BytesMut,
}

/// A stream that opens no call.
#[derive(Debug)]
pub struct Refusal {
    /// What the client is told, in trailers.
    pub status: Status,
    /// The code from [`stream`] that stops what it still sends.
    pub stop: u32,
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        Reply::Status(refusal.status, Box::new(encoder::Encoder::default()))
    }
}

impl Refusal {
    pub(in super::super) fn broken(what: &'static str) -> Refusal {
        Refusal { status: broken(what), stop: stream::PROTOCOL_ERROR }
    }

    fn too_large() -> Refusal {
        Refusal { status: too_large(), stop: stream::HEADERS_TOO_LARGE }
    }
}

impl Opening {
    /// Starts before the first byte of a stream.
    pub fn new() -> Opening {
        Opening::default()
    }

    /// Takes the stream's next bytes. Once the frame is whole, it gives the head of the request and the bytes after
    /// the frame, and nothing more may be fed.
    pub fn data(&mut self, mut bytes: Bytes) -> Result<Option<(Head, Bytes)>, Refusal> {
        if self.started.is_empty() {
            // The usual case: the frame has come in one piece and is read where it stands.
            let Some(frame) = frame_length(&bytes)?.filter(|&frame| bytes.len() >= frame) else {
                self.started.extend_from_slice(&bytes);
                return Ok(None);
            };
            let block = bytes.split_to(frame);
            return Ok(Some((read(block.get(PREFIX..).unwrap_or_default())?, bytes)));
        }
        self.fill(PREFIX, &mut bytes);
        let Some(frame) = frame_length(&self.started)? else { return Ok(None) };
        self.fill(frame, &mut bytes);
        if self.started.len() < frame {
            return Ok(None);
        }
        Ok(Some((read(self.started.get(PREFIX..).unwrap_or_default())?, bytes)))
    }

    /// The stream has ended before the frame was whole.
    pub fn end(self) -> Refusal {
        Refusal::broken("the stream ended before the headers of a call")
    }

    fn fill(&mut self, length: usize, bytes: &mut Bytes) {
        let missing = length.saturating_sub(self.started.len()).min(bytes.len());
        self.started.extend_from_slice(&bytes.split_to(missing));
    }
}

/// The length of the headers frame that starts here, prefix included, once its prefix shows it.
fn frame_length(mut start: &[u8]) -> Result<Option<usize>, Refusal> {
    if start.first().is_some_and(|&flags| flags != flags::HEADERS) {
        return Err(Refusal::broken("the first frame of a stream must be headers"));
    }
    if start.len() < PREFIX {
        return Ok(None);
    }
    start.advance(1);
    match start.get_u32() as usize {
        length if length > MAX_BLOCK => Err(Refusal::too_large()),
        length => Ok(Some(PREFIX + length)),
    }
}

fn read(block: &[u8]) -> Result<Head, Refusal> {
    let mut lines = header_block::lines(block);
    let path = match lines.next().flatten() {
        Some(line) if line.name == b":path" => path(line.value)?,
        _ => return Err(Refusal::broken("a call's headers must start with :path")),
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let line = line.ok_or_else(|| Refusal::broken("a line of the headers is malformed"))?;
        match line.name {
            // The session has named the host, and its origin was checked against that.
            b":authority" => {}
            [b':', ..] => return Err(Refusal::broken("an unknown pseudo header")),
            name => append(name, line.value, &mut headers)?,
        }
    }
    Ok(Head { method: Method::POST, path, headers, transport: Transport::WebTransport })
}

fn path(value: &[u8]) -> Result<PathAndQuery, Refusal> {
    // Parsing would drop a fragment, and what is matched would not be what was sent.
    let path = if value.contains(&b'#') { None } else { PathAndQuery::try_from(value).ok() };
    path.ok_or_else(|| Refusal::broken("the path is not one"))
}

fn append(name: &[u8], value: &[u8], headers: &mut HeaderMap) -> Result<(), Refusal> {
    let name = HeaderName::from_bytes(name).map_err(|_| Refusal::too_large())?;
    if is_hop_by_hop(&name) {
        return Ok(());
    }
    let value = HeaderValue::from_bytes(value)
        .map_err(|_| Refusal::broken("a value of the headers has control characters"))?;
    headers.try_append(name, value).map_err(|_| Refusal::too_large())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::status::Code;
    use crate::testing::{feed_in_every_split, pieces};

    const AFTER: &[u8] = b"\0\0\0\0\x01a";

    #[derive(Debug, PartialEq)]
    enum Seen {
        /// The path, the headers, the bytes after them.
        Head(String, HeaderMap, Bytes),
        Refused(Code, u32),
    }

    fn open(pieces: Vec<Bytes>) -> Seen {
        let refused = |refusal: Refusal| Seen::Refused(refusal.status.code, refusal.stop);
        let mut opening = Opening::new();
        let mut pieces = pieces.into_iter();
        while let Some(piece) = pieces.next() {
            match opening.data(piece) {
                Ok(None) => {}
                Ok(Some((head, rest))) => {
                    let after = std::iter::once(rest).chain(pieces).flatten().collect();
                    return Seen::Head(head.path.to_string(), head.headers, after);
                }
                Err(refusal) => return refused(refusal),
            }
        }
        refused(opening.end())
    }

    fn stream(block: &[u8]) -> Vec<u8> {
        let length = u32::try_from(block.len()).unwrap();
        [&[flags::HEADERS][..], &length.to_be_bytes(), block, AFTER].concat()
    }

    fn check(block: &str, path: &str, headers: &[(&'static str, &str)]) {
        let seen = feed_in_every_split(&stream(block.as_bytes()), open);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(seen, Seen::Head(path.into(), map, Bytes::from_static(AFTER)), "{block:?}");
    }

    const BROKEN: Seen = Seen::Refused(Code::Internal, stream::PROTOCOL_ERROR);

    #[test]
    fn reads_a_head() {
        check(":path: /s.S/M\r\n", "/s.S/M", &[]);
        check(
            ":path: /s.S/M\r\n:authority: a.example\r\nx-a: 1\r\nhost: b.example\r\nte: trailers\r\n\
             connection: x-a\r\ncontent-length: 7\r\nx-a:2\r\ngrpc-timeout: 1S\r\nx-bin: YQ==\r\n",
            "/s.S/M",
            &[("x-a", "1"), ("x-a", "2"), ("grpc-timeout", "1S"), ("x-bin", "YQ==")],
        );
    }

    #[test]
    fn takes_values_that_are_not_ascii() {
        // gRPC forbids them, HTTP does not, and no other client's call fails for them.
        let block = ":path: /s.S/M\r\nx: caf\u{e9}\r\n";
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x"),
            HeaderValue::from_bytes("caf\u{e9}".as_bytes()).unwrap(),
        )]);
        let seen = feed_in_every_split(&stream(block.as_bytes()), open);
        assert_eq!(seen, Seen::Head("/s.S/M".into(), headers, Bytes::from_static(AFTER)));
    }

    #[test]
    fn refuses_malformed_blocks() {
        for block in [
            "",
            "x-a: 1\r\n",
            "x-a: 1\r\n:path: /s.S/M\r\n",
            ":path /s.S/M\r\n",
            ":path: /s.S/M",
            ":path: /s.S/M\n",
            ":path: /s.S/M\r\n\r\n",
            ":path: /s.S/M\r\n:path: /s.S/N\r\n",
            ":path: /s.S/M\r\n:method: POST\r\n",
            ":path: /s.S/M\r\nX-A: 1\r\n",
            ":path: /s.S/M\r\nx-a: 1\nx-b: 2\r\n",
            ":path: /s.S/M\r\nx-a: 1\rx-b: 2\r\n",
            ":path: /s.S/M\r\nx-a: \0\r\n",
            ":path: /s.S/M\r\nx-a: \x7f\r\n",
            ":path: /s.S/M#fragment\r\n",
            ":path: /s.S/M M\r\n",
            ":path:\r\n",
        ] {
            assert_eq!(feed_in_every_split(&stream(block.as_bytes()), open), BROKEN, "{block:?}");
        }
    }

    #[test]
    fn refuses_other_beginnings_and_early_ends() {
        for first in [0x00, 0x01, 0x06, 0x20, b'P', 0x80, 0xff] {
            assert_eq!(feed_in_every_split(&[first, 0, 0, 0, 0, 0], open), BROKEN, "{first:#x}");
        }
        let whole = stream(b":path: /s.S/M\r\n");
        for length in 0..whole.len() - AFTER.len() {
            assert_eq!(feed_in_every_split(&whole[..length], open), BROKEN, "{length} bytes");
        }
    }

    #[test]
    fn bounds_the_block() {
        let block = |length: usize| {
            let start = ":path: /s.S/M\r\nx: ";
            format!("{start}{}\r\n", "a".repeat(length - start.len() - 2))
        };
        let seen = open(vec![stream(block(MAX_BLOCK).as_bytes()).into()]);
        assert!(matches!(seen, Seen::Head(..)), "{seen:?}");
        let too_large = Seen::Refused(Code::ResourceExhausted, stream::HEADERS_TOO_LARGE);
        assert_eq!(open(vec![stream(block(MAX_BLOCK + 1).as_bytes()).into()]), too_large);
        // As soon as the length is known.
        assert_eq!(feed_in_every_split(&[flags::HEADERS, 0xff, 0xff, 0xff, 0xff], open), too_large);
    }

    #[test]
    fn keeps_as_many_values_as_fit() {
        let block = format!(":path: /s.S/M\r\n{}", "a:\r\n".repeat(4000));
        let seen = open(vec![stream(block.as_bytes()).into()]);
        assert!(matches!(seen, Seen::Head(_, headers, _) if headers.len() == 4000));
    }

    proptest! {
        #[test]
        fn reads_what_is_written(
            entries in prop::collection::vec(("[a-z0-9_.-]{1,8}", "([!-~]([ -~]{0,10}[!-~])?)?"), 0..8),
            cuts in prop::collection::vec(1usize..30, 0..20),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in &entries {
                let name = HeaderName::try_from(format!("x-{name}x")).unwrap();
                headers.append(name, HeaderValue::try_from(value).unwrap());
            }
            let mut block = BytesMut::from(&b":path: /s.S/M\r\n"[..]);
            header_block::write(&headers, &mut block);
            let fed = pieces(&stream(&block).into(), &cuts);
            prop_assert_eq!(open(fed), Seen::Head("/s.S/M".into(), headers, Bytes::from_static(AFTER)));
        }

        #[test]
        fn never_panics_on_any_block(
            block in prop::collection::vec(any::<u8>(), 0..100),
            lines in "(:path: /s.S/M\r\n)?([a-z:A ]{0,4}:[ -~\t\r\n\u{0}é]{0,6}\r\n){0,6}",
            cuts in prop::collection::vec(1usize..30, 0..20),
        ) {
            for block in [block, lines.into_bytes()] {
                let stream = Bytes::from(stream(&block));
                prop_assert_eq!(open(pieces(&stream, &cuts)), open(pieces(&stream, &[])));
            }
        }

        #[test]
        fn never_panics_on_any_stream(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            open(pieces(&bytes.into(), &[]));
        }
    }
}
