//! A session, as the application sees it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::capsule::Capsule;
use super::dialect::Dialect;
use super::flow::Flow;
use super::queue::Queue;
use super::stream::{StreamState, WtReceive, WtTransmit};
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::adapter::peek::{WEBTRANSPORT_BIDI, WEBTRANSPORT_UNI};
use crate::resets::Resets;
use crate::shared::{LiveGuard, Shared, lock};
use crate::varint;

/// What a session's handle, its streams and its driver share.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// The number of the CONNECT stream.
    pub(crate) id: u64,
    pub(crate) dialect: &'static Dialect,
    pub(crate) flow: Flow,
    /// The CONNECT stream's sending half.
    pub(crate) connect: Mutex<Outgoing>,
    /// Wakes the driver when there is something to write or the session has ended here. Only the driver waits for the
    /// CONNECT stream, because QUIC remembers one writer per stream.
    pub(crate) driver: AtomicWaker,
    /// Tells whoever waits that the driver has written everything, or never will.
    pub(crate) written: Notify,
    pub(crate) resets: Arc<Resets>,
    quic: quinn::Connection,
    bidi: Queue<(WtReceive, WtTransmit)>,
    uni: Queue<WtReceive>,
    datagrams: Queue<Bytes>,
    streams: Mutex<HashMap<u64, Weak<StreamState>>>,
    closed: Mutex<Option<(u32, String)>>,
    ended: Notify,
    draining: AtomicBool,
    drained: Notify,
    /// Keeps the connection from being idle while the session is open.
    live: Mutex<Option<LiveGuard>>,
}

impl SessionState {
    pub(crate) fn new(
        id: u64,
        dialect: &'static Dialect,
        flow: Flow,
        connect: Outgoing,
        shared: &Shared,
    ) -> Arc<SessionState> {
        let limits = &shared.limits;
        // QUIC bounds the streams that a client has open; the queues only have to hold them all.
        let capacity = |streams: u32| usize::try_from(streams).unwrap_or(usize::MAX);
        Arc::new(SessionState {
            id,
            dialect,
            flow,
            connect: Mutex::new(connect),
            driver: AtomicWaker::new(),
            written: Notify::new(),
            resets: Arc::clone(&shared.resets),
            quic: shared.quic.clone(),
            bidi: Queue::new(capacity(limits.max_bidi_streams)),
            uni: Queue::new(capacity(limits.max_uni_streams)),
            datagrams: Queue::new(limits.datagrams_per_session),
            streams: Mutex::default(),
            closed: Mutex::default(),
            ended: Notify::new(),
            draining: AtomicBool::new(false),
            drained: Notify::new(),
            live: Mutex::new(Some(shared.live.guard())),
        })
    }

    /// A client's stream for this session. It is refused if nobody takes it from a full queue.
    pub(crate) fn arrived(self: &Arc<Self>, send: Option<Outgoing>, receive: Arriving) {
        let is_bidi = send.is_some();
        // A receiving half is there, so there is a stream.
        let Some(stream) = StreamState::new(self, send, Some(receive)) else { return };
        let receive = WtReceive::new(Arc::clone(&stream));
        if is_bidi {
            if let Err((receive, transmit)) = self.bidi.push((receive, WtTransmit::new(stream))) {
                receive.reject();
                transmit.reject();
            }
        } else if let Err(receive) = self.uni.push(receive) {
            receive.reject();
        }
    }

    /// A datagram for this session. The oldest is lost when nobody reads them.
    pub(crate) fn datagram(&self, payload: Bytes) {
        drop(self.datagrams.push_newest(payload));
    }

    pub(crate) fn add_stream(&self, id: u64, stream: &Arc<StreamState>) {
        lock(&self.streams).insert(id, Arc::downgrade(stream));
    }

    pub(crate) fn remove_stream(&self, id: u64) {
        lock(&self.streams).remove(&id);
    }

    /// Ends the session here: its streams are reset, and whoever waits for it is told. Only the first end counts.
    pub(crate) fn end(&self, code: u32, reason: &str) {
        {
            let mut closed = lock(&self.closed);
            if closed.is_some() {
                return;
            }
            *closed = Some((code, reason.to_owned()));
        }
        // A stream in use removes itself from the table when it is dropped, so the table is emptied first.
        let streams = std::mem::take(&mut *lock(&self.streams));
        for stream in streams.values().filter_map(Weak::upgrade) {
            stream.session_gone();
        }
        drop((self.bidi.close(), self.uni.close(), self.datagrams.close()));
        self.ended.notify_waiters();
        self.drained.notify_waiters();
        drop(lock(&self.live).take());
        self.driver.wake();
    }

    pub(crate) fn is_ended(&self) -> bool {
        lock(&self.closed).is_some()
    }

    /// Sends a capsule, and ends the CONNECT stream behind it if it is the last.
    pub(crate) fn send_capsule(&self, capsule: &Capsule) {
        let mut connect = lock(&self.connect);
        connect.send(capsule.frame());
        if matches!(capsule, Capsule::Close { .. }) {
            connect.finish();
        }
        // A client that has gone is noticed by the driver.
        let _ = connect.flush_now();
        drop(connect);
        self.driver.wake();
    }

    /// The client has told us to end the session soon.
    pub(crate) fn peer_drains(&self) {
        self.draining.store(true, Ordering::Release);
        self.drained.notify_waiters();
    }

    /// The client has raised its limit.
    pub(crate) fn raise(&self, limit: u64) {
        if self.flow.raise(limit) {
            let streams: Vec<_> = lock(&self.streams).values().filter_map(Weak::upgrade).collect();
            streams.iter().for_each(|stream| stream.credit());
        }
    }

    /// Waits until QUIC has taken what was written to the CONNECT stream, or never will.
    pub(crate) async fn written(&self) {
        loop {
            let written = self.written.notified();
            if lock(&self.connect).is_flushed() {
                return;
            }
            self.driver.wake();
            written.await;
        }
    }

    /// Waits for the end.
    async fn closed(&self) -> (u32, String) {
        loop {
            let ended = self.ended.notified();
            if let Some(closed) = &*lock(&self.closed) {
                return closed.clone();
            }
            ended.await;
        }
    }
}

/// An open session. Dropping it closes it with code 0.
///
/// Everything here can be used by several tasks at once. It makes progress only while
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

    /// The draft that the client speaks, such as `draft-02`.
    pub fn draft(&self) -> &'static str {
        self.state.dialect.name
    }

    /// The next bidirectional stream that the client opens; `None` once the session has ended. Dropping the future
    /// loses nothing.
    pub async fn accept_bi(&self) -> Option<(WtReceive, WtTransmit)> {
        self.state.bidi.pop().await
    }

    /// The same for unidirectional streams. Those that nobody takes wait, up to
    /// [`Limits::max_uni_streams`](crate::Limits::max_uni_streams).
    pub async fn accept_uni(&self) -> Option<WtReceive> {
        self.state.uni.pop().await
    }

    /// The next datagram; `None` once the session has ended.
    pub async fn read_datagram(&self) -> Option<Bytes> {
        self.state.datagrams.pop().await
    }

    /// Opens a bidirectional stream, as soon as the client allows one more; `None` once the session has ended.
    pub async fn open_bi(&self) -> Option<(WtReceive, WtTransmit)> {
        let (send, receive) = tokio::select! {
            opened = self.state.quic.open_bi() => opened.ok()?,
            _ = self.state.closed() => return None,
        };
        let send = self.opened(send, WEBTRANSPORT_BIDI);
        let stream = StreamState::new(&self.state, Some(send), Some(Arriving::new(receive, 0)))?;
        self.state.is_alive(&stream)?;
        Some((WtReceive::new(Arc::clone(&stream)), WtTransmit::new(stream)))
    }

    /// The same for a unidirectional stream.
    pub async fn open_uni(&self) -> Option<WtTransmit> {
        let send = tokio::select! {
            opened = self.state.quic.open_uni() => opened.ok()?,
            _ = self.state.closed() => return None,
        };
        let send = self.opened(send, WEBTRANSPORT_UNI);
        let stream = StreamState::new(&self.state, Some(send), None)?;
        self.state.is_alive(&stream)?;
        Some(WtTransmit::new(stream))
    }

    /// Writes the header that attributes a stream to this session.
    fn opened(&self, send: quinn::SendStream, stream_type: u64) -> Outgoing {
        let mut header = BytesMut::new();
        varint::write(stream_type, &mut header);
        varint::write(self.state.id, &mut header);
        let mut send = Outgoing::new(send, super::error_code::SESSION_GONE);
        send.send(header.freeze());
        // What QUIC does not take now goes out with the first data.
        let _ = send.flush_now();
        send
    }

    /// Sends a datagram, unless it is too large or the client takes none. It may be lost without a notice.
    pub fn send_datagram(&self, payload: &[u8]) -> bool {
        let mut datagram = BytesMut::with_capacity(payload.len() + 8);
        // RFC 9297, section 2.1: the number of the request stream divided by four.
        varint::write(self.state.id / 4, &mut datagram);
        datagram.extend_from_slice(payload);
        !self.state.is_ended() && self.state.quic.send_datagram(datagram.freeze()).is_ok()
    }

    /// Tells the client to end the session soon. It may still open streams.
    pub fn drain(&self) {
        if !self.state.is_ended() {
            self.state.send_capsule(&Capsule::Drain);
        }
    }

    /// Waits until the client asks for the same, or the session has ended.
    pub async fn draining(&self) {
        loop {
            let drained = self.state.drained.notified();
            if self.state.draining.load(Ordering::Acquire) || self.state.is_ended() {
                return;
            }
            drained.await;
        }
    }

    /// Closes the session: its streams are reset, and the client is told the code and the reason, of which 1024 bytes
    /// are sent. Returns when QUIC has taken the message.
    pub async fn close(self, code: u32, reason: &str) {
        if !self.state.is_ended() {
            self.state.send_capsule(&Capsule::Close { code, reason: reason.to_owned() });
            self.state.end(code, reason);
        }
        let state = Arc::clone(&self.state);
        drop(self);
        state.written().await;
    }

    /// Waits until the session has ended, and says with which code and reason. Code 0 without a reason also stands for
    /// an end that nobody explained: a reset CONNECT stream, or a lost connection.
    pub async fn closed(&self) -> (u32, String) {
        self.state.closed().await
    }
}

impl SessionState {
    /// Whether a stream opened just now is still within the session; it is reset otherwise.
    fn is_alive(&self, stream: &StreamState) -> Option<()> {
        if self.is_ended() {
            stream.session_gone();
            return None;
        }
        Some(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.state.is_ended() {
            self.state.send_capsule(&Capsule::Close { code: 0, reason: String::new() });
            self.state.end(0, "");
        }
    }
}
