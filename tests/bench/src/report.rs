//! The report: Markdown that can be put into the documentation as it is.

use crate::compare::{Comparison, Round, Unlogged};
use crate::idle::Idle;
use crate::load::Measurement;
use crate::machine::Machine;
use crate::statistics::{median, range};

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    pub(crate) versions: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) comparisons: Vec<Comparison>,
    /// Sessions that do nothing.
    pub(crate) idle: Vec<Idle>,
}

/// One column of the tables.
struct Quantity {
    name: &'static str,
    of: fn(&Measurement) -> Option<f64>,
}

const COMPARED: &[Quantity] = &[
    Quantity { name: "CPU µs", of: |one| one.cpu_us },
    Quantity { name: "rate /s", of: |one| Some(one.rate) },
    Quantity { name: "p50 µs", of: |one| Some(one.p50_us) },
    Quantity { name: "p99 µs", of: |one| Some(one.p99_us) },
    Quantity { name: "RSS MiB", of: |one| one.resident_mib },
];
/// Of interest beside each proxy's own figures: a client that is always busy could not have gone faster.
const CLIENT_BUSY: Quantity = Quantity { name: "client busy %", of: |one| Some(one.client_busy * 100.0) };

pub(crate) fn print(run: &Run) {
    print!("{}", text(run));
}

fn text(run: &Run) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let machine = &run.machine;
    line(format!(
        "{}: {}, {} cores, Linux {}, load average before {}. {}. Rounds: {}.",
        machine.date,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.load,
        run.versions.join(", "),
        run.rounds
    ));
    line(String::new());
    if run.quick {
        line("**A quick run: everything works, but the figures mean nothing.**".to_owned());
        line(String::new());
    }

    for (peer, of_peer) in [("Envoy", envoy as Side), ("Vanguard", vanguard), ("a bare echo on quinn", quinn)]
    {
        let compared: Vec<&Comparison> = (run.comparisons.iter())
            .filter(|one| one.rounds.iter().any(|round| ratio(round, of_peer, cpu).is_some()))
            .collect();
        if compared.is_empty() {
            continue;
        }
        line(format!(
            "Sluicegate as a multiple of {peer}: the median of the rounds' ratios (lowest to highest)."
        ));
        line("CPU, p50, p99 and RSS: below 1 is better. Rate: above 1 is better.".to_owned());
        line(String::new());
        line(row(
            "workload",
            COMPARED.iter().map(|one| one.name.split(' ').next().unwrap_or_default().to_owned()),
        ));
        line(rule(COMPARED.len()));
        for one in compared {
            let cells = COMPARED.iter().map(|quantity| {
                let ratios: Vec<f64> =
                    one.rounds.iter().filter_map(|round| ratio(round, of_peer, quantity.of)).collect();
                spread(&ratios, |value| format!("{value:.2}"), "**")
            });
            line(row(one.workload.title, cells));
        }
        line(String::new());
    }

    let all = || COMPARED.iter().chain([&CLIENT_BUSY]);
    if !run.comparisons.is_empty() {
        line(
            "Medians of the rounds (lowest to highest); CPU and rate are per call or message, as named."
                .to_owned(),
        );
        line(String::new());
        line(row("workload", all().map(|one| one.name.to_owned())));
        line(rule(COMPARED.len() + 1));
        for one in &run.comparisons {
            for (name, of) in [
                ("Envoy", envoy as Side),
                ("Sluicegate", sluicegate),
                ("Vanguard", vanguard),
                ("bare echo on quinn", quinn),
            ] {
                let measured: Vec<&Measurement> = one.rounds.iter().filter_map(of).collect();
                if measured.is_empty() {
                    continue;
                }
                let workload = one.workload;
                let cells = all().map(|quantity| {
                    let values: Vec<f64> = measured.iter().filter_map(|one| (quantity.of)(one)).collect();
                    spread(&values, figure, "")
                });
                line(row(&format!("{}, per {}: {name}", workload.title, workload.unit()), cells));
            }
        }
    }
    for (mark, note) in [
        (
            '¹',
            "Envoy has no gRPC over WebTransport. It is measured with gRPC ping-pong over cleartext HTTP/2, while \
             Sluicegate also does QUIC and TLS.",
        ),
        (
            '²',
            "Envoy carries the same messages on cleartext WebSockets, one for each stream, to an echo on WebSockets; \
             quinn's echo answers at once, with nobody behind it.",
        ),
    ] {
        if run.comparisons.iter().any(|one| one.workload.title.ends_with(mark)) {
            line(String::new());
            line(format!("{mark} {note}"));
        }
    }
    if !run.idle.is_empty() {
        line(String::new());
        line("Memory of WebTransport sessions that do nothing:".to_owned());
        line(String::new());
        let names = ["on each connection", "RSS before, MiB", "RSS after, MiB", "KiB per session"];
        line(row("sessions", names.into_iter().map(str::to_owned)));
        line(rule(names.len()));
        for one in &run.idle {
            let mib = |bytes: u64| figure(bytes as f64 / f64::from(1 << 20));
            let each = figure(one.each() / 1024.0);
            let cells = [one.per_connection.to_string(), mib(one.before), mib(one.after), each];
            line(row(&one.sessions.to_string(), cells.into_iter()));
        }
    }
    for one in &run.comparisons {
        for Unlogged { proxy, lines: logged, calls } in &one.unlogged {
            let name = one.workload.name;
            line(String::new());
            line(format!("In {name}, the access log of {proxy} has {logged} lines for {calls} calls."));
        }
    }
    text
}

type Side = fn(&Round) -> Option<&Measurement>;

fn envoy(round: &Round) -> Option<&Measurement> {
    round.envoy.as_ref()
}

fn sluicegate(round: &Round) -> Option<&Measurement> {
    round.sluicegate.as_ref()
}

fn vanguard(round: &Round) -> Option<&Measurement> {
    round.vanguard.as_ref()
}

fn quinn(round: &Round) -> Option<&Measurement> {
    round.quinn.as_ref()
}

fn cpu(one: &Measurement) -> Option<f64> {
    one.cpu_us
}

/// `None` when one side was not measured, or too little was measured for the clock.
fn ratio(round: &Round, peer: Side, of: fn(&Measurement) -> Option<f64>) -> Option<f64> {
    let peer = of(peer(round)?)?;
    let sluicegate = of(round.sluicegate.as_ref()?)?;
    (peer > 0.0).then(|| sluicegate / peer)
}

fn row(first: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {first} | {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn rule(cells: usize) -> String {
    format!("|---|{}", "--:|".repeat(cells))
}

/// The median and, of several values, their range.
fn spread(values: &[f64], show: impl Fn(f64) -> String, emphasis: &str) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    let middle = format!("{emphasis}{}{emphasis}", show(median(values)));
    let (low, high) = range(values);
    if values.len() == 1 { middle } else { format!("{middle} ({}–{})", show(low), show(high)) }
}

/// Three digits, or all before the point.
fn figure(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Workload;

    fn measurement(cpu_us: f64) -> Measurement {
        Measurement {
            rate: 1000.0,
            p50_us: 50.0,
            p99_us: 99.0,
            cpu_us: Some(cpu_us),
            resident_mib: Some(10.0),
            client_busy: 0.5,
        }
    }

    fn report(rounds: Vec<Round>) -> String {
        let machine = Machine {
            date: "2000-01-01".into(),
            cpu: "a CPU".into(),
            cores: 2,
            kernel: "6".into(),
            load: "0.1".into(),
        };
        let workload = Workload::named("grpc-unary-64").unwrap();
        let unlogged = vec![Unlogged { proxy: "envoy", lines: 8, calls: 9 }];
        let comparisons = vec![Comparison { workload, rounds, unlogged }];
        let idle = vec![Idle { sessions: 1000, per_connection: 16, before: 10 << 20, after: 30 << 20 }];
        text(&Run { machine, versions: vec!["Envoy 1".into()], rounds: 2, quick: false, comparisons, idle })
    }

    #[test]
    fn a_ratio_is_taken_in_each_round_before_the_median() {
        let round = |envoy, sluicegate| Round {
            envoy: Some(measurement(envoy)),
            sluicegate: Some(measurement(sluicegate)),
            vanguard: Some(measurement(envoy * 2.0)),
            quinn: Some(measurement(envoy / 2.0)),
        };
        let report = report(vec![round(10.0, 5.0), round(100.0, 20.0), round(100.0, 30.0)]);
        assert!(
            report.contains("| gRPC unary, 64 B | **0.30** (0.20–0.50) | **1.00** (1.00–1.00)"),
            "{report}"
        );
        assert!(report.contains("| gRPC unary, 64 B | **0.15** (0.10–0.25) |"), "{report}");
        assert!(report.contains("| gRPC unary, 64 B | **0.60** (0.40–1.00) |"), "{report}");
        assert!(report.contains("| 1000 | 16 | 10.0 | 30.0 | 20.5 |"), "{report}");
        assert!(report.contains("| gRPC unary, 64 B, per call: Envoy | 100 (10.0–100) |"), "{report}");
        assert!(report.contains("| gRPC unary, 64 B, per call: Sluicegate | 20.0 (5.00–30.0) |"), "{report}");
    }

    #[test]
    fn without_the_other_proxy_there_are_no_ratios() {
        let report = report(vec![Round { envoy: Some(measurement(10.0)), ..Round::default() }]);
        assert!(!report.contains("multiple"), "{report}");
        assert!(!report.contains("Sluicegate"), "{report}");
        assert!(report.contains("per call: Envoy | 10.0 | 1000 |"), "{report}");
        assert!(report.contains("of envoy has 8 lines for 9 calls."), "{report}");
    }
}
