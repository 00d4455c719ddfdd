//! What operators see: metrics and the access log.

pub(crate) mod access_log;
pub(crate) mod metrics;
