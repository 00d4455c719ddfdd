//! A session, as its parts share it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::capsule::Capsule;
use super::dialect::Dialect;
use super::error_code::FLOW_CONTROL_ERROR;
use super::flow::{Kind, MAX_STREAMS, Receiving, Sending, Violation};
use super::queue::Queue;
use super::receive::WtReceive;
use super::session::SessionEnd;
use super::stream::StreamState;
use super::transmit::WtTransmit;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::resets::Resets;
use crate::settings::PeerSettings;
use crate::shared::{LiveGuard, Role, Shared, lock};

/// What a session's handle, its streams and its driver share.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// The number of the CONNECT stream.
    pub(crate) id: u64,
    pub(crate) dialect: &'static Dialect,
    /// What we may send.
    pub(crate) sending: Sending,
    /// What the peer may send; `None` when only QUIC limits it.
    pub(crate) receiving: Option<Arc<Receiving>>,
    /// The CONNECT stream's sending half.
    pub(crate) connect: Mutex<Outgoing>,
    /// Wakes the driver when there is something to write or the session has ended here. Only the driver waits for the
    /// CONNECT stream, because QUIC remembers one writer per stream.
    pub(crate) driver: AtomicWaker,
    /// Tells whoever waits that the driver has written everything, or never will.
    pub(crate) written: Notify,
    pub(crate) resets: Arc<Resets>,
    pub(super) quic: quinn::Connection,
    pub(super) bidi: Queue<(WtReceive, WtTransmit)>,
    pub(super) uni: Queue<WtReceive>,
    pub(super) datagrams: Queue<Bytes>,
    /// Tells whoever waits to open a stream that the peer may allow it.
    pub(super) credited: Notify,
    pub(super) draining: AtomicBool,
    pub(super) drained: Notify,
    limits: Arc<Limits>,
    streams: Mutex<HashMap<u64, Weak<StreamState>>>,
    /// How many streams of the peer are in use.
    open_bidi: AtomicU32,
    open_uni: AtomicU32,
    end: Mutex<Option<End>>,
    ended: Notify,
    /// Whether the CONNECT has its answer, behind which capsules may be written.
    answered: AtomicBool,
    /// Whether the peer is to be asked for an end, and has been.
    drain: Mutex<Drain>,
    /// Keeps the connection from being idle while the session is open.
    live: Mutex<Option<LiveGuard>>,
}

#[derive(Debug)]
struct End {
    how: SessionEnd,
    /// The code that the CONNECT stream is reset with.
    fault: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    No,
    Wanted,
    Sent,
}

impl SessionState {
    pub(crate) fn new(
        id: u64,
        dialect: &'static Dialect,
        peer: &PeerSettings,
        connect: Outgoing,
        shared: &Shared,
    ) -> Arc<SessionState> {
        let limits = &shared.limits;
        // QUIC allows a connection no more than these. A session may be sent more than `max_session_streams`: credit that
        // was taken for lost and given again may have been on its way.
        let capacity = |requests: u32| {
            let of_sessions = limits.max_session_streams.saturating_mul(limits.max_sessions.max(1));
            usize::try_from(requests.saturating_add(of_sessions)).unwrap_or(usize::MAX)
        };
        Arc::new(SessionState {
            id,
            dialect,
            sending: Sending::new(dialect.initial(peer)),
            receiving: dialect.receiving(limits, peer).map(Arc::new),
            connect: Mutex::new(connect),
            driver: AtomicWaker::new(),
            written: Notify::new(),
            resets: Arc::clone(&shared.resets),
            quic: shared.quic.clone(),
            bidi: Queue::new(capacity(limits.max_bidi_streams)),
            uni: Queue::new(capacity(limits.max_uni_streams)),
            datagrams: Queue::new(limits.datagrams_per_session),
            credited: Notify::new(),
            draining: AtomicBool::new(false),
            drained: Notify::new(),
            limits: Arc::clone(limits),
            streams: Mutex::default(),
            open_bidi: AtomicU32::new(0),
            open_uni: AtomicU32::new(0),
            end: Mutex::default(),
            ended: Notify::new(),
            // A client gets its answer before there is anybody to write capsules.
            answered: AtomicBool::new(shared.role == Role::Client),
            drain: Mutex::new(Drain::No),
            live: Mutex::new(Some(shared.live.guard())),
        })
    }

    /// The answer is with the CONNECT stream.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Ordering::Release);
        self.driver.wake();
    }

    /// A stream of the peer for this session. It is refused when there are too many.
    pub(crate) fn arrived(self: &Arc<Self>, send: Option<Outgoing>, receive: Arriving) {
        let kind = Kind::stream(send.is_some());
        let open = self.open_streams(kind).fetch_add(1, Ordering::Relaxed);
        // A receiving half is there, so there is a stream.
        let Some(stream) = StreamState::new(self, send, Some(receive), true) else { return };
        if self.receiving.as_ref().is_some_and(|receiving| receiving.arrive(kind, 1).is_err()) {
            return self.violated(kind);
        }
        if stream.count().is_err() {
            return self.violated(Kind::Data);
        }
        let receive = WtReceive::new(Arc::clone(&stream));
        let refused = if kind == Kind::Bidi {
            let halves = (receive, WtTransmit::new(stream));
            match self.has_room(open) {
                true => self.bidi.push(halves).err(),
                false => Some(halves),
            }
            .map(|(receive, transmit)| {
                transmit.reject();
                receive
            })
        } else {
            match self.has_room(open) {
                true => self.uni.push(receive).err(),
                false => Some(receive),
            }
        };
        if let Some(receive) = refused {
            receive.reject();
            if !self.is_ended() {
                self.refused(Refusal::MaxSessionStreams);
            }
        }
    }

    /// Whether one more than these may be in use. A peer that has promised to obey a limit has kept to that already.
    fn has_room(&self, open: u32) -> bool {
        open < self.limits.max_session_streams || self.obeys()
    }

    /// Whether the peer has promised to obey our limits.
    pub(super) fn obeys(&self) -> bool {
        self.receiving.as_ref().is_some_and(|receiving| receiving.is_enforced())
    }

    fn open_streams(&self, kind: Kind) -> &AtomicU32 {
        if kind == Kind::Bidi { &self.open_bidi } else { &self.open_uni }
    }

    /// A datagram for this session. The oldest is lost when nobody reads them.
    pub(crate) fn datagram(&self, payload: Bytes) {
        if self.datagrams.push_newest(payload).is_some() && !self.is_ended() {
            self.refused(Refusal::DatagramsPerSession);
        }
    }

    pub(crate) fn add_stream(&self, id: u64, stream: &Arc<StreamState>) {
        lock(&self.streams).insert(id, Arc::downgrade(stream));
    }

    /// A stream is not in use any more; of which kind, if it is the peer's.
    pub(crate) fn remove_stream(&self, id: u64, of_peer: Option<Kind>) {
        lock(&self.streams).remove(&id);
        let Some(kind) = of_peer else { return };
        self.open_streams(kind).fetch_sub(1, Ordering::Relaxed);
        if self.receiving.as_ref().is_some_and(|receiving| receiving.window(kind).done(1)) {
            self.driver.wake();
        }
    }

    /// How long the peer has for what it should do of itself.
    pub(super) fn linger(&self) -> Duration {
        self.limits.linger
    }

    fn refused(&self, what: Refusal) {
        self.limits.observer.refused(what);
    }

    /// The peer has exceeded a limit that it had agreed to.
    pub(crate) fn violated(&self, kind: Kind) {
        if !self.is_ended() {
            self.refused(kind.refusal());
            self.fail(FLOW_CONTROL_ERROR);
        }
    }

    /// Ends the session, closed with this code and reason. Only the first end counts.
    pub(crate) fn close(&self, code: u32, reason: &str) {
        self.end(SessionEnd::Closed { code, reason: reason.to_owned() }, None);
    }

    /// Ends the session because its connection or its CONNECT stream has ended without a word.
    pub(crate) fn lose(&self) {
        self.end(SessionEnd::Lost, None);
    }

    /// Ends the session by resetting its CONNECT stream.
    pub(crate) fn fail(&self, code: u64) {
        if self.end(SessionEnd::Lost, Some(code)) {
            lock(&self.connect).reset(code);
        }
    }

    /// Ends the session here: its streams are reset, and whoever waits for it is told. Whether this was the first end.
    fn end(&self, how: SessionEnd, fault: Option<u64>) -> bool {
        {
            let mut end = lock(&self.end);
            if end.is_some() {
                return false;
            }
            *end = Some(End { how, fault });
        }
        // A stream in use removes itself from the table when it is dropped, so the table is emptied first.
        let streams = std::mem::take(&mut *lock(&self.streams));
        for stream in streams.values().filter_map(Weak::upgrade) {
            stream.session_gone();
        }
        drop((self.bidi.close(), self.uni.close(), self.datagrams.close()));
        self.ended.notify_waiters();
        self.drained.notify_waiters();
        self.credited.notify_waiters();
        drop(lock(&self.live).take());
        self.driver.wake();
        true
    }

    pub(crate) fn is_ended(&self) -> bool {
        lock(&self.end).is_some()
    }

    /// The code that the CONNECT stream is reset with, if it is.
    pub(super) fn fault(&self) -> Option<u64> {
        lock(&self.end).as_ref().and_then(|end| end.fault)
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> SessionEnd {
        loop {
            let ended = self.ended.notified();
            if let Some(end) = &*lock(&self.end) {
                return end.how.clone();
            }
            ended.await;
        }
    }

    /// Tells the peer that the session is over, and ends the CONNECT stream behind it.
    pub(super) fn send_close(&self, code: u32, reason: &str) {
        let mut connect = lock(&self.connect);
        connect.send(Capsule::Close { code, reason: reason.to_owned() }.frame());
        connect.finish();
        // A peer that has gone is noticed by the driver.
        let _ = connect.flush_now();
        drop(connect);
        self.driver.wake();
    }

    /// Asks the peer to end the session soon, once it has its answer.
    pub(crate) fn ask_to_end(&self) {
        let mut drain = lock(&self.drain);
        if *drain == Drain::No {
            *drain = Drain::Wanted;
            drop(drain);
            self.driver.wake();
        }
    }

    /// Writes the capsules that are due. As this happens only when QUIC has taken the last ones, a peer that does not
    /// read them makes us keep no more than one of each.
    pub(super) fn write_capsules(&self) {
        if !self.answered.load(Ordering::Acquire) || self.is_ended() || !lock(&self.connect).is_flushed() {
            return;
        }
        let mut drain = lock(&self.drain);
        let asked = (*drain == Drain::Wanted).then_some(Capsule::Drain);
        if asked.is_some() {
            *drain = Drain::Sent;
        }
        drop(drain);
        let receiving = self.receiving.as_deref();
        let raised = Kind::ALL
            .into_iter()
            .filter_map(|kind| Some(Capsule::Max(kind, receiving?.window(kind).raise()?)));
        let blocked = Kind::ALL
            .into_iter()
            .filter_map(|kind| Some(Capsule::Blocked(kind, self.sending.budget(kind).newly_blocked()?)));
        for capsule in asked.into_iter().chain(raised).chain(blocked) {
            lock(&self.connect).send(capsule.frame());
        }
    }

    /// The peer has told us to end the session soon.
    pub(crate) fn peer_drains(&self) {
        self.draining.store(true, Ordering::Release);
        self.drained.notify_waiters();
    }

    /// The peer has raised a limit of ours. Whoever waits for it is told by [`SessionState::credit`].
    pub(super) fn raise(&self, kind: Kind, limit: u64) -> Result<(), Violation> {
        if !self.sending.is_limited() {
            return Ok(());
        }
        if kind != Kind::Data && limit > MAX_STREAMS {
            return Err(Violation);
        }
        self.sending.budget(kind).raise(limit, self.dialect.may_repeat_limits())
    }

    /// The peer says that a limit of its own blocks it.
    pub(super) fn peer_blocked(&self, kind: Kind, limit: u64) -> Result<(), Violation> {
        if kind != Kind::Data && limit > MAX_STREAMS {
            return Err(Violation);
        }
        if self.receiving.as_ref().is_some_and(|receiving| receiving.window(kind).blocked(limit)) {
            self.driver.wake();
        }
        Ok(())
    }

    /// More may be sent or opened: whoever waits for it is told.
    pub(super) fn credit(&self) {
        self.credited.notify_waiters();
        let streams: Vec<_> = lock(&self.streams).values().filter_map(Weak::upgrade).collect();
        streams.iter().for_each(|stream| stream.credit());
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
}
