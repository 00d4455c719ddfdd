//! One stream of a session.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::HeaderMap;
use quinn::{ReadError, WriteError};
use sluicegate_core::wire::{Gone, Receive, Reset, ResponseHeaders, Transmit};

use super::error_code::{self, BUFFERED_STREAM_REJECTED, SESSION_GONE};
use super::flow::{Kind, Receiving, Violation};
use super::state::SessionState;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::adapter::stopped::Stopped;
use crate::shared::lock;

/// The most credit that is given at once, so that one chunk does not outgrow what QUIC is willing to take soon.
const MAX_CREDIT: usize = 64 << 10;

/// What is sent for an error without an application's code: `H3_REQUEST_CANCELLED`, which lies outside their range.
const NO_CODE: u64 = 0x10c;

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
    fn gone(self) -> Gone {
        match self {
            StreamError::Peer(code) => Gone::Reset(error_code::to_reset(code)),
            StreamError::SessionGone => Gone::Connection,
        }
    }

    fn from_http3(code: u64) -> StreamError {
        match code {
            SESSION_GONE => StreamError::SessionGone,
            code => StreamError::Peer(error_code::from_http3(code)),
        }
    }
}

/// What the two halves of a stream share with each other and with their session.
#[derive(Debug)]
pub(crate) struct StreamState {
    id: u64,
    session: Weak<SessionState>,
    send: Option<Mutex<Outgoing>>,
    receive: Option<Mutex<Arriving>>,
    /// The session has ended and the stream with it.
    gone: AtomicBool,
    wakers: Arc<Wakers>,
    is_of_peer: bool,
    /// In a session that limits its peer.
    account: Option<Account>,
}

/// What one stream has used of the session's window. It changes only under the lock of the receiving half.
#[derive(Debug)]
struct Account {
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
struct Wakers {
    /// Waits for data.
    reader: AtomicWaker,
    /// Waits for the client to be gone.
    watcher: AtomicWaker,
    /// Waits for room.
    writer: AtomicWaker,
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

    /// The peer has reset its direction, or told us to stop ours.
    fn taken_back(&self) {
        if let Some(session) = self.session.upgrade() {
            session.resets.count();
        }
    }

    /// Counts what has arrived ahead of the reader.
    pub(crate) fn count(&self) -> Result<(), Violation> {
        match (&self.account, &self.receive) {
            (Some(account), Some(receive)) => account.arrived(&lock(receive)),
            _ => Ok(()),
        }
    }

    /// What the reader does not get any more counts as read.
    fn give_up(&self) {
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
    fn tell_of_credit(&self) {
        if let Some(session) = self.session.upgrade() {
            session.driver.wake();
        }
    }

    fn violated(&self) -> StreamError {
        if let Some(session) = self.session.upgrade() {
            session.violated(Kind::Data);
        }
        StreamError::SessionGone
    }

    /// Resolves when the peer has reset its direction or the session has ended.
    fn poll_reset(&self, quic_waker: &Waker) -> Poll<StreamError> {
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
            Poll::Ready(Some(code)) => {
                self.taken_back();
                Poll::Ready(StreamError::from_http3(code))
            }
            _ => Poll::Pending,
        }
    }

    fn kind(&self) -> Kind {
        Kind::stream(self.send.is_some())
    }

    fn is_gone(&self) -> bool {
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
    fn arrived(&self, stream: &Arriving) -> Result<(), Violation> {
        let seen = self.given.load(Ordering::Relaxed) + stream.buffered() as u64;
        let before = self.seen.swap(seen, Ordering::Relaxed);
        if seen > before { self.receiving.arrive(Kind::Data, seen - before) } else { Ok(()) }
    }

    /// Counts what a read has given. Whether the peer should be told of more credit.
    fn read(&self, stream: &Arriving, read: Option<&Bytes>) -> Result<bool, Violation> {
        let bytes = read.map_or(0, |bytes| bytes.len() as u64);
        self.given.fetch_add(bytes, Ordering::Relaxed);
        self.arrived(stream)?;
        if read.is_none() {
            self.settled.store(true, Ordering::Release);
        }
        Ok(bytes > 0 && self.receiving.window(Kind::Data).done(bytes))
    }
}

/// What a client sends on a stream of a session. Dropping it refuses the rest.
#[derive(Debug)]
pub struct WtReceive {
    stream: Arc<StreamState>,
    /// Wakes whoever waits for this stream, here or in the other half.
    quic_waker: Waker,
    error: Option<StreamError>,
}

impl WtReceive {
    pub(crate) fn new(stream: Arc<StreamState>) -> WtReceive {
        WtReceive { quic_waker: Waker::from(Arc::clone(&stream.wakers)), stream, error: None }
    }

    /// The QUIC stream's number.
    pub fn id(&self) -> u64 {
        self.stream.id
    }

    /// Refuses a stream that nobody had room for.
    pub(super) fn reject(self) {
        if let Some(receive) = &self.stream.receive {
            lock(receive).stop(BUFFERED_STREAM_REJECTED);
        }
    }

    /// Refuses the rest with an application error code, such as those in [`error_code`](crate::error_code).
    pub fn stop_with(&mut self, code: u32) {
        self.forward_stop(Some(code));
    }

    /// Passes on that whoever gets these bytes wants no more of them: what [`WtTransmit::poll_stopped`] said of
    /// another session's stream. A code that no application can have sent arrives without one here too.
    pub fn forward_stop(&mut self, code: Option<u32>) {
        if let Some(receive) = &self.stream.receive {
            lock(receive).stop(code.map_or(NO_CODE, error_code::to_http3));
            self.stream.give_up();
        }
    }

    /// How the peer's direction ended before its time, after `poll_data` has failed.
    pub fn error(&self) -> Option<StreamError> {
        self.error
    }

    /// Resolves when the peer has reset its direction or the session has ended, also while bytes in front of that wait to
    /// be read, up to a few thousand of them; never once the peer has finished.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stream.wakers.reader.register(cx.waker());
        if let Some(error) = self.error {
            return Poll::Ready(error);
        }
        self.stream.poll_reset(&self.quic_waker)
    }

    fn fail(&mut self, error: StreamError) -> Gone {
        self.error = Some(error);
        error.gone()
    }
}

impl Receive for WtReceive {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        self.stream.wakers.reader.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(Err(self.fail(StreamError::SessionGone)));
        }
        let Some(receive) = &self.stream.receive else {
            return Poll::Ready(Ok(None));
        };
        let mut receive = lock(receive);
        let read = receive.poll_read(&mut Context::from_waker(&self.quic_waker));
        let counted = match (&self.stream.account, &read) {
            (None, _) => Ok(false),
            (Some(account), Poll::Ready(Ok(read))) => account.read(&receive, read.as_ref()),
            (Some(account), _) => account.arrived(&receive).map(|()| false),
        };
        drop(receive);
        match counted {
            Ok(false) => {}
            Ok(true) => self.stream.tell_of_credit(),
            Err(Violation) => {
                let error = self.stream.violated();
                return Poll::Ready(Err(self.fail(error)));
            }
        }
        Poll::Ready(match ready!(read) {
            Ok(read) => Ok(read),
            Err(ReadError::Reset(code)) => {
                self.stream.taken_back();
                self.stream.give_up();
                Err(self.fail(StreamError::from_http3(code.into_inner())))
            }
            Err(_) => Err(self.fail(StreamError::SessionGone)),
        })
    }

    /// QUIC gives credit when bytes are read, and these are read one chunk at a time.
    fn release(&mut self, _bytes: usize) {}

    fn stop(&mut self) {
        self.stop_with(error_code::NO_ERROR);
    }
}

impl Drop for WtReceive {
    fn drop(&mut self) {
        // The other half keeps the stream alive, so this does not happen by itself.
        self.stop();
    }
}

/// What a client gets on a stream of a session. Flush it before dropping it: an unfinished one is reset.
pub struct WtTransmit {
    stream: Arc<StreamState>,
    quic_waker: Waker,
    stopped: Stopped,
    /// Credit of the session's flow control that has been taken and not been used.
    credit: u64,
}

impl std::fmt::Debug for WtTransmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WtTransmit").field("stream", &self.stream.id).finish_non_exhaustive()
    }
}

impl WtTransmit {
    pub(crate) fn new(stream: Arc<StreamState>) -> WtTransmit {
        let quic_waker = Waker::from(Arc::clone(&stream.wakers));
        WtTransmit { stream, quic_waker, stopped: Stopped::Unwatched, credit: 0 }
    }

    /// The QUIC stream's number.
    pub fn id(&self) -> u64 {
        self.stream.id
    }

    /// Ends the stream abruptly with an application error code, such as those in [`error_code`](crate::error_code).
    pub fn reset_with(&mut self, code: u32) {
        self.forward_reset(Some(code));
    }

    /// Passes on that these bytes have ended abruptly: what [`WtReceive::error`] said of another session's stream. A
    /// code that no application can have sent arrives without one here too.
    pub fn forward_reset(&mut self, code: Option<u32>) {
        if let Some(send) = &self.stream.send {
            lock(send).reset(code.map_or(NO_CODE, error_code::to_http3));
        }
    }

    /// Resolves when the peer has told us to stop sending or the session has ended, even if nothing is being written;
    /// never once the peer has acknowledged everything. Unlike [`poll_gone`](Transmit::poll_gone) it says nothing of
    /// the other direction. The task that asked last, here or there, is the one that is woken.
    pub fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stream.wakers.watcher.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(StreamError::SessionGone);
        }
        let WtTransmit { stream, stopped, .. } = self;
        let begin = || stream.send.as_ref().map_or(Stopped::Unwatched, |send| Stopped::watch(&lock(send)));
        let code = ready!(stopped.poll(cx, begin, || stream.taken_back()));
        Poll::Ready(code.map_or(StreamError::SessionGone, StreamError::from_http3))
    }

    /// Refuses a stream that nobody had room for.
    pub(super) fn reject(self) {
        if let Some(send) = &self.stream.send {
            lock(send).reset(BUFFERED_STREAM_REJECTED);
        }
    }

    fn send(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        if self.stream.is_gone() {
            return Err(Gone::Connection);
        }
        self.credit = self.credit.saturating_sub(bytes.len() as u64);
        let Some(send) = &self.stream.send else {
            return Err(Gone::Protocol);
        };
        let mut send = lock(send);
        send.send(bytes);
        if end {
            send.finish();
        }
        send.flush_now().map_err(write_error)
    }
}

impl Transmit for WtTransmit {
    /// A stream has no head of its own: what there is to say stands in its first frame.
    fn send_head(&mut self, _head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        self.send(Bytes::new(), end)
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        ready!(self.poll_flushed(cx))?;
        let wanted = wanted.clamp(1, MAX_CREDIT) as u64;
        if self.credit == 0 {
            let session = self.stream.session.upgrade().ok_or(Gone::Connection)?;
            self.credit = session.sending.budget(Kind::Data).reserve(wanted);
            if self.credit == 0 {
                // The driver tells the peer.
                session.driver.wake();
            }
        }
        if self.credit == 0 {
            // The waker was registered before the session was asked, so a raise in between is not missed.
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.credit.min(wanted) as usize))
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        self.send(bytes, end)
    }

    /// A stream has no trailers of its own either.
    fn send_trailers(&mut self, _trailers: HeaderMap) -> Result<(), Gone> {
        self.send(Bytes::new(), true)
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.stream.wakers.writer.register(cx.waker());
        if self.stream.is_gone() {
            return Poll::Ready(Err(Gone::Connection));
        }
        let Some(send) = &self.stream.send else {
            return Poll::Ready(Err(Gone::Protocol));
        };
        lock(send).poll_flush(cx).map_err(write_error)
    }

    fn reset(&mut self, reset: Reset) {
        self.reset_with(error_code::from_reset(reset));
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        if let Poll::Ready(error) = self.poll_stopped(cx) {
            return Poll::Ready(error.gone());
        }
        // A peer that resets its own direction cancels the call too, also while nobody reads it.
        let error = ready!(self.stream.poll_reset(&self.quic_waker));
        Poll::Ready(error.gone())
    }
}

impl Drop for WtTransmit {
    fn drop(&mut self) {
        self.reset(Reset::INTERNAL);
        if let Some(session) = self.stream.session.upgrade()
            && session.sending.budget(Kind::Data).release(self.credit)
        {
            session.credit();
        }
    }
}

fn write_error(error: WriteError) -> Gone {
    match error {
        WriteError::Stopped(code) => StreamError::from_http3(code.into_inner()).gone(),
        _ => Gone::Connection,
    }
}
