//! A WebSocket that carries one call: messages in, fragments out, and the frames that keep it alive and end it.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream, StreamExt};
use sluicegate_core::protocol::grpc_wt::{self, reset_code};
use sluicegate_core::protocol::websocket::{Messages, OnWebSocket, Received, close};
use sluicegate_core::status::{Flag, Status};
use sluicegate_core::wire::{Gone, Reset};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, Utf8Bytes};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::pipe::{Driver, Write};
use super::{Fault, Rationed};

/// How often the client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How many pings may stay without an answer.
const MISSED_PONGS: u8 = 2;
/// How long a client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A WebSocket and the connection's end of the pipe to its call.
pub(super) struct Connection<S> {
    stream: WebSocketStream<Rationed<S>>,
    driver: Driver,
    on: &'static OnWebSocket,
    fault: Fault,
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

/// How it ended.
enum Over {
    /// The call is done, and the WebSocket is closed with this code.
    Close(u16),
    /// The client is gone, or has to go with this code.
    Gone(Gone, Option<u16>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(
        stream: WebSocketStream<Rationed<S>>,
        driver: Driver,
        on: &'static OnWebSocket,
        fault: Fault,
    ) -> Connection<S> {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Connection {
            stream,
            driver,
            on,
            fault,
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
        if let Poll::Ready(over) = self.poll_write(cx) {
            return Poll::Ready(over);
        }
        while let Poll::Ready(over) = self.poll_read(cx) {
            if let Some(over) = over {
                return Poll::Ready(over);
            }
        }
        while self.pings.poll_tick(cx).is_ready() {
            if let Some(over) = self.ping(cx) {
                return Poll::Ready(over);
            }
        }
        Poll::Pending
    }

    /// Writes what the call has for the client. Nothing is taken from the call that the client does not take soon.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        loop {
            let ready = Pin::new(&mut self.stream).poll_ready(cx);
            self.blocked = ready.is_pending();
            if ready!(ready).is_err() {
                return Poll::Ready(GONE);
            }
            if let Some(fragment) = self.messages.next_fragment(&mut self.response) {
                let kind = if fragment.first { Data::Binary } else { Data::Continue };
                let frame = Frame::message(fragment.bytes, OpCode::Data(kind), fragment.last);
                if self.send(Message::Frame(frame)).is_err() {
                    return Poll::Ready(GONE);
                }
                continue;
            }
            match self.driver.poll_write(cx) {
                // A WebSocket has no head of a response.
                Poll::Ready(Write::Head(..)) => {}
                Poll::Ready(Write::Data(bytes)) => self.response = bytes,
                Poll::Ready(Write::End) => return Poll::Ready(Over::Close(CloseCode::Normal.into())),
                Poll::Ready(Write::Reset(reset)) => {
                    return Poll::Ready(Over::Close(close::code(reset_code(reset))));
                }
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

    /// Reads one message, once the call has taken the last one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Over>> {
        if self.deaf {
            return Poll::Pending;
        }
        if !self.request_ended {
            ready!(self.driver.poll_data_taken(cx));
        }
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
        if self.request_ended {
            let code = close::code(grpc_wt::stream::PROTOCOL_ERROR);
            return Some(Over::Gone(Gone::Protocol, Some(code)));
        }
        match (self.on.next)(message) {
            Ok(Received::Data(bytes)) => self.driver.push(bytes),
            Ok(Received::Last(bytes)) => {
                self.driver.push(bytes);
                self.end_request();
            }
            Err(status) => self.refuse(status),
        }
        None
    }

    fn refuse(&mut self, status: Status) {
        if self.request_ended {
            return;
        }
        self.fault.set(status);
        self.end_request();
    }

    fn end_request(&mut self) {
        self.request_ended = true;
        self.driver.request_ended();
    }

    /// Asks the client whether it is still there. Only a client that could have answered is taken for dead: not one
    /// that does not read, nor one whose messages wait to be read.
    fn ping(&mut self, cx: &mut Context<'_>) -> Option<Over> {
        let reads = !self.deaf && (self.request_ended || self.driver.poll_data_taken(cx).is_ready());
        if self.blocked || !reads {
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

/// The code that tells a client what it did wrong; `None` if the connection failed.
///
/// Source: RFC 6455, section 7.4.1.
pub(super) fn failure_code(error: &Error) -> Option<u16> {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol.into()),
        Error::Utf8(_) => Some(CloseCode::Invalid.into()),
        Error::Capacity(_) => Some(CloseCode::Size.into()),
        // Its ration.
        Error::Io(error) if error.kind() == ErrorKind::QuotaExceeded => Some(CloseCode::Size.into()),
        _ => None,
    }
}

/// Closes a WebSocket, with this code if the client has not closed it, and waits a little for the client to do the same.
pub(super) async fn finish<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: WebSocketStream<Rationed<S>>,
    code: Option<u16>,
) {
    let closed = async {
        if let Some(code) = code {
            let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static("") };
            stream.close(Some(frame)).await?;
        }
        // This also writes the answer to the client's close.
        while let Some(message) = stream.next().await {
            message?;
        }
        Ok::<_, Error>(())
    };
    let closed = timeout(CLOSE_TIMEOUT, closed).await;
    if closed.is_err() {
        return;
    }
    // Closing with something unread would reset the connection, and the client could miss the last frames.
    let mut io = stream.into_inner().into_inner();
    let parted = async {
        io.shutdown().await?;
        let mut rest = [0; 4096];
        while io.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // An error means that the client is gone, and with it the need to part well.
    let _ = timeout(CLOSE_TIMEOUT, parted).await;
}
