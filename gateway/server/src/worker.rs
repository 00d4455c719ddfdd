//! One core's share of the gateway.
//!
//! A worker is a Pingora service with one thread. A call lives on one worker from its first byte to its last, its
//! upstream connection included, so that nothing on its way is shared with another core but counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::sync::mpsc;

use crate::front::{Arrival, serve};
use crate::observe::access_log::{LogBuffer, TICK};
use crate::running::Running;

/// Connections on their way from a listener to a worker.
const MAILBOX: usize = 1024;

/// What every call on one core shares.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) running: Arc<Running>,
    pub(crate) log: LogBuffer,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "worker {}", self.index)
    }
}

/// The Pingora service of a worker.
pub(crate) struct WorkerService {
    name: String,
    worker: Arc<Worker>,
    mailbox: Option<mpsc::Receiver<Arrival>>,
}

/// Deals connections out to the workers.
#[derive(Clone)]
pub(crate) struct Dealer {
    workers: Arc<[Mailbox]>,
}

struct Mailbox {
    arrivals: mpsc::Sender<Arrival>,
    connections: Arc<AtomicUsize>,
}

/// Makes the workers of a gateway, and the dealer that feeds them.
pub(crate) fn workers(running: &Arc<Running>) -> (Vec<WorkerService>, Dealer) {
    let mut mailboxes = Vec::new();
    let mut services = Vec::new();
    for index in 0..running.plan.workers {
        let (arrivals, mailbox) = mpsc::channel(MAILBOX);
        mailboxes.push(Mailbox { arrivals, connections: Arc::default() });
        let log = running.access_log.buffer();
        services.push(WorkerService {
            name: format!("worker-{index}"),
            worker: Arc::new(Worker { index, running: running.clone(), log }),
            mailbox: Some(mailbox),
        });
    }
    (services, Dealer { workers: mailboxes.into() })
}

impl Dealer {
    /// Gives a connection to the worker that has the fewest. Long-lived connections carry many calls each, so leaving
    /// the choice to the kernel could put all of them on one core.
    pub(crate) async fn deal(&self, make: impl FnOnce(Dealt) -> Arrival) {
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        if let Some(worker) = fewest {
            worker.connections.fetch_add(1, Ordering::Relaxed);
            // A closed mailbox means that the process is ending; the connection is dropped with it.
            let _ = worker.arrivals.send(make(Dealt(worker.connections.clone()))).await;
        }
    }
}

/// A connection counted at its worker.
#[derive(Debug)]
pub(crate) struct Dealt(Arc<AtomicUsize>);

impl Drop for Dealt {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Service for WorkerService {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let Some(mut mailbox) = self.mailbox.take() else { return };
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                arrival = mailbox.recv() => match arrival {
                    Some(arrival) => drop(tokio::spawn(serve(self.worker.clone(), arrival, shutdown.clone()))),
                    None => break,
                },
                _ = tick.tick() => self.worker.log.flush(),
                _ = shutdown.changed() => break,
            }
        }
        self.worker.log.flush();
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
