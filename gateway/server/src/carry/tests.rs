//! Calls carried between a client and an upstream that the test plays, in memory and without real time: the clock moves
//! only when nobody has anything to do, so what would wait for ever fails at once.

mod asides;
pub(crate) mod client;
mod connections;
mod endings;
mod events;
mod filters;
mod frames;
mod pressure;
mod probe;
mod retries;
mod shape;
mod time;
pub(crate) mod upstream;
mod upstream_protocols;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Head;

use crate::drain::Drain;
use crate::front::door::{Admission, Door, Entrance};
use crate::front::listener::Listening;
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::Metrics;
use crate::plan::{self, Sources};
use crate::running::Running;
use crate::worker::Worker;
use client::{Client, Ended};
use upstream::{Order, UpCall, Upstream, Upstreams};

/// Waits for something that comes soon. The clock stands still while anybody has something to do, so the limit only
/// ends what would never come; it is shorter than any timeout of the gateway that a test does not set.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(5), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} never came"),
    }
}

/// Lets everybody else do what they have to do.
pub(crate) async fn settle() {
    // The clock moves when all are idle, and only then.
    tokio::time::sleep(Duration::from_micros(1)).await;
}

/// A message as a gRPC frame.
pub(crate) fn message(text: impl AsRef<[u8]>) -> Bytes {
    let text = text.as_ref();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(text.len().try_into().unwrap());
    frame.put_slice(text);
    frame.freeze()
}

/// How all calls come in.
fn entrance() -> Entrance {
    Entrance { transport: Transport::Http2, host: "up".into(), identity: None }
}

/// A gateway with one worker.
pub(crate) struct Rig {
    pub(crate) door: Arc<Door>,
    upstreams: Upstreams,
}

impl Rig {
    /// A gateway whose only route has these keys and leads to a cluster with these.
    fn new(route: &str, cluster: &str) -> Rig {
        let text = format!(
            "workers = 1\n[access_log]\npath = \"/dev/null\"\n[[listeners]]\nlisten = \"127.0.0.1:0\"\n\
             [[routes]]\nservices = [\"test.v1.Test\"]\ncluster = \"up\"\n{route}\n[[clusters]]\nname = \"up\"\n{cluster}"
        );
        let metrics = Arc::new(Metrics::new().unwrap());
        let sources = Sources { kinds: probe::KINDS, metrics: &metrics.filters, self_signed: None };
        let (plan, _) = plan::from_text("test", &text, Path::new(""), &sources)
            .unwrap_or_else(|report| panic!("{report}"));
        let log = AccessLog::open(&plan.access_log, metrics.log_dropped.clone()).unwrap();
        let running = Arc::new(Running::new(plan, metrics.clone(), log, Drain::new(), None));
        let address = "127.0.0.1:1".parse().unwrap();
        let listening = Listening::new(&running.plan.listeners[0], address, &metrics, &Arc::default());
        let listening = Arc::new(listening.unwrap());
        let worker = Arc::new(Worker { index: 0, log: running.access_log.buffer(), running });
        Rig { door: Arc::new(Door::new(worker, listening, address, false)), upstreams: Upstreams::new() }
    }

    /// With one upstream that has these settings.
    pub(crate) fn with(
        route: &str,
        cluster: &str,
        settings: impl Fn(&mut h2::server::Builder) + Send + 'static,
    ) -> (Rig, Upstream) {
        let rig = Rig::new(route, &format!("endpoints = [\"http://up:1\"]\n{cluster}"));
        let upstream = rig.upstreams.at(1, settings);
        (rig, upstream)
    }

    pub(crate) fn simple(route: &str) -> (Rig, Upstream) {
        Rig::with(route, "", |_| {})
    }

    fn call(&self, client: &Client) {
        self.call_with(client, "application/grpc", &[]);
    }

    fn call_with(&self, client: &Client, content_type: &'static str, headers: &[(&'static str, &str)]) {
        self.call_to("/test.v1.Test/Do", client, content_type, headers);
    }

    fn call_to(
        &self,
        path: &str,
        client: &Client,
        content_type: &'static str,
        headers: &[(&'static str, &str)],
    ) {
        let mut map = HeaderMap::new();
        map.insert("content-type", HeaderValue::from_static(content_type));
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let head = Head {
            method: Method::POST,
            path: path.parse().unwrap(),
            headers: map,
            transport: Transport::Http2,
        };
        let Admission::Call(protocol, Ok(opened)) = self.door.admit(head, "up") else { panic!("no call") };
        let (receive, transmit) = client.wire();
        tokio::spawn(self.door.carry(protocol, *opened, entrance(), receive, transmit));
    }

    /// The log lines so far.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let text = self.door.worker.log.text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only log line, as `status flags`.
    #[track_caller]
    pub(crate) fn logged(&self) -> String {
        let lines = self.log();
        assert_eq!(lines.len(), 1, "{lines:?}");
        format!("{} {}", lines[0]["grpc_status"], lines[0]["response_flags"].as_str().unwrap())
    }

    /// The sum of a metric over all labels.
    fn metric(&self, name: &str) -> f64 {
        let families = self.door.worker.running.metrics.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        // A metric is a counter or a gauge, and the other is 0.
        let of = |metric: &prometheus::proto::Metric| {
            metric.get_counter().get_value() + metric.get_gauge().get_value()
        };
        family.map_or(0.0, |family| family.get_metric().iter().map(of).sum())
    }

    /// Checks what must be so once all calls have ended.
    #[track_caller]
    pub(crate) fn is_balanced(&self, calls: usize) {
        assert_eq!(self.metric("sluicegate_downstream_rq_active"), 0.0, "calls in progress");
        assert_eq!(self.metric("sluicegate_downstream_rq_total"), calls as f64, "calls counted");
        assert_eq!(self.log().len(), calls, "lines logged");
        let endpoints = &self.door.worker.running.clusters[0].endpoints;
        assert!(endpoints.iter().all(|endpoint| endpoint.calls() == 0), "calls counted at endpoints");
    }
}
