//! One stream of a session.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use sluicegate_core::wire::{Gone, Reset};

use super::error_code::{self, SESSION_GONE};
use super::flow::{Kind, Receiving, Violation};
use super::state::SessionState;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::shared::lock;

/// What is sent for an error without an application's code: `H3_REQUEST_CANCELLED`, which lies outside their range.
pub(super) const NO_CODE: u64 = 0x10c;

/// How a stream of a session ended before its time, exactly as far as the wire tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The peer reset its direction or told us to stop ours, with an application error code; `None` when the code on
    /// the wire is none that applications can send.
    #[error("ended by the peer with code {0:?}")]
    Peer(Option<u32>),
    /// The session has ended and the stream with it, or its connection has.
    #[error("the session has ended")]
    SessionGone,
}

impl StreamError {
    /// What it means for a call. Whatever the code, it cancels it; a status in the code is kept for the log.
    pub(super) fn gone(self) -> Gone {
        match self {
            StreamError::Peer(code) => Gone::Reset(error_code::to_reset(code)),
            StreamError::SessionGone => Gone::Connection,
        }
    }

    pub(super) fn from_http3(code: u64) -> StreamError {
        match code {
            SESSION_GONE => StreamError::SessionGone,
            code => StreamError::Peer(error_code::from_http3(code)),
        }
    }
}

/// What the two halves of a stream share with each other and with their session.
#[derive(Debug)]
pub(crate) struct StreamState {
    pub(super) id: u64,
    pub(super) session: Weak<SessionState>,
    pub(super) send: Option<Mutex<Outgoing>>,
    pub(super) receive: Option<Mutex<Arriving>>,
    /// The session has ended and the stream with it.
    gone: AtomicBool,
    /// The peer's reset of its direction has been counted.
    was_reset: AtomicBool,
    pub(super) wakers: Arc<Wakers>,
    is_of_peer: bool,
    /// In a session that limits its peer.
    pub(super) account: Option<Account>,
}

/// What one stream has used of the session's window.
#[derive(Debug)]
pub(super) struct Account {
    receiving: Arc<Receiving>,
    /// Bytes that have come from QUIC.
    seen: AtomicU64,
    /// Bytes that have been given out.
    given: AtomicU64,
    /// All bytes of the stream are accounted for, or given up.
    settled: AtomicBool,
}

/// Who waits for what. QUIC remembers one reader per stream, but here two may wait for it.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    /// Waits for data.
    pub(super) reader: AtomicWaker,
    /// Waits for the peer to be gone.
    pub(super) watcher: AtomicWaker,
    /// Waits for room.
    pub(super) writer: AtomicWaker,
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.watcher.wake();
    }
}

impl StreamState {
    pub(crate) fn new(
        session: &Arc<SessionState>,
        send: Option<Outgoing>,
        receive: Option<Arriving>,
        is_of_peer: bool,
    ) -> Option<Arc<StreamState>> {
        let id = receive.as_ref().map(Arriving::id).or(send.as_ref().map(Outgoing::id))?;
        let receiving = session.receiving.as_ref().filter(|_| receive.is_some());
        let account = receiving.map(|receiving| Account {
            receiving: Arc::clone(receiving),
            seen: AtomicU64::new(0),
            given: AtomicU64::new(0),
            settled: AtomicBool::new(false),
        });
        let stream = Arc::new(StreamState {
            id,
            session: Arc::downgrade(session),
            send: send.map(|mut send| {
                send.reset_with(error_code::to_http3(error_code::from_reset(Reset::INTERNAL)));
                Mutex::new(send)
            }),
            receive: receive.map(|mut receive| {
                receive.refuse_with(error_code::to_http3(error_code::NO_ERROR));
                Mutex::new(receive)
            }),
            gone: AtomicBool::new(false),
            was_reset: AtomicBool::new(false),
            wakers: Arc::default(),
            is_of_peer,
            account,
        });
        session.add_stream(id, &stream);
        Some(stream)
    }

    /// Ends both directions because the session has ended.
    pub(crate) fn session_gone(&self) {
        self.gone.store(true, Ordering::Release);
        if let Some(send) = &self.send {
            lock(send).reset(SESSION_GONE);
        }
        if let Some(receive) = &self.receive {
            lock(receive).stop(SESSION_GONE);
        }
        self.wakers.wake_by_ref();
        self.wakers.writer.wake();
    }

    /// The session has more credit.
    pub(crate) fn credit(&self) {
        self.wakers.writer.wake();
    }

    /// The peer has told us to stop our direction.
    pub(super) fn stopped(&self) {
        if let Some(session) = self.session.upgrade() {
            session.resets.count();
        }
    }

    /// The peer has reset its direction. It may be seen more than once.
    pub(super) fn reset(&self, code: u64) -> StreamError {
        if !self.was_reset.swap(true, Ordering::AcqRel)
            && let Some(session) = self.session.upgrade()
        {
            session.resets.count();
        }
        StreamError::from_http3(code)
    }

    /// Counts what has arrived ahead of the reader.
    pub(crate) fn count(&self) -> Result<(), Violation> {
        match (&self.account, &self.receive) {
            (Some(account), Some(receive)) => account.arrived(&lock(receive)),
            _ => Ok(()),
        }
    }

    /// What the reader does not get any more counts as read.
    pub(super) fn give_up(&self) {
        if let Some(account) = &self.account
            && !account.settled.swap(true, Ordering::AcqRel)
        {
            let unread = account.seen.load(Ordering::Relaxed) - account.given.load(Ordering::Relaxed);
            if account.receiving.abandon(unread) {
                self.tell_of_credit();
            }
        }
    }

    /// The session's driver tells the peer that it may send more.
    pub(super) fn tell_of_credit(&self) {
        if let Some(session) = self.session.upgrade() {
            session.driver.wake();
        }
    }

    pub(super) fn violated(&self) -> StreamError {
        if let Some(session) = self.session.upgrade() {
            session.violated(Kind::Data);
        }
        StreamError::SessionGone
    }

    /// Resolves when the peer has reset its direction or the session has ended.
    pub(super) fn poll_reset(&self, quic_waker: &Waker) -> Poll<StreamError> {
        if self.is_gone() {
            return Poll::Ready(StreamError::SessionGone);
        }
        let Some(receive) = &self.receive else { return Poll::Pending };
        let mut receive = lock(receive);
        let reset = receive.poll_reset(&mut Context::from_waker(quic_waker));
        let counted = self.account.as_ref().map_or(Ok(()), |account| account.arrived(&receive));
        drop(receive);
        if counted.is_err() {
            return Poll::Ready(self.violated());
        }
        match reset {
            Poll::Ready(Some(code)) => Poll::Ready(self.reset(code)),
            _ => Poll::Pending,
        }
    }

    fn kind(&self) -> Kind {
        Kind::stream(self.send.is_some())
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

impl Drop for StreamState {
    fn drop(&mut self) {
        self.give_up();
        if let Some(session) = self.session.upgrade() {
            session.remove_stream(self.id, self.is_of_peer.then(|| self.kind()));
        }
    }
}

impl Account {
    /// Counts what QUIC has given since the last time.
    pub(super) fn arrived(&self, stream: &Arriving) -> Result<(), Violation> {
        let seen = self.given.load(Ordering::Relaxed) + stream.buffered() as u64;
        // A stream that was stopped has dropped what it had.
        let before = self.seen.fetch_max(seen, Ordering::Relaxed);
        if seen > before { self.receiving.arrive(Kind::Data, seen - before) } else { Ok(()) }
    }

    /// Counts what a read has given. Whether the peer should be told of more credit.
    pub(super) fn read(&self, stream: &Arriving, read: Option<&Bytes>) -> Result<bool, Violation> {
        let bytes = read.map_or(0, |bytes| bytes.len() as u64);
        self.given.fetch_add(bytes, Ordering::Relaxed);
        self.arrived(stream)?;
        if read.is_none() {
            self.settled.store(true, Ordering::Release);
        }
        Ok(bytes > 0 && self.receiving.window(Kind::Data).done(bytes))
    }
}
