//! A WebSocket that carries one call: messages in, fragments out, and the frames that keep it alive and end it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use sluicegate_core::protocol::grpc_ws::window::{RequestWindow, ResponseWindow};
use sluicegate_core::protocol::grpc_wt::{self, reset_code};
use sluicegate_core::protocol::websocket::{Messages, OnWebSocket, Received, close};
use sluicegate_core::status::{Code, Flag, Status};
use sluicegate_core::wire::{Gone, Reset};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::pipe::{Driver, Write};
use super::closing::{failure_code, finish};
use super::{Fault, READ_BUFFER, Rationed};

/// How often the client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How many pings may stay without an answer.
const MISSED_PONGS: u8 = 2;

/// A WebSocket and the connection's end of the pipe to its call.
pub(super) struct Connection<S> {
    stream: WebSocketStream<Rationed<S>>,
    driver: Driver,
    on: &'static OnWebSocket,
    fault: Fault,
    windows: Option<Windows>,
    /// What the client has sent and the call has not taken: one message, or a window of them.
    request: VecDeque<Piece>,
    messages: Messages,
    /// What is left of a piece of the response.
    response: Bytes,
    /// Something was written since the last flush.
    unflushed: bool,
    /// The client does not take what is written.
    blocked: bool,
    /// The request has ended; whatever else the client sends is not its.
    request_ended: bool,
    /// Nothing can be read any more, because a message was not read to its end.
    deaf: bool,
    pings: Interval,
    /// Pings that were sent since anything came.
    missed: u8,
}

struct Windows {
    request: RequestWindow,
    response: ResponseWindow,
}

/// A part of the request.
struct Piece {
    bytes: Bytes,
    is_last: bool,
}

/// How it ended.
enum Over {
    /// The call is done, and the WebSocket is closed with this code.
    Close(u16),
    /// The client is gone, or has to go with this code.
    Gone(Gone, Option<u16>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// `window` is how far the request may be ahead of the call, in bytes, where the protocol has windows.
    pub(super) fn new(
        stream: WebSocketStream<Rationed<S>>,
        driver: Driver,
        on: &'static OnWebSocket,
        fault: Fault,
        window: u32,
    ) -> Connection<S> {
        let windows = || Windows { request: RequestWindow::new(window), response: ResponseWindow::default() };
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Connection {
            stream,
            driver,
            on,
            fault,
            windows: on.has_windows.then(windows),
            request: VecDeque::new(),
            messages: Messages::default(),
            response: Bytes::new(),
            unflushed: false,
            blocked: false,
            request_ended: false,
            deaf: false,
            pings,
            missed: 0,
        }
    }

    /// Moves the call between its pipe and the WebSocket until either is done.
    pub(super) async fn run(mut self) {
        let over = poll_fn(|cx| self.poll(cx)).await;
        let code = match over {
            Over::Close(code) => Some(code),
            Over::Gone(gone, code) => {
                self.driver.leave(gone);
                code
            }
        };
        // The call is told before the client's answer to the close is waited for.
        drop(self.driver);
        finish(self.stream, code).await;
    }

    /// Both directions in turn, neither of which waits for the other.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        loop {
            self.hand_on(cx);
            if let Poll::Ready(over) = self.poll_write(cx) {
                return Poll::Ready(over);
            }
            let mut has_read = false;
            while let Poll::Ready(over) = self.poll_read(cx) {
                if let Some(over) = over {
                    return Poll::Ready(over);
                }
                has_read = true;
            }
            // It may be what the response waits for, and what the call does.
            if !has_read {
                break;
            }
        }
        while self.pings.poll_tick(cx).is_ready() {
            if let Some(over) = self.ping(cx) {
                return Poll::Ready(over);
            }
        }
        Poll::Pending
    }

    /// Hands on what the client has sent, as the call takes it.
    fn hand_on(&mut self, cx: &mut Context<'_>) {
        while !self.request.is_empty() && self.driver.poll_data_taken(cx).is_ready() {
            let Some(Piece { bytes, is_last }) = self.request.pop_front() else { return };
            if let Some(windows) = self.windows.as_mut().filter(|_| !is_last) {
                windows.request.passed(&bytes);
            }
            self.driver.push(bytes);
            if is_last {
                self.driver.request_ended();
            }
        }
    }

    /// Writes what the call has for the client. Nothing is taken from the call that the client does not take soon.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        loop {
            let ready = Pin::new(&mut self.stream).poll_ready(cx);
            self.blocked = ready.is_pending();
            match ready {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(GONE),
                Poll::Pending => return self.driver.poll_broken(cx).map(broken),
            }
            if let Some(message) = self.next_message() {
                if self.send(message).is_err() {
                    return Poll::Ready(GONE);
                }
                continue;
            }
            let is_held = !self.response.is_empty();
            if is_held && self.deaf {
                // No grant will be heard, so the status cannot be told behind the response.
                return Poll::Ready(TOO_LARGE);
            }
            let write = if is_held {
                self.driver.poll_broken(cx).map(Write::Reset)
            } else {
                self.driver.poll_write(cx)
            };
            match write {
                // A WebSocket has no head of a response.
                Poll::Ready(Write::Head(..)) => {}
                Poll::Ready(Write::Data(bytes)) => self.response = bytes,
                Poll::Ready(Write::End) => return Poll::Ready(Over::Close(CloseCode::Normal.into())),
                Poll::Ready(Write::Reset(reset)) => return Poll::Ready(broken(reset)),
                Poll::Pending if self.unflushed => {
                    let flushed = Pin::new(&mut self.stream).poll_flush(cx);
                    self.blocked = flushed.is_pending();
                    if ready!(flushed).is_err() {
                        return Poll::Ready(GONE);
                    }
                    self.unflushed = false;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What may be written now: a grant, or the next part of the response.
    fn next_message(&mut self) -> Option<Message> {
        if let Some(windows) = self.windows.as_mut().filter(|_| self.messages.at_border()) {
            if !self.request_ended
                && let Some(grant) = windows.request.grant()
            {
                return Some(Message::Binary(grant));
            }
            if !windows.response.admits(&self.response) {
                return None;
            }
        }
        let fragment = self.messages.next_fragment(&mut self.response)?;
        if let Some(windows) = &mut self.windows {
            windows.response.sent(&fragment);
        }
        let kind = if fragment.first { Data::Binary } else { Data::Continue };
        Some(Message::Frame(Frame::message(fragment.bytes, OpCode::Data(kind), fragment.last)))
    }

    /// Reads one message, once the call has taken the last one where there are no windows.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Over>> {
        ready!(self.poll_listens(cx));
        let Some(read) = ready!(Pin::new(&mut self.stream).poll_next(cx)) else {
            return Poll::Ready(Some(GONE));
        };
        self.missed = 0;
        Poll::Ready(match read {
            Ok(Message::Binary(message)) => self.received(message),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => None,
            Ok(Message::Text(_)) => Some(Over::Gone(Gone::Protocol, Some(CloseCode::Unsupported.into()))),
            // Whatever its code: a client that was content would have waited for the end.
            Ok(Message::Close(_)) => Some(Over::Gone(Gone::Reset(Reset::CANCEL), None)),
            Err(Error::Capacity(_)) => {
                self.deaf = true;
                let status = Status::resource_exhausted("the message is larger than the gateway takes")
                    .with_flag(Flag::ClientProtocolError);
                self.refuse(status);
                None
            }
            Err(error) => match failure_code(&error) {
                Some(code) => Some(Over::Gone(Gone::Protocol, Some(code))),
                None => Some(GONE),
            },
        })
    }

    fn received(&mut self, message: Bytes) -> Option<Over> {
        let received = (self.on.next)(message);
        if let (Ok(Received::Grant(bytes)), Some(windows)) = (&received, &mut self.windows) {
            windows.response.grant(*bytes);
            return None;
        }
        if self.request_ended {
            return Some(MISBEHAVED);
        }
        match received {
            Ok(Received::Data(bytes)) => {
                if let Some(windows) = &mut self.windows
                    && windows.request.arrived(&bytes).is_err()
                {
                    return Some(MISBEHAVED);
                }
                self.keep(bytes);
            }
            Ok(Received::Last(bytes)) => self.end_request(bytes),
            // Only windows can be granted.
            Ok(Received::Grant(_)) => {}
            Err(status) => self.refuse(status),
        }
        None
    }

    fn keep(&mut self, bytes: Bytes) {
        // A message is a part of what was read at once, all of which lives as long as it does.
        let bytes = if bytes.len() < READ_BUFFER && !self.request.is_empty() {
            Bytes::copy_from_slice(&bytes)
        } else {
            bytes
        };
        self.request.push_back(Piece { bytes, is_last: false });
    }

    fn refuse(&mut self, status: Status) {
        if self.request_ended {
            return;
        }
        self.fault.set(status);
        // It does not wait until the call has taken the others.
        self.request.clear();
        self.end_request(Bytes::new());
    }

    fn end_request(&mut self, bytes: Bytes) {
        self.request_ended = true;
        self.request.push_back(Piece { bytes, is_last: true });
    }

    /// Whether anything is read now.
    fn poll_listens(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.deaf {
            return Poll::Pending;
        }
        if self.request_ended || self.windows.is_some() {
            return Poll::Ready(());
        }
        if self.request.is_empty() { self.driver.poll_data_taken(cx) } else { Poll::Pending }
    }

    /// Asks the client whether it is still there. Only a client that could have answered is taken for dead: not one
    /// that does not read, nor one whose messages wait to be read.
    fn ping(&mut self, cx: &mut Context<'_>) -> Option<Over> {
        if self.blocked || self.poll_listens(cx).is_pending() {
            self.missed = 0;
            return None;
        }
        if self.missed >= MISSED_PONGS {
            return Some(GONE);
        }
        self.missed += 1;
        if self.send(Message::Ping(Bytes::new())).is_err() {
            return Some(GONE);
        }
        match self.poll_write(cx) {
            Poll::Ready(over) => Some(over),
            Poll::Pending => None,
        }
    }

    fn send(&mut self, message: Message) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.stream).start_send(message)
    }
}

/// Its connection has ended, or is as good as that.
const GONE: Over = Over::Gone(Gone::Connection, None);
/// The client broke the rules of the protocol.
const MISBEHAVED: Over = Over::Gone(Gone::Protocol, Some(close::code(grpc_wt::stream::PROTOCOL_ERROR)));
/// It sent a message that is too large.
const TOO_LARGE: Over =
    Over::Gone(Gone::Protocol, Some(close::code(Code::ResourceExhausted.number() as u32)));

/// The call broke off.
fn broken(reset: Reset) -> Over {
    Over::Close(close::code(reset_code(reset)))
}
