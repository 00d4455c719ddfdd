//! What the figures were taken on and with.

use std::path::Path;
use std::process::Command;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::{During, Failure};

/// What the figures were taken on and with.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Processes that wanted a core in the minute before.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Machine, Failure> {
        let cpu_info = std::fs::read_to_string("/proc/cpuinfo").during("/proc/cpuinfo")?;
        let cpu = cpu_info
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()))
            .unwrap_or_else(|| "unknown".to_owned());
        let load = std::fs::read_to_string("/proc/loadavg").during("/proc/loadavg")?;
        Ok(Machine {
            date: OffsetDateTime::now_utc().format(&Rfc3339)?.chars().take(10).collect(),
            cpu,
            cores: std::thread::available_parallelism()?.get(),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split_whitespace().next().unwrap_or_default().to_owned(),
        })
    }
}

/// What a program answers to `--version`.
pub(crate) fn version(program: &Path) -> Result<String, Failure> {
    let output = Command::new(program).arg("--version").output().during(program.display())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Envoy's is `PATH  version: REVISION/VERSION/STATE/BUILD/TLS`.
    let envoy = line.split_once("version:").and_then(|(_, rest)| rest.trim().split('/').nth(1));
    Ok(match envoy {
        Some(version) => format!("Envoy {version}"),
        None => line.trim().to_owned(),
    })
}
