//! Asking servers what they serve.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/server-reflection.md>

mod conversation;
pub(crate) mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use prost_reflect::DescriptorPool;
use sluicegate_core::schema::bundled;
use tokio::time::timeout;

use super::assemble::{File, assemble};
use super::{Source, said};
use crate::running::Running;
use crate::upstream::pool::Pool;
use crate::upstream::{Cluster, Endpoint};
use conversation::Conversation;
use message::{Answer, Question};

/// The newer name first. Both are the same but for it.
const VERSIONS: [&str; 2] = ["v1", "v1alpha"];
/// What one server may say: all answers, in bytes; services, and files that describe them; and how long it may take.
const MOST_BYTES: usize = 16 << 20;
const MOST_SERVICES: usize = 4096;
const MOST_FILES: usize = 4096;
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long after a first failure servers are asked again; it doubles with each, up to the time between refreshes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long after workers had to connect anew servers are asked again: where one was replaced, others may follow.
const SETTLE: Duration = Duration::from_secs(1);
/// gRPC's code for what does not exist, as an `ErrorResponse` has it.
const NOT_FOUND: i32 = 5;

/// Keeps a source current for as long as it runs.
pub(super) async fn follow(running: Arc<Running>, source: Arc<Source>, refresh: Duration) {
    let mut is_first = true;
    let Some(cluster) = running.clusters.iter().find(|cluster| cluster.spec.name == source.cluster) else {
        return;
    };
    let mut servers = Servers::new(cluster);
    let mut seen = None;
    let mut failures = 0;
    loop {
        let learned = match servers.ask().await {
            Ok(files) => learn(files, &mut seen).await,
            Err(error) => Err(error),
        };
        failures = if learned.is_ok() { 0 } else { failures + 1 };
        source.note(&running, learned);
        if std::mem::take(&mut is_first) {
            running.descriptors.unasked.send_modify(|unasked| *unasked -= 1);
        }
        tokio::select! {
            () = tokio::time::sleep(pause(refresh, failures)) => {}
            () = cluster.reconnected.notified() => {
                tokio::time::sleep(SETTLE).await;
                // Other workers have reconnected meanwhile.
                let _ = cluster.reconnected.notified().now_or_never();
            }
        }
    }
}

/// How long to wait after so many failures in a row. No two gateways ask in step.
fn pause(refresh: Duration, failures: u32) -> Duration {
    let full = match failures {
        0 => refresh,
        _ => FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(refresh),
    };
    full.mul_f64(0.9 + fastrand::f64() / 5.0)
}

/// What files tell, if they are others than those seen before.
async fn learn(told: Told, seen: &mut Option<u64>) -> Result<Option<DescriptorPool>, String> {
    let mut hasher = DefaultHasher::new();
    for (name, file) in &told.files {
        (name, &file.bytes).hash(&mut hasher);
    }
    let content = hasher.finish();
    if *seen == Some(content) {
        return Ok(None);
    }
    let made = tokio::task::spawn_blocking(move || told.assemble()).await;
    // What makes the reader panic is no better than what it refuses.
    let pool = made.unwrap_or_else(|_| Err("the files that the server sent cannot be read".to_owned()))?;
    *seen = Some(content);
    Ok(Some(pool))
}

/// Why a server told nothing.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// It has no such service.
    Unimplemented,
    Failed(String),
}

impl Trouble {
    fn failed(reason: impl Display) -> Trouble {
        Trouble::Failed(reason.to_string())
    }
}

/// The endpoints of a cluster, with connections of their own: those of workers live on the workers' threads.
struct Servers {
    endpoints: Vec<(Arc<Endpoint>, Arc<Pool>)>,
}

impl Servers {
    fn new(cluster: &Cluster) -> Servers {
        let pool = |endpoint: &Arc<Endpoint>| {
            // Nobody is told when these connect again.
            Arc::new(Pool::new(endpoint.authority.clone(), cluster.spec.clone(), Arc::default()))
        };
        let endpoints = cluster.endpoints.iter().map(|endpoint| (endpoint.clone(), pool(endpoint)));
        Servers { endpoints: endpoints.collect() }
    }

    /// What the first endpoint that answers tells. The one that did is asked first the next time.
    async fn ask(&mut self) -> Result<Told, String> {
        let mut failed = String::new();
        for index in 0..self.endpoints.len() {
            let Some((endpoint, pool)) = self.endpoints.get(index) else { break };
            let asked = timeout(TIME_LIMIT, ask(endpoint, pool)).await;
            match asked.unwrap_or_else(|_| Err(Trouble::failed(format!("no answer within {TIME_LIMIT:?}")))) {
                Ok(told) => {
                    self.endpoints.rotate_left(index);
                    return Ok(told);
                }
                Err(Trouble::Unimplemented) => failed = "it has no server reflection".to_owned(),
                Err(Trouble::Failed(reason)) => failed = reason,
            }
            failed = format!("{}: {failed}", endpoint.authority);
        }
        Err(failed)
    }
}

async fn ask(endpoint: &Endpoint, pool: &Arc<Pool>) -> Result<Told, Trouble> {
    let mut last = Trouble::Unimplemented;
    for version in VERSIONS {
        let mut conversation = Conversation::open(endpoint, pool, version).await?;
        match converse(&mut conversation).await {
            Err(Trouble::Unimplemented) => last = Trouble::Unimplemented,
            told => return told,
        }
    }
    Err(last)
}

/// What a server told: its services and, by name, the files that describe them and all that these import.
#[derive(Debug, Default)]
struct Told {
    services: BTreeSet<String>,
    files: BTreeMap<String, File>,
}

async fn converse(conversation: &mut Conversation) -> Result<Told, Trouble> {
    conversation.ask(Question::ListServices(String::new()))?;
    let services: BTreeSet<String> = match conversation.answer().await? {
        Answer::Services(list) => list.service.into_iter().map(|service| service.name).collect(),
        Answer::Error(error) => return Err(Trouble::failed(said(&error.error_message))),
        Answer::Files(_) => return Err(Trouble::failed("asked for services, the server sent files")),
    };
    if services.len() > MOST_SERVICES {
        return Err(Trouble::failed(format!("the server lists more than {MOST_SERVICES} services")));
    }
    let mut told = Told { services, ..Told::default() };
    // All questions at once: each answer would else cost a round trip.
    for service in &told.services {
        conversation.ask(Question::FileContainingSymbol(service.clone()))?;
    }
    for service in told.services.clone() {
        if !told.take(conversation.answer().await?)? {
            // A server may list what it has no description of.
            told.services.remove(&service);
        }
    }
    let mut asked: BTreeSet<String> = BTreeSet::new();
    loop {
        let missing: Vec<String> = told.missing().difference(&asked).cloned().collect();
        if missing.is_empty() {
            return Ok(told);
        }
        if asked.len() + missing.len() > MOST_FILES {
            return Err(Trouble::failed(format!("the server's files import more than {MOST_FILES} others")));
        }
        for name in &missing {
            conversation.ask(Question::FileByFilename(name.clone()))?;
        }
        for name in missing {
            let is_there = told.take(conversation.answer().await?)?;
            if is_there && !told.files.contains_key(&name) {
                return Err(Trouble::failed(format!(
                    "asked for `{}`, the server sent other files",
                    said(&name)
                )));
            }
            asked.insert(name);
        }
    }
}

impl Told {
    /// Takes the files of an answer. `false` says that there are none.
    fn take(&mut self, answer: Answer) -> Result<bool, Trouble> {
        let sent = match answer {
            Answer::Files(files) => files.file_descriptor_proto,
            Answer::Error(error) if error.error_code == NOT_FOUND => return Ok(false),
            Answer::Error(error) => return Err(Trouble::failed(said(&error.error_message))),
            Answer::Services(_) => return Err(Trouble::failed("asked for a file, the server sent services")),
        };
        for bytes in sent {
            let file =
                File::read(bytes).map_err(|_| Trouble::failed("the server sent a file that is none"))?;
            self.files.entry(file.head.name.clone()).or_insert(file);
        }
        if self.files.len() > MOST_FILES {
            return Err(Trouble::failed(format!("the server sent more than {MOST_FILES} files")));
        }
        Ok(true)
    }

    /// Names of files that are imported and not there, each once.
    fn missing(&self) -> BTreeSet<String> {
        let known = bundled::pool();
        let imports = self.files.values().flat_map(|file| &file.head.dependency);
        imports
            .filter(|name| !self.files.contains_key(*name) && known.get_file_by_name(name).is_none())
            .cloned()
            .collect()
    }

    /// Makes a whole of the files. Those that import what the server does not have are left out: some servers register
    /// files under other names than those that they are imported by, and their other services are still of use.
    fn assemble(mut self) -> Result<DescriptorPool, String> {
        let mut left_out: Vec<String> = Vec::new();
        loop {
            let missing = self.missing();
            if missing.is_empty() {
                break;
            }
            let before = left_out.len();
            self.files.retain(|name, file| {
                let is_whole = !file.head.dependency.iter().any(|import| missing.contains(import));
                if !is_whole {
                    left_out.push(name.clone());
                }
                is_whole
            });
            // Who misses a file has it among its imports, so each turn leaves one out.
            if left_out.len() == before {
                break;
            }
        }
        if let Some(first) = left_out.first() {
            let more = left_out.len() - 1;
            log::warn!("the server has not all that `{}` and {more} other files import", said(first));
        }
        let pool = assemble(self.files.into_values().collect()).map_err(|bad| said(&bad.to_string()))?;
        let untold = self.services.iter().find(|name| pool.get_service_by_name(name).is_none());
        match untold {
            Some(name) if left_out.is_empty() => {
                Err(format!("asked for `{}`, the server sent files without it", said(name)))
            }
            _ => Ok(pool),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::plan::{Sources, from_text};
    use crate::upstream::connection::seam;

    /// The servers of a cluster of one endpoint, which takes every call and never answers.
    fn silent() -> Servers {
        let text = "listeners = [{ listen = '127.0.0.1:0' }]\n\
                    clusters = [{ name = 'c', endpoints = ['http://silent:1'] }]";
        let metrics = Metrics::new().unwrap();
        let sources = Sources { kinds: &[], metrics: &metrics.filters, self_signed: None };
        let (plan, _) = from_text("test", text, std::path::Path::new(""), &sources).unwrap();
        seam::answer(|_| {
            let (near, far) = tokio::io::duplex(1 << 16);
            tokio::spawn(async move {
                let mut server = h2::server::handshake(far).await.unwrap();
                let mut calls =
                    Vec::<(http::Request<h2::RecvStream>, h2::server::SendResponse<Bytes>)>::new();
                while let Some(Ok(call)) = server.accept().await {
                    calls.push(call);
                }
            });
            Ok(near)
        });
        Servers::new(&Cluster::new(plan.clusters[0].clone(), 1, metrics.cluster("c")))
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up() {
        let began = Instant::now();
        let error = silent().ask().await.unwrap_err();
        assert_eq!((error.as_str(), began.elapsed()), ("silent:1: no answer within 10s", TIME_LIMIT));
    }

    #[test]
    fn failures_are_tried_again_sooner_and_then_less_often() {
        let check = |refresh: u64, failures: u32, expected: u64| {
            let (expected, found) =
                (Duration::from_secs(expected), pause(Duration::from_secs(refresh), failures));
            assert!(
                found >= expected.mul_f64(0.9) && found <= expected.mul_f64(1.1),
                "{found:?} for {failures}"
            );
        };
        for (failures, expected) in [(0, 60), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (u32::MAX, 60)] {
            check(60, failures, expected);
        }
        check(1, 3, 1);
    }
}
