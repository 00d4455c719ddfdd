//! The proxies: how each is configured, started and found.

mod envoy;
mod quinn;
mod sluicegate;
mod vanguard;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use crate::echo::UNARY;
use crate::failure::{During, Failure};
use crate::load::{API_KEY, ORIGIN};
use crate::process::{PATIENCE, Process};
use crate::workload::{Client, Workload};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Envoy,
    Sluicegate,
    Vanguard,
    /// No proxy, but an echo on QUIC, so that it shows what HTTP/3, WebTransport and a gateway add.
    Quinn,
}

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) kind: Kind,
    pub(crate) process: Process,
    /// Where gRPC and gRPC-Web clients come in.
    http: SocketAddr,
    /// Where clients on QUIC come in.
    quic: Option<SocketAddr>,
    /// Vanguard and the echo have none.
    access_log: Option<PathBuf>,
}

/// What a proxy is started with.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// Where the files of a run go.
    pub(crate) folder: &'a Path,
    pub(crate) upstreams: [SocketAddr; 2],
    /// Where WebSockets go.
    pub(crate) websocket: SocketAddr,
    /// The certificate and its key, PEM.
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
    /// What `conf/notes.proto` says, as a descriptor set.
    pub(crate) descriptors: &'a Path,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Envoy, Kind::Sluicegate, Kind::Vanguard, Kind::Quinn];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Envoy => "envoy",
            Kind::Sluicegate => "sluicegate",
            Kind::Vanguard => "vanguard",
            Kind::Quinn => "quinn",
        }
    }

    /// Whether there is anything to compare it with in this workload.
    pub(crate) fn is_measured_with(self, workload: &Workload) -> bool {
        match self {
            Kind::Envoy | Kind::Sluicegate => true,
            Kind::Vanguard => workload.vanguard,
            Kind::Quinn => workload.quinn.is_some(),
        }
    }

    /// What it is measured with where Sluicegate is measured with this.
    pub(crate) fn workload(self, workload: &'static Workload) -> &'static Workload {
        match self {
            Kind::Envoy => workload.for_envoy(),
            Kind::Sluicegate | Kind::Vanguard => workload,
            Kind::Quinn => workload.for_quinn().unwrap_or(workload),
        }
    }

    pub(crate) fn start(self, program: &Path, setting: &Setting<'_>) -> Result<Proxy, Failure> {
        match self {
            Kind::Envoy => envoy::start(program, setting),
            Kind::Sluicegate => sluicegate::start(program, setting),
            Kind::Vanguard => vanguard::start(program, setting),
            Kind::Quinn => quinn::start(program, setting),
        }
    }
}

impl Proxy {
    /// Where clients of a workload come in.
    pub(crate) fn address(&self, workload: &Workload) -> Result<SocketAddr, Failure> {
        match workload.client {
            Client::WebTransport | Client::Quic => self.quic(),
            _ => Ok(self.http),
        }
    }

    /// Where clients on QUIC come in.
    pub(crate) fn quic(&self) -> Result<SocketAddr, Failure> {
        self.quic.ok_or_else(|| Failure::new(format!("{} has no QUIC listener", self.kind.name())))
    }

    /// Checks that calls without the key are refused: a filter that does nothing costs nothing.
    pub(crate) fn check_refusal(&self) -> Result<(), Failure> {
        if matches!(self.kind, Kind::Vanguard | Kind::Quinn) {
            // They have no filters.
            return Ok(());
        }
        let host = self.http;
        let answer = exchange(
            host,
            &format!(
                "POST {UNARY} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc-web+proto\r\n\
                 x-api-key: none\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
        )?;
        // In a header field or in the trailers that a gRPC-Web body ends with.
        let unauthenticated = ["grpc-status: 16\r\n", "grpc-status:16\r\n"];
        if unauthenticated.iter().any(|status| answer.contains(status)) {
            return Ok(());
        }
        Err(Failure::new(format!("{} answered a call without the key with {answer:?}", self.kind.name())))
    }

    /// Ends the proxy, and says how many calls are in its access log if it has one.
    pub(crate) fn stop(self) -> Result<Option<u64>, Failure> {
        self.process.stop()?;
        let Some(access_log) = self.access_log else { return Ok(None) };
        let log = std::fs::read(&access_log).during(access_log.display())?;
        std::fs::remove_file(&access_log)?;
        Ok(Some(log.iter().filter(|byte| **byte == b'\n').count() as u64))
    }
}

/// Sends a request of HTTP/1.1, and reads until the peer closes the connection.
fn exchange(peer: SocketAddr, request: &str) -> Result<String, Failure> {
    let mut socket = TcpStream::connect(peer)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).during(format_args!("reading from {peer}"))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

impl Setting<'_> {
    /// A file of a proxy.
    fn file(&self, kind: Kind, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", kind.name()))
    }

    /// Fills in a configuration and writes it to a file.
    fn write_config(&self, template: &str, kind: Kind, extension: &str) -> Result<PathBuf, Failure> {
        let [first, second] = self.upstreams.map(|upstream| upstream.port().to_string());
        let access_log = self.file(kind, "access.log");
        if access_log.exists() {
            std::fs::remove_file(&access_log)?;
        }
        let mut text = template.to_owned();
        for (name, value) in [
            ("{access_log}", access_log.display().to_string()),
            ("{api_key}", API_KEY.to_owned()),
            ("{origin}", ORIGIN.to_owned()),
            ("{certificate}", self.certificate.display().to_string()),
            ("{key}", self.key.display().to_string()),
            ("{descriptors}", self.descriptors.display().to_string()),
            ("{echo_port_1}", first),
            ("{echo_port_2}", second),
            ("{websocket_port}", self.websocket.port().to_string()),
        ] {
            text = text.replace(name, &value);
        }
        let path = self.file(kind, extension);
        std::fs::write(&path, text).during(path.display())?;
        Ok(path)
    }
}
