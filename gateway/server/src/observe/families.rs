//! Families of metrics, registered under the project's prefix.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// Counters with these labels.
pub(super) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let family = IntCounterVec::new(Opts::new(format!("sluicegate_{name}"), help), labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

/// Gauges with these labels.
pub(super) fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let family = IntGaugeVec::new(Opts::new(format!("sluicegate_{name}"), help), labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}
