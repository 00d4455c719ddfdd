//! Flow control of a session (draft-ietf-webtrans-http3-16, section 5): limits on the bytes and the streams of one
//! session, each side's on the other.
//!
//! Limits are cumulative, as QUIC's are. What the peer allows us is a [`Budget`], what we allow it a [`Window`].

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::dialect::Initial;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::shared::lock;

/// More streams than any connection has (draft, section 5.6.2). Also how many there are without a limit.
pub(crate) const MAX_STREAMS: u64 = 1 << 60;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes on all streams, without the streams' headers.
    Data,
    /// Bidirectional streams.
    Bidi,
    /// Unidirectional streams.
    Uni,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Data, Kind::Bidi, Kind::Uni];

    pub(crate) fn stream(is_bidi: bool) -> Kind {
        if is_bidi { Kind::Bidi } else { Kind::Uni }
    }

    /// Whose limit of ours it is that a peer exceeds.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Kind::Data => Refusal::SessionWindow,
            Kind::Bidi | Kind::Uni => Refusal::MaxSessionStreams,
        }
    }
}

/// A peer did not keep to the rules, which ends its session with `WT_FLOW_CONTROL_ERROR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a violation of the session's flow control")]
pub(crate) struct Violation;

/// What we may send.
#[derive(Debug)]
pub(crate) struct Sending {
    data: Budget,
    bidi: Budget,
    uni: Budget,
}

impl Sending {
    /// Starts with the limits in the peer's settings; `None` when the session has no flow control.
    pub(crate) fn new(initial: Option<Initial>) -> Sending {
        Sending {
            data: Budget::new(initial.map(|initial| initial.data)),
            bidi: Budget::new(initial.map(|initial| initial.bidi)),
            uni: Budget::new(initial.map(|initial| initial.uni)),
        }
    }

    /// Whether the session has flow control.
    pub(crate) fn is_limited(&self) -> bool {
        // All three have a limit, or none has.
        self.data.limit.load(Ordering::Relaxed) != u64::MAX
    }

    pub(crate) fn budget(&self, kind: Kind) -> &Budget {
        match kind {
            Kind::Data => &self.data,
            Kind::Bidi => &self.bidi,
            Kind::Uni => &self.uni,
        }
    }
}

/// How much we may send or open in all.
#[derive(Debug)]
pub(crate) struct Budget {
    /// `u64::MAX` when there is no limit.
    limit: AtomicU64,
    spent: AtomicU64,
    /// The limit at which we were blocked last, plus one.
    blocked: AtomicU64,
    /// The limit of which the peer was told that it blocks us, plus one.
    told: AtomicU64,
}

impl Budget {
    fn new(initial: Option<u64>) -> Budget {
        Budget {
            limit: AtomicU64::new(initial.unwrap_or(u64::MAX)),
            spent: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// Takes up to `wanted`. Zero means that the limit is reached.
    pub(crate) fn reserve(&self, wanted: u64) -> u64 {
        let limit = self.limit.load(Ordering::Acquire);
        if limit == u64::MAX {
            return wanted;
        }
        let mut taken = 0;
        // It cannot fail: the closure always gives a value.
        let _ = self.spent.fetch_update(Ordering::AcqRel, Ordering::Acquire, |spent| {
            taken = limit.saturating_sub(spent).min(wanted);
            Some(spent.saturating_add(taken))
        });
        if taken == 0 {
            self.blocked.store(limit + 1, Ordering::Release);
        }
        taken
    }

    /// Gives back what was not used. Whether somebody else may be waiting for it.
    pub(crate) fn release(&self, unused: u64) -> bool {
        let is_limited = unused > 0 && self.limit.load(Ordering::Acquire) != u64::MAX;
        if is_limited {
            self.spent.fetch_sub(unused, Ordering::AcqRel);
        }
        is_limited
    }

    /// The peer raises its limit: capsules arrive in order (draft, sections 5.6.2 and 5.6.4). One that `may_repeat` it
    /// must only not lower it.
    pub(crate) fn raise(&self, limit: u64, may_repeat: bool) -> Result<(), Violation> {
        let before = self.limit.fetch_max(limit, Ordering::AcqRel);
        if before < limit || may_repeat && before == limit { Ok(()) } else { Err(Violation) }
    }

    /// The limit that blocks us, once for each.
    pub(crate) fn newly_blocked(&self) -> Option<u64> {
        let blocked = self.blocked.load(Ordering::Acquire);
        (self.told.fetch_max(blocked, Ordering::AcqRel) < blocked).then(|| blocked - 1)
    }
}

/// What the peer may send.
#[derive(Debug)]
pub(crate) struct Receiving {
    data: Window,
    bidi: Window,
    uni: Window,
    /// The most that a stream which ends early can have sent and we not have seen.
    stream_window: u64,
    enforced: bool,
}

impl Receiving {
    pub(crate) fn new(limits: &Limits, enforced: bool) -> Receiving {
        let streams = u64::from(limits.max_session_streams);
        Receiving {
            data: Window::new(u64::from(limits.session_window), 0),
            // A stream that is reset before its header has arrived is never seen here at all.
            bidi: Window::new(streams, u64::MAX),
            uni: Window::new(streams, u64::MAX),
            stream_window: u64::from(limits.stream_receive_window),
            enforced,
        }
    }

    /// Whether the peer has promised to keep to it.
    pub(crate) fn is_enforced(&self) -> bool {
        self.enforced
    }

    pub(crate) fn window(&self, kind: Kind) -> &Window {
        match kind {
            Kind::Data => &self.data,
            Kind::Bidi => &self.bidi,
            Kind::Uni => &self.uni,
        }
    }

    /// Bytes or streams have arrived.
    pub(crate) fn arrive(&self, kind: Kind, amount: u64) -> Result<(), Violation> {
        let arrived = self.window(kind).arrive(amount);
        if self.enforced { arrived } else { Ok(()) }
    }

    /// A stream has ended before its time, with bytes that were never read. Whether the peer can be told of more credit.
    pub(crate) fn abandon(&self, unread: u64) -> bool {
        if self.enforced {
            self.data.abandon(unread, self.stream_window)
        } else {
            // Nothing depends on how much this peer sends but the peer itself, which may not say when it is blocked.
            self.data.done(unread.saturating_add(self.stream_window))
        }
    }
}

/// How much the peer may send or open in all, so that no more than `size` is in use here at once.
#[derive(Debug)]
pub(crate) struct Window {
    size: u64,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// What the peer was told last.
    limit: u64,
    arrived: u64,
    done: u64,
    /// What the peer has spent and we shall never see: QUIC's library does not tell how long a stream was that ended
    /// early, and a reset may overtake the header of its stream.
    lost: u64,
    /// The most that can have been lost.
    losable: u64,
    /// The limit at which the peer says that it is blocked.
    blocked: Option<u64>,
}

impl Window {
    fn new(size: u64, losable: u64) -> Window {
        let counts = Counts { limit: size, arrived: 0, done: 0, lost: 0, losable, blocked: None };
        Window { size, counts: Mutex::new(counts) }
    }

    fn arrive(&self, amount: u64) -> Result<(), Violation> {
        let mut counts = lock(&self.counts);
        counts.arrived = counts.arrived.saturating_add(amount);
        if counts.arrived > counts.limit { Err(Violation) } else { Ok(()) }
    }

    /// Something that has arrived is not in use any more. Whether the peer should be told of more credit.
    pub(crate) fn done(&self, amount: u64) -> bool {
        let mut counts = lock(&self.counts);
        counts.done = counts.done.saturating_add(amount);
        self.due(&mut counts).is_some()
    }

    fn abandon(&self, unread: u64, stream_window: u64) -> bool {
        let mut counts = lock(&self.counts);
        counts.done = counts.done.saturating_add(unread);
        counts.losable = counts.losable.saturating_add(stream_window);
        self.due(&mut counts).is_some()
    }

    /// The peer says that it is blocked at this limit. Whether it should be told of more credit.
    pub(crate) fn blocked(&self, limit: u64) -> bool {
        let mut counts = lock(&self.counts);
        counts.blocked = Some(limit);
        self.due(&mut counts).is_some()
    }

    /// The limit to tell the peer, if it is time to.
    pub(crate) fn raise(&self) -> Option<u64> {
        let mut counts = lock(&self.counts);
        let limit = self.due(&mut counts)?;
        counts.limit = limit;
        Some(limit)
    }

    /// The next limit, as soon as half of the window has been used or the peer waits for it.
    fn due(&self, counts: &mut Counts) -> Option<u64> {
        let enough = self.size.div_ceil(2);
        let waits = counts.blocked == Some(counts.limit);
        // A peer that has spent everything while nothing is in use here has lost it, as far as that can be.
        if waits && counts.arrived == counts.done && self.target(counts).saturating_sub(counts.limit) < enough
        {
            counts.lost = counts.limit.saturating_sub(counts.arrived).min(counts.losable);
        }
        let target = self.target(counts);
        let more = target.saturating_sub(counts.limit);
        (more > 0 && (waits || more >= enough)).then_some(target)
    }

    fn target(&self, counts: &Counts) -> u64 {
        counts.done.saturating_add(counts.lost).saturating_add(self.size).min(MAX_STREAMS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gives_no_more_than_the_limit() {
        let budget = Budget::new(Some(10));
        assert_eq!((budget.reserve(4), budget.reserve(8), budget.newly_blocked()), (4, 6, None));
        assert_eq!((budget.reserve(1), budget.newly_blocked(), budget.newly_blocked()), (0, Some(10), None));
        assert!(budget.release(2) && !budget.release(0));
        assert_eq!((budget.reserve(9), budget.reserve(9)), (2, 0));
        let raises = [(10, false), (9, true), (10, true), (13, false)]
            .map(|(limit, may_repeat)| budget.raise(limit, may_repeat));
        assert_eq!(raises, [Err(Violation), Err(Violation), Ok(()), Ok(())]);
        assert_eq!((budget.reserve(9), budget.reserve(9), budget.newly_blocked()), (3, 0, Some(13)));
        let nothing = Budget::new(Some(0));
        assert_eq!((nothing.reserve(1), nothing.newly_blocked()), (0, Some(0)));
    }

    #[test]
    fn without_a_limit_there_is_always_credit() {
        let budget = Budget::new(None);
        assert_eq!(budget.reserve(u64::MAX), u64::MAX);
        assert!(!budget.release(3));
        assert_eq!((budget.reserve(7), budget.newly_blocked()), (7, None));
    }

    #[test]
    fn credit_comes_back_with_use() {
        let window = Window::new(100, 0);
        assert_eq!(window.arrive(100), Ok(()));
        assert!(!window.done(49) && window.raise().is_none());
        assert!(window.done(1));
        assert_eq!((window.raise(), window.raise()), (Some(150), None));
        assert_eq!((window.arrive(50), window.arrive(1)), (Ok(()), Err(Violation)));
    }

    #[test]
    fn a_peer_that_waits_gets_what_there_is() {
        let window = Window::new(100, 0);
        assert_eq!(window.arrive(100), Ok(()));
        assert!(!window.done(10));
        assert!(!window.blocked(99) && window.blocked(100));
        assert_eq!(window.raise(), Some(110));
    }

    #[test]
    fn what_was_lost_with_a_stream_is_given_back_when_the_peer_waits() {
        let window = Window::new(100, 0);
        // It has sent 100, of which 30 went down with a reset stream.
        assert_eq!(window.arrive(70), Ok(()));
        assert!(window.done(70) && window.raise() == Some(170));
        assert_eq!(window.arrive(10), Ok(()));
        assert!(!window.done(10));
        assert!(!window.abandon(0, 64) && window.raise().is_none());
        // 60 more are lost: 80 have arrived, and it says that it has spent 170.
        assert!(window.blocked(170));
        assert_eq!(window.raise(), Some(80 + 64 + 100), "no more than can have been lost");
        // Nobody can have lost more than the streams that ended early could hold.
        let honest = Window::new(100, 0);
        assert!(!honest.blocked(100), "what is on its way is not lost");
        // A stream that never showed its header.
        let streams = Window::new(3, u64::MAX);
        assert!(streams.blocked(3));
        assert_eq!(streams.raise(), Some(6));
    }

    #[test]
    fn a_peer_that_only_obeys_gets_all_that_a_stream_can_have_lost() {
        let limits = Limits { session_window: 100, stream_receive_window: 70, ..Limits::default() };
        for (enforced, raised) in [(false, Some(100 + 30 + 70)), (true, None)] {
            let receiving = Receiving::new(&limits, enforced);
            assert_eq!(receiving.arrive(Kind::Data, 30), Ok(()));
            assert_eq!(receiving.abandon(30), raised.is_some());
            assert_eq!(receiving.window(Kind::Data).raise(), raised);
        }
    }

    #[test]
    fn limits_end_where_streams_do() {
        let window = Window::new(MAX_STREAMS, 0);
        assert!(!window.done(MAX_STREAMS) && window.raise().is_none());
    }

    proptest! {
        /// Whatever happens, a peer that keeps to the limits is never in violation, no more than the window is in use,
        /// and one that has lost nothing can always go on once all has been read.
        #[test]
        fn honest_peers_go_on(steps in prop::collection::vec((any::<bool>(), 1u64..300), 1..200)) {
            let window = Window::new(256, 0);
            let (mut limit, mut sent, mut read) = (256, 0, 0);
            for (sends, amount) in steps {
                if sends {
                    let amount = amount.min(limit - sent);
                    sent += amount;
                    prop_assert_eq!(window.arrive(amount), Ok(()));
                } else {
                    let amount = amount.min(sent - read);
                    read += amount;
                    window.done(amount);
                }
                if let Some(raised) = window.raise() {
                    prop_assert!(raised > limit);
                    limit = raised;
                }
                prop_assert!(limit - read <= 256);
            }
            window.done(sent - read);
            limit = window.raise().unwrap_or(limit);
            prop_assert!(limit > sent);
        }
    }
}
