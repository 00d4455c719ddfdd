//! What admits to sessions and WebSockets, resolved.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::chain::Chain;

use super::Planner;
use crate::config::TicketsConfig;
use crate::tickets::Keys;

/// The tickets that admit to the sessions and WebSockets of a listener.
#[derive(Clone, Debug)]
pub struct TicketsSpec {
    /// The filters that say who is given one, and as whom it admits.
    pub chain: Arc<Chain>,
    /// Whether nobody is admitted without one.
    pub required: bool,
    /// For how long one is good.
    pub lifetime: Duration,
    /// For how long a session takes new calls; `None` for as long as it lasts.
    pub session_lifetime: Option<Duration>,
    /// What they are made with.
    pub(crate) keys: Keys,
}

impl Planner<'_> {
    /// The tickets of a listener, by what it listens on; none after a problem was noted.
    pub(super) fn plan_tickets(&self, config: &TicketsConfig<'_>, listener: &str) -> Option<TicketsSpec> {
        // No route has a space in its name.
        let route = format!("tickets of {listener}");
        let filters = config.filters.iter();
        let links: Vec<_> = filters.filter_map(|filter| self.plan_filter(&route, filter, true)).collect();
        let secrets = config.secrets.iter().map(|secret| secret.get_ref().as_str());
        let keys = match Keys::new(secrets) {
            Some(keys) => keys,
            None => Keys::random()
                .map_err(|_| self.findings.error(config.span.clone(), "the system has no random numbers"))
                .ok()?,
        };
        Some(TicketsSpec {
            chain: Arc::new(Chain::new(&route, links, self.sources.metrics)),
            required: config.required,
            lifetime: config.lifetime,
            session_lifetime: config.session_lifetime,
            keys,
        })
    }
}
