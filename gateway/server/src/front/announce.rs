//! Telling the clients of open calls, within their responses, that the gateway drains: some browsers show pages neither the
//! capsule nor the GOAWAY that say so.
//!
//! Source: docs/grpc-webtransport.md, section 9.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use sluicegate_core::protocol::grpc_wt;
use sluicegate_core::wire::{Gone, Reset, ResponseHeaders, Transmit};
use tokio::sync::Notify;

/// Whether a session, or the WebSocket of a call, takes no new calls, so that those which are open should tell their
/// clients to go elsewhere.
#[derive(Debug, Default)]
pub(super) struct Draining {
    begun: AtomicBool,
    begins: Notify,
}

impl Draining {
    /// Whether they should.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// From now on they should.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.begins.notify_waiters();
    }

    /// Runs a call that has an [`Announcing`], so that it is woken when there is something to announce.
    pub(super) async fn watch(&self, call: impl Future<Output = ()>) {
        let mut begins = pin!(self.begins.notified());
        let mut call = pin!(call);
        let mut is_watched = false;
        poll_fn(|cx| {
            // Once is enough, for a task is always woken in the same way, and to be woken is all that the call needs.
            if !std::mem::replace(&mut is_watched, true) {
                let _ = begins.as_mut().poll(cx);
            }
            call.as_mut().poll(cx)
        })
        .await;
    }
}

/// The sending half of a call that announces what there is to be announced, each thing once.
pub(super) struct Announcing<T> {
    transmit: T,
    /// What is said first of all.
    first: Option<Bytes>,
    draining: Arc<Draining>,
    is_told: bool,
}

impl<T> Announcing<T> {
    pub(super) fn new(transmit: T, first: Option<Bytes>, draining: Arc<Draining>) -> Announcing<T> {
        Announcing { transmit, first, draining, is_told: false }
    }
}

impl<T: Transmit> Transmit for Announcing<T> {
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        self.transmit.send_head(head, end)
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        self.transmit.poll_credit(cx, wanted)
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        self.transmit.send_data(bytes, end)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        self.transmit.send_trailers(trailers)
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.transmit.poll_flushed(cx)
    }

    fn reset(&mut self, reset: Reset) {
        self.transmit.reset(reset);
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        self.transmit.poll_gone(cx)
    }

    fn poll_aside(&mut self, _cx: &mut Context<'_>) -> Poll<Bytes> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        if !self.is_told && self.draining.has_begun() {
            self.is_told = true;
            return Poll::Ready(Bytes::from_static(grpc_wt::DRAIN));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::super::pipe::pipe;
    use super::*;

    #[tokio::test]
    async fn says_each_thing_once() {
        let draining = Arc::new(Draining::default());
        let (_driver, _receive, transmit) = pipe();
        let first = Some(Bytes::from_static(b"first"));
        let mut announcing = Announcing::new(transmit, first, draining.clone());
        let (saw, mut said) = tokio::sync::mpsc::unbounded_channel();
        let call = poll_fn(move |cx| {
            while let Poll::Ready(bytes) = announcing.poll_aside(cx) {
                saw.send(bytes).unwrap();
            }
            Poll::<()>::Pending
        });
        let watching = draining.clone();
        tokio::spawn(async move { watching.watch(call).await });
        assert_eq!(said.recv().await.unwrap(), "first");
        // Only now, so that it is the beginning that wakes the call.
        draining.begin();
        assert_eq!(said.recv().await.unwrap(), grpc_wt::DRAIN);
        draining.begin();
        tokio::task::yield_now().await;
        assert!(said.try_recv().is_err());
    }
}
