//! Starting Vanguard's proxy, which is the Go program in `vanguard/`. It says on its standard output where it listens.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Kind, Proxy, Setting};
use crate::failure::{During, Failure};
use crate::process::Process;

/// As many threads that run Go as Sluicegate has `workers`.
const PROCESSORS: &str = "2";

pub(super) fn start(program: &Path, setting: &Setting<'_>) -> Result<Proxy, Failure> {
    let mut command = Command::new(program);
    command
        .env("GOMAXPROCS", PROCESSORS)
        .arg("-descriptors")
        .arg(setting.descriptors)
        .args(setting.upstreams.map(|upstream| format!("http://{upstream}")))
        .stderr(Stdio::inherit());
    let mut process = Process::start(Kind::Vanguard.name(), &mut command)?;
    let line = process.line()?;
    let http = line.strip_prefix("listening ").unwrap_or(&line).parse().during("vanguard's address")?;
    Ok(Proxy { kind: Kind::Vanguard, process, http, quic: None, access_log: None })
}
