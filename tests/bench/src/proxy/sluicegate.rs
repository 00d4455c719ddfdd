//! Starting Sluicegate. It says on its standard output where it listens, and then that it is ready.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Kind, Proxy, Setting};
use crate::failure::{During, Failure};
use crate::process::Process;

const CONFIG: &str = include_str!("../../conf/sluicegate.toml");

pub(super) fn start(program: &Path, setting: &Setting<'_>) -> Result<Proxy, Failure> {
    let config = setting.write_config(CONFIG, Kind::Sluicegate, "toml")?;
    let log = setting.file(Kind::Sluicegate, "log");
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(config).stderr(File::create(&log)?);
    let mut process = Process::start(Kind::Sluicegate.name(), &mut command)?;
    let (mut http, mut quic) = (None, None);
    loop {
        let line = process.line().during(format_args!("see {}", log.display()))?;
        if line == "ready" {
            break;
        }
        match listening(&line) {
            Some(("http", address)) => http = Some(address),
            Some(("quic", address)) => quic = Some(address),
            _ => {}
        }
    }
    let http = http.ok_or_else(|| Failure::new("sluicegate is ready but listens nowhere"))?;
    let access_log = Some(setting.file(Kind::Sluicegate, "access.log"));
    Ok(Proxy { kind: Kind::Sluicegate, process, http, quic, access_log })
}

/// `listening KIND ADDRESS`.
fn listening(line: &str) -> Option<(&str, SocketAddr)> {
    let (kind, address) = line.strip_prefix("listening ")?.split_once(' ')?;
    Some((kind, address.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_the_gateway_listens() {
        let address = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(listening("listening http 127.0.0.1:8080"), Some(("http", address)));
        assert_eq!(listening("listening quic 127.0.0.1:8080"), Some(("quic", address)));
        assert_eq!(listening("ready"), None);
        assert_eq!(listening("listening http nowhere"), None);
    }
}
