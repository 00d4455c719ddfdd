//! One call's life, as one small hand-written future.
//!
//! The spawned future is a plain struct: nested `async fn`s would make it ten kilobytes that are copied twice for each
//! call, and cost a third of the throughput. A test guards its size.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sluicegate_core::BoxFuture;
use sluicegate_core::call::End;
use sluicegate_core::protocol::{Abort, Decoder, Encoder, Ending};
use sluicegate_core::status::{Flag, Status};
use sluicegate_core::wire::{Gone, Receive, Reset, Transmit};

use super::Ledger;
use super::download::{Download, Event, flush};
use super::filtering::{broken, filter};
use super::ledger::Routed;
use super::open::{UpstreamFailure, UpstreamStream};
use super::timer::{Expired, Timer};
use super::upload::{Stopped, Upload};
use crate::upstream::endpoint::CallAtEndpoint;
use crate::upstream::{Acquire, NotConnected};

/// How long a client may accept nothing of the end of a response, at least.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// After how long without a byte the client of a protocol that can is shown that the response goes on.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A call on its way, generic over the client's wire. Spawn it and forget it.
pub(crate) struct Carried<R, T> {
    receive: R,
    transmit: T,
    decoder: Box<dyn Decoder>,
    encoder: Box<dyn Encoder>,
    state: State,
    /// `None` only while the filters have it.
    ledger: Option<Box<Ledger>>,
    upload: Upload,
    download: Download,
    timer: Timer,
    /// Endpoints that were tried, by index.
    tried: u64,
    /// Bytes that the client had got at the timer's last tick.
    sent_at_tick: u64,
}

enum State {
    /// The filters look at the request.
    Filtering(BoxFuture<'static, (Box<Ledger>, Result<(), Status>)>),
    /// Waits for a stream to this endpoint.
    Connecting(Acquire, CallAtEndpoint),
    /// Both directions move.
    Moving(Box<UpstreamStream>),
    /// The end is decided; what is left of the response goes out.
    Flushing,
    /// Everything went out, or nothing can.
    Done,
}

impl<R: Receive, T: Transmit> Carried<R, T> {
    /// A call that goes to the route in its ledger, or is refused when there is none.
    pub(crate) fn new(
        ledger: Box<Ledger>,
        receive: R,
        transmit: T,
        decoder: Box<dyn Decoder>,
        encoder: Box<dyn Encoder>,
    ) -> Carried<R, T> {
        let (limits, deframe, replay, idle) = match &ledger.route {
            Some(Routed { route, cluster, .. }) => (
                (route.max_request_message, route.max_response_message),
                route.chain.sees_messages(),
                cluster.spec.max_attempts > 1,
                route.idle_timeout,
            ),
            None => ((0, 0), false, false, Some(FLUSH_TIMEOUT)),
        };
        let mut carried = Carried {
            receive,
            transmit,
            decoder,
            encoder,
            state: State::Done,
            timer: Timer::new(ledger.call.deadline, idle),
            ledger: None,
            upload: Upload::new(limits.0, deframe, replay),
            download: Download::new(limits.1, deframe),
            tried: 0,
            sent_at_tick: 0,
        };
        if carried.encoder.keep_alive().is_some() {
            // What was sent just after a tick is noticed to have been the last only at the next but one.
            carried.timer.tick_every(KEEP_ALIVE / 2);
        }
        carried.begin(ledger);
        carried
    }

    fn begin(&mut self, ledger: Box<Ledger>) {
        let chain = ledger.route.as_ref().map(|routed| routed.route.clone());
        match chain {
            None => {
                self.ledger = Some(ledger);
                self.fail(Status::unimplemented("no route matches this call").with_flag(Flag::NoRoute));
            }
            Some(route) if route.chain.is_empty() => {
                self.ledger = Some(ledger);
                self.connect();
            }
            Some(route) => self.state = State::Filtering(Box::pin(filter(route, ledger))),
        }
    }

    /// Chooses an endpoint and asks for a stream to it.
    fn connect(&mut self) {
        let Some(ledger) = &mut self.ledger else { return };
        let Some(Routed { route, cluster, kind, .. }) = &ledger.route else { return };
        if ledger.attempts == 0
            && let Some(protocol) = cluster.spec.protocol.translated()
        {
            match protocol.open(&ledger.call, *kind, route.max_response_message) {
                Ok(exchange) => {
                    self.upload.encoder = Some(exchange.request);
                    self.download.decoder = Some(exchange.response);
                }
                Err(status) => return self.fail(status),
            }
        }
        let worker = ledger.worker.index;
        // When all were tried, a call that nobody processed may go to one of them again.
        let chosen = cluster
            .choose(worker, self.tried)
            .or_else(|| cluster.choose(worker, 0))
            .and_then(|index| Some((index, cluster.endpoints.get(index)?)));
        let Some((index, endpoint)) = chosen else {
            let status = Status::unavailable("no endpoint of the upstream can be tried");
            return self.fail(status.with_flag(Flag::NoHealthyUpstream));
        };
        if index < 64 {
            self.tried |= 1 << index;
        }
        cluster.metrics.attempts.inc();
        if ledger.attempts > 0 {
            cluster.metrics.retries.inc();
        }
        ledger.attempts += 1;
        ledger.endpoint = Some(endpoint.clone());
        match endpoint.pool(worker) {
            Some(pool) => self.state = State::Connecting(pool.acquire(), endpoint.begin_call()),
            None => self.fail(Status::internal("this worker has no connections")),
        }
    }

    /// Whether the call may be tried once more. With `elsewhere` that makes sense only at an endpoint that was not tried
    /// yet.
    fn may_retry(&self, elsewhere: bool) -> bool {
        let ledger = self.ledger.as_ref();
        ledger.and_then(|ledger| Some((ledger, ledger.route.as_ref()?))).is_some_and(|(ledger, routed)| {
            let spec = &routed.cluster.spec;
            (ledger.attempts as usize) < spec.max_attempts.min(spec.endpoints.len().max(2))
                && (!elsewhere || routed.cluster.has_untried(self.tried))
        })
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let step = match &mut self.state {
                State::Filtering(filters) => match filters.as_mut().poll(cx) {
                    Poll::Ready((ledger, result)) => {
                        self.ledger = Some(ledger);
                        match result {
                            Ok(()) => self.connect(),
                            Err(status) => self.fail(status),
                        }
                        continue;
                    }
                    Poll::Pending => Poll::Pending,
                },
                State::Connecting(acquire, _) => match Pin::new(acquire).poll(cx) {
                    Poll::Ready(result) => {
                        self.connected(result);
                        continue;
                    }
                    Poll::Pending => Poll::Pending,
                },
                State::Moving(_) => self.transfer(cx),
                State::Flushing => self.flush(cx),
                State::Done => return Poll::Ready(()),
            };
            if step.is_ready() {
                continue;
            }
            // While the upload reads, most wires tell it of a reset; in every other state only this looks for one.
            let told = R::TELLS_OF_LEAVING
                && matches!(self.state, State::Moving(_))
                && !self.upload.done
                && !self.upload.blocked;
            if !told && let Poll::Ready(gone) = self.transmit.poll_gone(cx) {
                self.client_gone(gone);
                continue;
            }
            // The filters' future has the ledger, and minds the deadline itself.
            if matches!(self.state, State::Filtering(_)) {
                return Poll::Pending;
            }
            match self.timer.poll(cx) {
                Poll::Ready(expired) => self.expired(expired),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn connected(
        &mut self,
        result: Result<(h2::client::SendRequest<bytes::Bytes>, crate::upstream::Lease), NotConnected>,
    ) {
        let State::Connecting(_, at) = std::mem::replace(&mut self.state, State::Done) else { return };
        let Some(ledger) = &mut self.ledger else { return };
        match result {
            Ok((sender, lease)) => {
                if self.receive.is_ended()
                    && let Err(status) = self.upload.end(&mut *self.decoder, ledger)
                {
                    return self.fail(status);
                }
                let encoder = self.upload.encoder.as_deref();
                match UpstreamStream::open(sender, lease, at, &ledger.call, encoder, self.upload.is_empty()) {
                    Ok(upstream) => {
                        self.upload.done = self.upload.is_empty();
                        self.state = State::Moving(Box::new(upstream));
                    }
                    // The connection closed since it was chosen: nothing was sent on it.
                    Err(error) => {
                        self.failed(UpstreamFailure { unprocessed: true, ..UpstreamFailure::new(&error) })
                    }
                }
            }
            Err(NotConnected(error)) => {
                if let Some(routed) = &ledger.route {
                    routed.cluster.metrics.connect_failures.inc();
                }
                if self.may_retry(true) {
                    return self.connect();
                }
                let status = Status::unavailable("the upstream cannot be reached")
                    .with_flag(Flag::UpstreamConnectionFailure);
                self.fail_because(status, Some(error));
            }
        }
    }

    /// Moves both directions. `Ready` when the state has changed.
    fn transfer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (State::Moving(upstream), Some(ledger)) = (&mut self.state, &mut self.ledger) else {
            return Poll::Ready(());
        };
        if !self.upload.done {
            let decoder = &mut *self.decoder;
            let timer = &mut self.timer;
            match self.upload.poll(cx, &mut self.receive, decoder, ledger, upstream, timer) {
                Poll::Ready(Err(Stopped::Gone(gone))) => {
                    self.client_gone(gone);
                    return Poll::Ready(());
                }
                Poll::Ready(Err(Stopped::Refused(status))) => {
                    self.fail(status);
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        let encoder = &mut *self.encoder;
        let polled = self.download.poll(cx, &mut self.transmit, encoder, ledger, upstream, &mut self.timer);
        if upstream.body.is_some() {
            self.upload.commit();
        }
        match std::task::ready!(polled) {
            Event::Ended => {
                if !self.upload.done {
                    upstream.reset(Reset::NO_ERROR);
                }
                self.state = State::Flushing;
                // A client may read slowly to the end.
                self.timer.restart(self.timer.idle().map_or(FLUSH_TIMEOUT, |idle| idle.max(FLUSH_TIMEOUT)));
            }
            Event::Gone(gone) => self.client_gone(gone),
            Event::Refused(status) => self.fail(status),
            Event::Failed(failure) => self.failed(failure),
        }
        Poll::Ready(())
    }

    /// Sends what is left of the response. `Ready` when that is done.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ledger) = &mut self.ledger else {
            self.state = State::Done;
            return Poll::Ready(());
        };
        let before = ledger.bytes_sent;
        let flushed = match flush(&mut self.download.outbox, cx, &mut self.transmit, &mut ledger.bytes_sent) {
            Poll::Ready(Ok(())) => self.transmit.poll_flushed(cx),
            other => other,
        };
        if ledger.bytes_sent != before {
            self.timer.moved();
        }
        match std::task::ready!(flushed) {
            Ok(()) => {
                self.receive.stop();
                self.state = State::Done;
            }
            Err(gone) => self.client_gone(gone),
        }
        Poll::Ready(())
    }

    /// The upstream failed: tries another endpoint if nothing can have been processed, else tells the client.
    fn failed(&mut self, failure: UpstreamFailure) {
        if failure.unprocessed && !self.download.begun && self.may_retry(false) && self.upload.rewind() {
            return self.connect();
        }
        let Some(ledger) = &mut self.ledger else { return };
        let UpstreamFailure { mut status, mut reset, .. } = failure;
        // The upstream has the deadline too, and may have cancelled the call a moment before we do.
        if ledger.call.deadline.is_some_and(|deadline| deadline <= std::time::Instant::now()) {
            status = Status::deadline_exceeded("the deadline passed").with_flag(Flag::UpstreamTimeout);
            reset = None;
        }
        self.end(status, reset, None);
    }

    fn expired(&mut self, expired: Expired) {
        match (expired, &self.state) {
            (Expired::Tick, _) => self.keep_alive(),
            // The client does not take the end of its response.
            (_, State::Flushing) => {
                self.transmit.reset(Reset::CANCEL);
                self.client_gone(Gone::Connection);
            }
            (Expired::Deadline, _) => {
                self.fail(Status::deadline_exceeded("the deadline passed").with_flag(Flag::UpstreamTimeout));
            }
            (Expired::Idle, _) => {
                self.fail(
                    Status::deadline_exceeded("nothing moved for too long").with_flag(Flag::StreamIdle),
                );
            }
        }
    }

    /// Shows the client that the response goes on, if it has not got a byte for a while.
    fn keep_alive(&mut self) {
        let (Some(ledger), Some(bytes)) = (&self.ledger, self.encoder.keep_alive()) else { return };
        let is_quiet = ledger.bytes_sent == self.sent_at_tick && self.download.outbox.is_empty();
        self.sent_at_tick = ledger.bytes_sent;
        if is_quiet && self.download.begun && !self.download.mid_message {
            self.sent_at_tick += bytes.len() as u64;
            self.download.outbox.data(bytes::Bytes::from_static(bytes));
        }
    }

    fn client_gone(&mut self, gone: Gone) {
        if let State::Moving(upstream) = &mut self.state {
            upstream.reset(gone.reset());
        }
        let flag = match gone {
            Gone::Reset(_) => Flag::ClientReset,
            Gone::Connection => Flag::ClientConnectionTermination,
            Gone::Protocol => Flag::ClientProtocolError,
        };
        // Dropping the filters' future drops the ledger it has, which closes the books the same way.
        if let Some(ledger) = &mut self.ledger {
            ledger.client_gone(flag);
        }
        self.state = State::Done;
    }

    /// Ends the call with a status of the gateway's own.
    fn fail(&mut self, status: Status) {
        self.fail_because(status, None);
    }

    fn fail_because(&mut self, status: Status, details: Option<Arc<str>>) {
        if let State::Moving(upstream) = &mut self.state {
            upstream.reset(Reset::CANCEL);
        }
        self.end(status, None, details);
    }

    /// Puts the end into the outbox, in the client's protocol.
    fn end(&mut self, status: Status, reset: Option<Reset>, details: Option<Arc<str>>) {
        self.state = State::Flushing;
        self.timer.restart(FLUSH_TIMEOUT);
        let Some(ledger) = &mut self.ledger else { return };
        let mut end = End::from(status);
        if self.download.begun {
            ledger.end(&mut end, details);
            let fitting = Reset::from_code(end.status.code);
            let abort = Abort {
                reset: reset.unwrap_or(fitting),
                mid_message: self.download.mid_message,
                by_upstream: reset.is_some(),
                end,
            };
            self.encoder.abort(abort, &mut self.download.outbox);
            return;
        }
        if let Some(reset) = reset.filter(|_| self.encoder.passes_resets()) {
            ledger.end(&mut end, details);
            return self.download.outbox.end(Ending::Reset(reset));
        }
        let head = ledger.refusal(&mut end);
        ledger.end(&mut end, details);
        self.encoder.trailers_only(head.metadata, end, &mut self.download.outbox);
    }

    /// Something in the gateway or in a filter is broken: this call ends, all others go on.
    fn panicked(&mut self) {
        if let Some(ledger) = &self.ledger {
            ledger.worker.running.metrics.panics.inc();
        }
        // What breaks while the end goes out would break again.
        let is_ending = matches!(self.state, State::Flushing | State::Done);
        if is_ending || catch_unwind(AssertUnwindSafe(|| self.fail(broken()))).is_err() {
            self.transmit.reset(Reset::INTERNAL);
            self.state = State::Done;
        }
    }
}

impl<R: Receive, T: Transmit> Future for Carried<R, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match catch_unwind(AssertUnwindSafe(|| this.advance(cx))) {
            Ok(polled) => polled,
            Err(_) => {
                this.panicked();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::h2::{H2Receive, H2Transmit};

    /// The future is moved into its task: a large one costs more than everything else the pump does.
    #[test]
    fn the_future_of_a_call_is_small() {
        let size = size_of::<Carried<H2Receive, H2Transmit>>();
        assert!(size < 1024, "{size} bytes");
    }
}
