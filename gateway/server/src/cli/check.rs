//! `sluicegate check FILE`

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use crate::observe::metrics::Metrics;
use crate::plan::{self, Sources};

/// The exit code for a configuration that has problems.
pub(super) const BAD_CONFIG: u8 = 2;

/// Prints every problem of a configuration.
#[allow(clippy::print_stdout, clippy::print_stderr)]
pub(super) fn check(config: &Path) -> ExitCode {
    let Ok(metrics) = Metrics::new() else { return ExitCode::FAILURE };
    let sources = Sources { kinds: sluicegate_filters::ALL, metrics: &metrics.filters, self_signed: None };
    match plan::load(config, &sources) {
        Ok((_, warnings)) => {
            if !warnings.is_empty() {
                eprint!("{}", warnings.render(std::io::stderr().is_terminal()));
            }
            println!("{}: ok", config.display());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprint!("{}", problems.render(std::io::stderr().is_terminal()));
            ExitCode::from(BAD_CONFIG)
        }
    }
}
