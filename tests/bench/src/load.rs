//! The client: makes the calls of one workload on one thread, checks every answer, and says what they took.

mod connection;
mod grpc;
mod grpc_web;
mod http1;
mod http2;
mod pipe;
mod quic;
#[cfg(test)]
mod tests;
mod websocket;
mod webtransport;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::{JoinSet, LocalSet};

pub(crate) use webtransport::{HOST, PATH as WEBTRANSPORT_PATH, quic_config};

use crate::failure::{During, Failure};
use crate::payload::nanoseconds_since;
use crate::process;
use crate::statistics::percentile;
use crate::workload::{Client, Workload};

/// The key that the `api_key` filters of both proxies know.
pub(crate) const API_KEY: &str = "bench-key";
/// The page that the `cors` filters of both proxies know.
pub(crate) const ORIGIN: &str = "https://bench.example";
/// How long one phase may take. Far above what any takes, so a stall becomes a failure.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The workload's name.
    #[arg(long)]
    workload: String,
    /// Whom to call.
    #[arg(long)]
    target: SocketAddr,
    /// How many turns to measure.
    #[arg(long)]
    turns: u64,
    /// How many turns to make before, on the same connections.
    #[arg(long)]
    warm_up: u64,
    /// The process whose CPU time and memory to read.
    #[arg(long)]
    process: Option<u32>,
    /// The certificate to trust, PEM; for QUIC.
    #[arg(long)]
    certificate: Option<PathBuf>,
}

impl Options {
    fn certificate(&self) -> Result<&Path, Failure> {
        self.certificate.as_deref().ok_or_else(|| Failure::new("QUIC needs --certificate"))
    }
}

/// What the measured turns took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// Calls or messages a second.
    pub(crate) rate: f64,
    /// Of a turn, in microseconds.
    pub(crate) p50_us: f64,
    /// Of a turn, in microseconds.
    pub(crate) p99_us: f64,
    /// CPU time of the watched process, in microseconds for a call or message.
    pub(crate) cpu_us: Option<f64>,
    /// Memory of the watched process that is resident after the run, in MiB.
    pub(crate) resident_mib: Option<f64>,
    /// Cores that this client kept busy, of the one that it can.
    pub(crate) client_busy: f64,
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpu, resident) = (self.cpu_us.unwrap_or(f64::NAN), self.resident_mib.unwrap_or(f64::NAN));
        write!(f, "{cpu:.2} µs CPU, {:.0}/s, p50 {:.0} µs, ", self.rate, self.p50_us)?;
        write!(
            f,
            "p99 {:.0} µs, {resident:.0} MiB, client {:.0} % busy",
            self.p99_us,
            self.client_busy * 100.0
        )
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let workload = Workload::named(&options.workload)
        .ok_or_else(|| Failure::new(format!("no workload is named {}", options.workload)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measurement = LocalSet::new().block_on(&runtime, connect_and_measure(options, workload))?;
    println!("{}", serde_json::to_string(&measurement)?);
    Ok(())
}

async fn connect_and_measure(options: &Options, workload: &Workload) -> Result<Measurement, Failure> {
    match workload.client {
        Client::Grpc => measure(options, workload, grpc::connect(options.target, workload).await?).await,
        Client::GrpcWebH2 => {
            measure(options, workload, grpc_web::connect(options.target, workload).await?).await
        }
        Client::GrpcWebH1 => {
            measure(options, workload, http1::connect(options.target, workload).await?).await
        }
        Client::Connect | Client::Rest => {
            measure(options, workload, http2::connect(options.target, workload).await?).await
        }
        Client::WebTransport => {
            let lanes = webtransport::connect(options.target, options.certificate()?, workload).await?;
            measure(options, workload, lanes).await
        }
        Client::Quic => {
            let lanes = quic::connect(options.target, options.certificate()?, workload).await?;
            measure(options, workload, lanes).await
        }
        Client::WebSocket => {
            measure(options, workload, websocket::connect(options.target, workload).await?).await
        }
    }
}

/// One turn after the other. Several lanes make the load.
trait Lane: 'static {
    /// Takes turns until there are none left, and says what each took, in nanoseconds.
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure>;
}

/// Turns that the lanes of a phase share.
#[derive(Debug)]
struct Turns {
    next: AtomicU64,
    end: u64,
}

impl Turns {
    fn new(count: u64) -> Turns {
        Turns { next: AtomicU64::new(0), end: count }
    }

    /// The number of the next turn.
    fn take(&self) -> Option<u64> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.end).then_some(turn)
    }
}

/// Makes a call in each turn, until there are none left.
async fn one_by_one(
    turns: &Turns,
    latencies: &mut Vec<u64>,
    mut call: impl AsyncFnMut(u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some(turn) = turns.take() {
        let start = Instant::now();
        call(turn).await.during(format_args!("call {turn}"))?;
        latencies.push(nanoseconds_since(start));
    }
    Ok(())
}

async fn measure(
    options: &Options,
    workload: &Workload,
    lanes: Vec<impl Lane>,
) -> Result<Measurement, Failure> {
    let (lanes, _) = phase(lanes, options.warm_up).await.during("warming up")?;

    let own = std::process::id();
    let watched_before = options.process.map(process::cpu_time).transpose()?;
    let own_before = process::cpu_time(own)?;
    let start = Instant::now();
    let (_lanes, mut latencies) = phase(lanes, options.turns).await?;
    let elapsed = start.elapsed();
    let own_after = process::cpu_time(own)?;
    let watched_after = options.process.map(process::cpu_time).transpose()?;
    let resident = options.process.map(process::resident_bytes).transpose()?;

    latencies.sort_unstable();
    if latencies.len() as u64 != options.turns {
        return Err(Failure::new(format!("{} of {} turns were taken", latencies.len(), options.turns)));
    }
    let microseconds = |percent| percentile(&latencies, percent).map_or(f64::NAN, |ns| ns as f64 / 1e3);
    let units = (options.turns * workload.units_per_turn()) as f64;
    Ok(Measurement {
        rate: units / elapsed.as_secs_f64(),
        p50_us: microseconds(50),
        p99_us: microseconds(99),
        cpu_us: watched_before
            .zip(watched_after)
            .map(|(before, after)| after.saturating_sub(before).as_secs_f64() * 1e6 / units),
        resident_mib: resident.map(|bytes| bytes as f64 / f64::from(1 << 20)),
        client_busy: own_after.saturating_sub(own_before).as_secs_f64() / elapsed.as_secs_f64(),
    })
}

/// Lets all lanes run until they have taken `count` turns between them.
async fn phase<L: Lane>(lanes: Vec<L>, count: u64) -> Result<(Vec<L>, Vec<u64>), Failure> {
    let turns = Arc::new(Turns::new(count));
    let expected = count as usize / lanes.len().max(1);
    let mut running = JoinSet::new();
    for mut lane in lanes {
        let turns = turns.clone();
        running.spawn_local(async move {
            let mut latencies = Vec::with_capacity(expected * 2);
            let done = lane.run(&turns, &mut latencies).await;
            done.map(|()| (lane, latencies))
        });
    }
    let finish = async {
        let mut lanes = Vec::new();
        let mut latencies = Vec::with_capacity(count as usize);
        while let Some(lane) = running.join_next().await {
            let (lane, taken) = lane??;
            lanes.push(lane);
            latencies.extend(taken);
        }
        Ok((lanes, latencies))
    };
    match tokio::time::timeout(PATIENCE, finish).await {
        Ok(finished) => finished,
        Err(_) => Err(Failure::new(format!("not done after {PATIENCE:?}"))),
    }
}
