//! Plays the cases of `tests/webtransport/README.md` with a client written in Rust, and prints a line of JSON for each:
//! `webtransport-client CLIENT --url https://HOST:PORT --path PATH --ca FILE CASE...`

// What it prints is what it is for; a broken assumption ends it.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use sluicegate_webtransport_peers::cases::play;
use sluicegate_webtransport_peers::clients::{WebTransportQuinn, WebtransQuinn, Wtransport};
use sluicegate_webtransport_peers::session::{Session, failed};
use sluicegate_webtransport_peers::target::Target;

/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Which version of a crate this was built with stands there.
const LOCK: &str = include_str!("../../../../../Cargo.lock");

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, _, url, _, path, _, certificate, cases @ ..] = arguments.as_slice() else {
        panic!("CLIENT --url URL --path PATH --ca FILE CASE...");
    };
    let target = Target::new(url, path, certificate).unwrap();
    for case in cases {
        match client.as_str() {
            WebTransportQuinn::CLIENT => report::<WebTransportQuinn>(case, &target).await,
            WebtransQuinn::CLIENT => report::<WebtransQuinn>(case, &target).await,
            Wtransport::CLIENT => report::<Wtransport>(case, &target).await,
            _ => panic!("there is no client {client}"),
        }
    }
}

async fn report<S: Session>(case: &str, target: &Target) {
    let played = tokio::time::timeout(PATIENCE, play::<S>(case, target)).await;
    let (result, note) = match played.unwrap_or_else(|_| Err(failed("nothing happened for too long"))) {
        Ok(()) => ("pass", String::new()),
        Err(trouble) => (if trouble.is_inability { "cannot" } else { "fail" }, trouble.text),
    };
    let line = serde_json::json!({
        "client": S::CLIENT, "version": version(S::CLIENT), "case": case, "result": result, "note": note,
    });
    println!("{line}");
}

fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = LOCK.split_once(&name).unwrap();
    rest.split('"').next().unwrap()
}
