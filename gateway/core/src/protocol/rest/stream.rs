//! Responses of many messages, in the form that the client accepts.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use super::response::{Messages, Part, content_type, has_no_body, head, put_trailers, strip_body_headers};
use super::{Abort, Encoder, Ending, Outbox, error};
use crate::accept;
use crate::call::{End, ResponseHead};
use crate::status::{Code, Status};
use crate::wire::Reset;

/// How messages stand in the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The elements of one array.
    Array,
    /// One on each line.
    Lines,
    /// JSON text sequences (RFC 7464): one on each line, and a record separator before it.
    Sequence,
    /// Events of the HTML standard's `text/event-stream`.
    Events,
}

impl Format {
    /// The best of the types in `accept` that there is; an array when there is none.
    pub(super) fn accepted(headers: &HeaderMap) -> Format {
        let types = accept::by_weight(headers.get_all(header::ACCEPT));
        let mut formats = types.into_iter().filter_map(|name| match &*name.to_ascii_lowercase() {
            b"text/event-stream" => Some(Format::Events),
            b"application/json-seq" => Some(Format::Sequence),
            name if super::is_lines(name) => Some(Format::Lines),
            b"application/json" | b"application/*" | b"*/*" => Some(Format::Array),
            _ => None,
        });
        formats.next().unwrap_or(Format::Array)
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::Array => "application/json",
            Format::Lines => "application/x-ndjson",
            Format::Sequence => "application/json-seq",
            Format::Events => "text/event-stream",
        })
    }
}

/// Writes one response.
pub(super) struct Stream {
    messages: Messages,
    format: Format,
    /// Whether the client reads HTTP trailers.
    takes_trailers: bool,
    progress: Progress,
}

/// How far a response is.
enum Progress {
    /// Nothing was sent. The head, if there is one, waits for the first message.
    Held(StatusCode, HeaderMap),
    /// The head was sent.
    Open,
    /// A message was sent.
    Flowing,
}

impl Stream {
    pub(super) fn new(messages: Messages, format: Format, takes_trailers: bool) -> Stream {
        let progress = Progress::Held(StatusCode::OK, HeaderMap::new());
        Stream { messages, format, takes_trailers, progress }
    }

    /// Sends the head, if it still waits.
    fn open(&mut self, content_type: HeaderValue, out: &mut Outbox) {
        if let Progress::Held(status, headers) = &mut self.progress {
            let (status, mut headers) = (*status, std::mem::take(headers));
            if !self.messages.are_raw() {
                headers.append(header::VARY, HeaderValue::from_static("accept"));
            }
            headers.insert(header::CONTENT_TYPE, content_type);
            if self.format == Format::Events {
                headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
            }
            out.head(status, headers);
            self.progress = Progress::Open;
        }
    }

    fn write(&mut self, part: Part, out: &mut Outbox) {
        match part {
            Part::Raw(body) => {
                self.open(content_type(&body), out);
                out.data(body.data);
            }
            Part::Json(json) => {
                self.open(self.format.content_type(), out);
                let (before, after): (&[u8], &[u8]) = match (self.format, &self.progress) {
                    (Format::Array, Progress::Flowing) => (b",\n", b""),
                    (Format::Array, _) => (b"[", b""),
                    (Format::Lines, _) => (b"", b"\n"),
                    (Format::Sequence, _) => (b"\x1e", b"\n"),
                    (Format::Events, _) => (b"data: ", b"\n\n"),
                };
                let mut bytes = BytesMut::with_capacity(before.len() + json.len() + after.len());
                bytes.put_slice(before);
                bytes.put_slice(&json);
                bytes.put_slice(after);
                out.data(bytes.freeze());
            }
        }
        self.progress = Progress::Flowing;
    }

    fn close(&mut self, end: End, out: &mut Outbox) {
        if !self.messages.are_raw() {
            match self.format {
                Format::Array => out.data(match self.progress {
                    Progress::Flowing => Bytes::from_static(b"]"),
                    _ => Bytes::from_static(b"[]"),
                }),
                Format::Lines | Format::Sequence => {}
                Format::Events => out.data(event("end", &trailers_json(&end.trailers).to_string())),
            }
        }
        self.finish(end.trailers, out);
    }

    /// Tells of an error behind the head.
    fn fail(&mut self, end: End, out: &mut Outbox) {
        let status = || error::to_json(&end.status, self.messages.pool());
        match self.format {
            // Neither an array nor bytes have a place for it: the response must not look whole.
            _ if self.messages.are_raw() => return out.end(Ending::Reset(Reset::from_code(end.status.code))),
            Format::Array => return out.end(Ending::Reset(Reset::from_code(end.status.code))),
            Format::Lines => out.data(format!("{{\"error\":{}}}\n", status()).into()),
            Format::Sequence => out.data(format!("\x1e{{\"error\":{}}}\n", status()).into()),
            Format::Events => {
                out.data(event("error", &status()));
                out.data(event("end", &trailers_json(&end.trailers).to_string()));
            }
        }
        self.finish(end.trailers, out);
    }

    fn finish(&self, trailers: HeaderMap, out: &mut Outbox) {
        if self.takes_trailers && !trailers.is_empty() {
            out.end(Ending::Trailers(trailers));
        } else {
            out.end(Ending::Clean);
        }
    }
}

fn event(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// Trailing metadata as an object of lists.
fn trailers_json(trailers: &HeaderMap) -> Json {
    let values = |name| {
        let values = trailers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    Json::Object(trailers.keys().map(|name| (name.to_string(), values(name).into())).collect())
}

impl Encoder for Stream {
    fn limit(&mut self, max_message: u32) {
        self.messages.limit(max_message);
    }

    fn head(&mut self, response: ResponseHead, out: &mut Outbox) {
        self.messages.compressed_with(response.encoding.as_ref());
        let (status, headers) = head(response);
        // Whether there will be a body is not known yet, so it must be possible.
        let status = if has_no_body(status) { StatusCode::OK } else { status };
        self.progress = Progress::Held(status, headers);
        // The others wait for the first message: an error before it can still be a status, and bytes say only then of
        // which type they are.
        if self.format == Format::Events && !self.messages.are_raw() {
            self.open(self.format.content_type(), out);
        }
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        self.messages.push(&frames);
        while let Some(part) = self.messages.next()? {
            self.write(part, out);
        }
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        match &mut self.progress {
            Progress::Held(_, headers) if end.status.code != Code::Ok => {
                let mut headers = std::mem::take(headers);
                put_trailers(end.trailers, &mut headers);
                error::write(&end.status, self.messages.pool(), headers, out);
            }
            _ if end.status.code != Code::Ok => self.fail(end, out),
            _ => {
                let content_type = if self.messages.are_raw() {
                    HeaderValue::from_static("application/octet-stream")
                } else {
                    self.format.content_type()
                };
                self.open(content_type, out);
                self.close(end, out);
            }
        }
    }

    // There is one block of metadata only, so it is the headers.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        let mut headers = head;
        super::append_all(&mut headers, end.trailers);
        strip_body_headers(&mut headers);
        self.progress = Progress::Held(StatusCode::OK, headers);
        self.end(End { status: end.status, trailers: HeaderMap::new() }, out);
    }

    fn keep_alive(&self) -> Option<&'static [u8]> {
        // A line that begins with a colon is a comment.
        (self.format == Format::Events && !self.messages.are_raw()).then_some(b": keep-alive\n\n")
    }

    // What was sent of the response ends with a whole message, so its own way of telling of an error fits.
    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        self.end(abort.end, out);
    }
}
