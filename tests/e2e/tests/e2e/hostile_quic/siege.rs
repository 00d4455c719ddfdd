//! What every attack is measured by: a gateway with one worker, and a canary on it.
//!
//! With one worker the attacker and the canary share a thread of the gateway, so that nothing can hide on another one.
//! The canary makes a call over HTTP/3, then one over WebTransport, and so on; each must succeed. Time is counted in
//! steps of the attack, not in seconds: a call during which most of the attack went by was held up by it. Canary and
//! upstream have a thread to themselves, where a test that only writes cannot hold them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_e2e::client::{Client, Protocol, Target};
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;
use tokio::sync::{oneshot, watch};

/// What an attack may cost in memory, in bytes.
const MOST: usize = 64 << 20;
/// How long a storm may take. A machine that does other things too needs some of that; the measure is in steps.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many storms may hold a call of the canary up, all in a row, before it is the gateway that does.
const STORMS: u32 = 3;
/// Calls of the canary that an attack has to stand by at least.
const CALLS: u64 = 30;

/// A gateway that is being attacked.
pub(crate) struct Siege {
    pub(crate) gateway: Gateway,
    /// Ends when `_end` is dropped.
    canary: Option<JoinHandle<()>>,
    _end: oneshot::Sender<()>,
    /// How many calls the canary has made.
    calls: watch::Receiver<u64>,
    clock: Arc<Clock>,
    before: usize,
}

/// Time, as the attack goes on.
#[derive(Debug, Default)]
struct Clock {
    steps: AtomicU64,
    /// Steps that went by during the canary's slowest call.
    slowest: AtomicU64,
}

impl Siege {
    pub(crate) async fn begin() -> Siege {
        Siege::configured(|config| config).await
    }

    /// The same, with changes to the configuration.
    pub(crate) async fn configured(change: impl FnOnce(Config) -> Config + Send + 'static) -> Siege {
        Siege::of(|upstream| change(Config::in_front_of(&[upstream]))).await
    }

    /// The same, with a configuration of the test's own.
    pub(crate) async fn of(config: impl FnOnce(&Upstream) -> Config + Send + 'static) -> Siege {
        let clock = Arc::<Clock>::default();
        let (sender, calls) = watch::channel(0);
        let (ready, gateway) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let time = clock.clone();
        let canary = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let upstream = Upstream::start().await;
                let gateway = config(&upstream).top("workers = 1").start().await;
                let target = gateway.target();
                // The test waits for it.
                let _ = ready.send(gateway);
                tokio::select! {
                    _ = ended => {}
                    () = sing(target, time, sender) => {}
                }
            });
        });
        let gateway = within("the gateway to start", gateway).await.unwrap();
        let mut siege = Siege { gateway, canary: Some(canary), _end: end, calls, clock, before: 0 };
        siege.stand().await;
        siege.before = siege.gateway.resident_memory();
        siege
    }

    /// Where to attack.
    pub(crate) fn target(&self) -> std::net::SocketAddr {
        self.gateway.target().tls
    }

    /// A step of the attack is done.
    pub(crate) fn step(&self) {
        self.clock.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Repeats a step at least so often, and on until the canary has made some calls beside it.
    ///
    /// A canary that the machine leaves waiting looks like one that the gateway does, once: it gets another chance.
    pub(crate) async fn storm(&mut self, least: u64, mut step: impl AsyncFnMut(u64)) {
        // The steps of all storms are numbered on.
        let mut numbers = 0..;
        let mut held_up = Vec::new();
        for _ in 0..STORMS {
            let (steps, slowest) = self.storm_once(least, &mut numbers, &mut step).await;
            if slowest <= steps * 3 / 4 {
                return;
            }
            held_up.push(format!("a call of the canary took {slowest} of {steps} steps of the attack"));
        }
        panic!("{}", held_up.join(", then "));
    }

    /// How many steps it took, and how many of them went by during the slowest call.
    async fn storm_once(
        &mut self,
        least: u64,
        numbers: &mut std::ops::RangeFrom<u64>,
        step: &mut impl AsyncFnMut(u64),
    ) -> (u64, u64) {
        let calls = *self.calls.borrow() + CALLS;
        let begin = self.clock.steps.load(Ordering::Relaxed);
        self.clock.slowest.store(0, Ordering::Relaxed);
        let storm = tokio::time::timeout(PATIENCE, async {
            for (done, number) in (0..).zip(numbers) {
                if done >= least && *self.calls.borrow() >= calls {
                    break;
                }
                step(number).await;
                self.step();
                // A step that never waits would leave the client's connection no time.
                tokio::task::yield_now().await;
            }
        });
        assert!(storm.await.is_ok(), "the canary made {} calls too few", calls - *self.calls.borrow());
        let steps = self.clock.steps.load(Ordering::Relaxed) - begin;
        (steps, self.clock.slowest.load(Ordering::Relaxed))
    }

    /// Waits until the canary has made some more calls, beside what the attack has left behind.
    pub(crate) async fn stand(&mut self) {
        let wanted = *self.calls.borrow() + CALLS;
        let made = within("calls of the canary", self.calls.wait_for(|calls| *calls >= wanted)).await.is_ok();
        if !made && let Some(canary) = self.canary.take() {
            // It has failed, and says why.
            std::panic::resume_unwind(canary.join().expect_err("the canary ends only when it is told to"));
        }
    }

    /// Waits until the gateway has counted so many refusals for this limit.
    pub(crate) async fn refused(&self, limit: &str, least: u32) {
        within(&format!("{least} refusals for {limit}"), async {
            while self.counted(limit).await < f64::from(least) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// How many refusals the gateway has counted for this limit.
    pub(crate) async fn counted(&self, limit: &str) -> f64 {
        self.gateway.metric("sluicegate_quic_refused_total", &[("limit", limit)]).await
    }

    /// The attack is over, or as bad as it gets: what the gateway must still be.
    pub(crate) async fn withstood(mut self) {
        self.stand().await;
        let grown = self.gateway.peak_memory().saturating_sub(self.before);
        assert!(grown < MOST, "memory grew by {} KiB", grown >> 10);
        assert!(self.gateway.is_running());
        assert_eq!(self.gateway.metric("sluicegate_panics_total", &[]).await, 0.0);
    }
}

/// Makes calls until one fails.
async fn sing(target: Target, clock: Arc<Clock>, calls: watch::Sender<u64>) {
    let mut clients =
        [Client::connect(Protocol::GrpcH3, target).await, Client::connect(Protocol::GrpcWt, target).await];
    loop {
        for client in &mut clients {
            let begin = clock.steps.load(Ordering::Relaxed);
            let returned = client.exchange(method::UNARY, &[b"tweet"]).await;
            assert_eq!((returned.code(), returned.messages), (0, vec!["tweet".into()]));
            let took = clock.steps.load(Ordering::Relaxed) - begin;
            clock.slowest.fetch_max(took, Ordering::Relaxed);
            calls.send_modify(|calls| *calls += 1);
        }
    }
}
