//! The part of [`crate::fuzzing`] that concerns client protocols.

use http::header;

use super::websocket::{Messages, Received};
use super::*;
use crate::compression::Encoding;
use crate::message::PREFIX;
use crate::testing::{Decoded, cut_by_its_start, pieces};

/// Text that stands for frames: no more bytes than it can stand for, and what is written is read again.
pub(crate) fn grpc_web_text(input: &[u8]) {
    let (text, cuts) = cut_by_its_start(input);
    let open = || opened(Transport::Http2, "application/grpc-web-text", None);
    let decoded = equally(&text, &cuts, open);
    assert!(decoded.frames.len() <= text.len() / 4 * 3);
    let mut out = Outbox::default();
    open().encoder.data(decoded.frames.clone(), &mut out).unwrap();
    let text: Bytes = out.data.iter().flatten().copied().collect::<Vec<_>>().into();
    assert_eq!(decode(open(), pieces(&text, &cuts), false).frames, decoded.frames);
}

/// Bodies that are compressed as a whole, in every encoding, as bytes and as text.
pub(crate) fn grpc_web_compressed(input: &[u8]) {
    const MAX_MESSAGE: u32 = 64 << 10;
    /// What a piece of a body may stand for: a message of the largest size as text, and a little more.
    const MOST: usize = MAX_MESSAGE as usize / 3 * 4 + (64 << 10);
    let Some((&choice, input)) = input.split_first() else { return };
    let encoding = Encoding::ALL.into_iter().cycle().nth(usize::from(choice >> 1)).unwrap();
    let content_type = if choice & 1 == 0 { "application/grpc-web" } else { "application/grpc-web-text" };
    let (body, cuts) = cut_by_its_start(input);
    for body in [body.clone(), encoding.compress(&body)] {
        let open = || {
            let mut opened = opened(Transport::Http2, content_type, Some(encoding));
            opened.decoder.limit(MAX_MESSAGE);
            opened
        };
        let in_pieces = pieces(&body, &cuts);
        let count = in_pieces.len();
        let decoded = decode(open(), in_pieces, true);
        assert!(decoded.frames.len() <= MOST * count, "more than the pieces of a body may stand for");
        let whole = decode(open(), pieces(&body, &[]), true);
        let is_bounded = |decoded: &Decoded| {
            decoded.refused.as_ref().is_some_and(|(code, _)| *code == Code::ResourceExhausted)
        };
        if is_bounded(&whole) || is_bounded(&decoded) {
            // What a piece may stand for is bounded, so more pieces may stand for more.
        } else if whole.refused.is_some() {
            // Of a piece that is broken nothing is decoded, and what is wrong twice is refused for what comes first.
            assert!(decoded.refused.is_some() && decoded.frames.starts_with(&whole.frames));
        } else {
            assert_eq!(decoded, whole, "fed in pieces (left) and whole (right)");
        }
    }
}

/// Messages pass untouched up to the first that may not.
pub(crate) fn connect_stream(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let (stream, cuts) = cut_by_its_start(input);
    let encoding = if choice & 1 == 0 { None } else { Some(Encoding::Gzip) };
    let decoded = equally(&stream, &cuts, || opened(Transport::Http2, "application/connect+proto", encoding));
    assert!(stream.starts_with(&decoded.frames), "bytes that the client did not send");
    assert!(decoded.refused.is_some() || decoded.frames == stream, "bytes are missing");
}

/// Streams of sessions that may speak Connect: the first frame, and those behind it.
pub(crate) fn connect_wt(input: &[u8]) {
    let (stream, cuts) = cut_by_its_start(input);
    let read = |cuts: &[usize]| {
        let (head, rest) = open_stream(pieces(&stream, cuts)).ok()?;
        let (protocol, path) = (head.0, head.1.path.to_string());
        let schema = Schema::default();
        let Ok(opened) = (protocol.open)(head.1, &Services::everywhere(&schema)) else {
            return Some((protocol.name, path, None));
        };
        Some((protocol.name, path, Some((opened.metadata.clone(), decode(opened, rest, true)))))
    };
    let whole = read(&[]);
    assert_eq!(read(&cuts), whole, "fed in pieces (left) and whole (right)");
    if let Some((_, _, Some((metadata, decoded)))) = whole {
        assert!(decoded.frames.len() < stream.len());
        assert!(metadata.keys().all(|name| !name.as_str().starts_with("connect-headers")));
    }
}

/// The protocol and the head of a stream, and the pieces behind its first frame.
fn open_stream(pieces: Vec<Bytes>) -> Result<((&'static Protocol, Head), Vec<Bytes>), u32> {
    let mut opening = webtransport::Opening::new(true);
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        if let Some((head, rest)) = opening.data(piece).map_err(|refusal| refusal.stop)? {
            let rest = std::iter::once(rest).chain(pieces).filter(|piece| !piece.is_empty());
            return Ok(((opening.protocol(), head), rest.collect()));
        }
    }
    Err(opening.end().stop)
}

/// The first frame of a stream, and that its headers survive being written.
pub(crate) fn grpc_wt_opening(input: &[u8]) {
    let (stream, cuts) = cut_by_its_start(input);
    let whole = begin(pieces(&stream, &[]));
    assert_eq!(begin(pieces(&stream, &cuts)), whole, "fed in pieces (left) and whole (right)");
    let Ok(Begun { path, headers, rest }) = whole else { return };
    assert!(stream.ends_with(&rest));
    assert!(headers.keys().all(|name| !crate::metadata::is_hop_by_hop(name)));
    let stream = write_opening(&path, &headers, &rest);
    let Ok(again) = begin(pieces(&stream, &cuts)) else {
        // White space is written between a name and its value, so that a block of the largest size may grow too large.
        assert!(stream.len() - rest.len() > grpc_wt::MAX_BLOCK, "what is written cannot be read");
        return;
    };
    assert_eq!((&again.path, &again.rest), (&path, &rest));
    // Padding of binary values is not written, so that values may differ once, but not twice.
    assert_eq!(begin(pieces(&write_opening(&again.path, &again.headers, &again.rest), &[])), Ok(again));
}

/// The flags of a frame of headers, and of one of trailers.
const HEADERS: u8 = 0x40;
const TRAILERS: u8 = 0x80;

fn write_opening(path: &str, headers: &HeaderMap, rest: &[u8]) -> Bytes {
    let frame = header_block::frame(HEADERS, |block| {
        block.extend_from_slice(format!(":path: {path}\r\n").as_bytes());
        header_block::write(headers, block);
    });
    [&frame[..], rest].concat().into()
}

/// A stream whose first frame was read.
#[derive(Debug, PartialEq)]
struct Begun {
    path: String,
    headers: HeaderMap,
    /// The bytes after the frame.
    rest: Vec<u8>,
}

/// Reads the first frame, or gives the status of the refusal and what the stream is stopped with.
fn begin(pieces: Vec<Bytes>) -> Result<Begun, (Code, String, u32)> {
    let refused =
        |refusal: grpc_wt::Refusal| (refusal.status.code, refusal.status.message.into_owned(), refusal.stop);
    let mut opening = grpc_wt::Opening::new();
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        if let Some((head, rest)) = opening.data(piece).map_err(refused)? {
            let rest = std::iter::once(rest).chain(pieces).flatten().collect();
            return Ok(Begun { path: head.path.to_string(), headers: head.headers, rest });
        }
    }
    Err(refused(opening.end()))
}

/// The frames behind it, against a decoder that has all bytes at once.
pub(crate) fn grpc_wt_frames(input: &[u8]) {
    let (stream, cuts) = cut_by_its_start(input);
    let decoded = equally(&stream, &cuts, || opened(Transport::WebTransport, "application/grpc", None));
    let (messages, is_sound) = messages_of(&stream);
    assert_eq!(decoded.frames, messages);
    assert_eq!(decoded.refused.is_none(), is_sound);
}

/// The messages of a stream, and whether it may end as it does.
fn messages_of(mut stream: &[u8]) -> (Vec<u8>, bool) {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = stream.split_first_chunk::<PREFIX>() {
        let [flags, a, b, c, d] = *prefix;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let payload = rest.split_at_checked(length);
        match (flags, payload) {
            (TRAILERS, _) => return (messages, length == 0 && rest.is_empty()),
            (0 | 1, Some((payload, _))) => {
                messages.extend_from_slice(prefix);
                messages.extend_from_slice(payload);
            }
            (HEADERS, _) => return (messages, false),
            (flags, Some(_)) if flags & 0x20 != 0 && length <= grpc_wt::MAX_BLOCK => {}
            _ => return (messages, false),
        }
        stream = payload.map_or(&[], |(_, rest)| rest);
    }
    (messages, stream.is_empty())
}

/// Messages of calls in datagrams, and the header that offers them.
pub(crate) fn datagrams(input: &[u8]) {
    use grpc_wt::datagram::{Datagram, offer};
    let bytes = Bytes::copy_from_slice(input);
    if let Some(datagram) = Datagram::read(bytes.clone()) {
        assert!(bytes.ends_with(&datagram.message.payload));
        let written = datagram.write();
        assert!(written.len() <= bytes.len());
        assert_eq!(Datagram::read(written), Some(datagram));
    }
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let headers = HeaderMap::from_iter([(HeaderName::from_static("grpc-wt-datagram"), value)]);
    let number = offer(&headers).ok().flatten();
    let expected = std::str::from_utf8(input).ok().filter(|text| text.len() <= 19 && !text.starts_with('+'));
    assert_eq!(number, expected.and_then(|text| text.parse().ok()).filter(|number| *number < 1 << 62));
}

/// Messages of a WebSocket with one frame each.
pub(crate) fn grpc_ws(input: &[u8]) {
    let (first, next) = (grpc_ws::ON_WEBSOCKET.first, grpc_ws::ON_WEBSOCKET.next);
    let input = Bytes::copy_from_slice(input);
    let path = PathAndQuery::from_static(grpc_ws::PATH);
    let head = first(input.clone(), path).ok().map(|head| (head.path.to_string(), head.headers));
    // It is the headers frame of grpc-wt, and nothing else.
    let opening = begin(vec![input.clone()]).ok().filter(|begun| begun.rest.is_empty());
    assert_eq!(head, opening.map(|begun| (begun.path, begun.headers)));
    match next(input.clone()) {
        Ok(Received::Data(bytes)) => assert_eq!(bytes, input),
        Ok(Received::Last(bytes)) => {
            assert_eq!(bytes, input);
            assert_eq!(input.first(), Some(&TRAILERS));
        }
        Ok(Received::Grant(_)) => unreachable!("there are no windows"),
        Err(_) => {}
    }
    match ((grpc_ws::WITH_WINDOWS.next)(input.clone()), next(input)) {
        (Ok(Received::Grant(bytes)), Ok(Received::Data(frame))) => {
            assert!(frame.ends_with(&bytes.to_be_bytes()))
        }
        // Of the extensions they make an error of a grant that is none.
        (Err(_), Ok(Received::Data(frame))) => assert!(frame.starts_with(b"\x2c")),
        (with, without) => assert_eq!(with.ok(), without.ok()),
    }
}

/// Messages of a WebSocket whose first byte says what they are.
pub(crate) fn grpc_websockets(input: &[u8]) {
    let (first, next) = (grpc_websockets::ON_WEBSOCKET.first, grpc_websockets::ON_WEBSOCKET.next);
    let input = Bytes::copy_from_slice(input);
    let path = PathAndQuery::from_static("/s.S/M");
    let write = |head: &Head| {
        let mut block = BytesMut::new();
        header_block::write(&head.headers, &mut block);
        block.freeze()
    };
    if let Ok(head) = first(input.clone(), path.clone()) {
        let block = write(&head);
        // White space is written between a name and its value, so that the largest block may grow too large.
        if block.len() <= grpc_wt::MAX_BLOCK {
            assert_eq!(first(block.clone(), path).ok().map(|head| write(&head)), Some(block));
        }
    }
    match next(input.clone()) {
        Ok(Received::Data(bytes)) => assert_eq!(bytes.len() + 1, input.len()),
        Ok(Received::Last(bytes)) => assert!(bytes.is_empty()),
        Ok(Received::Grant(_)) => unreachable!("there are no windows"),
        Err(_) => {}
    }
}

/// Lines of a block: what is read can be written and read again.
pub(crate) fn header_block(block: &[u8]) {
    let lines: Vec<_> = header_block::lines(block).collect();
    assert!(lines.len() <= block.len());
    let sound: Vec<_> = lines.iter().flatten().collect();
    assert!(
        sound.len() == lines.len() || matches!(lines.last(), Some(None)),
        "lines behind one that is none"
    );
    let written: Vec<u8> =
        sound.iter().flat_map(|line| [line.name, b": ", line.value, b"\r\n"].concat()).collect();
    let again: Vec<_> = header_block::lines(&written).collect();
    assert_eq!(again.iter().flatten().collect::<Vec<_>>(), sound);
    assert_eq!(again.len(), sound.len());
}

/// Frames of a response, cut into the messages of a WebSocket.
pub(crate) fn websocket_messages(input: &[u8]) {
    let (stream, cuts) = cut_by_its_start(input);
    let whole = messages(pieces(&stream, &[]));
    assert_eq!(messages(pieces(&stream, &cuts)), whole, "fed in pieces (left) and whole (right)");
    assert_eq!(whole.concat(), stream, "bytes were lost");
    for message in whole.iter().rev().skip(1) {
        let [_, a, b, c, d] = *message.first_chunk().unwrap();
        assert_eq!(u32::from_be_bytes([a, b, c, d]) as usize + PREFIX, message.len());
    }
}

/// The messages, the last of which may not be whole.
fn messages(pieces: Vec<Bytes>) -> Vec<Vec<u8>> {
    let mut messages = Messages::default();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut is_open = false;
    for mut piece in pieces {
        while let Some(fragment) = messages.next_fragment(&mut piece) {
            assert_eq!(fragment.first, !is_open);
            if fragment.first {
                seen.push(Vec::new());
            }
            seen.last_mut().unwrap().extend_from_slice(&fragment.bytes);
            is_open = !fragment.last;
        }
    }
    seen
}

/// Opens a call with this content type.
fn opened(transport: Transport, content_type: &'static str, encoding: Option<Encoding>) -> Opened {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(encoding) = encoding {
        let name = match content_type {
            "application/connect+proto" => HeaderName::from_static("connect-content-encoding"),
            _ => header::CONTENT_ENCODING,
        };
        headers.insert(name, encoding.header_value());
    }
    let head = Head { method: Method::POST, path: PathAndQuery::from_static("/s.S/M"), headers, transport };
    let schema = Schema::default();
    let services = Services::everywhere(&schema);
    (recognise(&head, &services).unwrap().open)(head, &services).ok().unwrap()
}

fn decode(mut opened: Opened, pieces: Vec<Bytes>, fin: bool) -> Decoded {
    Decoded::from_pieces(&mut *opened.decoder, pieces, fin)
}

/// What the decoder makes of the stream whole, which is the same in these pieces and never longer than the stream.
fn equally(stream: &Bytes, cuts: &[usize], open: impl Fn() -> Opened) -> Decoded {
    let whole = decode(open(), pieces(stream, &[]), true);
    assert_eq!(decode(open(), pieces(stream, cuts), true), whole, "fed in pieces (left) and whole (right)");
    assert!(whole.frames.len() <= stream.len());
    whole
}
