//! Which session a stream or a datagram belongs to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::error_code::{BUFFERED_STREAM_REJECTED, SESSION_GONE};
use super::session::SessionState;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::limits::Limits;
use crate::shared::lock;

/// How many ended sessions are remembered, so that their late streams are refused at once.
const REMEMBERED: usize = 64;

/// The sessions of a connection, and the streams that came before theirs.
#[derive(Debug)]
pub(crate) struct Registry {
    sessions: Mutex<Sessions>,
    /// How many streams may wait for one session.
    early_streams: usize,
    /// How long they may.
    patience: Duration,
}

#[derive(Debug, Default)]
struct Sessions {
    open: HashMap<u64, Arc<SessionState>>,
    ended: VecDeque<u64>,
    early: VecDeque<Early>,
}

/// A stream of a session that is not open. QUIC bounds how many there are in all.
#[derive(Debug)]
struct Early {
    session: u64,
    deadline: Instant,
    send: Option<Outgoing>,
    receive: Arriving,
}

impl Registry {
    pub(crate) fn new(limits: &Limits) -> Registry {
        Registry {
            sessions: Mutex::default(),
            early_streams: limits.early_streams,
            patience: limits.header_timeout,
        }
    }

    /// How many sessions are open.
    pub(crate) fn open(&self) -> usize {
        lock(&self.sessions).open.len()
    }

    /// A session opens; the streams that came before it are its own now.
    pub(crate) fn insert(&self, session: &Arc<SessionState>) {
        let mut sessions = lock(&self.sessions);
        sessions.open.insert(session.id, Arc::clone(session));
        let (mine, others) = std::mem::take(&mut sessions.early)
            .into_iter()
            .partition::<VecDeque<_>, _>(|early| early.session == session.id);
        sessions.early = others;
        drop(sessions);
        for early in mine {
            session.arrived(early.send, early.receive);
        }
    }

    /// A session has ended.
    pub(crate) fn remove(&self, id: u64) {
        let mut sessions = lock(&self.sessions);
        if sessions.open.remove(&id).is_some() {
            if sessions.ended.len() >= REMEMBERED {
                sessions.ended.pop_front();
            }
            sessions.ended.push_back(id);
        }
    }

    /// A stream of the client that names this session.
    pub(crate) fn stream(&self, session: u64, mut send: Option<Outgoing>, mut receive: Arriving) {
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.open.get(&session).cloned() {
            drop(sessions);
            return session.arrived(send, receive);
        }
        let is_over = sessions.ended.contains(&session);
        let waiting = sessions.early.iter().filter(|early| early.session == session).count();
        // Dropping the halves refuses the stream with this code, now or when its time is up.
        let code = if is_over { SESSION_GONE } else { BUFFERED_STREAM_REJECTED };
        receive.refuse_with(code);
        if let Some(send) = &mut send {
            send.reset_with(code);
        }
        if !is_over && waiting < self.early_streams {
            let deadline = Instant::now() + self.patience;
            sessions.early.push_back(Early { session, deadline, send, receive });
        }
    }

    /// A datagram that names this session. It is lost when the session is not open.
    pub(crate) fn datagram(&self, session: u64, payload: Bytes) {
        let session = lock(&self.sessions).open.get(&session).cloned();
        if let Some(session) = session {
            session.datagram(payload);
        }
    }

    /// When the next early stream has waited long enough.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        lock(&self.sessions).early.front().map(|early| early.deadline)
    }

    /// Refuses the streams that have waited long enough.
    pub(crate) fn expire(&self, now: Instant) {
        let mut sessions = lock(&self.sessions);
        // All have the same patience, so the first to come is the first to go.
        let expired = sessions.early.iter().take_while(|early| early.deadline <= now).count();
        let expired: Vec<Early> = sessions.early.drain(..expired).collect();
        drop(sessions);
        drop(expired);
    }

    /// All sessions, to tell them something.
    pub(crate) fn all(&self) -> Vec<Arc<SessionState>> {
        lock(&self.sessions).open.values().cloned().collect()
    }
}
