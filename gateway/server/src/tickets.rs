//! Tickets that admit to the sessions and WebSockets of a listener.
//!
//! Browsers send neither headers of a page's choice nor, to other sites, cookies when they open these. So a page fetches a
//! ticket by an ordinary POST, which the filters of the tickets look at, and puts it into the URL. Gateways that share
//! secrets take each other's tickets; that each admits only once is known to the process alone that it admitted at.
//!
//! Source: docs/grpc-webtransport.md, section 13.

mod sealed;
mod spent;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use http::StatusCode;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::{Flag, Status};

pub(crate) use sealed::Keys;
pub(crate) use spent::Spent;

use crate::observe::metrics::Metrics;
use crate::observe::tickets::{Outcome, TicketMetrics};
use crate::plan::TicketsSpec;
use sealed::Ticket;

/// The parameter of the URL that a ticket is in.
const PARAMETER: &str = "ticket";

/// The tickets of a listener.
pub(crate) struct Tickets {
    spec: TicketsSpec,
    /// Shared by all listeners of the process.
    spent: Arc<Spent>,
    metrics: TicketMetrics,
}

impl Tickets {
    pub(crate) fn new(spec: &TicketsSpec, spent: Arc<Spent>, listener: &str, metrics: &Metrics) -> Tickets {
        Tickets { spec: spec.clone(), spent, metrics: metrics.tickets.of(listener) }
    }

    /// Whether nobody is admitted without one.
    pub(crate) fn are_required(&self) -> bool {
        self.spec.required
    }

    /// For how many seconds a ticket is good.
    pub(crate) fn lifetime(&self) -> u64 {
        self.spec.lifetime.as_secs()
    }

    /// For how long a session takes new calls, if not for as long as it lasts.
    pub(crate) fn session_lifetime(&self) -> Option<Duration> {
        self.spec.session_lifetime
    }

    /// A ticket for whoever the filters let pass.
    pub(crate) async fn issue(
        &self,
        request: &mut SessionRequest,
        metrics: &Metrics,
    ) -> Result<String, Status> {
        let mut passage = self.spec.chain.begin();
        let filters = AssertUnwindSafe(self.spec.chain.session(request, &mut passage)).catch_unwind();
        let passed = filters.await.unwrap_or_else(|_| {
            metrics.panics.inc();
            Err(Status::internal("the gateway failed").with_flag(Flag::Panic))
        });
        self.metrics.count(if passed.is_ok() { Outcome::Issued } else { Outcome::Refused });
        passed?;
        let lifetime = u64::try_from(self.spec.lifetime.as_millis()).unwrap_or(u64::MAX);
        let ticket = Ticket::new(now().saturating_add(lifetime), request.identity.as_deref())
            .map_err(|_| Status::internal("the gateway has no random numbers"))?;
        Ok(self.spec.keys.seal(&ticket))
    }

    /// Admits whoever asks with this query, and tells as whom. The ticket is spent by it.
    pub(crate) fn admit(&self, query: Option<&str>) -> Result<Option<Arc<str>>, StatusCode> {
        let admitted = match self.ticket(query) {
            Ok(None) if !self.spec.required => return Ok(None),
            Ok(None) => Err(Outcome::Missing),
            Ok(Some(ticket)) => match self.spent.spend(&ticket, now()) {
                Ok(()) => Ok(ticket.identity),
                Err(why) => Err(why),
            },
            Err(why) => Err(why),
        };
        self.metrics.count(admitted.as_ref().map_or_else(|why| *why, |_| Outcome::Admitted));
        admitted.map_err(Outcome::status)
    }

    /// Whether this query would be admitted, as far as its ticket goes; nothing is spent by asking.
    pub(crate) fn check(&self, query: Option<&str>) -> Result<(), StatusCode> {
        match self.ticket(query) {
            // Whoever only asks what is served here has none yet.
            Ok(None) => Ok(()),
            Ok(Some(ticket)) => self.spent.check(&ticket, now()),
            Err(why) => Err(why),
        }
        .map_err(Outcome::status)
    }

    fn ticket(&self, query: Option<&str>) -> Result<Option<Ticket>, Outcome> {
        let pairs = query.into_iter().flat_map(|query| query.split('&'));
        let mut found = pairs.filter_map(|pair| pair.split_once('=').filter(|(name, _)| *name == PARAMETER));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, text)), None) => self.spec.keys.open(text).map(Some).ok_or(Outcome::Invalid),
            // Which of them counts is not for us to guess.
            (Some(_), Some(_)) => Err(Outcome::Invalid),
        }
    }
}

impl Outcome {
    /// What whoever is not admitted is told.
    fn status(self) -> StatusCode {
        match self {
            Outcome::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}

/// Milliseconds since 1970: gateways of a fleet have nothing but the time of day in common.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
