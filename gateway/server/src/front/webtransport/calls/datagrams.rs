//! The messages of a session's calls that travel in datagrams: which call a datagram is for, and how it gets among what the
//! call's stream brings.
//!
//! Source: docs/grpc-webtransport.md, section 12.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use sluicegate_core::message::Message;
use sluicegate_core::protocol::grpc_wt::Follower;
use sluicegate_core::protocol::grpc_wt::datagram::{Arrivals, Datagram, Policy, SendDatagram, Sent};
use sluicegate_core::wire::{Gone, Receive};
use sluicegate_quic::Session;
use tokio::time::Instant;

use crate::observe::datagrams::{DatagramMetrics, Outcomes};

/// How many datagrams wait for a call that is not known yet, and for how long: those that have overtaken its headers.
const EARLY: usize = 16;
const PATIENCE: Duration = Duration::from_millis(100);
/// How many wait for a call whose upstream is slow, where all are passed on. Of the latest only one does.
const WAITING: usize = 16;

/// The datagrams of a session.
#[derive(Debug)]
pub(super) struct Datagrams {
    calls: Mutex<Calls>,
    metrics: DatagramMetrics,
}

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, Arc<Inbox>>,
    /// In the order in which they came.
    early: VecDeque<(Instant, Datagram)>,
}

impl Datagrams {
    pub(super) fn new(metrics: DatagramMetrics) -> Datagrams {
        Datagrams { calls: Mutex::default(), metrics }
    }

    /// Takes a datagram of the client. What is none, or is for no call, is lost.
    pub(super) fn arrived(&self, bytes: Bytes) {
        let Some(datagram) = Datagram::read(bytes) else { return self.metrics.request.dropped.inc() };
        let mut calls = self.calls();
        if let Some(inbox) = calls.open.get(&datagram.call) {
            return inbox.push(datagram, &self.metrics.request);
        }
        let now = Instant::now();
        let before = calls.early.len();
        calls.early.retain(|(came, _)| now.duration_since(*came) < PATIENCE);
        if calls.early.len() >= EARLY {
            calls.early.pop_front();
        }
        self.metrics.request.dropped.inc_by((before - calls.early.len()) as u64);
        calls.early.push_back((now, datagram));
    }

    /// Lets the datagrams with this number in, until the lane is dropped. `None` if they belong to another call already.
    /// Without a policy they are lost.
    pub(super) fn open(self: &Arc<Self>, call: u64, policy: Option<Policy>) -> Option<Lane> {
        let mut calls = self.calls();
        if calls.open.contains_key(&call) {
            return None;
        }
        let inbox = Arc::new(Inbox::new(policy));
        calls.open.insert(call, inbox.clone());
        let now = Instant::now();
        for (came, datagram) in std::mem::take(&mut calls.early) {
            if datagram.call != call {
                calls.early.push_back((came, datagram));
            } else if now.duration_since(came) < PATIENCE {
                inbox.push(datagram, &self.metrics.request);
            } else {
                self.metrics.request.dropped.inc();
            }
        }
        Some(Lane { call, inbox, datagrams: self.clone() })
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has come in datagrams for one call and is not taken yet.
#[derive(Debug)]
struct Inbox {
    /// How many messages it holds; the oldest are lost. 0 takes none.
    capacity: usize,
    waiting: Mutex<(Arrivals, VecDeque<Message>)>,
    arrived: AtomicWaker,
}

impl Inbox {
    fn new(policy: Option<Policy>) -> Inbox {
        let capacity = match policy {
            None => 0,
            Some(Policy::Latest) => 1,
            Some(Policy::All) => WAITING,
        };
        let arrivals = Arrivals::new(policy.unwrap_or(Policy::Latest));
        Inbox { capacity, waiting: Mutex::new((arrivals, VecDeque::new())), arrived: AtomicWaker::new() }
    }

    fn push(&self, datagram: Datagram, outcomes: &Outcomes) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (arrivals, messages) = &mut *waiting;
        if self.capacity == 0 || !arrivals.admits(datagram.number) {
            return outcomes.dropped.inc();
        }
        if messages.len() >= self.capacity {
            messages.pop_front();
            outcomes.dropped.inc();
        }
        messages.push_back(datagram.message);
        drop(waiting);
        self.arrived.wake();
    }

    fn pop(&self) -> Option<Message> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1.pop_front()
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1.is_empty()
    }

    fn clear(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1.drain(..).len()
    }
}

/// A call's way for datagrams from its client.
#[derive(Debug)]
pub(super) struct Lane {
    call: u64,
    inbox: Arc<Inbox>,
    datagrams: Arc<Datagrams>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.datagrams.calls().open.remove(&self.call);
        self.datagrams.metrics.request.dropped.inc_by(self.inbox.clear() as u64);
    }
}

/// The receiving half of a call: what its stream brings, and between two frames of that what comes in datagrams.
pub(super) struct WithDatagrams<R> {
    receive: R,
    lane: Lane,
    follower: Follower,
    /// What of the stream's last chunk stands behind a border that a datagram waited for.
    rest: Bytes,
    /// Whether the last bytes came in a datagram: then the stream is asked first, for a flood must not hide its end.
    is_streams_turn: bool,
}

impl<R: Receive> WithDatagrams<R> {
    pub(super) fn new(receive: R, lane: Lane) -> WithDatagrams<R> {
        WithDatagrams {
            receive,
            lane,
            follower: Follower::default(),
            rest: Bytes::new(),
            is_streams_turn: false,
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        if self.rest.is_empty() {
            match std::task::ready!(self.receive.poll_data(cx)) {
                Ok(Some(bytes)) => self.rest = bytes,
                end => {
                    self.follower.end();
                    return Poll::Ready(end);
                }
            }
        }
        let mut passed = 0;
        // Up to the first border if a datagram waits for one.
        while passed < self.rest.len() {
            passed += self.follower.pass(self.rest.get(passed..).unwrap_or_default());
            if self.follower.at_border() && !self.lane.inbox.is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(Some(self.rest.split_to(passed))))
    }

    fn next_datagram(&mut self) -> Option<Bytes> {
        let message = if self.follower.at_border() { self.lane.inbox.pop()? } else { return None };
        self.lane.datagrams.metrics.request.passed.inc();
        Some(message.to_frame())
    }
}

impl<R: Receive> Receive for WithDatagrams<R> {
    const TELLS_OF_LEAVING: bool = R::TELLS_OF_LEAVING;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        self.lane.inbox.arrived.register(cx.waker());
        if !self.is_streams_turn
            && let Some(frame) = self.next_datagram()
        {
            self.is_streams_turn = true;
            return Poll::Ready(Ok(Some(frame)));
        }
        self.is_streams_turn = false;
        if let Poll::Ready(read) = self.poll_stream(cx) {
            return Poll::Ready(read);
        }
        match self.next_datagram() {
            Some(frame) => Poll::Ready(Ok(Some(frame))),
            None => Poll::Pending,
        }
    }

    fn is_ended(&self) -> bool {
        self.rest.is_empty() && self.receive.is_ended()
    }

    fn release(&mut self, bytes: usize) {
        self.receive.release(bytes);
    }

    fn stop(&mut self) {
        self.receive.stop();
    }
}

/// Sends what a call's response has for datagrams.
pub(super) struct ToClient {
    pub(super) session: Arc<Session>,
    pub(super) datagrams: Arc<Datagrams>,
}

impl SendDatagram for ToClient {
    fn most(&self) -> usize {
        self.session.max_datagram().unwrap_or(0)
    }

    fn send(&mut self, payload: Bytes) -> Sent {
        if payload.len() > self.most() {
            return Sent::TooLarge;
        }
        let outcomes = &self.datagrams.metrics.response;
        if self.session.send_datagram(&payload) {
            outcomes.passed.inc()
        } else {
            outcomes.dropped.inc()
        }
        Sent::Away
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use sluicegate_core::message::PREFIX;

    use super::*;

    fn datagram(call: u64, number: u64, text: &str) -> Bytes {
        let message = Message { compressed: false, payload: Bytes::copy_from_slice(text.as_bytes()) };
        Datagram { call, number, message }.write()
    }

    fn frame(text: &str) -> Bytes {
        Message { compressed: false, payload: Bytes::copy_from_slice(text.as_bytes()) }.to_frame()
    }

    fn datagrams() -> Arc<Datagrams> {
        Arc::new(Datagrams::new(DatagramMetrics::detached()))
    }

    /// A stream on which these chunks have come, and then the end if there is one.
    struct Chunks {
        chunks: VecDeque<Bytes>,
        ends: bool,
    }

    impl Receive for Chunks {
        fn poll_data(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
            match self.chunks.pop_front() {
                Some(chunk) => Poll::Ready(Ok(Some(chunk))),
                None if self.ends => Poll::Ready(Ok(None)),
                None => Poll::Pending,
            }
        }

        fn release(&mut self, _: usize) {}

        fn stop(&mut self) {}
    }

    /// What a call gets while something is there.
    async fn read(datagrams: &Arc<Datagrams>, policy: Policy, chunks: &[&[u8]], ends: bool) -> Vec<Bytes> {
        let chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
        let lane = datagrams.open(7, Some(policy)).unwrap();
        let mut receive = WithDatagrams::new(Chunks { chunks, ends }, lane);
        let mut seen = Vec::new();
        poll_fn(|cx| {
            while let Poll::Ready(read) = receive.poll_data(cx) {
                match read.unwrap() {
                    Some(bytes) => seen.push(bytes),
                    None => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn what_overtook_the_headers_waits_for_a_while() {
        let datagrams = datagrams();
        for number in 0..20 {
            datagrams.arrived(datagram(7, number, &number.to_string()));
        }
        // The sixteen that came last.
        let seen = read(&datagrams, Policy::All, &[], false).await;
        let want: Vec<Bytes> = (4..20).map(|number| frame(&number.to_string())).collect();
        assert_eq!(seen, want);
        datagrams.arrived(datagram(7, 0, "too early"));
        tokio::time::advance(PATIENCE).await;
        assert!(read(&datagrams, Policy::All, &[], false).await.is_empty());
        let metrics = &datagrams.metrics.request;
        assert_eq!((metrics.passed.get(), metrics.dropped.get()), (16, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_latest_only_one_waits() {
        let datagrams = datagrams();
        for number in [0, 2, 1] {
            datagrams.arrived(datagram(7, number, &number.to_string()));
        }
        datagrams.arrived(datagram(8, 3, "another call"));
        datagrams.arrived(Bytes::from_static(b"\x07\0\x02"));
        assert_eq!(read(&datagrams, Policy::Latest, &[], false).await, [frame("2")]);
        let metrics = &datagrams.metrics.request;
        assert_eq!((metrics.passed.get(), metrics.dropped.get()), (1, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn they_stand_between_frames_and_before_the_end() {
        let (stream, trailers) = (frame("on the stream"), &b"\x80\0\0\0\0"[..]);
        let head: Vec<u8> = [&stream[..], trailers].concat();
        for cut in 0..head.len() {
            let datagrams = datagrams();
            let mut chunks = vec![&head[..cut], &head[cut..]];
            chunks.retain(|chunk| !chunk.is_empty());
            let lane = datagrams.open(7, Some(Policy::All)).unwrap();
            let chunks = chunks.into_iter().map(Bytes::copy_from_slice).collect();
            let mut receive = WithDatagrams::new(Chunks { chunks, ends: true }, lane);
            let mut seen: Vec<u8> = Vec::new();
            let mut number = 0;
            poll_fn(|cx| {
                loop {
                    // Another one whenever something is read: it always waits for a border.
                    datagrams.arrived(datagram(7, number, "d"));
                    number += 1;
                    match receive.poll_data(cx) {
                        Poll::Ready(Ok(Some(bytes))) => seen.extend_from_slice(&bytes),
                        Poll::Ready(Ok(None)) => return Poll::Ready(()),
                        other => panic!("{other:?}"),
                    }
                }
            })
            .await;
            let one = frame("d");
            let before = seen.chunks(one.len()).take_while(|chunk| *chunk == one).count();
            let rest = &seen[before * one.len()..];
            let between = (rest.len() - head.len()) / one.len();
            assert!(before + between > 0, "cut at {cut}");
            assert_eq!(rest, [&stream[..], &one.repeat(between), trailers].concat(), "cut at {cut}");
            assert!(rest.len() >= PREFIX);
        }
    }

    #[test]
    fn a_number_is_taken_until_its_call_is_over() {
        let datagrams = datagrams();
        let lane = datagrams.open(7, Some(Policy::All)).unwrap();
        assert!(datagrams.open(7, Some(Policy::All)).is_none());
        assert!(datagrams.open(8, None).is_some());
        datagrams.arrived(datagram(7, 0, "never read"));
        drop(lane);
        assert_eq!(datagrams.metrics.request.dropped.get(), 1);
        assert!(datagrams.open(7, None).is_some());
    }
}
