//! The plan: a configuration with everything resolved, so that a call looks up no string that could be known before.
//!
//! References are indexes, filters are built, keys are loaded and sizes are numbers. Planning binds no port and starts
//! nothing, so a plan that fails costs nothing, and all its problems are reported together.

mod cluster;
mod listener;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::metrics::FilterMetrics;
use sluicegate_core::registry::Kind;

pub use cluster::{Balance, ClusterProtocol, ClusterSpec, EndpointSpec};
pub use listener::{H2Limits, Listener, ListenerLimits, Origins, QuicLimits, WebTransport};

use crate::report::Report;
use crate::route::Router;
use crate::tls::Certificate;

/// Everything a gateway needs to know to run.
#[derive(Debug)]
pub struct Plan {
    /// Where the admin interface listens; `None` turns it off.
    pub admin: Option<SocketAddr>,
    /// Threads that serve, at least one.
    pub workers: usize,
    /// How long running calls may take to end once the gateway is told to stop.
    pub drain_timeout: Duration,
    /// Where a line for each call goes.
    pub access_log: AccessLog,
    /// Where clients come in; at least one.
    pub listeners: Vec<Listener>,
    /// Where calls go.
    pub routes: Router,
    /// The clusters that routes refer to by index.
    pub clusters: Vec<Arc<ClusterSpec>>,
    /// The configuration without comments and secrets, for operators to look at.
    pub shown_config: String,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to a file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// What a plan is made from, besides the configuration.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The filters that a configuration may use.
    pub kinds: &'a [Kind],
    /// Where filters get their metrics from.
    pub metrics: &'a FilterMetrics,
    /// What listeners with `tls = { self_signed = true }` present; without it they are a problem.
    pub self_signed: Option<Certificate>,
}

/// Plans the configuration in a file. Paths in it are relative to its folder.
///
/// # Errors
/// All problems of the configuration. The report of a plan that was made holds its warnings, if any.
pub fn load(path: &Path, sources: &Sources<'_>) -> Result<(Plan, Report), Report> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => from_text(&name, &text, path.parent().unwrap_or(Path::new("")), sources),
        Err(error) => Err(Report::unreadable(&name, &error)),
    }
}

/// Plans a configuration given as text. `name` is what problems call it; paths in it are relative to `folder`.
///
/// # Errors
/// As [`load`].
pub fn from_text(
    name: &str,
    text: &str,
    folder: &Path,
    sources: &Sources<'_>,
) -> Result<(Plan, Report), Report> {
    let _ = (folder, sources);
    Err(Report::new(name, text))
}
