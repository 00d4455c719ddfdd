//! The filters a gateway knows: one file each, with its configuration, documentation, metrics and tests.
//!
//! A filter is added by its file and its line in [`ALL`]; `docs/writing-a-filter.md` shows how. Filters know the core
//! crate and nothing of each other, of client protocols or of Pingora.

pub mod api_key;
pub mod cors;
pub mod rate_limit;

use sluicegate_core::registry::Kind;

/// Every filter, by the name that `use` gives in the configuration.
pub const ALL: &[Kind] =
    &[Kind::of::<api_key::ApiKey>(), Kind::of::<cors::Cors>(), Kind::of::<rate_limit::RateLimit>()];
