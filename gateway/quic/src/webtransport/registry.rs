//! Which session a stream or a datagram belongs to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::time::Instant;

use super::error_code::{BUFFERED_STREAM_REJECTED, SESSION_GONE};
use super::state::SessionState;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::shared::lock;

/// How many ended sessions are remembered, so that their late streams are refused at once.
const REMEMBERED: usize = 64;

/// The sessions of a connection, and the streams and datagrams that came before theirs.
#[derive(Debug)]
pub(crate) struct Registry {
    sessions: Mutex<Sessions>,
    quic: quinn::Connection,
    limits: Arc<Limits>,
}

#[derive(Debug, Default)]
struct Sessions {
    open: HashMap<u64, Arc<SessionState>>,
    ended: VecDeque<u64>,
    streams: VecDeque<Early<EarlyStream>>,
    datagrams: VecDeque<Early<Bytes>>,
}

/// What belongs to a session that is not open.
#[derive(Debug)]
struct Early<T> {
    session: u64,
    deadline: Instant,
    what: T,
}

/// QUIC's windows bound what has arrived on it. Dropping it refuses it.
#[derive(Debug)]
struct EarlyStream {
    send: Option<Outgoing>,
    receive: Arriving,
}

impl Sessions {
    fn remember(&mut self, ended: u64) {
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(ended);
    }
}

/// Takes out what belongs to a session.
fn take<T>(early: &mut VecDeque<Early<T>>, session: u64) -> VecDeque<Early<T>> {
    let (mine, others) = std::mem::take(early).into_iter().partition(|early| early.session == session);
    *early = others;
    mine
}

/// Takes out what has waited long enough. All have the same patience, so the first to come is the first to go.
fn expired<T>(early: &mut VecDeque<Early<T>>, now: Instant) -> Vec<Early<T>> {
    let expired = early.iter().take_while(|early| early.deadline <= now).count();
    early.drain(..expired).collect()
}

impl Registry {
    pub(crate) fn new(quic: quinn::Connection, limits: Arc<Limits>) -> Registry {
        Registry { sessions: Mutex::default(), quic, limits }
    }

    /// How many sessions are open.
    pub(crate) fn open(&self) -> usize {
        lock(&self.sessions).open.len()
    }

    /// A session opens; what came before it is its own now.
    pub(crate) fn insert(&self, session: &Arc<SessionState>) {
        let mut sessions = lock(&self.sessions);
        sessions.open.insert(session.id, Arc::clone(session));
        let streams = take(&mut sessions.streams, session.id);
        let datagrams = take(&mut sessions.datagrams, session.id);
        self.apportion(&sessions);
        drop(sessions);
        for early in streams {
            session.arrived(early.what.send, early.what.receive);
        }
        for early in datagrams {
            session.datagram(early.what);
        }
    }

    /// A session has ended.
    pub(crate) fn remove(&self, id: u64) {
        let mut sessions = lock(&self.sessions);
        if sessions.open.remove(&id).is_some() {
            sessions.remember(id);
            self.apportion(&sessions);
        }
    }

    /// A session does not open: what came before it is refused.
    pub(crate) fn refused(&self, id: u64) {
        let mut sessions = lock(&self.sessions);
        sessions.remember(id);
        let refused = (take(&mut sessions.streams, id), take(&mut sessions.datagrams, id));
        drop(sessions);
        drop(refused);
    }

    /// Gives each session its own share of the connection's window, on top of what requests have, and each whose peer
    /// obeys our limits a share of the streams too. Such a session never takes what the others and the requests need,
    /// even if nobody reads it: it can use no more than it has brought.
    ///
    /// Other peers are not told how many streams a session may have, only how many the connection may; those wait for
    /// QUIC's leave, and would see streams refused if they had more.
    fn apportion(&self, sessions: &Sessions) {
        let limits = &self.limits;
        let with_shares = |base: u32, sessions: usize, share: u32| {
            let shares = u64::try_from(sessions).unwrap_or(u64::MAX).saturating_mul(share.into());
            quinn::VarInt::from_u64(shares.saturating_add(base.into())).unwrap_or(quinn::VarInt::MAX)
        };
        let (open, streams) = (sessions.open.len(), limits.max_session_streams);
        self.quic.set_receive_window(with_shares(limits.receive_window, open, limits.session_window));
        let obeying = sessions.open.values().filter(|session| session.obeys()).count();
        self.quic.set_max_concurrent_bi_streams(with_shares(limits.max_bidi_streams, obeying, streams));
        self.quic.set_max_concurrent_uni_streams(with_shares(limits.max_uni_streams, obeying, streams));
    }

    /// A stream of the peer that names this session.
    pub(crate) fn stream(&self, session: u64, mut send: Option<Outgoing>, mut receive: Arriving) {
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.open.get(&session).cloned() {
            drop(sessions);
            return session.arrived(send, receive);
        }
        let is_over = sessions.ended.contains(&session);
        // Dropping the halves refuses the stream with this code, now or when its time is up.
        let code = if is_over { SESSION_GONE } else { BUFFERED_STREAM_REJECTED };
        receive.refuse_with(code);
        if let Some(send) = &mut send {
            send.reset_with(code);
        }
        if is_over {
            return;
        }
        if sessions.streams.len() >= self.limits.early_streams {
            return self.limits.observer.refused(Refusal::EarlyStreams);
        }
        let deadline = Instant::now() + self.limits.header_timeout;
        sessions.streams.push_back(Early { session, deadline, what: EarlyStream { send, receive } });
    }

    /// A datagram that names this session.
    pub(crate) fn datagram(&self, session: u64, payload: Bytes) {
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.open.get(&session).cloned() {
            drop(sessions);
            return session.datagram(payload);
        }
        if sessions.ended.contains(&session) {
            return;
        }
        let limits = &self.limits;
        let deadline = Instant::now() + limits.header_timeout;
        sessions.datagrams.push_back(Early { session, deadline, what: payload });
        // The oldest go, until the rest is neither too many nor too much.
        let bytes =
            |waiting: &VecDeque<Early<Bytes>>| waiting.iter().map(|early| early.what.len()).sum::<usize>();
        while sessions.datagrams.len() > limits.early_datagrams
            || bytes(&sessions.datagrams) > limits.datagram_buffer
        {
            sessions.datagrams.pop_front();
            limits.observer.refused(Refusal::EarlyDatagrams);
        }
    }

    /// When the next early stream or datagram has waited long enough.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sessions = lock(&self.sessions);
        let stream = sessions.streams.front().map(|early| early.deadline);
        let datagram = sessions.datagrams.front().map(|early| early.deadline);
        stream.into_iter().chain(datagram).min()
    }

    /// Refuses what has waited long enough.
    pub(crate) fn expire(&self, now: Instant) {
        let mut sessions = lock(&self.sessions);
        let streams = expired(&mut sessions.streams, now);
        let datagrams = expired(&mut sessions.datagrams, now);
        drop(sessions);
        let observer = &self.limits.observer;
        streams.iter().for_each(|_| observer.refused(Refusal::EarlyStreams));
        datagrams.iter().for_each(|_| observer.refused(Refusal::EarlyDatagrams));
    }

    /// All sessions, to tell them something.
    pub(crate) fn all(&self) -> Vec<Arc<SessionState>> {
        lock(&self.sessions).open.values().cloned().collect()
    }
}
