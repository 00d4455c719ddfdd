//! Accepts every stream and datagram of a connection and passes each on to whom it belongs.

use std::collections::{HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{BoxStream, FuturesUnordered, Stream, StreamExt, unfold};
use h3::error::Code;
use http::{HeaderMap, StatusCode};
use quinn::{RecvStream, SendStream};
use tokio::time::{Instant, Sleep, Timeout, timeout};

use super::handoff::{Giver, handoff};
use super::peek::{Opened, Peek};
use super::qpack_streams::QpackStreams;
use super::{Adapter, Bidi, ReceiveHalf, SendHalf};
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::guard::{Guard, HEADERS, Piece};
use crate::qpack::{self, Inspected, QpackError};
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::varint;
use crate::webtransport::connect::Connect;

/// The demultiplexer of one connection.
pub(crate) struct Demux {
    shared: Arc<Shared>,
    bidi: BoxStream<'static, (SendStream, RecvStream)>,
    uni: BoxStream<'static, RecvStream>,
    datagrams: BoxStream<'static, Bytes>,
    /// Streams that have not said what they are.
    unknown: FuturesUnordered<Timeout<Peek>>,
    qpack: QpackStreams,
    requests: Giver<Bidi>,
    streams: Giver<ReceiveHalf>,
    /// The sending halves of the requests that `h3` is reading the head of.
    sending: HashMap<u64, Arc<Mutex<Outgoing>>>,
    /// CONNECTs that ask for a session.
    connects: VecDeque<Box<Connect>>,
    /// Wakes when a stream has waited too long for its session.
    expiry: Option<Pin<Box<Sleep>>>,
    closed: bool,
}

impl Demux {
    /// The demultiplexer, and the connection that `h3` is to see.
    pub(crate) fn new(shared: Arc<Shared>) -> (Demux, Adapter) {
        // QUIC bounds how many streams are open, each session bringing some more, so these are never full.
        let limits = &shared.limits;
        let of_sessions = limits.max_sessions.saturating_mul(limits.max_session_streams);
        let capacity =
            |streams: u32| usize::try_from(streams.saturating_add(of_sessions)).unwrap_or(usize::MAX);
        let (requests, requests_received) = handoff(capacity(shared.limits.max_bidi_streams));
        let (streams, streams_received) = handoff(capacity(shared.limits.max_uni_streams));
        let adapter = Adapter::new(Arc::clone(&shared), requests_received, streams_received);
        let quic = || shared.quic.clone();
        let demux = Demux {
            bidi: unfold(quic(), async |quic| Some((quic.accept_bi().await.ok()?, quic))).boxed(),
            uni: unfold(quic(), async |quic| Some((quic.accept_uni().await.ok()?, quic))).boxed(),
            datagrams: unfold(quic(), async |quic| Some((quic.read_datagram().await.ok()?, quic))).boxed(),
            unknown: FuturesUnordered::new(),
            qpack: QpackStreams::default(),
            requests,
            streams,
            sending: HashMap::new(),
            connects: VecDeque::new(),
            expiry: None,
            closed: false,
            shared,
        };
        (demux, adapter)
    }

    /// Does what can be done now. Whether the connection is still open.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        while !self.closed {
            match self.bidi.as_mut().poll_next(cx) {
                Poll::Ready(Some((send, receive))) => {
                    self.shared.accepted(stream_number(&receive));
                    let peek = Peek::bidi(Arc::clone(&self.shared), send, receive);
                    self.begin(peek, cx);
                }
                Poll::Ready(None) => self.closed = true,
                Poll::Pending => break,
            }
        }
        while !self.closed {
            match self.uni.as_mut().poll_next(cx) {
                Poll::Ready(Some(receive)) => {
                    let peek = Peek::uni(Arc::clone(&self.shared), receive);
                    self.begin(peek, cx);
                }
                Poll::Ready(None) => self.closed = true,
                Poll::Pending => break,
            }
        }
        // A stream that said nothing within its time resolves to nothing, and was reset as it was dropped.
        while let Poll::Ready(Some(opened)) = Pin::new(&mut self.unknown).poll_next(cx) {
            match opened {
                Ok(opened) => self.opened(opened),
                Err(_) => self.shared.limits.observer.refused(Refusal::HeaderTimeout),
            }
        }
        self.qpack.poll(cx, &self.shared);
        // The connection may have been closed since the others were asked, and none of them may be asked again then.
        while !self.closed {
            match self.datagrams.as_mut().poll_next(cx) {
                Poll::Ready(Some(datagram)) => self.datagram(datagram),
                Poll::Ready(None) => self.closed = true,
                Poll::Pending => break,
            }
        }
        self.expire(cx);
        !self.closed
    }

    /// Whether every stream that was accepted has been passed on.
    pub(crate) fn is_quiet(&mut self) -> bool {
        // One that `h3` dropped before it read a head is not in use any more.
        self.sending.retain(|_, send| Arc::strong_count(send) > 1);
        self.unknown.is_empty() && self.sending.is_empty() && self.connects.is_empty()
    }

    /// The next CONNECT that asks for a session.
    pub(crate) fn next_connect(&mut self) -> Option<Box<Connect>> {
        self.connects.pop_front()
    }

    /// The sending half of a request whose head `h3` has read, or has failed to.
    pub(crate) fn take_sending(&mut self, stream: u64) -> Option<Arc<Mutex<Outgoing>>> {
        self.sending.remove(&stream)
    }

    fn begin(&mut self, mut peek: Peek, cx: &mut Context<'_>) {
        // Most streams say what they are in their first packet, and then cost no timer.
        match pin!(&mut peek).poll(cx) {
            Poll::Ready(opened) => self.opened(opened),
            Poll::Pending => self.unknown.push(timeout(self.shared.limits.header_timeout, peek)),
        }
    }

    fn opened(&mut self, opened: Opened) {
        match opened {
            Opened::WebTransport { session, send, receive } => {
                self.shared.registry.stream(session, send, receive);
            }
            Opened::Request { send, receive, guard, first } => self.request(send, receive, guard, first),
            Opened::Qpack(kind, stream) => self.qpack.add(kind, stream, &self.shared),
            Opened::Control(stream) => {
                if self.streams.give(stream).is_err() {
                    self.shared.close(Code::H3_STREAM_CREATION_ERROR, "too many unidirectional streams");
                }
            }
            Opened::Refused => {}
        }
    }

    fn request(&mut self, mut send: Outgoing, mut receive: Arriving, guard: Guard, first: Piece) {
        let code = if self.shared.accepted(send.id()) {
            Code::H3_REQUEST_CANCELLED
        } else {
            Code::H3_REQUEST_REJECTED
        };
        send.reset_with(code.value());
        receive.refuse_with(code.value());
        if code == Code::H3_REQUEST_REJECTED {
            return;
        }
        if let Piece::Frame { frame_type: HEADERS, bytes, header } = &first {
            let block = bytes.slice(*header..);
            match qpack::inspect(&block) {
                Inspected::Connect => return self.connect(send, receive, guard, &block),
                Inspected::Malformed => {
                    send.reset_with(Code::H3_MESSAGE_ERROR.value());
                    return receive.refuse_with(Code::H3_MESSAGE_ERROR.value());
                }
                Inspected::Unreadable => {
                    let code = Code::QPACK_DECOMPRESSION_FAILED;
                    return self.shared.close(code, "a field section cannot be read");
                }
                Inspected::Other => {}
            }
        }
        let id = send.id();
        let send = Arc::new(Mutex::new(send));
        let half = ReceiveHalf::new(receive, guard, first.into_bytes(), Arc::clone(&self.shared));
        let stream = Bidi { send: SendHalf::new(Arc::clone(&send), None), receive: half };
        if self.requests.give(stream).is_ok() {
            self.sending.insert(id, send);
        }
    }

    fn connect(&mut self, mut send: Outgoing, mut receive: Arriving, guard: Guard, block: &[u8]) {
        let limit = usize::try_from(self.shared.limits.max_field_section).unwrap_or(usize::MAX);
        let status = match qpack::decode(block, limit) {
            Ok(fields) => match Connect::new(fields, send, receive, guard) {
                Ok(connect) => return self.connects.push_back(Box::new(connect)),
                Err(refused) => {
                    (send, receive) = (refused.send, refused.receive);
                    refused.status
                }
            },
            Err(QpackError::TooLong) => {
                self.shared.limits.observer.refused(Refusal::MaxFieldSection);
                Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Err(QpackError::Malformed) => {
                let code = Code::QPACK_DECOMPRESSION_FAILED;
                return self.shared.close(code, "a field section cannot be read");
            }
        };
        match status {
            Some(status) => {
                send.send(qpack::encode_response(status, &HeaderMap::new()));
                send.finish();
                receive.refuse_with(Code::H3_NO_ERROR.value());
                // A client that does not even take a head is reset instead.
                let _ = send.flush_now();
            }
            None => {
                send.reset_with(Code::H3_MESSAGE_ERROR.value());
                receive.refuse_with(Code::H3_MESSAGE_ERROR.value());
            }
        }
    }

    /// RFC 9297, section 2.1: the number of the request stream divided by four, then the payload.
    fn datagram(&self, mut datagram: Bytes) {
        let Some((quarter, length)) = varint::read(&datagram) else {
            return self.shared.close(Code::H3_DATAGRAM_ERROR, "a datagram names no stream");
        };
        match quarter.checked_mul(4).filter(|stream| *stream <= varint::MAX) {
            Some(stream) => self.shared.registry.datagram(stream, datagram.split_off(length)),
            None => self.shared.close(Code::H3_DATAGRAM_ERROR, "a datagram names no stream"),
        }
    }

    /// Refuses streams that have waited too long for their session.
    fn expire(&mut self, cx: &mut Context<'_>) {
        while let Some(deadline) = self.shared.registry.next_deadline() {
            let expiry = self.expiry.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if expiry.deadline() != deadline {
                expiry.as_mut().reset(deadline);
            }
            if expiry.as_mut().poll(cx).is_pending() {
                return;
            }
            self.shared.registry.expire(Instant::now());
        }
    }
}

fn stream_number(stream: &RecvStream) -> u64 {
    quinn::VarInt::from(stream.id()).into_inner()
}
