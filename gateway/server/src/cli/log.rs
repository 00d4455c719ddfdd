//! The gateway's own log, on standard error; `SLUICEGATE_LOG` sets the level (error, warn, info, debug, trace).

use log::{LevelFilter, Log, Metadata, Record};

/// Writes one line for each record.
struct StderrLog;

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    #[allow(clippy::print_stderr)]
    fn log(&self, record: &Record<'_>) {
        // What the libraries below say at their usual level is of no use to operators.
        let own = record.target().starts_with("sluicegate");
        if self.enabled(record.metadata())
            && (own || record.level() <= log::Level::Warn || log::max_level() > LevelFilter::Info)
        {
            eprintln!("{} {}: {}", record.level(), record.target(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Starts logging.
pub(super) fn init() {
    let level = std::env::var("SLUICEGATE_LOG").ok().and_then(|level| level.parse().ok());
    log::set_max_level(level.unwrap_or(LevelFilter::Info));
    // An error means that a log was set before, which only tests do.
    let _ = log::set_logger(&StderrLog);
}
