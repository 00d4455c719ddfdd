//! Starting the echo on QUIC, which is measured in a proxy's place.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Kind, Proxy, Setting};
use crate::failure::Failure;
use crate::process::Process;

pub(super) fn start(program: &Path, setting: &Setting<'_>) -> Result<Proxy, Failure> {
    let mut command = Command::new(program);
    command
        .arg("echo-quic")
        .arg("--certificate")
        .arg(setting.certificate)
        .arg("--key")
        .arg(setting.key)
        .stderr(Stdio::inherit());
    let mut process = Process::start(Kind::Quinn.name(), &mut command)?;
    let address = process.address()?;
    Ok(Proxy { kind: Kind::Quinn, process, http: address, quic: Some(address), access_log: None })
}
