//! The metrics of messages that travel in datagrams.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// What became of the messages that came or were to go in datagrams.
#[derive(Clone, Debug)]
pub(crate) struct DatagramMetrics {
    pub(crate) request: Outcomes,
    pub(crate) response: Outcomes,
}

/// The same for one direction.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes {
    pub(crate) passed: IntCounter,
    pub(crate) dropped: IntCounter,
}

impl DatagramMetrics {
    pub(super) fn new(registry: &Registry) -> Result<DatagramMetrics, prometheus::Error> {
        let options = Opts::new(
            "sluicegate_grpc_datagram_message_count",
            "Messages in datagrams, by direction and what became of them.",
        );
        let family = IntCounterVec::new(options, &["direction", "outcome"])?;
        registry.register(Box::new(family.clone()))?;
        let outcomes = |direction| Outcomes {
            passed: family.with_label_values(&[direction, "passed"]),
            dropped: family.with_label_values(&[direction, "dropped"]),
        };
        Ok(DatagramMetrics { request: outcomes("request"), response: outcomes("response") })
    }

    /// Metrics that nobody reads.
    #[cfg(test)]
    pub(crate) fn detached() -> DatagramMetrics {
        DatagramMetrics::new(&Registry::new()).unwrap()
    }
}
