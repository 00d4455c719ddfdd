//! Where filters get their metrics from.

use std::collections::HashMap;
use std::sync::Mutex;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// Prefix of every metric the gateway exports.
pub const PREFIX: &str = "sluicegate";

/// Families of metrics that filters declare, each labelled with the route and kept across reloads.
#[derive(Debug)]
pub struct FilterMetrics {
    registry: Registry,
    counters: Mutex<HashMap<String, IntCounterVec>>,
    histograms: Mutex<HashMap<String, HistogramVec>>,
    refusals: IntCounterVec,
}

impl FilterMetrics {
    /// Families that `registry` exports.
    ///
    /// # Errors
    /// When the registry holds metrics of the same names already.
    pub fn new(registry: Registry) -> Result<FilterMetrics, prometheus::Error> {
        let refusals = IntCounterVec::new(
            Opts::new(
                format!("{PREFIX}_filter_refusals"),
                "Calls that a filter ended, by the code it ended them with.",
            ),
            &["route", "filter", "code"],
        )?;
        registry.register(Box::new(refusals.clone()))?;
        Ok(FilterMetrics { registry, counters: Mutex::default(), histograms: Mutex::default(), refusals })
    }

    /// Families of a registry of their own, for tests.
    pub fn detached() -> FilterMetrics {
        // A fresh registry holds no metric that could collide.
        #[allow(clippy::expect_used)]
        FilterMetrics::new(Registry::new()).expect("a fresh registry takes any metric")
    }

    /// Calls that a filter of a route ended with a code.
    pub(crate) fn refusals(&self, route: &str, filter: &str, code: &str) -> IntCounter {
        self.refusals.with_label_values(&[route, filter, code])
    }

    pub(crate) fn counter(&self, filter: &str, name: &str, help: &str, route: &str) -> IntCounter {
        let mut counters = self.counters.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let full = format!("{PREFIX}_{filter}_{name}");
        if let Some(family) = counters.get(&full) {
            return family.with_label_values(&[route]);
        }
        match IntCounterVec::new(Opts::new(full.clone(), help), &["route"]) {
            Ok(family) => {
                if let Err(error) = self.registry.register(Box::new(family.clone())) {
                    debug_assert!(false, "{full}: {error}");
                }
                counters.entry(full).or_insert(family).with_label_values(&[route])
            }
            // A name that is no metric name is a mistake in the filter's source; count into the void.
            Err(_) => self.refusals(route, filter, "invalid_metric"),
        }
    }

    pub(crate) fn histogram(&self, filter: &str, name: &str, help: &str, route: &str) -> Histogram {
        let mut histograms = self.histograms.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let full = format!("{PREFIX}_{filter}_{name}");
        if let Some(family) = histograms.get(&full) {
            return family.with_label_values(&[route]);
        }
        // Filter names and metric names are constants of the source, checked by each filter's test.
        #[allow(clippy::expect_used)]
        let family = HistogramVec::new(HistogramOpts::new(full.clone(), help), &["route"])
            .expect("a filter's metric name is a valid metric name");
        if let Err(error) = self.registry.register(Box::new(family.clone())) {
            debug_assert!(false, "{full}: {error}");
        }
        histograms.entry(full).or_insert(family).with_label_values(&[route])
    }
}
