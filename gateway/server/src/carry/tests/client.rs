//! A client that a test plays: both halves of a wire, with flow control and a departure of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use sluicegate_core::wire::{Gone, Receive, Reset, ResponseHeaders, Transmit};
use tokio::sync::Notify;

use super::soon;

/// What the client has sent and got.
#[derive(Default)]
pub(crate) struct Side {
    chunks: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    ended: bool,
    gone: Option<Gone>,
    credit: usize,
    /// Bytes that the gateway has given credit for.
    pub(crate) released: usize,
    /// Whether the gateway said that it wants no more of the request.
    pub(crate) stopped: bool,
    pub(crate) head: Option<ResponseHeaders>,
    pub(crate) body: Vec<u8>,
    /// How the response ended.
    pub(crate) end: Option<Ended>,
    /// What the front has to say.
    aside: Option<Bytes>,
    /// Whether the gateway has let go of the wire.
    pub(crate) dropped: bool,
    /// One place for each thing that can be waited for, as in the `h2` crate.
    receiving: Option<Waker>,
    sending: Option<Waker>,
}

impl Side {
    /// Chunks that the gateway has not taken.
    pub(crate) fn unread(&self) -> usize {
        self.chunks.len()
    }
}

/// How a response ended on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    /// With its head.
    Head,
    /// With a frame of data of this length.
    Data(usize),
    Trailers(HeaderMap),
    Reset(Reset),
}

/// The test's end of the wire.
#[derive(Clone, Default)]
pub(crate) struct Client {
    side: Arc<Mutex<Side>>,
    changed: Arc<Notify>,
}

impl Client {
    /// A client that takes everything at once.
    pub(crate) fn new() -> Client {
        let client = Client::default();
        client.grant(usize::MAX / 2);
        client
    }

    pub(crate) fn side(&self) -> MutexGuard<'_, Side> {
        self.side.lock().unwrap()
    }

    pub(crate) fn wire(&self) -> (FakeReceive, FakeTransmit) {
        (FakeReceive(self.clone()), FakeTransmit(self.clone()))
    }

    fn update(&self, update: impl FnOnce(&mut Side)) {
        let mut side = self.side();
        update(&mut side);
        let wakers = (side.receiving.take(), side.sending.take());
        drop(side);
        for waker in [wakers.0, wakers.1].into_iter().flatten() {
            waker.wake();
        }
    }

    pub(crate) fn send(&self, bytes: impl Into<Bytes>) -> &Client {
        let bytes = bytes.into();
        self.update(|side| side.chunks.push_back(bytes));
        self
    }

    pub(crate) fn end(&self) -> &Client {
        self.update(|side| side.ended = true);
        self
    }

    pub(crate) fn end_with(&self, trailers: HeaderMap) -> &Client {
        self.update(|side| (side.trailers, side.ended) = (Some(trailers), true));
        self
    }

    /// Has the front say something between two messages.
    pub(crate) fn put_aside(&self, aside: &'static [u8]) {
        self.update(|side| side.aside = Some(Bytes::from_static(aside)));
    }

    pub(crate) fn leave(&self, gone: Gone) {
        self.update(|side| side.gone = Some(gone));
    }

    /// Lets the gateway send so many bytes more.
    pub(crate) fn grant(&self, bytes: usize) {
        self.update(|side| side.credit += bytes);
    }

    /// Takes all credit back.
    pub(crate) fn stop_reading(&self) {
        self.update(|side| side.credit = 0);
    }

    /// Waits until what the client knows is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Side) -> bool) {
        let reached = async {
            loop {
                let changed = self.changed.notified();
                if is_so(&self.side()) {
                    return;
                }
                changed.await;
            }
        };
        soon(what, reached).await;
    }

    /// Waits for the end of the response.
    pub(crate) async fn ended(&self) -> Ended {
        self.until("the end of the response", |side| side.end.is_some()).await;
        self.side().end.clone().unwrap()
    }

    /// The `grpc-status` that the response ends with, in its trailers or its head.
    pub(crate) async fn status(&self) -> String {
        let of = |map: &HeaderMap| map.get("grpc-status").map(|value| value.to_str().unwrap().to_owned());
        match self.ended().await {
            Ended::Trailers(trailers) => of(&trailers).unwrap(),
            Ended::Head => of(&self.side().head.as_ref().unwrap().headers).unwrap(),
            other => format!("{other:?}"),
        }
    }

    /// Waits until the gateway is done with the call.
    pub(crate) async fn released(&self) {
        self.until("the end of the call", |side| side.dropped).await;
    }

    fn changed(&self, update: impl FnOnce(&mut Side) -> Result<(), Gone>) -> Result<(), Gone> {
        let mut side = self.side();
        if let Some(gone) = side.gone {
            return Err(gone);
        }
        assert_eq!(side.end, None, "something was sent after the end");
        let result = update(&mut side);
        drop(side);
        self.changed.notify_waiters();
        result
    }
}

pub(crate) struct FakeReceive(Client);

impl Receive for FakeReceive {
    const TELLS_OF_LEAVING: bool = true;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        let mut side = self.0.side();
        if let Some(gone) = side.gone {
            return Poll::Ready(Err(gone));
        }
        if let Some(chunk) = side.chunks.pop_front() {
            drop(side);
            self.0.changed.notify_waiters();
            return Poll::Ready(Ok(Some(chunk)));
        }
        if side.ended {
            return Poll::Ready(Ok(None));
        }
        side.receiving = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_trailers(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, Gone>> {
        Poll::Ready(Ok(self.0.side().trailers.take()))
    }

    fn is_ended(&self) -> bool {
        let side = self.0.side();
        side.ended && side.chunks.is_empty() && side.trailers.is_none()
    }

    fn release(&mut self, bytes: usize) {
        self.0.side().released += bytes;
        self.0.changed.notify_waiters();
    }

    fn stop(&mut self) {
        let is_ended = self.is_ended();
        self.0.side().stopped = !is_ended;
    }
}

pub(crate) struct FakeTransmit(Client);

impl Transmit for FakeTransmit {
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        self.0.changed(|side| {
            assert!(side.head.replace(head).is_none(), "a second head");
            side.end = end.then_some(Ended::Head);
            Ok(())
        })
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        let mut side = self.0.side();
        match (side.gone, side.credit.min(wanted)) {
            (Some(gone), _) => Poll::Ready(Err(gone)),
            (None, 0) => {
                side.sending = Some(cx.waker().clone());
                Poll::Pending
            }
            (None, credit) => Poll::Ready(Ok(credit)),
        }
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        self.0.changed(|side| {
            side.credit = side.credit.checked_sub(bytes.len()).expect("sent without credit");
            side.body.extend_from_slice(&bytes);
            side.end = end.then_some(Ended::Data(bytes.len()));
            Ok(())
        })
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        self.0.changed(|side| {
            side.end = Some(Ended::Trailers(trailers));
            Ok(())
        })
    }

    fn reset(&mut self, reset: Reset) {
        let _ = self.0.changed(|side| {
            side.end = Some(Ended::Reset(reset));
            Ok(())
        });
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let mut side = self.0.side();
        match side.gone {
            Some(gone) => Poll::Ready(gone),
            None => {
                side.sending = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_aside(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut side = self.0.side();
        match side.aside.take() {
            Some(aside) => Poll::Ready(aside),
            None => {
                side.sending = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for FakeTransmit {
    fn drop(&mut self) {
        self.0.side().dropped = true;
        self.0.changed.notify_waiters();
    }
}
