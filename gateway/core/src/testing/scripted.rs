//! Runs filters against a scripted call, without a gateway.
//!
//! ```
//! # use sluicegate_core::{call::Call, filter::{Filter, Setup}, problem::Problem, status::{Code, Status}};
//! # struct Quiet;
//! # impl Filter for Quiet {
//! #     const NAME: &'static str = "quiet";
//! #     type Config = toml::Table;
//! #     type State = ();
//! #     fn new(_: toml::Table, _: &mut Setup<'_>) -> Result<Quiet, Problem> { Ok(Quiet) }
//! #     async fn request(&self, call: &mut Call, _: &mut ()) -> Result<(), Status> {
//! #         if call.metadata.contains_key("x-loud") { return Err(Status::permission_denied("hush")) }
//! #         Ok(())
//! #     }
//! # }
//! use sluicegate_core::testing::Scripted;
//!
//! let filter = Scripted::new::<Quiet>("");
//! filter.open().expect_open().respond(&[("x-from", "upstream")]).finish(Status::OK).expect_end(Code::Ok);
//! filter.call().metadata("x-loud", "yes").open().expect_end(Code::PermissionDenied);
//! assert_eq!(filter.metric("sluicegate_filter_refusals"), 1);
//! ```
#![allow(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod call;
mod session;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use prometheus::Registry;

use crate::chain::{Chain, Erased, Link};
use crate::filter::{Filter, Preflight, Setup};
use crate::metrics::FilterMetrics;
use crate::problem::Problem;
use crate::registry::Kind;

#[cfg(test)]
pub(crate) use call::plain_call;
pub use call::{CallScript, ScriptedCall};
#[cfg(test)]
pub(crate) use session::plain_session;
pub use session::{ScriptedSession, SessionScript};

/// The route that scripted filters are built for.
const ROUTE: &str = "scripted";

/// One filter, or a few in order, on a route of their own.
///
/// Filters are built from TOML as the gateway builds them, and calls go through the same
/// [`Chain`] as in the gateway.
pub struct Scripted {
    chain: Arc<Chain>,
    links: Vec<Arc<dyn Link>>,
    metrics: FilterMetrics,
    registry: Registry,
}

impl Scripted {
    /// The filter `F` with this table (without `use`).
    ///
    /// # Panics
    /// When the table is no TOML, or not one that `F` takes.
    #[track_caller]
    pub fn new<F: Filter>(table: &str) -> Scripted {
        Scripted::empty().then::<F>(table)
    }

    /// A filter made by `make`: for filters that a test gives something no table can hold, such as a clock.
    ///
    /// # Panics
    /// When `make` reports a problem.
    #[track_caller]
    pub fn build<F: Filter>(make: impl FnOnce(&mut Setup<'_>) -> Result<F, Problem>) -> Scripted {
        let rig = Scripted::empty();
        match make(&mut Setup::new(ROUTE, F::NAME, &rig.metrics)) {
            Ok(filter) => rig.with(Arc::new(Erased(filter))),
            Err(problem) => panic!("`{}` cannot be built: {problem:?}", F::NAME),
        }
    }

    /// The same with one more filter at the end.
    ///
    /// # Panics
    /// As [`Scripted::new`].
    #[must_use]
    #[track_caller]
    pub fn then<F: Filter>(self, table: &str) -> Scripted {
        match build::<F>(table, Setup::new(ROUTE, F::NAME, &self.metrics)) {
            Ok(link) => self.with(link),
            Err(problem) => panic!("`{}` does not take this table: {problem:?}", F::NAME),
        }
    }

    /// The filter `F` with this table, on a route that carries sessions.
    ///
    /// # Panics
    /// As [`Scripted::new`].
    #[track_caller]
    pub fn for_sessions<F: Filter>(table: &str) -> Scripted {
        let rig = Scripted::empty();
        match build::<F>(table, Setup::new(ROUTE, F::NAME, &rig.metrics).for_sessions()) {
            Ok(link) => rig.with(link),
            Err(problem) => panic!("`{}` does not take this table: {problem:?}", F::NAME),
        }
    }

    /// What `F` finds wrong with a table.
    ///
    /// # Panics
    /// When it finds nothing wrong, or the table is no TOML.
    #[track_caller]
    pub fn problem<F: Filter>(table: &str) -> Problem {
        match build::<F>(table, Setup::new(ROUTE, F::NAME, &FilterMetrics::detached())) {
            Ok(_) => panic!("`{}` takes this table: {table}", F::NAME),
            Err(problem) => problem,
        }
    }

    /// A call that can still be given metadata and a caller.
    pub fn call(&self) -> CallScript {
        CallScript::new(self.chain.clone())
    }

    /// A call with nothing special about it, taken through the filters' `request`.
    ///
    /// # Panics
    /// When a filter waits; see [`CallScript::start`].
    #[track_caller]
    pub fn open(&self) -> ScriptedCall {
        self.call().open()
    }

    /// A request for a session that can still be given a path, headers and a client.
    pub fn session(&self) -> SessionScript {
        SessionScript::new(self.chain.clone())
    }

    /// What the filters answer to a CORS preflight with these headers.
    ///
    /// # Panics
    /// When a name or value is no header.
    #[track_caller]
    pub fn preflight(&self, headers: &[(&str, &str)]) -> Option<HeaderMap> {
        self.chain.preflight(&Preflight { headers: &header_map(headers) })
    }

    /// The value of a counter, or the number of observations of a histogram, summed over its labels.
    ///
    /// # Panics
    /// When no filter has declared this metric. The name is the full one, such as `sluicegate_quota_messages`.
    #[track_caller]
    pub fn metric(&self, name: &str) -> u64 {
        let families = self.registry.gather();
        let Some(family) = families.iter().find(|family| family.name() == name) else {
            let known: Vec<&str> = families.iter().map(|family| family.name()).collect();
            panic!("no metric `{name}` among {known:?}");
        };
        let values = family.get_metric().iter();
        values.map(|m| m.get_counter().get_value() as u64 + m.get_histogram().get_sample_count()).sum()
    }

    fn empty() -> Scripted {
        let registry = Registry::new();
        let metrics = FilterMetrics::new(registry.clone()).expect("a fresh registry takes any metric");
        let chain = Arc::new(Chain::new(ROUTE, Vec::new(), &metrics));
        Scripted { chain, links: Vec::new(), metrics, registry }
    }

    fn with(mut self, link: Arc<dyn Link>) -> Scripted {
        self.links.push(link);
        self.chain = Arc::new(Chain::new(ROUTE, self.links.clone(), &self.metrics));
        self
    }
}

fn build<F: Filter>(table: &str, mut setup: Setup<'_>) -> Result<Arc<dyn Link>, Problem> {
    let table = table.parse().unwrap_or_else(|error| panic!("no TOML: {error}"));
    Kind::of::<F>().build(table, &mut setup)
}

#[track_caller]
fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    (name.parse().expect("a header name"), value.parse().expect("a header value"))
}

#[track_caller]
fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| header(name, value)).fold(
        HeaderMap::new(),
        |mut map, (name, value)| {
            map.append(name, value);
            map
        },
    )
}

#[cfg(test)]
mod tests;
