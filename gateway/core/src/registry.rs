//! The kinds of filters a gateway knows: a visible list, and how one is built from its table.

use std::sync::Arc;

use crate::chain::{Erased, Link};
use crate::filter::{Filter, Setup};
use crate::problem::Problem;

/// One kind of filter, as it stands in a list such as `sluicegate_filters::ALL`.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The name in the configuration.
    pub name: &'static str,
    /// Whether its filters guard sessions that are carried whole.
    pub guards_sessions: bool,
    #[allow(clippy::type_complexity, reason = "the signature of `build`, written once")]
    build: fn(toml::Table, &mut Setup<'_>) -> Result<Arc<dyn Link>, Problem>,
}

impl Kind {
    /// The kind whose filters are `F`.
    pub const fn of<F: Filter>() -> Kind {
        Kind { name: F::NAME, guards_sessions: F::GUARDS_SESSIONS, build: build::<F> }
    }

    /// Builds a filter from its table (without `use`). The problem's `at` is relative to that table.
    pub fn build(&self, table: toml::Table, setup: &mut Setup<'_>) -> Result<Arc<dyn Link>, Problem> {
        (self.build)(table, setup)
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn build<F: Filter>(table: toml::Table, setup: &mut Setup<'_>) -> Result<Arc<dyn Link>, Problem> {
    let config: F::Config = serde_path_to_error::deserialize(table).map_err(|error| {
        let path = error.path().to_string();
        Problem::new(
            if path == "." { String::new() } else { path },
            error.inner().message().trim().to_owned(),
        )
    })?;
    Ok(Arc::new(Erased(F::new(config, setup)?)))
}
