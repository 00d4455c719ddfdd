//! The metrics of tickets.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::families;

/// What became of a request for a ticket, or of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// One was made.
    Issued,
    /// A filter refused one.
    Refused,
    /// It admitted somebody.
    Admitted,
    /// There was none where one is required.
    Missing,
    /// No gateway has made it.
    Invalid,
    /// It has admitted somebody before.
    Spent,
    /// It is too old.
    Expired,
    /// Too many are remembered.
    Crowded,
}

impl Outcome {
    const ALL: [(Outcome, &'static str); 8] = [
        (Outcome::Issued, "issued"),
        (Outcome::Refused, "refused"),
        (Outcome::Admitted, "admitted"),
        (Outcome::Missing, "missing"),
        (Outcome::Invalid, "invalid"),
        (Outcome::Spent, "spent"),
        (Outcome::Expired, "expired"),
        (Outcome::Crowded, "crowded"),
    ];
}

/// The counters of every listener.
#[derive(Debug)]
pub(crate) struct TicketFamilies(IntCounterVec);

impl TicketFamilies {
    pub(super) fn new(registry: &Registry) -> Result<TicketFamilies, prometheus::Error> {
        let counters =
            |name: &str, help: &str, labels: &[&str]| families::counters(registry, name, help, labels);
        let help = "Tickets that were asked for, and that sessions and WebSockets were opened with.";
        counters("session_tickets_total", help, &["listener", "outcome"]).map(TicketFamilies)
    }

    /// The counters of one listener.
    pub(crate) fn of(&self, listener: &str) -> TicketMetrics {
        TicketMetrics(Outcome::ALL.map(|(_, name)| self.0.with_label_values(&[listener, name])))
    }
}

/// The counters of one listener.
#[derive(Debug)]
pub(crate) struct TicketMetrics([IntCounter; 8]);

impl TicketMetrics {
    pub(crate) fn count(&self, outcome: Outcome) {
        let of_all = Outcome::ALL.iter().zip(&self.0);
        for (_, counter) in of_all.filter(|((one, _), _)| *one == outcome) {
            counter.inc();
        }
    }
}
