//! One call at the upstream: its messages, its response, and what is reported of both.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, Response, request};
use tokio::sync::{Mutex, Notify, mpsc};

use super::Event;
use crate::frame::{Frames, message};

/// The gateway has ended the call; it was reported.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) struct Call {
    pub(super) head: request::Parts,
    pub(super) request: Request,
    respond: SendResponse<Bytes>,
    events: Events,
    die: Arc<Notify>,
    ping: Arc<Mutex<PingPong>>,
}

impl Call {
    pub(super) fn new(
        head: request::Parts,
        body: RecvStream,
        respond: SendResponse<Bytes>,
        events: Events,
        die: Arc<Notify>,
        ping: Arc<Mutex<PingPong>>,
    ) -> Call {
        let request = Request { body, frames: Frames::default(), ended: false, events: events.clone() };
        Call { head, request, respond, events, die, ping }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Sends the head of a response that goes on.
    pub(super) fn respond(&mut self, headers: HeaderMap) -> Result<Reply, Gone> {
        let mut head = Response::new(());
        *head.headers_mut() = headers;
        head.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
        self.respond_with(head)
    }

    pub(super) fn respond_with(&mut self, head: Response<()>) -> Result<Reply, Gone> {
        match self.respond.send_response(head, false) {
            Ok(send) => Ok(Reply { send, events: self.events.clone() }),
            Err(error) => Err(self.events.gone(&error)),
        }
    }

    /// Sends a response that is nothing but this head.
    pub(super) fn trailers_only(&mut self, mut headers: HeaderMap) {
        headers.insert("content-type", "application/grpc+proto".parse().unwrap());
        let mut head = Response::new(());
        *head.headers_mut() = headers;
        match self.respond.send_response(head, true) {
            Ok(_) => self.events.send(Event::Answered),
            Err(error) => drop(self.events.gone(&error)),
        }
    }

    pub(super) fn reset(&mut self, reason: u32) {
        self.respond.send_reset(Reason::from(reason));
    }

    /// Reads the request, if asked to, until the gateway takes the call back.
    pub(super) async fn until_reset(&mut self, read: bool) {
        let Call { request, respond, events, .. } = self;
        let reset = poll_fn(|cx| respond.poll_reset(cx));
        let gone = tokio::select! {
            reason = reset => Some(reason),
            () = async { while read && let Ok(Some(_)) = request.next().await {}; std::future::pending().await },
                if read => None,
        };
        match gone {
            Some(Ok(reason)) => drop(events.reset(reason)),
            Some(Err(error)) => drop(events.gone(&error)),
            None => {}
        }
    }

    /// Reads what the gateway still sends after the response is complete, until it ends or takes back its direction.
    pub(super) async fn until_gone(&mut self) -> Result<(), Gone> {
        while self.request.next().await?.is_some() {}
        Ok(())
    }

    /// Closes the gateway's connection, after what was sent so far has arrived.
    pub(super) async fn die(&self) {
        // The answer to a ping comes after the peer has read what was written before it.
        let _ = self.ping.lock().await.ping(Ping::opaque()).await;
        self.die.notify_one();
    }
}

/// The client's direction.
pub(super) struct Request {
    body: RecvStream,
    frames: Frames,
    ended: bool,
    events: Events,
}

impl Request {
    /// The next message; `None` at the half-close.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Gone> {
        Ok(self.next_frame().await?.map(|(_, payload)| payload))
    }

    /// The same, with the flags before it.
    pub(super) async fn next_frame(&mut self) -> Result<Option<(u8, Bytes)>, Gone> {
        loop {
            if let Some((flags, payload)) = self.frames.pop() {
                self.events.send(Event::Message(payload.len()));
                return Ok(Some((flags, payload)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.data().await {
                Some(Ok(bytes)) => {
                    let _ = self.body.flow_control().release_capacity(bytes.len());
                    self.frames.push(&bytes);
                }
                Some(Err(error)) => return Err(self.events.gone(&error)),
                None => {
                    let trailers = match self.body.trailers().await {
                        Ok(trailers) => trailers,
                        Err(error) => return Err(self.events.gone(&error)),
                    };
                    self.ended = true;
                    self.events.send(match self.frames.mid_frame() {
                        true => Event::Truncated,
                        false => Event::HalfClosed(trailers),
                    });
                }
            }
        }
    }

    /// Every message until the half-close.
    pub(super) async fn all(&mut self) -> Result<Vec<Bytes>, Gone> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await? {
            messages.push(message);
        }
        Ok(messages)
    }
}

/// The response, after its head.
pub(super) struct Reply {
    send: SendStream<Bytes>,
    events: Events,
}

impl Reply {
    pub(super) async fn message(&mut self, payload: &[u8]) -> Result<(), Gone> {
        self.bytes(message(payload)).await
    }

    /// Sends bytes as the gateway's window admits them.
    pub(super) async fn bytes(&mut self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            self.send.reserve_capacity(bytes.len());
            let room = poll_fn(|cx| {
                if let std::task::Poll::Ready(reset) = self.send.poll_reset(cx) {
                    return std::task::Poll::Ready(Err(Some(reset)));
                }
                self.send.poll_capacity(cx).map(|room| match room {
                    Some(Ok(room)) => Ok(room),
                    Some(Err(error)) => Err(Some(Err(error))),
                    None => Err(None),
                })
            });
            match room.await {
                Ok(room) => {
                    let next = bytes.split_to(room.min(bytes.len()));
                    self.send.send_data(next, false).map_err(|error| self.events.gone(&error))?;
                }
                Err(Some(Ok(reason))) => {
                    return Err(self.events.reset(reason));
                }
                Err(Some(Err(error))) => return Err(self.events.gone(&error)),
                Err(None) => return Err(Gone),
            }
        }
        Ok(())
    }

    pub(super) fn trailers(&mut self, trailers: HeaderMap) {
        match self.send.send_trailers(trailers) {
            Ok(()) => self.events.send(Event::Answered),
            Err(error) => drop(self.events.gone(&error)),
        }
    }

    /// Ends the response without trailers, which no gRPC server may do.
    pub(super) fn end_without_status(&mut self) {
        let _ = self.send.send_data(Bytes::new(), true);
    }

    pub(super) fn reset(&mut self, reason: u32) {
        self.send.send_reset(Reason::from(reason));
    }

    /// Sends nothing more until the gateway takes the call back.
    pub(super) async fn until_reset(&mut self) {
        match poll_fn(|cx| self.send.poll_reset(cx)).await {
            Ok(reason) => drop(self.events.reset(reason)),
            Err(error) => drop(self.events.gone(&error)),
        }
    }
}

/// Where a call reports to. The test may have dropped the other end.
#[derive(Clone)]
pub(super) struct Events {
    sender: mpsc::UnboundedSender<Event>,
    /// Both directions notice that a call is gone; it is reported once.
    gone: Arc<AtomicBool>,
}

impl Events {
    pub(super) fn new(sender: mpsc::UnboundedSender<Event>) -> Events {
        Events { sender, gone: Arc::default() }
    }

    fn send(&self, event: Event) {
        let _ = self.sender.send(event);
    }

    fn gone(&self, error: &h2::Error) -> Gone {
        match error.reason() {
            Some(reason) if error.is_reset() => return self.reset(reason),
            _ if self.gone.swap(true, Ordering::Relaxed) => {}
            _ => self.send(Event::ConnectionLost),
        }
        Gone
    }

    fn reset(&self, reason: Reason) -> Gone {
        if !self.gone.swap(true, Ordering::Relaxed) {
            self.send(Event::Reset(reason.into()));
        }
        Gone
    }
}
