//! A session, as the application sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use h3::error::Code;

use super::error_code::SESSION_GONE;
use super::flow::Kind;
use super::receive::WtReceive;
use super::state::SessionState;
use super::stream::StreamState;
use super::transmit::WtTransmit;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::adapter::peek::{WEBTRANSPORT_BIDI, WEBTRANSPORT_UNI};
use crate::varint;

/// How a session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// One of its sides has closed it. Code 0 without a reason also stands for a CONNECT stream that was only finished.
    Closed {
        /// The application's code.
        code: u32,
        /// The application's reason, at most 1024 bytes.
        reason: String,
    },
    /// Without an explanation: the CONNECT stream was reset, the connection is lost, or the peer broke a rule.
    Lost,
}

/// An open session. Dropping it closes it with code 0.
///
/// Everything here can be used by several tasks at once. On the server's side it makes progress only while
/// [`Connection::next`](crate::Connection::next) is being awaited.
#[derive(Debug)]
pub struct Session {
    state: Arc<SessionState>,
}

impl Session {
    pub(crate) fn new(state: Arc<SessionState>) -> Session {
        Session { state }
    }

    /// The number of the CONNECT stream, which names the session on its connection.
    pub fn id(&self) -> u64 {
        self.state.id
    }

    /// The draft that is spoken, such as `draft-02`.
    pub fn draft(&self) -> &'static str {
        self.state.dialect.name
    }

    /// The next bidirectional stream that the peer opens; `None` once the session has ended. Dropping the future loses
    /// nothing. Streams that nobody takes wait, up to
    /// [`Limits::max_session_streams`](crate::Limits::max_session_streams).
    pub async fn accept_bi(&self) -> Option<(WtReceive, WtTransmit)> {
        self.state.bidi.pop().await
    }

    /// The same for unidirectional streams.
    pub async fn accept_uni(&self) -> Option<WtReceive> {
        self.state.uni.pop().await
    }

    /// The next datagram; `None` once the session has ended. Of those that nobody reads in time the oldest are lost.
    pub async fn read_datagram(&self) -> Option<Bytes> {
        self.state.datagrams.pop().await
    }

    /// Opens a bidirectional stream, as soon as the peer allows one more, in the session and on the connection; `None`
    /// once the session has ended.
    pub async fn open_bi(&self) -> Option<(WtReceive, WtTransmit)> {
        let (send, receive) = self.open(Kind::Bidi, self.state.quic.open_bi()).await?;
        let send = self.opened(send, WEBTRANSPORT_BIDI);
        let receive = Arriving::new(receive, SESSION_GONE);
        let stream = StreamState::new(&self.state, Some(send), Some(receive), false)?;
        self.state.is_alive(&stream)?;
        Some((WtReceive::new(Arc::clone(&stream)), WtTransmit::new(stream)))
    }

    /// The same for a unidirectional stream.
    pub async fn open_uni(&self) -> Option<WtTransmit> {
        let send = self.open(Kind::Uni, self.state.quic.open_uni()).await?;
        let send = self.opened(send, WEBTRANSPORT_UNI);
        let stream = StreamState::new(&self.state, Some(send), None, false)?;
        self.state.is_alive(&stream)?;
        Some(WtTransmit::new(stream))
    }

    /// Waits for the session's own limit, then for QUIC's.
    async fn open<T>(
        &self,
        kind: Kind,
        opening: impl Future<Output = Result<T, quinn::ConnectionError>>,
    ) -> Option<T> {
        let mut allowed = self.state.may_open(kind).await?;
        let opened = tokio::select! {
            opened = opening => opened.ok()?,
            _ = self.state.ended() => return None,
        };
        allowed.unused = 0;
        Some(opened)
    }

    /// Writes the header that attributes a stream to this session.
    fn opened(&self, send: quinn::SendStream, stream_type: u64) -> Outgoing {
        let mut header = BytesMut::new();
        varint::write(stream_type, &mut header);
        varint::write(self.state.id, &mut header);
        let mut send = Outgoing::new(send, SESSION_GONE);
        send.send(header.freeze());
        // What QUIC does not take now goes out with the first data.
        let _ = send.flush_now();
        send
    }

    /// The most bytes that a datagram can carry now, which changes with the path; `None` when the peer takes none.
    pub fn max_datagram(&self) -> Option<usize> {
        self.state.quic.max_datagram_size()?.checked_sub(varint::size(self.state.id / 4))
    }

    /// Sends a datagram. `false` if it is too large, the peer takes none, or too many wait to be sent already; one that
    /// is sent may be lost without a notice.
    pub fn send_datagram(&self, payload: &[u8]) -> bool {
        let mut datagram = BytesMut::with_capacity(payload.len() + 8);
        // RFC 9297, section 2.1: the number of the request stream divided by four.
        varint::write(self.state.id / 4, &mut datagram);
        datagram.extend_from_slice(payload);
        // QUIC would drop older ones to make room.
        !self.state.is_ended()
            && self.state.quic.datagram_send_buffer_space() >= datagram.len()
            && self.state.quic.send_datagram(datagram.freeze()).is_ok()
    }

    /// Asks the peer to end the session soon. It may still open streams. Asking again has no effect.
    pub fn drain(&self) {
        self.state.ask_to_end();
    }

    /// Waits until the peer asks for the same, or the session has ended.
    pub async fn draining(&self) {
        loop {
            let drained = self.state.drained.notified();
            if self.state.draining.load(Ordering::Acquire) || self.state.is_ended() {
                return;
            }
            drained.await;
        }
    }

    /// Closes the session: its streams are reset, and the peer is told the code and the reason, of which 1024 bytes are
    /// sent. Returns when QUIC has taken the message.
    pub async fn close(self, code: u32, reason: &str) {
        if !self.state.is_ended() {
            self.state.send_close(code, reason);
            self.state.close(code, reason);
        }
        let state = Arc::clone(&self.state);
        drop(self);
        state.written().await;
    }

    /// Ends the session abruptly, so that the peer sees it [lost](SessionEnd::Lost).
    pub fn abort(self) {
        self.state.fail(Code::H3_REQUEST_CANCELLED.value());
    }

    /// Waits until the session has ended, and says with which code and reason: 0 and none for one that was lost.
    pub async fn closed(&self) -> (u32, String) {
        match self.state.ended().await {
            SessionEnd::Closed { code, reason } => (code, reason),
            SessionEnd::Lost => (0, String::new()),
        }
    }

    /// Waits until the session has ended, and says how.
    pub async fn ended(&self) -> SessionEnd {
        self.state.ended().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.state.is_ended() {
            self.state.send_close(0, "");
            self.state.close(0, "");
        }
    }
}

/// The peer's leave to open one more stream, given back if it is not used.
struct Allowed<'a> {
    state: &'a SessionState,
    kind: Kind,
    unused: u64,
}

impl Drop for Allowed<'_> {
    fn drop(&mut self) {
        if self.state.sending.budget(self.kind).release(self.unused) {
            self.state.credited.notify_waiters();
        }
    }
}

impl SessionState {
    /// Waits until the session's own limit lets us open one more stream; `None` once the session has ended.
    async fn may_open(&self, kind: Kind) -> Option<Allowed<'_>> {
        loop {
            let credited = self.credited.notified();
            if self.is_ended() {
                return None;
            }
            if self.sending.budget(kind).reserve(1) == 1 {
                return Some(Allowed { state: self, kind, unused: 1 });
            }
            // The driver tells the peer.
            self.driver.wake();
            credited.await;
        }
    }

    /// Whether a stream opened just now is still within the session; it is reset otherwise.
    fn is_alive(&self, stream: &StreamState) -> Option<()> {
        if self.is_ended() {
            stream.session_gone();
            return None;
        }
        Some(())
    }
}
