//! Responses of one message. Nothing is sent before the end, which decides on the HTTP status.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::response::{Messages, Part, content_type, has_no_body, head, put_trailers, strip_body_headers};
use super::{Abort, Encoder, Ending, Outbox, error};
use crate::call::{End, ResponseHead};
use crate::status::{Code, Flag, Status};

/// Writes one response.
pub(super) struct Unary {
    messages: Messages,
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Part>,
}

impl Unary {
    pub(super) fn new(messages: Messages) -> Unary {
        Unary { messages, status: StatusCode::OK, headers: HeaderMap::new(), body: None }
    }

    fn finish(&mut self, out: &mut Outbox) {
        let mut headers = std::mem::take(&mut self.headers);
        let Some(body) = self.body.take() else {
            let status = Status::unimplemented("the upstream ended a unary call without a message");
            let status = status.with_flag(Flag::UpstreamProtocolError);
            return error::write(&status, self.messages.pool(), headers, out);
        };
        let (content_type, body) = match body {
            Part::Json(json) => (HeaderValue::from_static("application/json"), json),
            Part::Raw(body) => (content_type(&body), body.data),
        };
        if has_no_body(self.status) {
            out.head(self.status, headers);
        } else {
            headers.insert(header::CONTENT_TYPE, content_type);
            headers.insert(header::CONTENT_LENGTH, body.len().into());
            out.head(self.status, headers);
            out.data(body);
        }
        out.end(Ending::Clean);
    }
}

impl Encoder for Unary {
    fn limit(&mut self, max_message: u32) {
        self.messages.limit(max_message);
    }

    fn head(&mut self, response: ResponseHead, _out: &mut Outbox) {
        self.messages.compressed_with(response.encoding.as_ref());
        (self.status, self.headers) = head(response);
    }

    fn data(&mut self, frames: Bytes, _out: &mut Outbox) -> Result<(), Status> {
        self.messages.push(&frames);
        while let Some(part) = self.messages.next()? {
            if self.body.replace(part).is_some() {
                return Err(Status::unimplemented(
                    "the upstream answered a unary call with several messages",
                )
                .with_flag(Flag::UpstreamProtocolError));
            }
        }
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        put_trailers(end.trailers, &mut self.headers);
        if end.status.code == Code::Ok {
            self.finish(out);
        } else {
            error::write(&end.status, self.messages.pool(), std::mem::take(&mut self.headers), out);
        }
    }

    // There is one block of metadata only, so it is the headers.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        self.headers = head;
        super::append_all(&mut self.headers, end.trailers);
        strip_body_headers(&mut self.headers);
        self.end(End { status: end.status, trailers: HeaderMap::new() }, out);
    }

    // Nothing was sent yet, so a whole error can be.
    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        self.end(abort.end, out);
    }
}
