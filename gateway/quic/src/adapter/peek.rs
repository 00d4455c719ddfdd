//! Finds out what a new stream is, from its first bytes.
//!
//! Each is a future of its own, so that a stream which stays silent holds up no other. Dropped at its deadline, it
//! resets the stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h3::error::Code;
use quinn::ReadError;

use super::arriving::Arriving;
use super::control::CONTROL_STREAM;
use super::outgoing::Outgoing;
use super::{ReceiveHalf, TURNS};
use crate::guard::{Guard, Piece};
use crate::qpack::Instructions;
use crate::shared::{Role, Shared};
use crate::varint;

/// The type of a bidirectional WebTransport stream.
pub(crate) const WEBTRANSPORT_BIDI: u64 = 0x41;
/// The type of a unidirectional WebTransport stream.
pub(crate) const WEBTRANSPORT_UNI: u64 = 0x54;
/// The type of a push stream, which only a server may open, and only if its client allows it (RFC 9114, section 6.2.2).
const PUSH_STREAM: u64 = 0x01;

/// A stream whose kind is known.
pub(crate) enum Opened {
    /// A stream of a session.
    WebTransport { session: u64, send: Option<Outgoing>, receive: Arriving },
    /// A request, with its first frame.
    Request { send: Outgoing, receive: Arriving, guard: Guard, first: Piece },
    /// A control stream.
    Control(ReceiveHalf),
    /// A stream of QPACK.
    Qpack(Instructions, Arriving),
    /// It has been refused, or was gone before it said what it is.
    Refused,
}

/// The future. It is ready as soon as the kind is known.
pub(crate) struct Peek {
    shared: Arc<Shared>,
    /// Of a bidirectional stream.
    send: Option<Outgoing>,
    /// Taken at the end.
    receive: Option<Arriving>,
    is_bidi: bool,
    stage: Stage,
}

enum Stage {
    /// Waits for the type, and the session if the type has one.
    Type(Bytes),
    /// Waits for the first frame of a request.
    Frame(Guard),
}

impl Peek {
    /// A new bidirectional stream.
    pub(crate) fn bidi(shared: Arc<Shared>, send: quinn::SendStream, receive: quinn::RecvStream) -> Peek {
        let code = Code::H3_REQUEST_INCOMPLETE.value();
        Peek {
            shared,
            send: Some(Outgoing::new(send, code)),
            receive: Some(Arriving::new(receive, code)),
            is_bidi: true,
            stage: Stage::Type(Bytes::new()),
        }
    }

    /// A new unidirectional stream.
    pub(crate) fn uni(shared: Arc<Shared>, receive: quinn::RecvStream) -> Peek {
        let receive = Arriving::new(receive, Code::H3_STREAM_CREATION_ERROR.value());
        let stage = Stage::Type(Bytes::new());
        Peek { shared, send: None, receive: Some(receive), is_bidi: false, stage }
    }

    /// What the bytes so far say; `None` when they are too few.
    fn classify(&mut self) -> Option<Opened> {
        loop {
            match &mut self.stage {
                Stage::Type(head) => {
                    let mut rest = &head[..];
                    let stream_type = varint::take(&mut rest)?;
                    let expected = if self.is_bidi { WEBTRANSPORT_BIDI } else { WEBTRANSPORT_UNI };
                    if stream_type == expected {
                        let session = varint::take(&mut rest)?;
                        let rest = head.split_off(head.len() - rest.len());
                        return Some(self.webtransport(session, rest));
                    }
                    let head = std::mem::take(head);
                    if !self.is_bidi {
                        return Some(self.http3(stream_type, head));
                    }
                    if self.shared.role == Role::Client {
                        // RFC 9114, section 6.1.
                        self.shared.close(Code::H3_STREAM_CREATION_ERROR, "a server opens no request");
                        return Some(Opened::Refused);
                    }
                    let mut guard = Guard::new(self.shared.limits.largest_frame());
                    guard.push(head);
                    self.stage = Stage::Frame(guard);
                }
                Stage::Frame(guard) => {
                    let first = match guard.next() {
                        Ok(first) => first?,
                        Err(error) => {
                            self.shared.refuse_frame(error);
                            return Some(Opened::Refused);
                        }
                    };
                    let guard = std::mem::replace(guard, Guard::new(0));
                    return Some(match (self.send.take(), self.receive.take()) {
                        (Some(send), Some(receive)) => Opened::Request { send, receive, guard, first },
                        _ => Opened::Refused,
                    });
                }
            }
        }
    }

    fn webtransport(&mut self, session: u64, rest: Bytes) -> Opened {
        // Sessions are named by client-initiated bidirectional streams.
        if !session.is_multiple_of(4) {
            self.shared.close(Code::H3_ID_ERROR, "a WebTransport stream names no session");
            return Opened::Refused;
        }
        let Some(mut receive) = self.receive.take() else { return Opened::Refused };
        receive.unread(rest);
        Opened::WebTransport { session, send: self.send.take(), receive }
    }

    fn http3(&mut self, stream_type: u64, mut head: Bytes) -> Opened {
        let Some(mut receive) = self.receive.take() else { return Opened::Refused };
        let rest = head.split_off(varint::length(head.first().copied().unwrap_or(0)).min(head.len()));
        let shared = Arc::clone(&self.shared);
        if stream_type == CONTROL_STREAM {
            // The type goes on as it is; behind it are frames.
            let mut guard = Guard::new(shared.limits.largest_frame());
            guard.push(rest);
            Opened::Control(ReceiveHalf::new(receive, guard, head, shared))
        } else if let Some(kind) = Instructions::of_type(stream_type) {
            receive.unread(rest);
            Opened::Qpack(kind, receive)
        } else {
            match shared.role {
                Role::Server if stream_type == PUSH_STREAM => {
                    shared.close(Code::H3_STREAM_CREATION_ERROR, "a client cannot push");
                }
                // RFC 9114, section 4.6: a server may push no more than it was allowed, which is nothing.
                Role::Client if stream_type == PUSH_STREAM => {
                    shared.close(Code::H3_ID_ERROR, "a push that was not allowed");
                }
                _ => {}
            }
            // Dropping the rest refuses it, as RFC 9114, section 9, asks for.
            Opened::Refused
        }
    }

    /// The stream has ended before it said what it is.
    fn ended(&self) -> Opened {
        let is_broken = match &self.stage {
            Stage::Type(head) => self.is_bidi && !head.is_empty(),
            // Behind frames that nobody knows it may end; then it is an incomplete request.
            Stage::Frame(guard) => guard.end().is_err(),
        };
        if is_broken {
            self.shared.close(Code::H3_FRAME_ERROR, "a request stream ended inside a frame");
        }
        Opened::Refused
    }
}

impl Future for Peek {
    type Output = Opened;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Opened> {
        let this = &mut *self;
        for _ in 0..TURNS {
            let Some(receive) = &mut this.receive else { return Poll::Ready(Opened::Refused) };
            match ready!(receive.poll_read(cx)) {
                Ok(Some(bytes)) => match &mut this.stage {
                    Stage::Type(head) if head.is_empty() => *head = bytes,
                    // A header cut in two: at most 15 bytes are copied.
                    Stage::Type(head) => {
                        let mut joined = BytesMut::from(&head[..]);
                        joined.extend_from_slice(&bytes);
                        *head = joined.freeze();
                    }
                    Stage::Frame(guard) => guard.push(bytes),
                },
                Ok(None) => return Poll::Ready(this.ended()),
                Err(error) => {
                    if let ReadError::Reset(_) = error {
                        this.shared.resets.count();
                    }
                    return Poll::Ready(Opened::Refused);
                }
            }
            if let Some(opened) = this.classify() {
                return Poll::Ready(opened);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
