//! gRPC-Web: gRPC for browsers, with the trailers in the body, as bytes or as base64 text.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>. One deviation: `-bin` trailers stay base64
//! in text mode too, as every client expects.

mod body;
mod text;

use http::header;

use super::*;
use crate::accept;
use crate::compression::BodyDecoder;
use crate::metadata::{name, remove_names, split_joined};

pub(super) const PROTOCOL: Protocol =
    Protocol { name: "grpc_web", holds_to_one_request: true, recognise, open };

/// The flag of the frame that holds the trailers.
pub(super) const TRAILERS: u8 = 0x80;

/// How frames stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Binary,
    Text,
}

fn recognise(head: &Head, _services: &Services<'_>) -> bool {
    !matches!(head.transport, Transport::WebTransport | Transport::WebSocket)
        && head.headers.get(header::CONTENT_TYPE).is_some_and(|value| parse(value.as_bytes()).is_some())
}

/// The mode and the `+codec` (empty when there is none) of a gRPC-Web content type.
fn parse(content_type: &[u8]) -> Option<(Mode, &[u8])> {
    let rest = strip_type(content_type, "application/grpc-web")?;
    let (mode, rest) = match strip_type(rest, "-text") {
        Some(rest) => (Mode::Text, rest),
        None => (Mode::Binary, rest),
    };
    matches!(rest, [] | [b'+' | b';' | b' ', ..]).then(|| (mode, codec_suffix(rest)))
}

/// The `+codec` of a content type of gRPC-Web that is not text; empty when it names none.
pub(super) fn binary_codec(content_type: &HeaderValue) -> Option<&[u8]> {
    parse(content_type.as_bytes()).filter(|(mode, _)| *mode == Mode::Binary).map(|(_, codec)| codec)
}

fn open(mut head: Head, _services: &Services<'_>) -> Result<Opened, Reply> {
    if head.method != Method::POST {
        return Err(opening::only_post());
    }
    let mut reserved = opening::take_grpc_headers(&mut head.headers);
    let content_type = reserved.content_type.take();
    let (mode, codec) =
        content_type.as_ref().and_then(|value| parse(value.as_bytes())).unwrap_or((Mode::Binary, b""));

    let mode_of_response = accepted(&head.headers).unwrap_or(mode);
    let encoder = Box::new(Web { mode: mode_of_response, content_type: web_type(mode_of_response, codec) });
    let compressed_body = match BodyDecoder::for_request(&head.headers) {
        Ok(compressed_body) => compressed_body,
        Err(unknown) => return Err(Reply::Status(unknown.into(), encoder)),
    };
    keep_metadata(&mut head.headers);

    let mut decoder: Box<dyn Decoder> = match mode {
        // A client sends messages only. Whoever passes them on checks every prefix, and no message's flag has 0x80.
        Mode::Binary => Box::new(grpc::Untouched),
        Mode::Text => Box::<text::Decoder>::default(),
    };
    if let Some(compressed_body) = compressed_body {
        decoder = Box::new(body::Decompressing::new(compressed_body, decoder));
    }
    opening::call(head, reserved, grpc_type(codec), decoder, encoder)
}

/// The mode that `accept` asks the response to be in.
fn accepted(headers: &HeaderMap) -> Option<Mode> {
    let types = accept::by_weight(headers.get_all(header::ACCEPT));
    types.into_iter().find_map(parse).map(|(mode, _)| mode)
}

/// Takes out what the browser and the page's HTTP add. `origin` stays for the CORS filter; the upstream is not sent it.
pub(super) fn keep_metadata(headers: &mut HeaderMap) {
    remove_names(headers, |name| {
        name.as_str().starts_with("access-control-") || name.as_str().starts_with("sec-")
    });
    for name in [
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::CONTENT_ENCODING,
        // It was answered where the body was asked for.
        header::EXPECT,
        name::X_GRPC_WEB,
    ] {
        headers.remove(name);
    }
    split_joined(headers);
    if let Some(user_agent) = headers.remove(name::X_USER_AGENT) {
        headers.insert(header::USER_AGENT, user_agent);
    }
}

pub(super) fn grpc_type(codec: &[u8]) -> HeaderValue {
    match codec {
        b"" => HeaderValue::from_static("application/grpc"),
        b"+proto" => HeaderValue::from_static("application/grpc+proto"),
        _ => with_codec("application/grpc", codec),
    }
}

fn web_type(mode: Mode, codec: &[u8]) -> HeaderValue {
    match (mode, codec) {
        (Mode::Binary, b"" | b"+proto") => HeaderValue::from_static("application/grpc-web+proto"),
        (Mode::Text, b"" | b"+proto") => HeaderValue::from_static("application/grpc-web-text+proto"),
        (Mode::Binary, _) => with_codec("application/grpc-web", codec),
        (Mode::Text, _) => with_codec("application/grpc-web-text", codec),
    }
}

fn with_codec(name: &'static str, codec: &[u8]) -> HeaderValue {
    // A part of a header value is always a valid one.
    HeaderValue::from_bytes(&[name.as_bytes(), codec].concat()).unwrap_or(HeaderValue::from_static(name))
}

/// Writes a response.
pub(super) struct Web {
    mode: Mode,
    /// For responses whose upstream does not name a codec.
    content_type: HeaderValue,
}

impl Web {
    /// Writes no text.
    pub(super) fn binary(codec: &[u8]) -> Web {
        Web { mode: Mode::Binary, content_type: web_type(Mode::Binary, codec) }
    }

    /// The head of a response as header fields.
    pub(super) fn headers(&self, head: ResponseHead) -> HeaderMap {
        let content_type = match head.content_type.as_ref().map(grpc::codec) {
            None | Some(b"") => self.content_type.clone(),
            Some(codec) => web_type(self.mode, codec),
        };
        let mut headers = head.metadata;
        headers.insert(header::CONTENT_TYPE, content_type);
        grpc::put_encodings(head.encoding, head.accept_encoding, &mut headers);
        headers
    }

    fn push(&self, bytes: Bytes, out: &mut Outbox) {
        out.data(match self.mode {
            Mode::Binary => bytes,
            Mode::Text => text::encode(&bytes),
        });
    }
}

impl Encoder for Web {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        out.head(StatusCode::OK, self.headers(head));
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        self.push(frames, out);
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        let mut trailers = end.trailers;
        put_status(&end.status, &mut trailers);
        self.push(header_block::frame(TRAILERS, |block| header_block::write(&trailers, block)), out);
        out.end(Ending::Clean);
    }

    // The status could stand in the HTTP headers, but a script reads those only if CORS exposes each by name. So the
    // body has it, as after messages, and only the body: clients disagree on which one counts.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.head(ResponseHead { metadata: head, ..ResponseHead::default() }, out);
        self.end(end, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, head, map, open, sent};
    use super::*;

    fn request(content_type: &str, headers: &[(&'static str, &str)]) -> Head {
        let mut request = head(Transport::Http1, headers);
        request.headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        request
    }

    #[test]
    fn takes_out_what_browsers_add() {
        let opened = open(request(
            "application/grpc-web+proto",
            &[
                ("origin", "https://app.example.com"),
                ("sec-fetch-mode", "cors"),
                ("sec-ch-ua", "x"),
                ("access-control-request-method", "POST"),
                ("accept", "*/*"),
                ("accept-encoding", "gzip, br"),
                ("content-encoding", "Identity"),
                ("expect", "100-continue"),
                ("content-length", "12"),
                ("connection", "keep-alive, x-hop"),
                ("x-hop", "1"),
                ("host", "api.example.com"),
                ("x-grpc-web", "1"),
                ("user-agent", "Mozilla"),
                ("x-user-agent", "grpc-web-javascript/0.1"),
                ("grpc-timeout", "1S"),
                ("grpc-accept-encoding", "gzip"),
                ("x-kept", "a"),
                ("x-kept", "b"),
            ],
        ));
        let opened = opened.unwrap();
        assert_eq!(
            opened.metadata,
            map(&[
                ("origin", "https://app.example.com"),
                ("user-agent", "grpc-web-javascript/0.1"),
                ("x-kept", "a"),
                ("x-kept", "b")
            ])
        );
        assert_eq!(opened.timeout, Some(Duration::from_secs(1)));
        assert_eq!(opened.accept_encoding.unwrap(), "gzip");
    }

    #[test]
    fn names_the_codec_and_the_mode_of_the_response() {
        let check = |content_type: &str,
                     accept: &str,
                     upstream: Option<&'static str>,
                     grpc: &str,
                     web: &str| {
            let mut opened = open(request(content_type, &[("accept", accept)])).unwrap();
            assert_eq!(opened.content_type, grpc, "{content_type:?}");
            let named = upstream.map(HeaderValue::from_static);
            let response = ResponseHead { content_type: named, ..ResponseHead::default() };
            let (head, _, _) = sent(|out| opened.encoder.head(response, out));
            assert_eq!(head, format!("200 content-type: {web}"), "{content_type:?} {accept:?} {upstream:?}");
        };
        let (binary, text) = ("application/grpc-web+proto", "application/grpc-web-text+proto");
        check("application/grpc-web", "", None, "application/grpc", binary);
        check("application/grpc-web+proto; a=b", "*/*", None, "application/grpc+proto", binary);
        check("application/grpc-web", "", Some("application/grpc"), "application/grpc", binary);
        check("application/grpc-web-text", "", Some("application/grpc+proto"), "application/grpc", text);
        check("application/grpc-web", "*/*, application/grpc-web-text", None, "application/grpc", text);
        check("application/grpc-web-text+proto", binary, None, "application/grpc+proto", binary);
        check(
            "application/grpc-web+json",
            "",
            Some("application/grpc"),
            "application/grpc+json",
            "application/grpc-web+json",
        );
        check(
            "application/grpc-web-text+x ;a",
            "",
            Some("application/grpc+thrift;b"),
            "application/grpc+x",
            "application/grpc-web-text+thrift",
        );
    }

    #[test]
    fn answers_what_opens_no_call() {
        let mut get = request("application/grpc-web", &[]);
        get.method = Method::GET;
        assert_eq!(open(get).err().unwrap(), "405 allow: POST");
        let unknown = request("application/grpc-web", &[("content-encoding", "foo")]);
        assert!(open(unknown).err().unwrap().starts_with("UNIMPLEMENTED"));
        let timeout = request("application/grpc-web", &[("grpc-timeout", "1")]);
        assert!(open(timeout).err().unwrap().starts_with("INTERNAL"));
    }

    #[test]
    fn refuses_trailers_from_a_client() {
        for (content_type, body) in [
            ("application/grpc-web", &b"\x80\0\0\0\0"[..]),
            ("application/grpc-web", b"\x81\0\0\0\0"),
            ("application/grpc-web-text", b"gAAAAAA="),
            ("application/grpc-web-text", b"gQAAAAA="),
        ] {
            let opened = open(request(content_type, &[])).unwrap();
            let seen = decoded(opened, vec![Bytes::from_static(body)], true);
            assert_eq!(seen.refused.unwrap().0, Code::Internal, "{content_type}");
        }
    }

    #[test]
    fn ends_in_the_body() {
        let check = |content_type, want: &[u8]| {
            let mut encoder = open(request(content_type, &[])).unwrap().encoder;
            let (head, body, ending) = sent(|out| {
                encoder.data(Bytes::from_static(b"\0\0\0\0\x01a"), out).unwrap();
                encoder.data(Bytes::from_static(b"\0\0\0\0\0"), out).unwrap();
                encoder.end(End { status: Status::OK, trailers: map(&[("x-bin", "YQ==")]) }, out);
            });
            assert_eq!((&*head, &body[..], &*ending), ("", want, "clean"), "{content_type}");
        };
        check(
            "application/grpc-web",
            b"\0\0\0\0\x01a\0\0\0\0\0\x80\0\0\0\x1bx-bin: YQ\r\ngrpc-status: 0\r\n",
        );
        check("application/grpc-web-text", b"AAAAAAFhAAAAAAA=gAAAABt4LWJpbjogWVENCmdycGMtc3RhdHVzOiAwDQo=");
    }

    #[test]
    fn puts_trailers_only_into_the_body_too() {
        let mut encoder = open(request("application/grpc-web", &[])).unwrap().encoder;
        let cors = map(&[("access-control-allow-origin", "*")]);
        let (head, body, ending) =
            sent(|out| encoder.trailers_only(cors, Status::new(Code::NotFound, "gone").into(), out));
        assert_eq!(head, "200 access-control-allow-origin: *; content-type: application/grpc-web+proto");
        assert_eq!(&body[..], b"\x80\0\0\0\x24grpc-status: 5\r\ngrpc-message: gone\r\n");
        assert_eq!(ending, "clean");
    }

    #[test]
    fn resets_inside_a_message_only() {
        let check = |mid_message, want: &str| {
            let mut encoder = open(request("application/grpc-web", &[])).unwrap().encoder;
            let end = Status::unavailable("").into();
            let abort = Abort { end, reset: Reset::INTERNAL, mid_message, by_upstream: true };
            assert_eq!(sent(|out| encoder.abort(abort, out)).2, want);
        };
        check(false, "clean");
        check(true, "reset 0x2 UNAVAILABLE");
    }
}
