//! The request's direction: from the client's wire through its protocol to the upstream stream.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use sluicegate_core::message::{Borders, Deframer, Side};
use sluicegate_core::protocol::{Decoder, Frames};
use sluicegate_core::status::Status;
use sluicegate_core::upstream_protocol::RequestEncoder;
use sluicegate_core::wire::{Gone, Receive};
use smallvec::SmallVec;

use super::Ledger;
use super::ledger::Routed;
use super::open::UpstreamStream;
use super::timer::Timer;

/// Bytes of a request that are kept until the response begins, so that a refused call can be sent to another endpoint.
/// Keeping them copies nothing.
const REPLAY: usize = 64 << 10;

/// Why the upload cannot go on.
pub(super) enum Stopped {
    /// The client is gone.
    Gone(Gone),
    /// The client sent something that ends the call.
    Refused(Status),
}

/// The state of the request's direction. It holds one chunk of the client's at most: the next is read when the
/// upstream's window has taken it, and only then the client is given credit for more.
pub(super) struct Upload {
    /// What the client has sent and its protocol has not been given.
    rest: Bytes,
    queue: Frames,
    /// Bytes of the client's wire that the queue and the rest stand for.
    owed: usize,
    borders: Borders,
    deframer: Option<Box<Deframer>>,
    /// What makes the upstream's protocol of gRPC frames, unless it speaks gRPC. Its requests have no trailers.
    pub(super) encoder: Option<Box<dyn RequestEncoder>>,
    trailers: Option<Box<HeaderMap>>,
    /// Nothing more will come from the client.
    pub(super) ended: bool,
    /// The upstream has everything, or wants no more.
    pub(super) done: bool,
    /// Waiting for the upstream rather than for the client.
    pub(super) blocked: bool,
    replay: Option<Replay>,
}

#[derive(Default)]
struct Replay {
    chunks: SmallVec<[Bytes; 1]>,
    bytes: usize,
    trailers: Option<Box<HeaderMap>>,
}

impl Upload {
    pub(super) fn new(limit: u32, deframe: bool, replay: bool) -> Upload {
        Upload {
            rest: Bytes::new(),
            queue: Frames::default(),
            owed: 0,
            borders: Borders::new(Side::Client, limit),
            deframer: deframe.then(|| Box::new(Deframer::new(Side::Client, limit))),
            encoder: None,
            trailers: None,
            ended: false,
            done: false,
            blocked: false,
            replay: replay.then(Replay::default),
        }
    }

    /// Whether the request is known to have no body.
    pub(super) fn is_empty(&self) -> bool {
        self.ended && self.queue.is_empty() && self.trailers.is_none()
    }

    /// The response has begun: the call can no longer be sent elsewhere.
    pub(super) fn commit(&mut self) {
        self.replay = None;
    }

    /// Puts everything that was sent back in line. False when it is no longer there.
    pub(super) fn rewind(&mut self) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        let mut queue = Frames::default();
        replay.chunks.drain(..).for_each(|chunk| queue.push(chunk));
        replay.bytes = 0;
        self.trailers = replay.trailers.take().or(self.trailers.take());
        while let Some(chunk) = self.queue.pop() {
            queue.push(chunk);
        }
        self.queue = queue;
        self.done = false;
        self.blocked = false;
        true
    }

    /// Takes note, once, that nothing more will come from the client.
    pub(super) fn end(&mut self, decoder: &mut dyn Decoder, ledger: &mut Ledger) -> Result<(), Status> {
        // Until the rest is read there is more to come.
        if !self.rest.is_empty() || std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let mut frames = Frames::default();
        decoder.end(&mut frames)?;
        self.take(frames, ledger)?;
        self.close()
    }

    /// Checks that the request may end here.
    fn close(&mut self) -> Result<(), Status> {
        self.borders.end()?;
        match &mut self.encoder {
            None => Ok(()),
            Some(encoder) => encoder.end(&mut self.queue),
        }
    }

    /// Moves what can be moved. `Ready` when the upstream has it all.
    pub(super) fn poll<R: Receive>(
        &mut self,
        cx: &mut Context<'_>,
        receive: &mut R,
        decoder: &mut dyn Decoder,
        ledger: &mut Ledger,
        upstream: &mut UpstreamStream,
        timer: &mut Timer,
    ) -> Poll<Result<(), Stopped>> {
        while !self.done {
            if self.queue.is_empty() {
                if self.owed > 0 && self.rest.is_empty() {
                    receive.release(std::mem::take(&mut self.owed));
                }
                if self.ended {
                    self.finish(upstream);
                    break;
                }
                match self.read(cx, receive, decoder, ledger) {
                    Poll::Ready(Ok(())) => timer.moved(),
                    Poll::Ready(Err(stopped)) => return Poll::Ready(Err(stopped)),
                    Poll::Pending => return Poll::Pending,
                }
            } else {
                match self.send(cx, upstream) {
                    Poll::Ready(()) => timer.moved(),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads one chunk from the client, if the last one is used up, and turns a part of it into frames.
    fn read<R: Receive>(
        &mut self,
        cx: &mut Context<'_>,
        receive: &mut R,
        decoder: &mut dyn Decoder,
        ledger: &mut Ledger,
    ) -> Poll<Result<(), Stopped>> {
        if self.rest.is_empty() {
            std::task::ready!(self.receive(cx, receive, decoder, ledger))?;
        }
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        let part = self.rest.split_to(decoder.step().min(self.rest.len()));
        let is_last = self.rest.is_empty();
        let mut frames = Frames::default();
        let mut read = decoder.data(part, &mut frames);
        if read.is_ok() && is_last && receive.is_ended() && !decoder.is_ended() {
            read = decoder.end(&mut frames);
            self.ended = true;
        }
        self.ended |= is_last && decoder.is_ended();
        let read = read
            .and_then(|()| self.take(frames, ledger))
            .and_then(|()| if self.ended { self.close() } else { Ok(()) });
        Poll::Ready(read.map_err(Stopped::Refused))
    }

    /// Waits for the client's next chunk, or its end.
    fn receive<R: Receive>(
        &mut self,
        cx: &mut Context<'_>,
        receive: &mut R,
        decoder: &mut dyn Decoder,
        ledger: &mut Ledger,
    ) -> Poll<Result<(), Stopped>> {
        let chunk = match receive.poll_data(cx) {
            Poll::Ready(Ok(Some(chunk))) => chunk,
            Poll::Ready(Ok(None)) => match receive.poll_trailers(cx) {
                Poll::Ready(Ok(trailers)) => {
                    self.trailers = trailers.filter(|_| self.encoder.is_none()).map(Box::new);
                    return Poll::Ready(self.end(decoder, ledger).map_err(Stopped::Refused));
                }
                Poll::Ready(Err(gone)) => return Poll::Ready(Err(Stopped::Gone(gone))),
                Poll::Pending => return Poll::Pending,
            },
            Poll::Ready(Err(gone)) => return Poll::Ready(Err(Stopped::Gone(gone))),
            Poll::Pending => return Poll::Pending,
        };
        self.owed += chunk.len();
        ledger.bytes_received += chunk.len() as u64;
        self.rest = chunk;
        Poll::Ready(Ok(()))
    }

    /// Checks frames against the limits, shows their messages to the filters, and queues them.
    fn take(&mut self, mut frames: Frames, ledger: &mut Ledger) -> Result<(), Status> {
        while let Some(chunk) = frames.pop() {
            self.borders.pass(&chunk)?;
            let Some(deframer) = &mut self.deframer else {
                enqueue(chunk, &mut self.encoder, &mut self.queue)?;
                continue;
            };
            deframer.push(&chunk);
            while let Some(mut message) = deframer.next_message()? {
                if let Some(Routed { route, passage: Some(passage), .. }) = &mut ledger.route {
                    route.chain.request_message(&mut message, &mut ledger.call, passage)?;
                }
                enqueue(message.to_frame(), &mut self.encoder, &mut self.queue)?;
            }
        }
        ledger.request_messages = self.borders.messages();
        Ok(())
    }

    /// Sends the front of the queue as far as the upstream's windows allow.
    fn send(&mut self, cx: &mut Context<'_>, upstream: &mut UpstreamStream) -> Poll<()> {
        let Some(front) = self.queue.front_mut() else { return Poll::Ready(()) };
        upstream.send.reserve_capacity(front.len());
        let mut credit = upstream.send.capacity();
        if credit == 0 {
            credit = match upstream.send.poll_capacity(cx) {
                Poll::Ready(Some(Ok(credit))) => credit,
                // The upstream wants no more; its response says why.
                Poll::Ready(_) => {
                    self.give_up(upstream);
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    self.blocked = true;
                    upstream.lease.set_blocked(true);
                    return Poll::Pending;
                }
            };
        }
        self.blocked = false;
        upstream.lease.set_blocked(false);
        let part = if credit < front.len() { Some(front.split_to(credit)) } else { self.queue.pop() };
        let Some(part) = part.filter(|part| !part.is_empty()) else { return Poll::Ready(()) };
        self.remember(&part);
        let end = self.is_empty() && self.borders.end().is_ok();
        if upstream.send.send_data(part, end).is_err() {
            self.give_up(upstream);
        } else if end {
            self.done = true;
        }
        Poll::Ready(())
    }

    fn give_up(&mut self, upstream: &mut UpstreamStream) {
        self.done = true;
        self.blocked = false;
        upstream.lease.set_blocked(false);
    }

    fn remember(&mut self, part: &Bytes) {
        if let Some(replay) = &mut self.replay {
            replay.bytes += part.len();
            if replay.bytes > REPLAY {
                self.replay = None;
            } else {
                replay.chunks.push(part.clone());
            }
        }
    }

    fn finish(&mut self, upstream: &mut UpstreamStream) {
        self.done = true;
        let trailers = self.trailers.take();
        if let Some(replay) = &mut self.replay {
            replay.trailers.clone_from(&trailers);
        }
        // An error means that the stream is gone, which the response tells of.
        let _ = match trailers {
            Some(trailers) => upstream.send.send_trailers(*trailers),
            None => upstream.send.send_data(Bytes::new(), true),
        };
    }
}

/// Queues frames in the upstream's protocol.
fn enqueue(
    frames: Bytes,
    encoder: &mut Option<Box<dyn RequestEncoder>>,
    queue: &mut Frames,
) -> Result<(), Status> {
    match encoder {
        None => queue.push(frames),
        Some(encoder) => encoder.data(frames, queue)?,
    }
    Ok(())
}
