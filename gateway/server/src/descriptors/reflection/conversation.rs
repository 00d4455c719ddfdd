//! One call of `ServerReflectionInfo`: questions and, in their order, answers.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use prost::Message as _;
use sluicegate_core::deadline::format_timeout;
use sluicegate_core::message::{Deframer, Message, Side};
use sluicegate_core::metadata::name;
use sluicegate_core::status::Code;

use super::message::{Answer, Question, ServerReflectionRequest, ServerReflectionResponse};
use super::{MOST_BYTES, TIME_LIMIT, Trouble};
use crate::upstream::pool::Pool;
use crate::upstream::{Endpoint, Lease};

/// An open call.
pub(super) struct Conversation {
    questions: SendStream<Bytes>,
    answers: Answers,
    deframer: Deframer,
    /// Bytes that may still come.
    left: usize,
    _lease: Lease,
}

enum Answers {
    /// The response has not begun.
    Awaited(ResponseFuture),
    Coming(RecvStream),
}

impl Conversation {
    /// Opens a call of `grpc.reflection.VERSION`.
    pub(super) async fn open(
        endpoint: &Endpoint,
        pool: &Arc<Pool>,
        version: &str,
    ) -> Result<Conversation, Trouble> {
        let (mut sender, lease) = pool.acquire().await.map_err(|error| Trouble::failed(&*error.0))?;
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let uri = Uri::builder()
            .scheme(endpoint.scheme.clone())
            .authority(endpoint.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(Trouble::failed)?;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(name::GRPC_TIMEOUT, format_timeout(TIME_LIMIT));
        let (response, questions) = sender.send_request(request, false).map_err(Trouble::failed)?;
        Ok(Conversation {
            questions,
            answers: Answers::Awaited(response),
            deframer: Deframer::new(Side::Upstream, u32::try_from(MOST_BYTES).unwrap_or(u32::MAX)),
            left: MOST_BYTES,
            _lease: lease,
        })
    }

    /// Asks something. It waits for nothing: what the connection does not take yet is kept, and all questions together
    /// are no larger than the answers that they were made from.
    pub(super) fn ask(&mut self, question: Question) -> Result<(), Trouble> {
        let payload = ServerReflectionRequest { question: Some(question) }.encode_to_vec().into();
        let frame = Message { compressed: false, payload }.to_frame();
        self.questions.send_data(frame, false).map_err(Trouble::failed)
    }

    /// The answer to the first question that has none yet.
    pub(super) async fn answer(&mut self) -> Result<Answer, Trouble> {
        loop {
            if let Some(message) =
                self.deframer.next_message().map_err(|status| Trouble::failed(status.message))?
            {
                if message.compressed {
                    return Err(Trouble::failed("an answer is compressed, unasked"));
                }
                let response = ServerReflectionResponse::decode(message.payload).map_err(Trouble::failed)?;
                return response.answer.ok_or_else(|| Trouble::failed("an answer says nothing"));
            }
            let bytes = self.more().await?;
            self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| {
                Trouble::failed(format!("the answers have more than {} MiB", MOST_BYTES >> 20))
            })?;
            self.deframer.push(&bytes);
        }
    }

    /// The next bytes. The end of the call is an error: it lasts as long as there are questions.
    async fn more(&mut self) -> Result<Bytes, Trouble> {
        let body = match &mut self.answers {
            Answers::Coming(body) => body,
            Answers::Awaited(response) => {
                let (head, body) = response.await.map_err(Trouble::failed)?.into_parts();
                match head.status {
                    StatusCode::OK => {}
                    StatusCode::NOT_FOUND => return Err(Trouble::Unimplemented),
                    other => {
                        return Err(Trouble::failed(format!("the server answers with HTTP status {other}")));
                    }
                }
                ended(&head.headers)?;
                self.answers = Answers::Coming(body);
                let Answers::Coming(body) = &mut self.answers else {
                    return Err(Trouble::failed("there is no body"));
                };
                body
            }
        };
        match body.data().await {
            Some(bytes) => {
                let bytes = bytes.map_err(Trouble::failed)?;
                body.flow_control().release_capacity(bytes.len()).map_err(Trouble::failed)?;
                Ok(bytes)
            }
            None => {
                let trailers = body.trailers().await.map_err(Trouble::failed)?;
                ended(&trailers.unwrap_or_default())?;
                Err(Trouble::failed("the server ended the call without an answer"))
            }
        }
    }
}

/// Whether a call ended with these fields, and how.
fn ended(fields: &HeaderMap) -> Result<(), Trouble> {
    let Some(status) = fields.get(name::GRPC_STATUS) else { return Ok(()) };
    match Code::from_header(status.as_bytes()) {
        Code::Unimplemented => Err(Trouble::Unimplemented),
        code => Err(Trouble::failed(format!("the server ended the call with {}", code.name()))),
    }
}
