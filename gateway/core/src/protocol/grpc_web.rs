//! gRPC-Web: gRPC for browsers, with the trailers in the body, as bytes or as base64 text.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>. One deviation: `-bin` trailers stay base64
//! in text mode too, as every client expects.

mod text;

use http::header;

use super::*;
use crate::metadata::name;

pub(super) const PROTOCOL: Protocol = Protocol { name: "grpc_web", recognise, open };

/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;

/// How frames stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Binary,
    Text,
}

fn recognise(head: &Head) -> bool {
    head.transport != Transport::WebTransport
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

fn open(mut head: Head) -> Result<Opened, Reply> {
    if head.method != Method::POST {
        return Err(opening::only_post());
    }
    let mut reserved = opening::take_grpc_headers(&mut head.headers);
    let content_type = reserved.content_type.take();
    let (mode, codec) =
        content_type.as_ref().and_then(|value| parse(value.as_bytes())).unwrap_or((Mode::Binary, b""));

    let mode_of_response = accepted(&head.headers).unwrap_or(mode);
    let encoder = Box::new(Web { mode: mode_of_response, content_type: web_type(mode_of_response, codec) });
    if !is_plain(&head.headers) {
        let refused =
            Status::unimplemented("the gateway does not decompress the body of a request as a whole");
        return Err(Reply::Status(refused.with_flag(Flag::ClientProtocolError), encoder));
    }
    keep_metadata(&mut head.headers);

    let decoder: Box<dyn Decoder> = match mode {
        // A client sends messages only. Whoever passes them on checks every prefix, and 0x80 is no message's flag.
        Mode::Binary => Box::new(grpc::Untouched),
        Mode::Text => Box::<text::Decoder>::default(),
    };
    opening::call(head, reserved, grpc_type(codec), decoder, encoder)
}

/// The mode that `accept` asks the response to be in.
fn accepted(headers: &HeaderMap) -> Option<Mode> {
    let values = headers.get_all(header::ACCEPT).iter();
    let mut types = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    types.find_map(|media_type| parse(media_type.trim_ascii())).map(|(mode, _)| mode)
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Takes out what the browser and the page's HTTP add. `origin` stays for the CORS filter; the upstream is not sent it.
fn keep_metadata(headers: &mut HeaderMap) {
    let is_of_browser = |name: &str| name.starts_with("access-control-") || name.starts_with("sec-");
    let of_browser: Vec<_> = headers.keys().filter(|name| is_of_browser(name.as_str())).cloned().collect();
    for name in of_browser {
        headers.remove(name);
    }
    for name in [header::ACCEPT, header::ACCEPT_ENCODING, header::CONTENT_ENCODING, name::X_GRPC_WEB] {
        headers.remove(name);
    }
    if let Some(user_agent) = headers.remove(name::X_USER_AGENT) {
        headers.insert(header::USER_AGENT, user_agent);
    }
}

fn grpc_type(codec: &[u8]) -> HeaderValue {
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
struct Web {
    mode: Mode,
    /// For responses whose upstream does not name a codec.
    content_type: HeaderValue,
}

impl Web {
    fn push(&self, bytes: Bytes, out: &mut Outbox) {
        out.data(match self.mode {
            Mode::Binary => bytes,
            Mode::Text => text::encode(&bytes),
        });
    }
}

impl Encoder for Web {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let content_type = match head.content_type.as_ref().map(grpc::codec) {
            None | Some(b"") => self.content_type.clone(),
            Some(codec) => web_type(self.mode, codec),
        };
        let mut headers = head.metadata;
        headers.insert(header::CONTENT_TYPE, content_type);
        grpc::put_encodings(head.encoding, head.accept_encoding, &mut headers);
        out.head(StatusCode::OK, headers);
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
