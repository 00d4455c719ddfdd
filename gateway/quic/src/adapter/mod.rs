//! QUIC as `h3` wants to see it: `h3::quic` over quinn, with a guard in front and WebTransport taken out.
//!
//! [`Demux`](demux::Demux) accepts every stream of a connection, finds out what it is and passes on to `h3` only what
//! is HTTP/3. Sending halves are shared with whoever carries the request, so that a response's body is written without
//! a detour and a client that leaves is noticed at once.

pub(crate) mod arriving;
pub(crate) mod control;
pub(crate) mod demux;
mod handoff;
pub(crate) mod outgoing;
pub(crate) mod peek;
mod qpack_streams;
mod receive;
mod send;
pub(crate) mod stopped;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId};
use quinn::ConnectionError;

pub(crate) use receive::ReceiveHalf;
pub(crate) use send::SendHalf;

use crate::shared::Shared;
use crate::varint;
use handoff::Taker;
use outgoing::Outgoing;

/// How many chunks or frames of one stream are looked at before others have their turn. Frames that mean nothing cost
/// their sender two bytes each.
pub(crate) const TURNS: usize = 64;

/// A request stream, both halves.
pub(crate) struct Bidi {
    pub(crate) send: SendHalf,
    pub(crate) receive: ReceiveHalf,
}

impl quic::BidiStream<Bytes> for Bidi {
    type SendStream = SendHalf;
    type RecvStream = ReceiveHalf;
    fn split(self) -> (SendHalf, ReceiveHalf) {
        (self.send, self.receive)
    }
}

impl quic::SendStream<Bytes> for Bidi {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }
    fn send_data<T: Into<quic::WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }
    fn reset(&mut self, code: u64) {
        self.send.reset(code);
    }
    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

impl quic::RecvStream for Bidi {
    type Buf = Bytes;
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receive.poll_data(cx)
    }
    fn stop_sending(&mut self, code: u64) {
        self.receive.stop_sending(code);
    }
    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

/// Opens the streams of HTTP/3 itself. The first is the control stream.
pub(crate) struct Opener {
    shared: Arc<Shared>,
    opening: Option<BoxFuture<'static, Result<quinn::SendStream, ConnectionError>>>,
}

impl Opener {
    fn new(shared: Arc<Shared>) -> Opener {
        Opener { shared, opening: None }
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Bidi;
    type SendStream = SendHalf;

    fn poll_open_bidi(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Bidi, StreamErrorIncoming>> {
        // A server opens no bidirectional streams in HTTP/3, and a client's only one is its CONNECT, which `h3` must not
        // see.
        let error = ConnectionErrorIncoming::InternalError("no request is opened by h3".to_owned());
        Poll::Ready(Err(StreamErrorIncoming::ConnectionErrorIncoming { connection_error: error }))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendHalf, StreamErrorIncoming>> {
        let quic = &self.shared.quic;
        let opening = self.opening.get_or_insert_with(|| {
            let quic = quic.clone();
            Box::pin(async move { quic.open_uni().await })
        });
        let opened = ready!(opening.as_mut().poll(cx));
        self.opening = None;
        let stream = opened.map_err(|error| StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: connection_error(error),
        })?;
        let code = Code::H3_CLOSED_CRITICAL_STREAM.value();
        let stream = Arc::new(Mutex::new(Outgoing::new(stream, code)));
        let is_control = self.shared.control.set(Arc::clone(&stream)).is_ok();
        Poll::Ready(Ok(SendHalf::new(stream, is_control.then(|| Arc::clone(&self.shared)))))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.shared.quic.close(varint::quic(code.value()), reason);
    }
}

/// The connection as `h3` sees it: what the demultiplexer lets through.
pub(crate) struct Adapter {
    opener: Opener,
    requests: Taker<Bidi>,
    streams: Taker<ReceiveHalf>,
}

impl Adapter {
    pub(crate) fn new(shared: Arc<Shared>, requests: Taker<Bidi>, streams: Taker<ReceiveHalf>) -> Adapter {
        Adapter { opener: Opener::new(shared), requests, streams }
    }

    fn closed(&self) -> ConnectionErrorIncoming {
        let reason = self.opener.shared.quic.close_reason();
        connection_error(reason.unwrap_or(ConnectionError::LocallyClosed))
    }
}

impl quic::Connection<Bytes> for Adapter {
    type RecvStream = ReceiveHalf;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ReceiveHalf, ConnectionErrorIncoming>> {
        Poll::Ready(ready!(self.streams.poll_take(cx)).ok_or_else(|| self.closed()))
    }

    fn poll_accept_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bidi, ConnectionErrorIncoming>> {
        Poll::Ready(ready!(self.requests.poll_take(cx)).ok_or_else(|| self.closed()))
    }

    fn opener(&self) -> Opener {
        Opener::new(Arc::clone(&self.opener.shared))
    }
}

impl quic::OpenStreams<Bytes> for Adapter {
    type BidiStream = Bidi;
    type SendStream = SendHalf;
    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bidi, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }
    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendHalf, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }
    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opener.close(code, reason);
    }
}

/// Why a connection ended, for `h3`.
fn connection_error(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: close.error_code.into_inner() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

/// A stream's number, for `h3`.
#[allow(clippy::expect_used)]
fn stream_id(id: u64) -> StreamId {
    // Both sides of the conversion are bounded by the same 2^62 - 1.
    StreamId::try_from(id).expect("a QUIC stream number is a variable-length integer")
}
