//! The tickets that have admitted somebody, as long as they would otherwise be good.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::sealed::{Nonce, Ticket};
use crate::observe::tickets::Outcome;

/// How many are remembered, in a few MiB. More than 2000 new sessions each second for a minute do not come to one process
/// in earnest; if they do, nobody is admitted until some have expired, for a ticket that is forgotten could be used again.
const MOST: usize = 1 << 17;

/// The tickets of a process that have admitted somebody.
#[derive(Debug)]
pub(crate) struct Spent {
    most: usize,
    tickets: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The latest time that was seen: a clock that is set back does not make a ticket good again.
    now: u64,
    /// By when they expire.
    tickets: BTreeSet<(u64, Nonce)>,
}

impl Default for Spent {
    fn default() -> Spent {
        Spent { most: MOST, tickets: Mutex::default() }
    }
}

impl Spent {
    /// Takes a ticket, once.
    pub(super) fn spend(&self, ticket: &Ticket, now: u64) -> Result<(), Outcome> {
        self.with(now, |remembered| {
            remembered.check(ticket)?;
            if remembered.tickets.len() >= self.most {
                return Err(Outcome::Crowded);
            }
            remembered.tickets.insert((ticket.expires, ticket.nonce));
            Ok(())
        })
    }

    /// Whether a ticket is still good.
    pub(super) fn check(&self, ticket: &Ticket, now: u64) -> Result<(), Outcome> {
        self.with(now, |remembered| remembered.check(ticket))
    }

    fn with<T>(&self, now: u64, act: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut remembered = self.tickets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        remembered.now = remembered.now.max(now);
        while remembered.tickets.first().is_some_and(|(expires, _)| *expires <= remembered.now) {
            remembered.tickets.pop_first();
        }
        act(&mut remembered)
    }
}

impl Remembered {
    fn check(&self, ticket: &Ticket) -> Result<(), Outcome> {
        if ticket.expires <= self.now {
            return Err(Outcome::Expired);
        }
        match self.tickets.contains(&(ticket.expires, ticket.nonce)) {
            true => Err(Outcome::Spent),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(nonce: u8, expires: u64) -> Ticket {
        Ticket { nonce: [nonce; 16], expires, identity: None }
    }

    #[test]
    fn a_ticket_admits_once_and_in_time() {
        let spent = Spent::default();
        assert_eq!(spent.check(&ticket(1, 100), 50), Ok(()));
        assert_eq!(spent.spend(&ticket(1, 100), 50), Ok(()));
        assert_eq!(spent.spend(&ticket(1, 100), 60), Err(Outcome::Spent));
        assert_eq!(spent.check(&ticket(1, 100), 60), Err(Outcome::Spent));
        assert_eq!(spent.spend(&ticket(2, 100), 60), Ok(()));
        assert_eq!(spent.spend(&ticket(3, 100), 100), Err(Outcome::Expired));
    }

    #[test]
    fn a_clock_that_is_set_back_revives_none() {
        let spent = Spent::default();
        assert_eq!(spent.spend(&ticket(1, 100), 50), Ok(()));
        // By now it is forgotten.
        assert_eq!(spent.spend(&ticket(2, 200), 150), Ok(()));
        assert_eq!(spent.spend(&ticket(1, 100), 50), Err(Outcome::Expired));
    }

    #[test]
    fn none_is_forgotten_to_make_room() {
        let spent = Spent { most: 2, ..Spent::default() };
        assert_eq!(spent.spend(&ticket(1, 100), 0), Ok(()));
        assert_eq!(spent.spend(&ticket(2, 200), 0), Ok(()));
        assert_eq!(spent.spend(&ticket(3, 200), 0), Err(Outcome::Crowded));
        assert_eq!(spent.spend(&ticket(1, 100), 0), Err(Outcome::Spent));
        assert_eq!(spent.spend(&ticket(3, 200), 100), Ok(()));
    }
}
