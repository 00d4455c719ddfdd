//! A bounded pipe between a connection that is driven by one task (an HTTP/1.1 session, a WebSocket) and the call on it:
//! one chunk of the request and a little of the response.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use sluicegate_core::wire::{Gone, Receive, Reset, ResponseHeaders, Transmit};

/// Response bytes that may wait for the connection.
const BUFFER: usize = 64 << 10;

/// What the call wants written.
pub(super) enum Write {
    /// The head, and whether it is the whole response.
    Head(Box<ResponseHeaders>, bool),
    Data(Bytes),
    End,
    Reset(Reset),
}

#[derive(Default)]
struct Shared {
    /// A chunk of the request that the call has not taken.
    data: Option<Bytes>,
    request_ended: bool,
    /// Why the connection is no longer driven.
    gone: Option<Gone>,
    writes: VecDeque<Write>,
    waiting_bytes: usize,
    /// The call has said all it will say.
    ended: bool,
    /// The call broke off, and nobody has to hear the rest of what it said.
    broken: Option<Reset>,
    call: Vec<Waker>,
    driver: Option<Waker>,
}

impl Shared {
    fn wake_call(&mut self) {
        self.call.drain(..).for_each(Waker::wake);
    }

    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    fn call_waits(&mut self, cx: &Context<'_>) {
        if !self.call.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.call.push(cx.waker().clone());
        }
    }
}

#[derive(Clone)]
struct Pipe(Arc<Mutex<Shared>>);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Makes a pipe: the connection's end, and the two halves of the call's.
pub(super) fn pipe() -> (Driver, PipeReceive, PipeTransmit) {
    let pipe = Pipe(Arc::default());
    (Driver(pipe.clone()), PipeReceive(pipe.clone()), PipeTransmit(pipe))
}

/// The connection's end. Dropping it tells the call that its client is gone.
pub(super) struct Driver(Pipe);

impl Driver {
    /// Waits for something to write.
    pub(super) async fn next_write(&self) -> Write {
        poll_fn(|cx| self.poll_write(cx)).await
    }

    pub(super) fn poll_write(&self, cx: &Context<'_>) -> Poll<Write> {
        let mut shared = self.0.lock();
        if let Some(write) = shared.writes.pop_front() {
            if let Write::Data(data) = &write {
                shared.waiting_bytes -= data.len();
            }
            shared.wake_call();
            return Poll::Ready(write);
        }
        shared.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits until the call has broken off, and drops what else it would have written: for connections whose client takes
    /// nothing.
    pub(super) fn poll_broken(&self, cx: &Context<'_>) -> Poll<Reset> {
        let mut shared = self.0.lock();
        if let Some(reset) = shared.broken {
            shared.writes.clear();
            shared.waiting_bytes = 0;
            shared.wake_call();
            return Poll::Ready(reset);
        }
        shared.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether the call has taken what was read so far.
    pub(super) fn wants_data(&self) -> bool {
        self.0.lock().data.is_none()
    }

    /// Waits until it has.
    pub(super) async fn data_taken(&self) {
        poll_fn(|cx| self.poll_data_taken(cx)).await
    }

    pub(super) fn poll_data_taken(&self, cx: &Context<'_>) -> Poll<()> {
        let mut shared = self.0.lock();
        if shared.data.is_none() {
            return Poll::Ready(());
        }
        shared.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Hands on a chunk of the request. `wants_data` must hold.
    pub(super) fn push(&self, data: Bytes) {
        let mut shared = self.0.lock();
        if !data.is_empty() {
            shared.data = Some(data);
            shared.wake_call();
        }
    }

    /// The request has ended.
    pub(super) fn request_ended(&self) {
        let mut shared = self.0.lock();
        shared.request_ended = true;
        shared.wake_call();
    }

    /// The client is gone, for this reason.
    pub(super) fn leave(&self, gone: Gone) {
        let mut shared = self.0.lock();
        shared.gone.get_or_insert(gone);
        shared.wake_call();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.leave(Gone::Connection);
    }
}

/// What the client sends.
pub(super) struct PipeReceive(Pipe);

impl Receive for PipeReceive {
    // A connection ends in both directions.
    const TELLS_OF_LEAVING: bool = true;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        let mut shared = self.0.lock();
        if let Some(data) = shared.data.take() {
            shared.wake_driver();
            return Poll::Ready(Ok(Some(data)));
        }
        if shared.request_ended {
            return Poll::Ready(Ok(None));
        }
        if let Some(gone) = shared.gone {
            return Poll::Ready(Err(gone));
        }
        shared.call_waits(cx);
        Poll::Pending
    }

    fn is_ended(&self) -> bool {
        let shared = self.0.lock();
        shared.request_ended && shared.data.is_none()
    }

    fn release(&mut self, _: usize) {
        // TCP gives credit when the connection is read, which it is once the last chunk was taken.
    }

    fn stop(&mut self) {
        // The connection's task drains or closes once the response is complete.
    }
}

/// What the client gets.
pub(super) struct PipeTransmit(Pipe);

impl PipeTransmit {
    fn push(&mut self, write: Write, ends: bool) -> Result<(), Gone> {
        let mut shared = self.0.lock();
        if let Some(gone) = shared.gone {
            return Err(gone);
        }
        if !shared.ended {
            shared.ended = ends;
            if let Write::Data(data) = &write {
                shared.waiting_bytes += data.len();
            }
            shared.writes.push_back(write);
            shared.wake_driver();
        }
        Ok(())
    }
}

impl Transmit for PipeTransmit {
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone> {
        self.push(Write::Head(Box::new(head), end), false)?;
        if end { self.push(Write::End, true) } else { Ok(()) }
    }

    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>> {
        let mut shared = self.0.lock();
        if let Some(gone) = shared.gone {
            return Poll::Ready(Err(gone));
        }
        let credit = BUFFER.saturating_sub(shared.waiting_bytes).min(wanted);
        if credit == 0 {
            shared.call_waits(cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(credit))
    }

    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone> {
        if !bytes.is_empty() {
            self.push(Write::Data(bytes), false)?;
        }
        if end { self.push(Write::End, true) } else { Ok(()) }
    }

    fn send_trailers(&mut self, _: HeaderMap) -> Result<(), Gone> {
        // No protocol that runs over these connections uses HTTP trailers: browsers never show them.
        self.push(Write::End, true)
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let mut shared = self.0.lock();
        if shared.writes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if let Some(gone) = shared.gone {
            return Poll::Ready(Err(gone));
        }
        shared.call_waits(cx);
        Poll::Pending
    }

    fn reset(&mut self, reset: Reset) {
        let mut shared = self.0.lock();
        if shared.gone.is_some() || shared.ended && shared.writes.is_empty() {
            return;
        }
        if !std::mem::replace(&mut shared.ended, true) {
            shared.writes.push_back(Write::Reset(reset));
        }
        shared.broken.get_or_insert(reset);
        shared.wake_driver();
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let mut shared = self.0.lock();
        if let Some(gone) = shared.gone {
            return Poll::Ready(gone);
        }
        shared.call_waits(cx);
        Poll::Pending
    }
}

impl Drop for PipeTransmit {
    fn drop(&mut self) {
        // A call that ended without saying so broke off.
        self.reset(Reset::CANCEL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(driver: &Driver) -> Option<Write> {
        match driver.poll_write(&Context::from_waker(Waker::noop())) {
            Poll::Ready(write) => Some(write),
            Poll::Pending => None,
        }
    }

    fn broken(driver: &Driver) -> Poll<Reset> {
        driver.poll_broken(&Context::from_waker(Waker::noop()))
    }

    fn flushed(transmit: &mut PipeTransmit) -> bool {
        transmit.poll_flushed(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// What a call has said is written before its reset, or a client of HTTP/1.1 would have no response at all.
    #[test]
    fn a_reset_comes_behind_what_was_said() {
        let (driver, _receive, mut transmit) = pipe();
        transmit.send_data(Bytes::from_static(b"said"), false).unwrap();
        transmit.reset(Reset::INTERNAL);
        assert!(matches!(next(&driver), Some(Write::Data(data)) if data == "said"));
        assert!(matches!(next(&driver), Some(Write::Reset(Reset::INTERNAL))));
        assert!(next(&driver).is_none());
    }

    #[test]
    fn a_reset_is_seen_by_who_cannot_write() {
        for ends in [false, true] {
            let (driver, _receive, mut transmit) = pipe();
            transmit.send_data(Bytes::from_static(b"said"), ends).unwrap();
            assert!(broken(&driver).is_pending() && !flushed(&mut transmit));
            transmit.reset(Reset::INTERNAL);
            assert_eq!(broken(&driver), Poll::Ready(Reset::INTERNAL));
            assert!(flushed(&mut transmit) && next(&driver).is_none());
        }
    }

    #[test]
    fn a_call_that_has_ended_and_was_heard_does_not_break_off() {
        let (driver, _receive, mut transmit) = pipe();
        transmit.send_data(Bytes::from_static(b"said"), true).unwrap();
        assert!(matches!(next(&driver), Some(Write::Data(_))));
        assert!(matches!(next(&driver), Some(Write::End)));
        drop(transmit);
        assert!(next(&driver).is_none() && broken(&driver).is_pending());
    }
}
