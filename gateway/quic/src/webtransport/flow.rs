//! The client's limit on the bytes of a session (draft-ietf-webtrans-http3, section 5.4).

use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes may be sent on the streams of one session in all.
#[derive(Debug)]
pub(crate) struct Flow {
    limit: AtomicU64,
    spent: AtomicU64,
}

impl Flow {
    /// Starts with the limit in the client's settings; `None` when the session has no flow control.
    pub(crate) fn new(initial: Option<u64>) -> Flow {
        Flow { limit: AtomicU64::new(initial.unwrap_or(u64::MAX)), spent: AtomicU64::new(0) }
    }

    /// Takes up to `wanted` bytes of credit. Zero means that the limit is reached.
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
        taken
    }

    /// Gives back credit that was not used.
    pub(crate) fn release(&self, unused: u64) {
        if self.limit.load(Ordering::Acquire) != u64::MAX {
            self.spent.fetch_sub(unused, Ordering::AcqRel);
        }
    }

    /// The client raises its limit. It may not lower it: that is ignored. Whether the limit is higher now.
    pub(crate) fn raise(&self, limit: u64) -> bool {
        // A session without flow control has none to raise.
        self.limit.load(Ordering::Acquire) != u64::MAX
            && self.limit.fetch_max(limit, Ordering::AcqRel) < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_no_more_than_the_limit() {
        let flow = Flow::new(Some(10));
        assert_eq!((flow.reserve(4), flow.reserve(8), flow.reserve(1)), (4, 6, 0));
        flow.release(2);
        assert_eq!((flow.reserve(9), flow.reserve(9)), (2, 0));
        assert!(!flow.raise(5) && flow.raise(13));
        assert_eq!((flow.reserve(9), flow.reserve(9)), (3, 0));
    }

    #[test]
    fn without_a_limit_there_is_always_credit() {
        let flow = Flow::new(None);
        assert!(!flow.raise(1));
        assert_eq!(flow.reserve(u64::MAX), u64::MAX);
        flow.release(3);
        assert_eq!(flow.reserve(7), 7);
    }
}
