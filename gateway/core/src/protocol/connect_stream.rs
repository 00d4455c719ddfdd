//! Connect streaming: gRPC's frames, and a last frame of JSON that says how the call ended.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Streaming-Request" and "Streaming-Response".

use http::{HeaderName, header};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::connect::{self, Codec, ErrorJson};
use super::*;
use crate::compression::Encoding;
use crate::message::PREFIX;
use crate::schema::MethodKind;

/// All calls that stream in one direction or both.
pub(super) const PROTOCOL: Protocol =
    Protocol { name: "connect_stream", holds_to_one_request: true, recognise, open };

const TYPE: &str = "application/connect+";
/// The content types there are.
pub(super) const TYPES: &str = "application/connect+proto, application/connect+json";
const CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");

/// Bits of a frame's flag.
mod flags {
    pub(super) const COMPRESSED: u8 = 1;
    pub(super) const END_STREAM: u8 = 2;
}

fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    connect::is_http(head)
        && head
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| strip_type(value.as_bytes(), TYPE).is_some())
}

fn open(head: Head, services: &Services<'_>) -> Result<Opened, Reply> {
    if head.method != Method::POST {
        return Err(opening::only_post());
    }
    let path = connect::path_of(&head.path);
    let kind = path.and_then(|path| services.method(&path)).map(|method| method.kind);
    let Some(codec) = Codec::of_request(&head.headers, TYPE).filter(|_| kind != Some(MethodKind::Unary))
    else {
        return Err(connect::unsupported(match kind {
            Some(MethodKind::Unary) => "application/proto, application/json",
            _ => TYPES,
        }));
    };
    let encoder = Box::new(Stream::new(codec, kind));
    match Begun::new(head, codec) {
        Ok(begun) => {
            let decoder = Messages { is_encoded: begun.encoding.is_some(), prefixes: Prefixes::default() };
            Ok(begun.opened(Box::new(decoder), encoder))
        }
        Err(status) => Err(Reply::Status(status, encoder)),
    }
}

/// A call whose head was checked.
pub(super) struct Begun {
    path: MethodPath,
    metadata: HeaderMap,
    codec: Codec,
    /// How the client compresses, if it says so.
    pub(super) encoding: Option<Encoding>,
    accept_encoding: Option<HeaderValue>,
    timeout: Option<Duration>,
}

impl Begun {
    pub(super) fn new(mut head: Head, codec: Codec) -> Result<Begun, Status> {
        if connect::encoding_of(&head.headers, &header::CONTENT_ENCODING)?.is_some() {
            let whole = "streams are compressed message by message: use connect-content-encoding";
            return Err(Status::unimplemented(whole).with_flag(Flag::ClientProtocolError));
        }
        let encoding = connect::encoding_of(&head.headers, &CONTENT_ENCODING)?;
        let timeout = connect::timeout(&head.headers)?;
        let path = opening::method_path(head.path)?;
        let accept_encoding = connect::accepted(&head.headers, &ACCEPT_ENCODING, encoding);
        connect::keep_metadata(&mut head.headers);
        Ok(Begun { path, metadata: head.headers, codec, encoding, accept_encoding, timeout })
    }

    pub(super) fn opened(self, decoder: Box<dyn Decoder>, encoder: Box<dyn Encoder>) -> Opened {
        Opened {
            path: self.path,
            metadata: self.metadata,
            content_type: self.codec.grpc_type(),
            encoding: self.encoding.map(Encoding::header_value),
            accept_encoding: self.accept_encoding,
            timeout: self.timeout,
            decoder,
            encoder,
        }
    }
}

/// Lets the client's messages through as they are; only their flags are watched.
struct Messages {
    /// Whether the client has said how it compresses.
    is_encoded: bool,
    prefixes: Prefixes,
}

impl Decoder for Messages {
    fn data(&mut self, mut bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let mut passed = 0;
        while let Some(&next) = bytes.get(passed) {
            if self.prefixes.at_border()
                && let Err(status) = self.check(next)
            {
                out.push(bytes.split_to(passed));
                return Err(status);
            }
            passed += self.prefixes.pass(bytes.get(passed..).unwrap_or_default());
        }
        out.push(bytes);
        Ok(())
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        Ok(())
    }
}

impl Messages {
    fn check(&self, flag: u8) -> Result<(), Status> {
        if flag & flags::END_STREAM != 0 {
            return Err(connect::invalid("a request has no frame that ends the stream"));
        }
        if flag & flags::COMPRESSED != 0 && !self.is_encoded {
            let broken = "a message is compressed, and connect-content-encoding does not say how";
            return Err(Status::internal(broken).with_flag(Flag::ClientProtocolError));
        }
        if flag & !flags::COMPRESSED != 0 {
            let broken = "a message prefix has a flag that means nothing";
            return Err(Status::internal(broken).with_flag(Flag::ClientProtocolError));
        }
        Ok(())
    }
}

/// Follows a stream of frames from border to border.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// Frames that have begun.
    frames: u64,
    /// Bytes of the current prefix that were read, and the length as far as it stood in them.
    read: u8,
    length: u32,
    /// Bytes of the current payload to come.
    left: u32,
}

impl Prefixes {
    /// Whether the next byte is a flag.
    pub(super) fn at_border(&self) -> bool {
        self.read == 0 && self.left == 0
    }

    /// Takes bytes up to the next border, if it is among them. How many those are.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken) {
            if self.left > 0 {
                let step = (bytes.len() - taken).min(self.left as usize);
                taken += step;
                self.left -= step as u32;
            } else {
                match self.read {
                    0 => self.frames += 1,
                    _ => self.length = self.length << 8 | u32::from(byte),
                }
                taken += 1;
                self.read += 1;
                if usize::from(self.read) == PREFIX {
                    self.read = 0;
                    self.left = std::mem::take(&mut self.length);
                }
            }
            if self.at_border() {
                break;
            }
        }
        taken
    }
}

/// Writes a response.
pub(super) struct Stream {
    codec: Codec,
    /// Whether the method gives exactly one message when all goes well.
    one_response: bool,
    responses: Prefixes,
    /// Whether it gave more, which the client is not sent.
    has_surplus: bool,
}

impl Stream {
    /// For a call in this codec, of a method of this kind if that is known.
    pub(super) fn new(codec: Codec, kind: Option<MethodKind>) -> Stream {
        let one_response = kind.is_some_and(MethodKind::has_one_response);
        Stream { codec, one_response, responses: Prefixes::default(), has_surplus: false }
    }
}

impl Encoder for Stream {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let codec = self.codec.of_response(head.content_type.as_ref());
        let mut headers = head.metadata;
        connect::unpad(&mut headers);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(match codec {
                Codec::Proto => "application/connect+proto",
                Codec::Json => "application/connect+json",
            }),
        );
        if let Some(encoding) = head.encoding {
            headers.insert(CONTENT_ENCODING, encoding);
        }
        if let Some(accept_encoding) = head.accept_encoding {
            headers.insert(ACCEPT_ENCODING, accept_encoding);
        }
        out.head(StatusCode::OK, headers);
    }

    fn data(&mut self, mut frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        if self.one_response {
            let mut passed = 0;
            while passed < frames.len() && !(self.responses.at_border() && self.responses.frames > 0) {
                passed += self.responses.pass(frames.get(passed..).unwrap_or_default());
            }
            // The rest is a message too many. Only the end shows whether that is what is wrong with the call.
            self.has_surplus |= passed < frames.len();
            frames.truncate(passed);
        }
        out.data(frames);
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        let one = !self.one_response || (self.responses.frames == 1 && !self.has_surplus);
        let status = match end.status.code {
            Code::Ok if !one => {
                let wrong = "the upstream sent no message, or more than one, where the method gives one";
                Status::unimplemented(wrong).with_flag(Flag::UpstreamProtocolError)
            }
            _ => end.status,
        };
        let end = EndStream { error: ErrorJson::new(&status), metadata: Metadata(&end.trailers) };
        // Strings and lists of them are always written.
        let json = serde_json::to_vec(&end).unwrap_or_default();
        out.data(header_block::frame(flags::END_STREAM, |payload| payload.extend_from_slice(&json)));
        out.end(Ending::Clean);
    }

    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.head(ResponseHead { metadata: head, ..ResponseHead::default() }, out);
        self.end(end, out);
    }
}

/// The payload of the last frame.
#[derive(Serialize)]
struct EndStream<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson<'a>>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// Trailing metadata as an object of lists.
pub(super) struct Metadata<'a>(pub(super) &'a HeaderMap);

impl Metadata<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.keys().count()))?;
        for name in self.0.keys() {
            // JSON is text, so bytes that are none are replaced.
            let text = |value: &HeaderValue| {
                let sent = connect::sent_value(name, value.clone());
                String::from_utf8_lossy(sent.as_bytes()).into_owned()
            };
            let values: Vec<String> = self.0.get_all(name).iter().map(text).collect();
            map.serialize_entry(name.as_str(), &values)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{head, map, sent};
    use super::*;
    use crate::testing::{Decoded, pieces};

    fn decoder(is_encoded: bool) -> Messages {
        Messages { is_encoded, prefixes: Prefixes::default() }
    }

    fn encoder(one_response: bool) -> Stream {
        Stream { codec: Codec::Proto, one_response, responses: Prefixes::default(), has_surplus: false }
    }

    #[test]
    fn recognises_by_the_content_type() {
        let check = |transport, content_type: &str, want| {
            let head = head(transport, &[("content-type", content_type)]);
            assert_eq!(recognise(&head, &Services::everywhere(&Schema::default())), want, "{content_type:?}");
        };
        for stream in ["application/connect+proto", "Application/Connect+JSON; a=b", "application/connect+x"]
        {
            check(Transport::Http1, stream, true);
            check(Transport::Http3, stream, true);
            check(Transport::WebSocket, stream, false);
            check(Transport::WebTransport, stream, false);
        }
        for other in ["", "application/connect", "application/proto", "application/connectx"] {
            check(Transport::Http2, other, false);
        }
    }

    #[test]
    fn messages_pass_as_slices_of_what_came() {
        let input = Bytes::from_static(b"\0\0\0\0\x02hi\0\0\0\0\0\x01\0\0\0\x05he");
        let mut frames = Frames::default();
        decoder(true).data(input.clone(), &mut frames).unwrap();
        let places: Vec<_> = frames.iter().map(|bytes| (bytes.as_ptr(), bytes.len())).collect();
        assert_eq!(places, [(input.as_ptr(), input.len())]);
    }

    #[test]
    fn metadata_that_is_no_text_is_still_json() {
        let mut trailers = HeaderMap::new();
        trailers.append("x", HeaderValue::from_bytes(b"a\"\xff").unwrap());
        trailers.append("x", HeaderValue::from_static("b"));
        let (_, body, _) = sent(|out| encoder(false).end(End { status: Status::OK, trailers }, out));
        let json = std::str::from_utf8(&body[PREFIX..]).unwrap();
        assert_eq!(json, "{\"metadata\":{\"x\":[\"a\\\"\u{fffd}\",\"b\"]}}");
    }

    #[test]
    fn filters_may_add_to_the_head_of_a_refusal() {
        let cors = map(&[("access-control-allow-origin", "*")]);
        let refusal = Status::new(Code::NotFound, "gone").with_metadata(header::RETRY_AFTER, 1.into());
        let (head, body, ending) = sent(|out| encoder(true).trailers_only(cors, refusal.into(), out));
        assert_eq!(head, "200 access-control-allow-origin: *; content-type: application/connect+proto");
        let json = r#"{"error":{"code":"not_found","message":"gone"},"metadata":{"retry-after":["1"]}}"#;
        assert_eq!(body.split_at(PREFIX), (&[2, 0, 0, 0, json.len() as u8][..], json.as_bytes()));
        assert_eq!(ending, "clean");
    }

    /// Frames, and noise after some of them.
    fn streams() -> impl Strategy<Value = Bytes> {
        let frame = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..6));
        let noise = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(any::<u8>(), 0..8)];
        (prop::collection::vec(frame, 0..6), noise).prop_map(|(frames, noise)| {
            let mut stream = Vec::new();
            for (flag, payload) in frames {
                // Mostly flags that may stand here, so that streams get somewhere.
                let flag = if flag < 220 { flag & 1 } else { flag };
                stream.extend_from_slice(&[flag, 0, 0, 0, payload.len() as u8]);
                stream.extend_from_slice(&payload);
            }
            stream.extend_from_slice(&noise);
            stream.into()
        })
    }

    proptest! {
        #[test]
        fn requests_never_depend_on_the_split(
            stream in streams(),
            is_encoded: bool,
            cuts in prop::collection::vec(1usize..12, 0..40),
        ) {
            let decode = |pieces| Decoded::from_pieces(&mut decoder(is_encoded), pieces, true);
            let whole = decode(pieces(&stream, &[]));
            prop_assert_eq!(stream.get(..whole.frames.len()), Some(&whole.frames[..]));
            prop_assert!(whole.refused.is_some() || whole.frames == stream);
            prop_assert_eq!(decode(pieces(&stream, &cuts)), whole);
        }

        #[test]
        fn responses_never_depend_on_the_split(
            stream in streams(),
            one_response: bool,
            cuts in prop::collection::vec(1usize..12, 0..40),
        ) {
            let write = |pieces: Vec<Bytes>| {
                let mut encoder = encoder(one_response);
                sent(|out| {
                    pieces.into_iter().for_each(|piece| encoder.data(piece, out).unwrap());
                    encoder.end(Status::OK.into(), out);
                })
            };
            prop_assert_eq!(write(pieces(&stream, &cuts)), write(pieces(&stream, &[])));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), one: bool) {
            let bytes = Bytes::from(bytes);
            Decoded::from_pieces(&mut decoder(true), pieces(&bytes, &[]), true);
            let mut encoder = encoder(one);
            encoder.data(bytes, &mut Outbox::default()).unwrap();
            encoder.end(Status::OK.into(), &mut Outbox::default());
        }
    }
}
