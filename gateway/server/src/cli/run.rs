//! `sluicegate run --config FILE`

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::check::BAD_CONFIG;
use crate::front::plain::Pages;
use crate::gateway::Gateway;
use crate::observe::metrics::Metrics;
use crate::plan::{self, Plan, Sources};

/// Runs a gateway from a configuration file.
#[allow(clippy::print_stderr)]
pub(super) fn run(config: &Path) -> ExitCode {
    let Some(metrics) = metrics() else { return ExitCode::FAILURE };
    let sources = Sources { kinds: sluicegate_filters::ALL, metrics: &metrics.filters, self_signed: None };
    match plan::load(config, &sources) {
        Ok((plan, warnings)) => {
            if !warnings.is_empty() {
                eprint!("{}", warnings.render(std::io::stderr().is_terminal()));
            }
            serve(plan, metrics, |_| None)
        }
        Err(problems) => {
            eprint!("{}", problems.render(std::io::stderr().is_terminal()));
            ExitCode::from(BAD_CONFIG)
        }
    }
}

/// The metrics of the process.
pub(super) fn metrics() -> Option<Arc<Metrics>> {
    match Metrics::new() {
        Ok(metrics) => Some(Arc::new(metrics)),
        Err(error) => {
            log::error!("cannot set up metrics: {error}");
            None
        }
    }
}

/// Binds, says where, and serves until a signal. `pages` is given the addresses that were bound.
pub(super) fn serve(
    plan: Plan,
    metrics: Arc<Metrics>,
    pages: impl FnOnce(&Gateway) -> Option<Pages>,
) -> ExitCode {
    match Gateway::bind(plan, metrics) {
        Ok(gateway) => {
            let pages = pages(&gateway);
            gateway.run(pages);
            ExitCode::SUCCESS
        }
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
