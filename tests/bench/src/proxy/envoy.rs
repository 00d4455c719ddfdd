//! Starting Envoy. It says nothing on its standard output; its admin interface is asked instead.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Kind, Proxy, Setting, exchange};
use crate::failure::{During, Failure};
use crate::process::{GLANCE, PATIENCE, Process};

const CONFIG: &str = include_str!("../../conf/envoy.yaml");
/// As many as Sluicegate's `workers`.
const WORKERS: &str = "2";

pub(super) fn start(program: &Path, setting: &Setting<'_>) -> Result<Proxy, Failure> {
    let config = setting.write_config(CONFIG, Kind::Envoy, "yaml")?;
    let admin_path = setting.file(Kind::Envoy, "admin");
    if admin_path.exists() {
        std::fs::remove_file(&admin_path)?;
    }
    let mut command = Command::new(program);
    command
        .arg("--config-path")
        .arg(config)
        .arg("--admin-address-path")
        .arg(&admin_path)
        .arg("--log-path")
        .arg(setting.file(Kind::Envoy, "log"))
        .args(["--concurrency", WORKERS, "--log-level", "warn", "--disable-hot-restart"])
        .stderr(Stdio::inherit());
    let mut process = Process::start(Kind::Envoy.name(), &mut command)?;

    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        process.check().during(format_args!("see {}", setting.file(Kind::Envoy, "log").display()))?;
        if let Some(http) = listener(&admin_path) {
            let access_log = Some(setting.file(Kind::Envoy, "access.log"));
            return Ok(Proxy { kind: Kind::Envoy, process, http, quic: None, access_log });
        }
        std::thread::sleep(GLANCE);
    }
    Err(Failure::new(format!("envoy was not ready after {PATIENCE:?}")))
}

/// Where Envoy's listener is. `None` as long as Envoy is not ready.
fn listener(admin_path: &Path) -> Option<SocketAddr> {
    let admin = std::fs::read_to_string(admin_path).ok()?.trim().parse().ok()?;
    if !ask(admin, "/ready").ok()?.contains("LIVE") {
        return None;
    }
    let listeners = ask(admin, "/listeners").ok()?;
    listeners.lines().find_map(|line| line.trim().strip_prefix("main::")?.parse().ok())
}

/// What the admin interface answers, head and all.
fn ask(admin: SocketAddr, path: &str) -> Result<String, Failure> {
    exchange(admin, &format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n"))
}
