//! The plan: a configuration with everything resolved, so that a call looks up no string that could be known before.
//!
//! References are indexes, filters are built, keys are loaded and sizes are numbers. Planning binds no port and starts
//! nothing, so a plan that fails costs nothing, and all its problems are reported together.

mod cluster;
mod descriptors;
mod limits;
mod listener;
mod quic_limits;
mod routes;
mod tickets;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::metrics::FilterMetrics;
use sluicegate_core::registry::Kind;

pub(crate) use cluster::Traffic;
pub use cluster::{Balance, ClusterProtocol, ClusterSpec, EndpointSpec};
pub use descriptors::{DescriptorSource, DescriptorsSpec};
pub use limits::{H2Limits, ListenerLimits};
pub use listener::{Listener, Origins, Quic, WebSocket, WebTransport};
pub use quic_limits::QuicLimits;
pub use tickets::TicketsSpec;

use crate::config::{Config, Document};
use crate::report::{Findings, Report, Severity};
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
        Err(error) => {
            let findings = Findings::default();
            findings.nowhere(Severity::Error, format!("{name} cannot be read: {error}"), None);
            Err(Report::new(&name, String::new(), findings.into_inner()))
        }
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
    let findings = Findings::default();
    let document = Document::parse(text, &findings);
    // What is no TOML is read no further: most of what would be found then is not really wrong.
    let plan = findings.is_clean().then(|| {
        let config = document.read(&findings);
        Planner { folder, sources, findings: &findings }.plan(&config, document.shown())
    });
    let blotted = document.blotted(text);
    drop(document);
    let is_clean = findings.is_clean();
    let report = Report::new(name, blotted, findings.into_inner());
    match plan {
        Some(plan) if is_clean => Ok((plan, report)),
        _ => Err(report),
    }
}

/// What the parts of a plan are made with. A part that cannot be made is noted and left out.
struct Planner<'a> {
    folder: &'a Path,
    sources: &'a Sources<'a>,
    findings: &'a Findings,
}

impl Planner<'_> {
    fn plan(&self, config: &Config<'_>, shown_config: String) -> Plan {
        let workers = config
            .workers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        self.check_addresses(config);
        let (routes, clusters) = self.plan_routes(config);
        let takes = |traffic| clusters.iter().any(|cluster| cluster.protocol.traffic() == traffic);
        let listener = |listener| self.plan_listener(listener, takes);
        Plan {
            admin: config.admin.as_ref().map(|admin| *admin.get_ref()),
            workers,
            drain_timeout: config.drain_timeout,
            access_log: match &config.access_log {
                AccessLog::File(path) => AccessLog::File(self.folder.join(path)),
                other => other.clone(),
            },
            listeners: config.listeners.iter().filter_map(listener).collect(),
            routes,
            clusters,
            shown_config,
        }
    }

    /// No two sockets can have one address.
    fn check_addresses(&self, config: &Config<'_>) {
        let mut taken: Vec<SocketAddr> = Vec::new();
        if let Some(admin) = &config.admin {
            taken.push(*admin.get_ref());
            if !admin.get_ref().ip().is_loopback() {
                let hint = "listen on 127.0.0.1, or see to it that only operators get there";
                self.findings.warn(admin.span(), "the admin interface asks nobody who they are", hint);
            }
        }
        for listen in config.listeners.iter().filter_map(|listener| listener.listen.as_ref()) {
            let address = *listen.get_ref();
            if let Some(other) = taken.iter().find(|other| is_conflict(**other, address)) {
                self.findings.error(listen.span(), format!("`{address}` is taken by `{other}` above"));
            }
            taken.push(address);
        }
    }
}

/// Whether two sockets with these addresses cannot both be bound. Port 0 never conflicts, the system chooses another.
fn is_conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip()
        || (one.is_ipv4() == other.is_ipv4() && (one.ip().is_unspecified() || other.ip().is_unspecified()));
    one.port() == other.port() && one.port() != 0 && overlap
}
