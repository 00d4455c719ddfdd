//! Measures what a call costs in Sluicegate, side by side with Envoy.
//!
//! Several programs in one binary, each run as a process of its own so that the CPU time of the proxy between them can
//! be read alone: `echo` is the upstream, `load` is the client, and `compare` starts everything, alternates the proxies and
//! prints the result as Markdown. `echo-quic` is measured in a proxy's place, `echo-websocket` is what Envoy has
//! WebSockets to, and `idle` opens sessions that do nothing.

// The results are what this program is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod compare;
mod echo;
mod failure;
mod frame;
mod idle;
mod load;
mod machine;
mod payload;
mod process;
mod proxy;
mod report;
mod statistics;
mod workload;

use std::process::ExitCode;

use clap::Parser;

/// Measures what a call costs in Sluicegate, side by side with Envoy.
#[derive(Debug, Parser)]
enum Command {
    /// Serves gRPC calls that answer with what they were sent. Ends when its standard input does.
    Echo,
    /// Sends back what comes on the streams of QUIC. Ends when its standard input does.
    EchoQuic(echo::quic::Options),
    /// Sends back what comes on WebSockets. Ends when its standard input does.
    EchoWebsocket,
    /// Opens sessions of WebTransport that do nothing, and prints what they take, as JSON.
    Idle(idle::Options),
    /// Makes the calls of one workload, checks every answer and prints what they took, as JSON.
    Load(load::Options),
    /// Runs all workloads through both proxies in turn and prints the comparison as Markdown.
    Compare(compare::Options),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Echo => echo::run(),
        Command::EchoQuic(options) => echo::quic::run(&options),
        Command::EchoWebsocket => echo::websocket::run(),
        Command::Idle(options) => idle::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Compare(options) => compare::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
