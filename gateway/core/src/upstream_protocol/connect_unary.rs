//! Connect unary as an upstream's protocol: one bare message each way, and HTTP's own compression and statuses.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Unary-Request" and "Unary-Response".

use bytes::{Buf, BytesMut};
use serde_json::Value;

use super::connect_error::read_error;
use super::*;
use crate::compression::Encoding;
use crate::message::{Message, PREFIX};

const TYPE: &str = "application/";
const TRAILER: &str = "trailer-";
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");

/// `encoding` is what the client's compressed messages are compressed with.
///
/// One that is unknown is refused, as gRPC demands: what a message that is not compressed would have to be turned into
/// is not known either.
pub(super) fn open(
    codec: Codec,
    encoding: Option<HeaderValue>,
    max_response_message: u32,
) -> Result<Exchange, Status> {
    let encoding = match compressing(encoding) {
        None => None,
        Some(encoding) => Some(Encoding::named(encoding.as_bytes()).ok_or_else(|| {
            Status::unimplemented("the request's messages are compressed in a way that is not known here")
                .with_metadata(name::GRPC_ACCEPT_ENCODING, Encoding::LIST)
        })?),
    };
    let limit = if max_response_message == 0 { u32::MAX } else { max_response_message };
    let response = Response { codec: codec.clone(), limit, state: State::Head };
    let request = Request { codec, encoding, prefix: [0; PREFIX], prefix_len: 0, plain: None, left: 0 };
    Ok(Exchange { request: Box::new(request), response: Box::new(response) })
}

/// Writes what all Connect requests have: the version, and what is left of the client's deadline.
pub(super) fn put_connect_fields(remaining: Option<Duration>, headers: &mut HeaderMap) {
    /// The specification's ten digits.
    const MOST: u128 = 9_999_999_999;
    headers.remove(TIMEOUT);
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static("1"));
    if let Some(remaining) = remaining {
        // Ten digits fit.
        headers.insert(TIMEOUT, HeaderValue::from(remaining.as_millis().min(MOST) as u64));
    }
}

/// The prefix is taken off, and the rest passes as it comes.
///
/// Whether the message is compressed shows only in its prefix, but the head that says so is sent before: it says so if
/// the client has announced an encoding, and a message that is not compressed then is.
struct Request {
    codec: Codec,
    encoding: Option<Encoding>,
    prefix: [u8; PREFIX],
    prefix_len: u8,
    /// The message, as long as it is gathered to be compressed.
    plain: Option<BytesMut>,
    /// Bytes of the message to come.
    left: u32,
}

impl RequestEncoder for Request {
    fn head(&self, call: &Call, remaining: Option<Duration>, headers: &mut HeaderMap) {
        put_connect_fields(remaining, headers);
        headers.insert(header::CONTENT_TYPE, self.codec.content_type(TYPE));
        if let Some(encoding) = self.encoding {
            headers.insert(header::CONTENT_ENCODING, encoding.header_value());
        }
        // Without the field, the encoding of the request would do for the response.
        let accept = call.accept_encoding.clone().unwrap_or(HeaderValue::from_static("identity"));
        headers.insert(header::ACCEPT_ENCODING, accept);
    }

    fn data(&mut self, mut frames: Bytes, out: &mut Frames) -> Result<(), Status> {
        while usize::from(self.prefix_len) < PREFIX && !frames.is_empty() {
            if let Some(slot) = self.prefix.get_mut(usize::from(self.prefix_len)) {
                *slot = frames.get_u8();
            }
            self.prefix_len += 1;
            if usize::from(self.prefix_len) == PREFIX {
                self.begin()?;
            }
        }
        if frames.len() > self.left as usize {
            return Err(not_one("the client sent more than one message to a unary method"));
        }
        self.left -= frames.len() as u32;
        match (&mut self.plain, self.encoding) {
            (Some(plain), Some(encoding)) => {
                plain.extend_from_slice(&frames);
                if self.left == 0 {
                    // An empty body is never compressed.
                    let plain = std::mem::take(plain);
                    if !plain.is_empty() {
                        out.push(encoding.compress(&plain));
                    }
                    self.plain = None;
                }
            }
            _ => out.push(frames),
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut Frames) -> Result<(), Status> {
        if usize::from(self.prefix_len) < PREFIX {
            return Err(not_one("the client sent no message to a unary method"));
        }
        Ok(())
    }
}

impl Request {
    /// The prefix is there.
    fn begin(&mut self) -> Result<(), Status> {
        let [flag, a, b, c, d] = self.prefix;
        self.left = u32::from_be_bytes([a, b, c, d]);
        match (flag, self.encoding) {
            (0, None) => {}
            (0, Some(_)) => self.plain = Some(BytesMut::new()),
            (_, Some(_)) => {}
            (_, None) => {
                return Err(Status::internal("a message is compressed, and the request does not say how")
                    .with_flag(Flag::ClientProtocolError));
            }
        }
        Ok(())
    }
}

fn not_one(what: &'static str) -> Status {
    Status::unimplemented(what).with_flag(Flag::ClientProtocolError)
}

struct Response {
    codec: Codec,
    /// Bytes of a message.
    limit: u32,
    state: State,
}

/// What is read of the response.
enum State {
    /// Nothing yet.
    Head,
    /// The message.
    Message { body: BytesMut, compressed: bool, trailers: HeaderMap },
    /// The JSON of an error; `None` once it is too large to be one.
    Error {
        body: Option<BytesMut>,
        encoding: Option<Encoding>,
        code: Code,
        status: Status,
        trailers: HeaderMap,
    },
}

impl ResponseDecoder for Response {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, out: &mut Inbox) -> Result<(), Status> {
        let content_type = headers.remove(header::CONTENT_TYPE);
        let content_type = content_type.as_ref().map(|value| value.as_bytes()).unwrap_or_default();
        let encoding = compressing(headers.remove(header::CONTENT_ENCODING));
        let accept_encoding = headers.remove(header::ACCEPT_ENCODING);
        let is_message = status == StatusCode::OK;
        let is_error = Codec("json".into()).is_in(content_type, TYPE);
        if !is_message && !is_error {
            return Err(http_error(status));
        }
        if is_message && !self.codec.is_in(content_type, TYPE) {
            return Err(Status::new(
                if strip_type(content_type, TYPE).is_some() { Code::Internal } else { Code::Unknown },
                "the upstream's response is not a Connect message in the call's codec",
            )
            .with_flag(Flag::UpstreamProtocolError));
        }
        let trailers = take_trailers(&mut headers)?;
        keep_metadata(&mut headers);
        self.state = if is_message {
            State::Message { body: BytesMut::new(), compressed: encoding.is_some(), trailers }
        } else {
            State::Error {
                body: Some(BytesMut::new()),
                encoding: encoding.as_ref().and_then(|name| Encoding::named(name.as_bytes())),
                code: Code::from_http(status),
                status: http_error(status),
                trailers,
            }
        };
        out.head = Some(ResponseHead {
            metadata: headers,
            content_type: Some(self.codec.content_type("application/grpc+")),
            encoding: encoding.filter(|_| is_message),
            accept_encoding,
        });
        Ok(())
    }

    fn data(&mut self, bytes: Bytes, _out: &mut Inbox) -> Result<(), Status> {
        match &mut self.state {
            State::Head => {}
            State::Message { body, .. } => {
                if bytes.len() > (self.limit as usize).saturating_sub(body.len()) {
                    return Err(Status::resource_exhausted(format!(
                        "a message is larger than the limit of {} bytes",
                        self.limit
                    )));
                }
                body.extend_from_slice(&bytes);
            }
            State::Error { body, .. } => {
                if let Some(body) = body.take_if(|body| bytes.len() > MAX_END.saturating_sub(body.len())) {
                    drop(body);
                } else if let Some(body) = body {
                    body.extend_from_slice(&bytes);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Inbox) -> Result<End, Status> {
        match std::mem::replace(&mut self.state, State::Head) {
            State::Head => Err(broken("the upstream's response has no head")),
            State::Message { body, compressed, trailers } => {
                // An empty body is a message, and never a compressed one.
                let compressed = compressed && !body.is_empty();
                let message = Message { compressed, payload: body.freeze() };
                out.frames.push(Bytes::copy_from_slice(&message.prefix()));
                out.frames.push(message.payload);
                Ok(End { status: Status::OK, trailers })
            }
            State::Error { body, encoding, code, status, trailers } => {
                let json = body.map(BytesMut::freeze).and_then(|body| match encoding {
                    Some(encoding) => encoding.decompress(&body, MAX_END as u32).ok(),
                    None => Some(body),
                });
                let status = match json.and_then(|json| serde_json::from_slice(&json).ok()) {
                    Some(Value::Object(error)) => read_error(&error, code),
                    // An error page of something between, whatever its content type says.
                    _ => status,
                };
                Ok(End { status, trailers })
            }
        }
    }
}

/// Takes the fields out of a head that stand for trailers.
fn take_trailers(headers: &mut HeaderMap) -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(TRAILER)).cloned().collect();
    for name in names {
        let plain = name.as_str().strip_prefix(TRAILER).and_then(|plain| HeaderName::try_from(plain).ok());
        if let (http::header::Entry::Occupied(values), Some(plain)) = (headers.entry(name), plain) {
            for value in values.remove_entry_mult().1 {
                trailers
                    .try_append(&plain, value)
                    .map_err(|_| broken("the upstream sent too many trailers"))?;
            }
        }
    }
    keep_metadata(&mut trailers);
    Ok(trailers)
}
