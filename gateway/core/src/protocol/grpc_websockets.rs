//! `grpc-websockets`: the WebSocket transport of improbable's gRPC-Web client, so that what was written for
//! `grpcwebproxy` need not change.
//!
//! ```text
//! URL       the method's
//! request   a message of header lines, then messages of 0x00 and bytes of gRPC frames, then the message 0x01
//! response  0x80 frame of headers, gRPC frames, 0x80 frame of trailers
//! ```
//!
//! Nobody has specified it. Source: `go/grpcweb/websocket_wrapper.go` and the `WebsocketTransport` of
//! `@improbable-eng/grpc-web`, both version 0.15.0.

use http::{HeaderName, header};

use super::websocket::{OnWebSocket, Received};
use super::*;

/// The protocol, for fronts that know by the subprotocol that a WebSocket speaks it.
pub const PROTOCOL: Protocol =
    Protocol { name: "grpc_websockets", holds_to_one_request: false, recognise, open };

/// How it uses its WebSocket.
pub const ON_WEBSOCKET: OnWebSocket =
    OnWebSocket { protocol: &PROTOCOL, subprotocol: SUBPROTOCOL, has_windows: false, first, next };

const SUBPROTOCOL: &str = "grpc-websockets";

/// The largest message of header lines, in bytes: as for every block of headers that is not HTTP's.
const MAX_BLOCK: usize = grpc_wt::MAX_BLOCK;

/// What the first byte of a message says about the rest of it.
mod control {
    pub(super) const DATA: u8 = 0;
    pub(super) const FINISH_SEND: u8 = 1;
}

fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    head.transport == Transport::WebSocket
        && head.headers.get(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|value| value == SUBPROTOCOL)
}

fn open(mut head: Head, _services: &Services<'_>) -> Result<Opened, Reply> {
    let mut reserved = opening::take_grpc_headers(&mut head.headers);
    let content_type = reserved.content_type.take();
    let encoder = |codec| Box::new(Websockets { web: grpc_web::Web::binary(codec) });
    let codec = match &content_type {
        None => &b"+proto"[..],
        Some(value) => match grpc_web::binary_codec(value) {
            Some(codec) => codec,
            // The server that this is modelled on knows no text mode here either.
            None => {
                let refused = Status::unimplemented("over a WebSocket the content type must be gRPC-Web's");
                return Err(Reply::Status(refused.with_flag(Flag::ClientProtocolError), encoder(b"+proto")));
            }
        },
    };
    grpc_web::keep_metadata(&mut head.headers);
    opening::call(head, reserved, grpc_web::grpc_type(codec), Box::new(grpc::Untouched), encoder(codec))
}

/// Reads the lines of headers. They are what scripts would have sent over HTTP, and they are read as generously as HTTP
/// fields: names in any case, lines that end without CR, and a last line that does not end.
fn first(message: Bytes, path: PathAndQuery) -> Result<Head, Reply> {
    let refuse =
        |status| Reply::Status(status, Box::new(Websockets { web: grpc_web::Web::binary(b"+proto") }));
    if message.len() > MAX_BLOCK {
        return Err(refuse(grpc_wt::too_large()));
    }
    let mut headers =
        headers(&message).ok_or_else(|| refuse(grpc_wt::broken("the headers are malformed")))?;
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(Head { method: Method::POST, path, headers, transport: Transport::WebSocket })
}

fn headers(block: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in block.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

fn next(mut message: Bytes) -> Result<Received, Status> {
    match *message {
        [control::FINISH_SEND] => Ok(Received::Last(Bytes::new())),
        [control::DATA, ..] => Ok(Received::Data(message.split_off(1))),
        _ => Err(grpc_wt::broken("a message must begin with 0, or be the byte 1 alone")),
    }
}

/// Writes a response as gRPC-Web would, with the headers as a frame too.
struct Websockets {
    web: grpc_web::Web,
}

impl Encoder for Websockets {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let headers = self.web.headers(head);
        out.data(header_block::frame(grpc_web::TRAILERS, |block| header_block::write(&headers, block)));
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        self.web.data(frames, out)
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        self.web.end(end, out);
    }

    // Clients take the first 0x80 frame for the headers, so that there are always two.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.head(ResponseHead { metadata: head, ..ResponseHead::default() }, out);
        self.end(end, out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{map, sent};
    use super::*;

    fn head(message: &[u8]) -> Result<Head, Reply> {
        first(Bytes::copy_from_slice(message), PathAndQuery::from_static("/chat.v1.Chat/Say"))
    }

    fn opened(message: &str) -> Result<Opened, Status> {
        let schema = Schema::default();
        let status = |reply| match reply {
            Reply::Status(status, _) => status,
            Reply::Http(status, _) => panic!("HTTP {status}"),
        };
        open(head(message.as_bytes()).map_err(status)?, &Services::everywhere(&schema)).map_err(status)
    }

    #[test]
    fn reads_what_the_client_writes() {
        let opened = opened(
            "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\nX-User: a, b\r\ngrpc-timeout: 1S\r\n\
             x-user-agent: grpc-web\nx-last:c",
        )
        .unwrap();
        assert_eq!(opened.path.as_str(), "/chat.v1.Chat/Say");
        assert_eq!(opened.content_type, "application/grpc+proto");
        assert_eq!(opened.timeout, Some(Duration::from_secs(1)));
        assert_eq!(opened.metadata, map(&[("x-user", "a, b"), ("x-last", "c"), ("user-agent", "grpc-web")]));
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let check =
            |message: &str, want| assert_eq!(opened(message).err().unwrap().code, want, "{message:?}");
        for malformed in ["a", ":path: /a\r\n", "a b: c\r\n", "a: \0\r\n", "a: b\rc: d\r\n"] {
            check(malformed, Code::Internal);
        }
        check(&format!("a: {}", "b".repeat(MAX_BLOCK)), Code::ResourceExhausted);
        check("content-type: application/grpc-web-text\r\n", Code::Unimplemented);
        check("content-type: text/html\r\n", Code::Unimplemented);
        check("grpc-timeout: x\r\n", Code::Internal);
    }

    #[test]
    fn the_first_byte_of_a_message_is_not_the_calls() {
        let read = |message| next(Bytes::from_static(message)).map_err(|status| status.code);
        assert_eq!(read(b"\0\0\0\0\0\x01a"), Ok(Received::Data(Bytes::from_static(b"\0\0\0\0\x01a"))));
        assert_eq!(read(b"\0"), Ok(Received::Data(Bytes::new())));
        assert_eq!(read(b"\x01"), Ok(Received::Last(Bytes::new())));
        for bad in [&b""[..], b"\x01\0", b"\x02"] {
            assert_eq!(read(bad), Err(Code::Internal), "{bad:?}");
        }
    }

    #[test]
    fn writes_headers_and_trailers_as_frames() {
        let mut encoder = opened("").unwrap().encoder;
        let (head, body, ending) = sent(|out| {
            let metadata = map(&[("x", "1")]);
            encoder.head(ResponseHead { metadata, ..ResponseHead::default() }, out);
            encoder.data(Bytes::from_static(b"\0\0\0\0\x01a"), out).unwrap();
            encoder.end(Status::OK.into(), out);
        });
        let [x, content_type] = ["x: 1\r\n", "content-type: application/grpc-web+proto\r\n"];
        let start = [b"\x80\0\0\0\x30", x.as_bytes(), content_type.as_bytes()].concat();
        let swapped = [b"\x80\0\0\0\x30", content_type.as_bytes(), x.as_bytes()].concat();
        assert!(body.starts_with(&start) || body.starts_with(&swapped), "{body:?}");
        assert!(body.ends_with(b"\0\0\0\0\x01a\x80\0\0\0\x10grpc-status: 0\r\n"), "{body:?}");
        assert_eq!((&*head, &*ending), ("", "clean"));

        let mut encoder = opened("").unwrap().encoder;
        let (_, body, _) = sent(|out| {
            encoder.trailers_only(HeaderMap::new(), Status::new(Code::NotFound, "").into(), out);
        });
        let frames =
            [b"\x80\0\0\0\x2a", content_type.as_bytes(), b"\x80\0\0\0\x10grpc-status: 5\r\n"].concat();
        assert_eq!(body, frames);
    }

    proptest! {
        #[test]
        fn never_panics(block in prop::collection::vec(any::<u8>(), 0..100), lines in "([a-zA-Z: ]{0,6}[:\r\n]){0,20}") {
            for block in [block, lines.into_bytes()] {
                let _ = head(&block);
                let _ = next(block.into());
            }
        }

        #[test]
        fn reads_what_is_written(entries in prop::collection::vec(("[a-z][a-z0-9_.-]{0,8}", "([!-~]([ -~]{0,10}[!-~])?)?"), 0..8)) {
            let (mut headers, mut block) = (HeaderMap::new(), String::new());
            for (name, value) in entries {
                block += &format!("{name}: {value}\r\n");
                headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
            }
            prop_assert_eq!(super::headers(block.as_bytes()), Some(headers));
        }
    }
}
