//! What operators see: metrics and the access log.

pub(crate) mod access_log;
pub(crate) mod datagrams;
mod families;
pub(crate) mod listeners;
pub(crate) mod metrics;
pub(crate) mod sessions;
pub(crate) mod tickets;
