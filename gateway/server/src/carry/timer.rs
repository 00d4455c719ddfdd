//! The clock of one call: its deadline, how long nothing may move, and when to show that it is alive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The call's deadline passed.
    Deadline,
    /// Nothing moved for the idle timeout, or for up to twice as long.
    Idle,
    /// Another [`Timer::tick_every`] has gone by.
    Tick,
}

/// One timer for all. It reads no clock while bytes move: they only set a flag, which is looked at when the timer
/// fires.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Option<Instant>,
    idle: Option<Duration>,
    moved: bool,
    /// When nothing moves any more, if it has not moved since the timer was set.
    idle_at: Option<Instant>,
    tick: Option<(Duration, Instant)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(crate) fn new(deadline: Option<std::time::Instant>, idle: Option<Duration>) -> Timer {
        Timer {
            deadline: deadline.map(Instant::from_std),
            idle,
            moved: false,
            idle_at: None,
            tick: None,
            sleep: None,
        }
    }

    /// Tells of this much time having gone by, again and again.
    pub(crate) fn tick_every(&mut self, period: Duration) {
        self.tick = Some((period, Instant::now() + period));
        self.sleep = None;
    }

    /// Bytes moved.
    pub(crate) fn moved(&mut self) {
        self.moved = true;
    }

    /// For how long nothing may move.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// Forgets the deadline; from now on only `idle` counts.
    pub(crate) fn restart(&mut self, idle: Duration) {
        *self = Timer::new(None, Some(idle));
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        loop {
            let sleep = match &mut self.sleep {
                Some(sleep) => sleep,
                None => {
                    if self.idle_at.is_none() {
                        self.idle_at = self.idle.map(|idle| Instant::now() + idle);
                    }
                    let tick = self.tick.map(|(_, at)| at);
                    let Some(next) = [self.idle_at, tick, self.deadline].into_iter().flatten().min() else {
                        return Poll::Pending;
                    };
                    self.sleep.insert(Box::pin(sleep_until(next)))
                }
            };
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Expired::Deadline);
            }
            if self.idle_at.is_some_and(|idle_at| idle_at <= now) {
                self.idle_at = None;
                if !std::mem::take(&mut self.moved) {
                    return Poll::Ready(Expired::Idle);
                }
            }
            if let Some((period, at)) = &mut self.tick
                && *at <= now
            {
                *at = now + *period;
                return Poll::Ready(Expired::Tick);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_comes_first_even_while_bytes_move() {
        let start = Instant::now();
        let mut timer =
            Timer::new(Some((start + Duration::from_secs(3)).into_std()), Some(Duration::from_secs(2)));
        timer.moved();
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Expired::Deadline);
        assert_eq!(start.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn movement_puts_idleness_off() {
        let start = Instant::now();
        let mut timer = Timer::new(None, Some(Duration::from_secs(2)));
        timer.moved();
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Expired::Idle);
        assert_eq!(start.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_put_nothing_off() {
        let start = Instant::now();
        let mut timer = Timer::new(None, Some(Duration::from_secs(5)));
        timer.tick_every(Duration::from_secs(2));
        for (expired, seconds) in [(Expired::Tick, 2), (Expired::Tick, 4), (Expired::Idle, 5)] {
            assert_eq!(poll_fn(|cx| timer.poll(cx)).await, expired);
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
    }
}
