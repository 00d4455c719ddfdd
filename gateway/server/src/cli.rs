//! The command line.

mod check;
mod demo;
mod dev;
mod log;
mod run;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A gateway for gRPC calls, whatever protocol their clients speak.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a gateway from a configuration file until SIGTERM.
    Run {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Finds every problem in a configuration file without running it.
    Check {
        /// The configuration.
        #[arg(value_name = "FILE")]
        config: PathBuf,
    },
    /// Shows the gateway with a service and a page of its own: open the printed address in a browser.
    Demo {
        #[command(flatten)]
        addresses: Addresses,
    },
    /// Puts every protocol in front of a gRPC server of yours, without a configuration.
    Dev {
        /// The gRPC server, such as http://127.0.0.1:50051.
        #[arg(long, value_name = "URL")]
        upstream: String,
        #[command(flatten)]
        addresses: Addresses,
    },
}

/// Where `demo` and `dev` listen.
#[derive(Debug, Args)]
struct Addresses {
    /// TLS (HTTP/1.1, HTTP/2) and QUIC (HTTP/3, WebTransport), with a certificate made on the spot.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Cleartext HTTP/1.1 and HTTP/2.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Metrics, readiness, clusters and the configuration in force.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    log::init();
    // Before anything needs TLS: with features of other crates a second provider could be linked, and then rustls would
    // refuse to choose. An error means that one was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Run { config } => run::run(&config),
        Command::Check { config } => check::check(&config),
        Command::Demo { addresses } => demo::demo(&addresses),
        Command::Dev { upstream, addresses } => dev::dev(&upstream, &addresses),
    }
}
