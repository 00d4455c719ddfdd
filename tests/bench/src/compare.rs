//! The comparison: both proxies in turn, round after round.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::failure::{During, Failure};
use crate::idle::Idle;
use crate::load::Measurement;
use crate::machine::{Machine, version};
use crate::process::Process;
use crate::proxy::{Kind, Setting};
use crate::report::{Run, print};
use crate::workload::{ALL, Workload};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The gateway to measure.
    #[arg(long)]
    sluicegate: PathBuf,
    /// The Envoy to compare it with.
    #[arg(long)]
    envoy: PathBuf,
    /// The proxy on Vanguard, which is measured with what it speaks.
    #[arg(long)]
    vanguard: PathBuf,
    /// Where configurations, logs and results go.
    #[arg(long)]
    folder: PathBuf,
    /// How often each workload goes through each proxy.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only find out whether everything works: one short round.
    #[arg(long)]
    quick: bool,
    /// How many sessions of WebTransport to open that do nothing, when no workload is named.
    #[arg(long, default_value_t = 10_000)]
    idle_sessions: usize,
    /// Only the sessions that do nothing.
    #[arg(long, conflicts_with = "workloads")]
    idle_only: bool,
    /// Only this workload; may be given several times.
    #[arg(long = "workload", value_name = "NAME", value_parser = named)]
    workloads: Vec<&'static Workload>,
    /// Only this proxy.
    #[arg(long)]
    only: Option<Kind>,
}

fn named(name: &str) -> Result<&'static Workload, String> {
    Workload::named(name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
        format!("the workloads are {}", names.join(", "))
    })
}

/// What the rounds of one workload took.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    #[serde(serialize_with = "name_alone")]
    pub(crate) workload: &'static Workload,
    pub(crate) rounds: Vec<Round>,
    /// The proxies whose access logs lack calls, which they then did not pay for.
    pub(crate) unlogged: Vec<Unlogged>,
}

/// How much of what went through a proxy is in its access log.
#[derive(Debug, Serialize)]
pub(crate) struct Unlogged {
    pub(crate) proxy: &'static str,
    pub(crate) lines: u64,
    pub(crate) calls: u64,
}

fn name_alone<S: serde::Serializer>(workload: &Workload, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(workload.name)
}

/// What one round took; a proxy that was left out has no measurement.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Round {
    pub(crate) envoy: Option<Measurement>,
    pub(crate) sluicegate: Option<Measurement>,
    pub(crate) vanguard: Option<Measurement>,
    pub(crate) quinn: Option<Measurement>,
}

/// The part of a round's turns that are made before, unmeasured.
const WARM_UP: u64 = 10;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    std::fs::create_dir_all(&options.folder).during(options.folder.display())?;
    // A proxy may take relative paths to be relative to something else.
    let folder = std::fs::canonicalize(&options.folder)?;
    let _alone = wait_for_others(&folder)?;
    let machine = Machine::look()?;
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| options.only.is_none_or(|only| only == *kind)).collect();
    let mut versions = Vec::new();
    for kind in &kinds {
        versions.push(match kind {
            Kind::Vanguard => "Vanguard 0.4.0 (Go)".to_owned(),
            Kind::Quinn => "quinn 0.11".to_owned(),
            _ => version(&options.program(*kind)?)?,
        });
    }
    let files = Files::make(&folder)?;

    let mut comparisons = Vec::new();
    for workload in options.workloads() {
        comparisons.push(options.compare(workload, &kinds, &folder, &files)?);
    }
    let mut idle = Vec::new();
    if options.workloads.is_empty() && kinds.contains(&Kind::Sluicegate) {
        for per_connection in [1, 16] {
            idle.push(options.idle(per_connection, &folder, &files)?);
        }
    }
    let results = folder.join("results.json");
    let written = serde_json::json!({ "workloads": &comparisons, "idle": &idle });
    std::fs::write(&results, serde_json::to_string_pretty(&written)?).during(results.display())?;
    print(&Run { machine, versions, rounds: options.rounds(), quick: options.quick, comparisons, idle });
    Ok(())
}

/// Two comparisons at once would measure each other. The lock goes with the process that holds it.
fn wait_for_others(folder: &Path) -> Result<File, Failure> {
    let lock = File::create(folder.join("lock"))?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another comparison to end");
        lock.lock()?;
    }
    Ok(lock)
}

impl Options {
    fn program(&self, kind: Kind) -> Result<PathBuf, Failure> {
        Ok(match kind {
            Kind::Envoy => self.envoy.clone(),
            Kind::Sluicegate => self.sluicegate.clone(),
            Kind::Vanguard => self.vanguard.clone(),
            Kind::Quinn => std::env::current_exe()?,
        })
    }

    fn workloads(&self) -> Vec<&'static Workload> {
        match (self.idle_only, self.workloads.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => ALL.iter().collect(),
            (false, false) => self.workloads.clone(),
        }
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn turns(&self, workload: &Workload) -> u64 {
        if self.quick { workload.quick_turns } else { workload.turns }
    }

    /// Runs all rounds of one workload, through proxies that are started for it: so the memory that one workload needs
    /// is not counted for the next.
    fn compare(
        &self,
        workload: &'static Workload,
        kinds: &[Kind],
        folder: &Path,
        files: &Files,
    ) -> Result<Comparison, Failure> {
        let upstreams = Upstreams::start()?;
        let setting = upstreams.setting(folder, files);
        let mut proxies = Vec::new();
        for kind in kinds.iter().filter(|kind| kind.is_measured_with(workload)) {
            let proxy = kind.start(&self.program(*kind)?, &setting)?;
            proxy.check_refusal()?;
            proxies.push(proxy);
        }

        let mut rounds = Vec::new();
        for number in 1..=self.rounds() {
            let mut round = Round::default();
            for proxy in &proxies {
                let workload = proxy.kind.workload(workload);
                let measured = match proxy.kind {
                    Kind::Envoy => &mut round.envoy,
                    Kind::Sluicegate => &mut round.sluicegate,
                    Kind::Vanguard => &mut round.vanguard,
                    Kind::Quinn => &mut round.quinn,
                };
                let turns = self.turns(workload);
                let measurement = Command::new(std::env::current_exe()?)
                    .args(["load", "--workload", workload.name])
                    .args(["--target", &proxy.address(workload)?.to_string()])
                    .args(["--process", &proxy.process.id().to_string()])
                    .args(["--turns", &turns.to_string(), "--warm-up", &warm_up(turns).to_string()])
                    .arg("--certificate")
                    .arg(&files.certificate)
                    .stderr(Stdio::inherit())
                    .output()?;
                if !measurement.status.success() {
                    return Err(Failure::new(format!(
                        "{} through {} failed",
                        workload.name,
                        proxy.kind.name()
                    )));
                }
                let measurement: Measurement = serde_json::from_slice(&measurement.stdout)?;
                eprintln!("{} {number}: {} {measurement}", workload.name, proxy.kind.name());
                *measured = Some(measurement);
            }
            rounds.push(round);
            // Whoever went first goes last the next time.
            proxies.rotate_left(1);
        }

        let mut unlogged = Vec::new();
        for proxy in proxies {
            let kind = proxy.kind;
            let workload = kind.workload(workload);
            let turns = self.turns(workload);
            // And the one that had to be refused.
            let calls = (workload.calls(warm_up(turns)) + workload.calls(turns)) * self.rounds() as u64 + 1;
            if let Some(lines) = proxy.stop()?
                && lines != calls
            {
                unlogged.push(Unlogged { proxy: kind.name(), lines, calls });
            }
        }
        Ok(Comparison { workload, rounds, unlogged })
    }
}

impl Options {
    /// What sessions cost that do nothing, in a gateway that is started for them.
    fn idle(&self, per_connection: usize, folder: &Path, files: &Files) -> Result<Idle, Failure> {
        let upstreams = Upstreams::start()?;
        let gateway = Kind::Sluicegate.start(&self.sluicegate, &upstreams.setting(folder, files))?;
        let sessions = if self.quick { self.idle_sessions.min(100) } else { self.idle_sessions };
        let output = Command::new(std::env::current_exe()?)
            .arg("idle")
            .args(["--target", &gateway.quic()?.to_string()])
            .args(["--process", &gateway.process.id().to_string()])
            .args(["--sessions", &sessions.to_string()])
            .args(["--per-connection", &per_connection.to_string()])
            .arg("--certificate")
            .arg(&files.certificate)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(Failure::new(format!(
                "{sessions} sessions, {per_connection} on each connection, failed"
            )));
        }
        let idle: Idle = serde_json::from_slice(&output.stdout)?;
        eprintln!("idle sessions, {per_connection} on each connection: {:.1} KiB each", idle.each() / 1024.0);
        gateway.stop()?;
        Ok(idle)
    }
}

fn warm_up(turns: u64) -> u64 {
    turns.div_ceil(WARM_UP)
}

/// The processes behind the proxies.
struct Upstreams {
    _processes: Vec<Process>,
    grpc: [SocketAddr; 2],
    websocket: SocketAddr,
}

impl Upstreams {
    fn start() -> Result<Upstreams, Failure> {
        let (mut processes, mut addresses) = (Vec::new(), Vec::new());
        for command in ["echo", "echo", "echo-websocket"] {
            let mut process =
                Process::start("the upstream", Command::new(std::env::current_exe()?).arg(command))?;
            addresses.push(process.address()?);
            processes.push(process);
        }
        let [first, second, websocket] = addresses[..] else { return Err(Failure::new("too few upstreams")) };
        Ok(Upstreams { _processes: processes, grpc: [first, second], websocket })
    }

    fn setting<'a>(&self, folder: &'a Path, files: &'a Files) -> Setting<'a> {
        let Files { certificate, key, descriptors } = files;
        Setting { folder, upstreams: self.grpc, websocket: self.websocket, certificate, key, descriptors }
    }
}

/// What the proxies read besides their configurations.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    descriptors: PathBuf,
}

impl Files {
    fn make(folder: &Path) -> Result<Files, Failure> {
        let files = Files {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
            descriptors: folder.join("notes.binpb"),
        };
        // For the QUIC listener.
        let made = rcgen::generate_simple_self_signed([crate::load::HOST.to_owned()])?;
        std::fs::write(&files.certificate, made.cert.pem())?;
        std::fs::write(&files.key, made.signing_key.serialize_pem())?;
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let includes = [package.join("conf"), package.join("../../gateway/core/proto")];
        let mut compiler = protox::Compiler::new(includes)?;
        compiler.include_imports(true).open_file("notes.proto")?;
        std::fs::write(&files.descriptors, compiler.encode_file_descriptor_set())?;
        Ok(files)
    }
}
