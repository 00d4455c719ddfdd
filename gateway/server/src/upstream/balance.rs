//! How a call's endpoint is chosen.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Endpoint;
use crate::plan::Balance;

/// Chooses an endpoint for each call.
#[derive(Debug)]
pub(crate) enum Balancer {
    /// One after another.
    RoundRobin(AtomicUsize),
    /// The less busy of two chosen at random ("power of two choices"), which is nearly as even as asking all and never
    /// herds every worker to the same endpoint.
    LeastRequest,
}

impl Balancer {
    pub(crate) fn new(balance: Balance) -> Balancer {
        match balance {
            Balance::RoundRobin => Balancer::RoundRobin(AtomicUsize::new(0)),
            Balance::LeastRequest => Balancer::LeastRequest,
        }
    }

    /// An endpoint that `usable` allows; `None` when there is none.
    pub(crate) fn choose(
        &self,
        endpoints: &[std::sync::Arc<Endpoint>],
        usable: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let candidates = endpoints.len();
        let start = match self {
            _ if candidates < 2 => 0,
            Balancer::RoundRobin(next) => next.fetch_add(1, Ordering::Relaxed) % candidates,
            Balancer::LeastRequest => {
                let first = fastrand::usize(..candidates);
                // Any other one: an offset below the number of the others, skipping the first.
                let second = (first + 1 + fastrand::usize(..candidates - 1)) % candidates;
                let busy = |index: usize| {
                    if usable(index) {
                        endpoints.get(index).map_or(usize::MAX, |e| e.calls())
                    } else {
                        usize::MAX
                    }
                };
                if busy(second) < busy(first) { second } else { first }
            }
        };
        (0..candidates).map(|step| (start + step) % candidates).find(|&index| usable(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::endpoint::tests::endpoints;

    #[test]
    fn round_robin_takes_turns_and_skips_the_unusable() {
        let endpoints = endpoints(3);
        let balancer = Balancer::new(Balance::RoundRobin);
        let turns: Vec<_> = (0..6).map(|_| balancer.choose(&endpoints, |_| true)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2].map(Some));
        assert!((0..9).all(|_| balancer.choose(&endpoints, |index| index == 1) == Some(1)));
        assert_eq!(balancer.choose(&endpoints, |_| false), None);
    }

    #[test]
    fn least_request_never_takes_the_busiest_of_two() {
        let endpoints = endpoints(2);
        let _busy = endpoints[0].begin_call();
        let balancer = Balancer::new(Balance::LeastRequest);
        assert!((0..50).all(|_| balancer.choose(&endpoints, |_| true) == Some(1)));
        assert_eq!(balancer.choose(&endpoints, |index| index == 0), Some(0));
    }

    #[test]
    fn least_request_reaches_every_endpoint() {
        let endpoints = endpoints(5);
        let balancer = Balancer::new(Balance::LeastRequest);
        let mut seen = [false; 5];
        for _ in 0..500 {
            seen[balancer.choose(&endpoints, |_| true).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
