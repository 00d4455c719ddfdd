//! The response's direction: from the upstream stream through the client's protocol to its wire.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use sluicegate_core::call::{End, ResponseHead};
use sluicegate_core::message::{Borders, Deframer, Side};
use sluicegate_core::metadata::{name, strip_hop_by_hop};
use sluicegate_core::protocol::{Encoder, Ending, Outbox, take_status};
use sluicegate_core::status::{Code, Flag, Status};
use sluicegate_core::upstream_protocol::{Inbox, ResponseDecoder};
use sluicegate_core::wire::{Gone, Transmit};

use super::Ledger;
use super::ledger::Routed;
use super::open::{UpstreamFailure, UpstreamStream};
use super::timer::Timer;

/// Bytes of a response up to which pieces are gathered: one HTTP/2 frame of the usual size.
const MERGE: usize = 16 << 10;

/// What happened in the response's direction that ends the call.
pub(super) enum Event {
    /// The upstream has sent its whole response; the outbox holds what is left of it.
    Ended,
    /// The upstream failed.
    Failed(UpstreamFailure),
    /// The response cannot be passed on.
    Refused(Status),
    /// The client is gone.
    Gone(Gone),
}

/// The state of the response's direction. It holds little more than [`MERGE`] bytes, or one chunk of the upstream's.
pub(super) struct Download {
    pub(super) outbox: Outbox,
    /// Bytes of the upstream's stream that the outbox stands for.
    owed: usize,
    borders: Borders,
    deframer: Option<Box<Deframer>>,
    /// What makes gRPC frames of the upstream's protocol, unless it speaks gRPC.
    pub(super) decoder: Option<Box<dyn ResponseDecoder>>,
    /// Whether the encoder was given a head.
    pub(super) begun: bool,
    /// Whether the client has been given a part of a message.
    pub(super) mid_message: bool,
    /// What waits for the end of that message.
    aside: Bytes,
}

impl Download {
    pub(super) fn new(limit: u32, deframe: bool) -> Download {
        Download {
            outbox: Outbox::default(),
            owed: 0,
            borders: Borders::new(Side::Upstream, limit),
            deframer: deframe.then(|| Box::new(Deframer::new(Side::Upstream, limit))),
            decoder: None,
            begun: false,
            mid_message: false,
            aside: Bytes::new(),
        }
    }

    /// Moves what can be moved, until something ends the call.
    pub(super) fn poll<T: Transmit>(
        &mut self,
        cx: &mut Context<'_>,
        transmit: &mut T,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
        upstream: &mut UpstreamStream,
        timer: &mut Timer,
    ) -> Poll<Event> {
        loop {
            // What waits goes first: a client that does not read stops the reading here.
            self.outbox.data.merge(MERGE);
            let before = ledger.bytes_sent;
            let flushed = flush(&mut self.outbox, cx, transmit, &mut ledger.bytes_sent);
            // A part of a large chunk is progress too.
            if ledger.bytes_sent != before {
                timer.moved();
            }
            if let Err(gone) = std::task::ready!(flushed) {
                return Poll::Ready(Event::Gone(gone));
            }
            if self.owed > 0
                && let Some(body) = &mut upstream.body
            {
                // An error means that the stream is over; there is nothing left to give credit for.
                let _ = body.flow_control().release_capacity(std::mem::take(&mut self.owed));
            }
            if self.aside.is_empty()
                && let Poll::Ready(aside) = transmit.poll_aside(cx)
            {
                self.aside = aside;
                if !self.mid_message {
                    self.outbox.data(std::mem::take(&mut self.aside));
                    continue;
                }
            }
            // Short pieces that are there already go out as one; nothing waits for more to come.
            loop {
                match self.read(cx, encoder, ledger, upstream) {
                    Poll::Ready(None) => timer.moved(),
                    Poll::Ready(Some(event)) => return Poll::Ready(event),
                    Poll::Pending if self.outbox.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
                if self.owed >= MERGE {
                    break;
                }
            }
        }
    }

    /// Reads one piece of the response into the outbox.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
        upstream: &mut UpstreamStream,
    ) -> Poll<Option<Event>> {
        let step = match upstream.body.as_mut() {
            None => match std::task::ready!(std::pin::Pin::new(&mut upstream.response).poll(cx)) {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let ended = body.is_end_stream();
                    upstream.body = Some(body);
                    match &self.decoder {
                        None => self.head(head, ended, encoder, ledger),
                        Some(_) => self.decode(encoder, ledger, |decoder, inbox| {
                            let mut headers = head.headers;
                            strip_hop_by_hop(&mut headers);
                            decoder.head(head.status, headers, inbox)?;
                            if ended { decoder.end(inbox).map(Some) } else { Ok(None) }
                        }),
                    }
                }
                Err(error) => return Poll::Ready(Some(Event::Failed(UpstreamFailure::new(&error)))),
            },
            Some(body) => match std::task::ready!(body.poll_data(cx)) {
                Some(Ok(chunk)) => {
                    self.owed += chunk.len();
                    match &self.decoder {
                        None => self.data(chunk, encoder, ledger),
                        Some(_) => self.decode(encoder, ledger, |decoder, inbox| {
                            decoder.data(chunk, inbox).map(|()| None)
                        }),
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Event::Failed(UpstreamFailure::new(&error)))),
                None => match std::task::ready!(body.poll_trailers(cx)) {
                    Ok(trailers) => match &self.decoder {
                        None => self.end(trailers.unwrap_or_default(), encoder, ledger),
                        // HTTP's trailers say nothing in these protocols.
                        Some(_) => {
                            self.decode(encoder, ledger, |decoder, inbox| decoder.end(inbox).map(Some))
                        }
                    },
                    Err(error) => return Poll::Ready(Some(Event::Failed(UpstreamFailure::new(&error)))),
                },
            },
        };
        Poll::Ready(match step {
            Ok(true) => Some(Event::Ended),
            Ok(false) => None,
            Err(status) => Some(Event::Refused(status)),
        })
    }

    /// Takes what the decoder makes of a piece of the response. True when that ended it.
    fn decode(
        &mut self,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
        read: impl FnOnce(&mut dyn ResponseDecoder, &mut Inbox) -> Result<Option<End>, Status>,
    ) -> Result<bool, Status> {
        let Some(decoder) = &mut self.decoder else { return Ok(false) };
        let mut inbox = Inbox::default();
        let end = read(&mut **decoder, &mut inbox)?;
        if let Some(head) = inbox.head {
            self.begin(head, encoder, ledger)?;
        }
        while let Some(frames) = inbox.frames.pop() {
            self.data(frames, encoder, ledger)?;
        }
        match end {
            None => Ok(false),
            Some(end) if self.begun => self.finish(end, encoder, ledger),
            Some(end) => {
                self.trailers_only(end, encoder, ledger)?;
                Ok(true)
            }
        }
    }

    /// Takes the head of the upstream's response. True when it is the whole response.
    fn head(
        &mut self,
        head: http::response::Parts,
        ended: bool,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<bool, Status> {
        let mut headers = head.headers;
        strip_hop_by_hop(&mut headers);
        let content_type = headers.remove(header::CONTENT_TYPE);
        let status = take_status(&mut headers);
        // A status in a head that a body follows is no status (PROTOCOL-HTTP2.md, "Responses"), and no gRPC server
        // reports success with an HTTP error.
        let is_answer = |status: &Status| ended && (head.status == StatusCode::OK || status.code != Code::Ok);
        if let Some(status) = status.filter(is_answer) {
            self.trailers_only(End { status, trailers: headers }, encoder, ledger)?;
            return Ok(true);
        }
        check_head(head.status, content_type.as_ref().map(|value| value.as_bytes()), ended)?;
        let head = ResponseHead {
            content_type,
            encoding: headers.remove(name::GRPC_ENCODING),
            accept_encoding: headers.remove(name::GRPC_ACCEPT_ENCODING),
            metadata: headers,
        };
        self.begin(head, encoder, ledger)?;
        Ok(false)
    }

    /// Shows a head to the filters and puts it into the outbox.
    fn begin(
        &mut self,
        mut head: ResponseHead,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<(), Status> {
        show_head(&mut head, ledger)?;
        encoder.head(head, &mut self.outbox);
        self.begun = true;
        Ok(())
    }

    /// Puts a response without a head or a message into the outbox.
    pub(super) fn trailers_only(
        &mut self,
        mut end: End,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<(), Status> {
        let mut head = ResponseHead::default();
        show_head(&mut head, ledger)?;
        ledger.end(&mut end, None);
        encoder.trailers_only(head.metadata, end, &mut self.outbox);
        Ok(())
    }

    fn data(
        &mut self,
        mut chunk: Bytes,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<bool, Status> {
        // Chunks may never end where a message does, so the one that has the border is cut there.
        while self.mid_message && !self.aside.is_empty() && !chunk.is_empty() {
            let part = chunk.split_to(self.borders.rest().min(chunk.len()));
            self.pass(part, encoder, ledger)?;
            if !self.mid_message {
                self.outbox.data(std::mem::take(&mut self.aside));
            }
        }
        self.pass(chunk, encoder, ledger)?;
        Ok(false)
    }

    fn pass(&mut self, chunk: Bytes, encoder: &mut dyn Encoder, ledger: &mut Ledger) -> Result<(), Status> {
        self.borders.pass(&chunk)?;
        ledger.response_messages = self.borders.messages();
        let Some(deframer) = &mut self.deframer else {
            self.mid_message = self.borders.mid_message();
            return encoder.data(chunk, &mut self.outbox);
        };
        deframer.push(&chunk);
        while let Some(mut message) = deframer.next_message()? {
            if let Some(Routed { route, passage: Some(passage), .. }) = &mut ledger.route {
                route.chain.response_message(&mut message, &mut ledger.call, passage)?;
            }
            encoder.data(message.to_frame(), &mut self.outbox)?;
        }
        Ok(())
    }

    fn end(
        &mut self,
        mut trailers: HeaderMap,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<bool, Status> {
        strip_hop_by_hop(&mut trailers);
        let Some(status) = take_status(&mut trailers) else {
            return Err(no_status());
        };
        self.finish(End { status, trailers }, encoder, ledger)
    }

    /// Puts the end behind what was passed on. It is always the whole response.
    fn finish(
        &mut self,
        mut end: End,
        encoder: &mut dyn Encoder,
        ledger: &mut Ledger,
    ) -> Result<bool, Status> {
        if end.status.code == Code::Ok {
            self.borders.end()?;
        }
        if self.mid_message {
            // The client cannot be told in order: the end of the message it waits for will never come.
            return Err(end.status);
        }
        ledger.end(&mut end, None);
        encoder.end(end, &mut self.outbox);
        Ok(true)
    }
}

/// Moves the outbox to the client's wire. `Ready` when it is empty.
pub(super) fn flush<T: Transmit>(
    outbox: &mut Outbox,
    cx: &mut Context<'_>,
    transmit: &mut T,
    sent: &mut u64,
) -> Poll<Result<(), Gone>> {
    if let Some(head) = outbox.head.take() {
        let whole = outbox.data.is_empty() && matches!(outbox.ending, Some(Ending::Clean));
        transmit.send_head(*head, whole)?;
        if whole {
            outbox.ending = None;
        }
    }
    while let Some(front) = outbox.data.front_mut() {
        let credit = std::task::ready!(transmit.poll_credit(cx, front.len()))?;
        let part = if credit < front.len() { Some(front.split_to(credit)) } else { outbox.data.pop() };
        let Some(part) = part.filter(|part| !part.is_empty()) else { continue };
        *sent += part.len() as u64;
        let last = outbox.data.is_empty() && matches!(outbox.ending, Some(Ending::Clean));
        transmit.send_data(part, last)?;
        if last {
            outbox.ending = None;
        }
    }
    match outbox.ending.take() {
        None => {}
        Some(Ending::Clean) => transmit.send_data(Bytes::new(), true)?,
        Some(Ending::Trailers(trailers)) => transmit.send_trailers(trailers)?,
        Some(Ending::Reset(reset)) => transmit.reset(reset),
    }
    Poll::Ready(Ok(()))
}

fn show_head(head: &mut ResponseHead, ledger: &mut Ledger) -> Result<(), Status> {
    match &mut ledger.route {
        Some(Routed { route, passage: Some(passage), .. }) => {
            route.chain.response(head, &mut ledger.call, passage)
        }
        _ => Ok(()),
    }
}

/// Checks that this is the head of a gRPC response.
fn check_head(status: StatusCode, content_type: Option<&[u8]>, ended: bool) -> Result<(), Status> {
    if status != StatusCode::OK {
        return Err(Status::new(
            Code::from_http(status),
            format!("the upstream answered HTTP {}", status.as_u16()),
        )
        .with_flag(Flag::UpstreamProtocolError));
    }
    if !content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
        return Err(Status::new(Code::Unknown, "the upstream's response is not gRPC")
            .with_flag(Flag::UpstreamProtocolError));
    }
    if ended { Err(no_status()) } else { Ok(()) }
}

fn no_status() -> Status {
    Status::new(Code::Unknown, "the upstream's response has no grpc-status")
        .with_flag(Flag::UpstreamProtocolError)
}
