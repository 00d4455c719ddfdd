//! One call on an HTTP/2 stream: the messages that come in, and the replies and the status that go out.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response, header};
use sluicegate_core::message::{Deframer, Message, Side};
use sluicegate_core::metadata::{self, name};
use sluicegate_core::status::{Code, Status};

/// Largest message that the service reads, in bytes: gRPC's usual limit.
pub(super) const MESSAGE_LIMIT: u32 = 4 << 20;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// The messages of the client.
pub(super) struct Requests {
    body: RecvStream,
    deframer: Deframer,
}

impl Requests {
    pub(super) fn new(body: RecvStream) -> Requests {
        Requests { body, deframer: Deframer::new(Side::Client, MESSAGE_LIMIT) }
    }

    /// The next message; `None` at the end of them.
    pub(super) async fn next<M: prost::Message + Default>(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(message) = self.deframer.next_message()? {
                return decode(message).map(Some);
            }
            // Credit is given back only here, when a message was asked for and none is whole: a client cannot send
            // more than one message and one window ahead of the method.
            let Some(bytes) = self.body.data().await else {
                self.deframer.end()?;
                return Ok(None);
            };
            let bytes = bytes.map_err(|_| client_gone())?;
            self.body.flow_control().release_capacity(bytes.len()).map_err(|_| client_gone())?;
            self.deframer.push(&bytes);
        }
    }

    /// The one message of a method that takes exactly one.
    pub(super) async fn only<M: prost::Message + Default>(&mut self) -> Result<M, Status> {
        // The code for a wrong number of messages is from gRPC's statuscodes.md.
        let wrong_number = || Status::unimplemented("this method takes exactly one message");
        let message = self.next().await?.ok_or_else(wrong_number)?;
        match self.next::<M>().await? {
            None => Ok(message),
            Some(_) => Err(wrong_number()),
        }
    }
}

fn decode<M: prost::Message + Default>(message: Message) -> Result<M, Status> {
    if message.compressed {
        return Err(Status::unimplemented("this service does not decompress messages")
            .with_metadata(name::GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    M::decode(message.payload).map_err(|_| Status::internal("a message is not what demo.proto says"))
}

fn client_gone() -> Status {
    Status::cancelled("the client went away")
}

/// The service's side of the call.
pub(super) struct Replies {
    respond: SendResponse<Bytes>,
    /// The body, once the head was sent.
    body: Option<SendStream<Bytes>>,
    /// Whether a message was begun and not finished, after which only a reset tells the truth.
    mid_message: bool,
}

impl Replies {
    pub(super) fn new(respond: SendResponse<Bytes>) -> Replies {
        Replies { respond, body: None, mid_message: false }
    }

    /// Sends the head, so that a client who waits for it before it goes on can go on.
    pub(super) fn begin(&mut self) -> Result<&mut SendStream<Bytes>, Status> {
        let body = match self.body.take() {
            Some(body) => body,
            None => self.respond.send_response(head(HeaderMap::new()), false).map_err(|_| client_gone())?,
        };
        Ok(self.body.insert(body))
    }

    /// Sends one message, no faster than the client reads.
    pub(super) async fn send(&mut self, reply: &impl prost::Message) -> Result<(), Status> {
        let message = Message { compressed: false, payload: reply.encode_to_vec().into() };
        let mut frame = message.to_frame();
        self.begin()?;
        let Some(body) = &mut self.body else { return Err(client_gone()) };
        while !frame.is_empty() {
            body.reserve_capacity(frame.len());
            let capacity = match poll_fn(|waker| body.poll_capacity(waker)).await {
                Some(Ok(capacity)) => capacity,
                Some(Err(_)) | None => return Err(client_gone()),
            };
            let part = frame.split_to(capacity.min(frame.len()));
            self.mid_message = !frame.is_empty();
            body.send_data(part, false).map_err(|_| client_gone())?;
        }
        Ok(())
    }

    /// Waits while nothing is sent, and notices when the client takes the call back meanwhile.
    pub(super) async fn pause(&mut self, duration: Duration) -> Result<(), Status> {
        let body = self.begin()?;
        match tokio::time::timeout(duration, poll_fn(|waker| body.poll_reset(waker))).await {
            Err(_elapsed) => Ok(()),
            Ok(_reset) => Err(client_gone()),
        }
    }

    /// Ends the call. A client that has gone is not an error: there is nobody left to tell.
    pub(super) fn end(mut self, status: Status) {
        let mut trailers = status.metadata.map(|metadata| *metadata).unwrap_or_default();
        trailers.insert(name::GRPC_STATUS, HeaderValue::from_static(status.code.as_str()));
        if !status.message.is_empty() {
            trailers.insert(name::GRPC_MESSAGE, metadata::encode_message(&status.message));
        }
        match self.body {
            Some(mut body) if self.mid_message => body.send_reset(match status.code {
                Code::Ok | Code::Cancelled | Code::DeadlineExceeded => Reason::CANCEL,
                _ => Reason::INTERNAL_ERROR,
            }),
            Some(mut body) => drop(body.send_trailers(trailers)),
            None => drop(self.respond.send_response(head(trailers), true)),
        }
    }
}

/// The head of every response. A call that ends before any message is told in its head alone ("Trailers-Only").
fn head(metadata: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.headers_mut() = metadata;
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    response
}
