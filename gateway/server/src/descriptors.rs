//! What is known of the upstreams' services, kept current while the gateway runs.
//!
//! Each cluster with `descriptors` is a source. A source keeps the last thing that it was told: what cannot be read,
//! does not compile or does not arrive is logged and counted, and what was known stays known. Whenever a source has
//! something new, a new schema is made of all sources and takes the place of the old one at once; calls keep the one
//! that they began with.

mod assemble;
pub(crate) mod file;
mod files;
pub(crate) mod protos;
mod public;
pub(crate) mod reflection;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use prost_reflect::DescriptorPool;
use sluicegate_core::schema::json::JsonOptions;
use sluicegate_core::schema::{self, Schema};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::observe::metrics::{DescriptorMetrics, Metrics};
use crate::plan::{ClusterSpec, DescriptorSource, DescriptorsSpec};
use crate::running::Running;

/// The sources of a gateway, in the order of their clusters.
#[derive(Debug)]
pub(crate) struct Descriptors {
    sources: Box<[Arc<Source>]>,
    /// How many sources have yet to ask a server for the first time.
    unasked: watch::Sender<usize>,
}

impl Descriptors {
    pub(crate) fn new(clusters: &[Arc<ClusterSpec>], metrics: &Metrics) -> Descriptors {
        let sources = clusters.iter().filter_map(|cluster| {
            let spec = cluster.descriptors.clone()?;
            Some(Arc::new(Source::new(cluster.name.clone(), spec, metrics.descriptors(&cluster.name))))
        });
        let sources: Box<[_]> = sources.collect();
        let is_asked = |source: &&Arc<Source>| matches!(source.kind, DescriptorSource::Reflection { .. });
        let unasked = watch::Sender::new(sources.iter().filter(is_asked).count());
        Descriptors { sources, unasked }
    }

    /// Resolves when every server that is asked what it serves has answered once, or failed to.
    pub(crate) async fn asked(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.unasked.subscribe().wait_for(|unasked| *unasked == 0).await;
    }

    pub(crate) fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// What all sources know together. Where two know a method of one name, the first counts.
    pub(crate) fn schema(&self) -> Schema {
        let known = self.sources.iter().filter_map(|source| {
            Some(schema::Source { pool: source.lock().pool.clone()?, json: source.json })
        });
        Schema::new(&known.collect::<Vec<_>>())
    }
}

/// Where what is known of one cluster comes from, and what that is.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) cluster: Arc<str>,
    pub(crate) kind: DescriptorSource,
    json: JsonOptions,
    metrics: DescriptorMetrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pool: Option<DescriptorPool>,
    refreshed: Option<SystemTime>,
    error: Option<Arc<str>>,
}

/// How a source is doing.
#[derive(Debug)]
pub(crate) struct Report {
    /// The methods that it knows, as `package.Service/Method`.
    pub(crate) methods: Vec<String>,
    /// When it was last found current, or had something new.
    pub(crate) refreshed: Option<SystemTime>,
    /// Why the last attempt since then failed.
    pub(crate) error: Option<Arc<str>>,
}

impl Source {
    fn new(cluster: Arc<str>, spec: DescriptorsSpec, metrics: DescriptorMetrics) -> Source {
        metrics.methods.set(methods(spec.planned.as_ref()) as i64);
        let refreshed = spec.planned.is_some().then(SystemTime::now);
        let state = Mutex::new(State { pool: spec.planned, refreshed, error: None });
        Source { cluster, kind: spec.source, json: spec.json, metrics, state }
    }

    pub(crate) fn report(&self) -> Report {
        let state = self.lock();
        Report {
            methods: state.pool.iter().flat_map(names).collect(),
            refreshed: state.refreshed,
            error: state.error.clone(),
        }
    }

    /// Notes what an attempt to learn something brought: something new, nothing new, or why it failed.
    fn note(&self, running: &Running, learned: Result<Option<DescriptorPool>, String>) {
        let cluster = &self.cluster;
        match learned {
            Ok(pool) => {
                let new = pool.as_ref().map(|pool| methods(Some(pool)));
                let mut state = self.lock();
                state.refreshed = Some(SystemTime::now());
                state.error = None;
                state.pool = pool.or(state.pool.take());
                drop(state);
                if let Some(methods) = new {
                    running.describe();
                    // What is counted is in force.
                    self.metrics.methods.set(methods as i64);
                    log::info!("cluster {cluster}: descriptors tell of {methods} methods");
                }
            }
            Err(error) => {
                let mut state = self.lock();
                let is_known = state.error.as_deref() == Some(&*error);
                // Whoever did not mend it when it was said once does not want to hear it every minute.
                let level = if is_known { log::Level::Debug } else { log::Level::Warn };
                match &state.pool {
                    Some(_) => log::log!(level, "cluster {cluster}: descriptors stay as they were: {error}"),
                    None => log::log!(level, "cluster {cluster}: its methods are not known: {error}"),
                }
                state.error = Some(error.into());
                drop(state);
                self.metrics.failures.inc();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn methods(pool: Option<&DescriptorPool>) -> usize {
    pool.map_or(0, |pool| pool.services().map(|service| service.methods().len()).sum())
}

fn names(pool: &DescriptorPool) -> Vec<String> {
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| format!("{}/{}", method.parent_service().full_name(), method.name())).collect()
}

/// The words of a server, fit for a log.
pub(crate) fn said(words: &str) -> String {
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(200).collect()
}

/// The service that keeps the schema current. It has a thread of its own, so that compiling holds no call up.
pub(crate) struct DescriptorService {
    running: Arc<Running>,
}

impl DescriptorService {
    /// `None` if there is nothing to keep current.
    pub(crate) fn new(running: &Arc<Running>) -> Option<DescriptorService> {
        (!running.descriptors.sources.is_empty()).then(|| DescriptorService { running: running.clone() })
    }
}

#[async_trait]
impl Service for DescriptorService {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let mut sources = JoinSet::new();
        for source in self.running.descriptors.sources() {
            let (running, source) = (self.running.clone(), source.clone());
            match &source.kind {
                DescriptorSource::File(_) | DescriptorSource::Protos(_) => {
                    sources.spawn(files::follow(running, source));
                }
                DescriptorSource::Reflection { refresh } => {
                    let refresh = *refresh;
                    sources.spawn(reflection::follow(running, source, refresh));
                }
            }
        }
        // A source ends only with the process.
        let _ = shutdown.changed().await;
    }

    fn name(&self) -> &str {
        "descriptors"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_stay_on_their_line() {
        assert_eq!(said("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(said(&"x".repeat(1000)).len(), 200);
    }
}
