//! The admin interface: metrics, readiness, clusters and the configuration in force. Read-only.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, header};
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::l4::stream::Stream as TcpIo;
use pingora_http::ResponseHeader;
use prometheus::{Encoder, TextEncoder};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::front::door::host_of;
use crate::plan::{Balance, DescriptorSource};
use crate::running::Running;

/// Connections at once; an operator and a few scrapers need no more.
const CONNECTIONS: usize = 64;
/// How long one request may take, from connecting to its last byte.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The service of the admin interface.
pub(crate) struct Admin {
    socket: Option<TcpListener>,
    running: Arc<Running>,
}

struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Admin {
    pub(crate) fn new(socket: TcpListener, running: Arc<Running>) -> Admin {
        Admin { socket: Some(socket), running }
    }
}

#[async_trait]
impl Service for Admin {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let Some(Ok(socket)) = self.socket.take().map(tokio::net::TcpListener::from_std) else { return };
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = shutdown.changed() => return,
            };
            let Ok((stream, _)) = accepted else { continue };
            let Ok(place) = places.clone().try_acquire_owned() else { continue };
            let running = self.running.clone();
            tokio::spawn(async move {
                let _ = timeout(REQUEST_TIMEOUT, serve(Box::new(TcpIo::from(stream)), &running)).await;
                drop(place);
            });
        }
    }

    fn name(&self) -> &str {
        "admin"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}

async fn serve(io: Stream, running: &Running) -> pingora_core::Result<()> {
    let mut session = ServerSession::new_http1(io);
    if !session.read_request().await? {
        return Ok(());
    }
    let request = session.req_header();
    let answer = if !may_ask(&request.headers) {
        Answer::text(403, "the admin interface answers requests to an address or to localhost only\n")
    } else if !matches!(request.method, Method::GET | Method::HEAD) {
        Answer::text(405, "the admin interface is read-only\n")
    } else {
        answer(request.uri.path(), running)
    };
    let mut head = ResponseHeader::build(answer.status, Some(3))?;
    head.insert_header(header::CONTENT_TYPE, answer.content_type)?;
    head.insert_header(header::CONTENT_LENGTH, answer.body.len())?;
    head.insert_header(header::CONNECTION, "close")?;
    session.set_keepalive(None);
    let head_only = session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(head)).await?;
    if !head_only {
        session.write_response_body(Bytes::from(answer.body), true).await?;
    }
    session.finish().await?;
    Ok(())
}

/// A page on the web can make a browser ask `http://its-own-name/` and have that name resolve to a loopback address
/// (DNS rebinding). Then `host` is that name, so names are refused.
fn may_ask(headers: &http::HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map_or("", host_of);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok()
}

fn answer(path: &str, running: &Running) -> Answer {
    match path {
        "/" => Answer::text(200, "/metrics\n/ready\n/clusters\n/descriptors\n/openapi.json\n/config\n"),
        "/metrics" => metrics(running),
        "/ready" if running.drain.has_begun() => Answer::text(503, "DRAINING\n"),
        "/ready" => Answer::text(200, "LIVE\n"),
        "/clusters" => Answer::json(&clusters(running)),
        "/descriptors" => Answer::json(&descriptors(running)),
        "/openapi.json" => {
            let body = running.schema.load().openapi().into();
            Answer { status: 200, content_type: "application/json", body }
        }
        "/config" => Answer::text(200, &running.plan.shown_config),
        _ => Answer::text(404, "not found\n"),
    }
}

fn metrics(running: &Running) -> Answer {
    running.metrics.live.set(i64::from(!running.drain.has_begun()));
    let encoder = TextEncoder::new();
    let mut body = Vec::new();
    match encoder.encode(&running.metrics.registry.gather(), &mut body) {
        Ok(()) => Answer { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body },
        Err(error) => Answer::text(500, &format!("{error}\n")),
    }
}

#[derive(Serialize)]
struct ClusterState<'a> {
    name: &'a str,
    balance: &'static str,
    endpoints: Vec<EndpointState<'a>>,
}

#[derive(Serialize)]
struct EndpointState<'a> {
    address: &'a str,
    /// `connected`, `idle` (never needed, or not for a while) or `failing`.
    state: &'static str,
    active_calls: usize,
    connections: usize,
}

fn clusters(running: &Running) -> Vec<ClusterState<'_>> {
    let clusters = running.clusters.iter().map(|cluster| ClusterState {
        name: &cluster.spec.name,
        balance: match cluster.spec.balance {
            Balance::RoundRobin => "round_robin",
            Balance::LeastRequest => "least_request",
        },
        endpoints: cluster
            .endpoints
            .iter()
            .map(|endpoint| EndpointState {
                address: endpoint.authority.as_str(),
                state: match endpoint.connections() {
                    0 if endpoint.is_failing() => "failing",
                    0 => "idle",
                    _ => "connected",
                },
                active_calls: endpoint.calls(),
                connections: endpoint.connections(),
            })
            .collect(),
    });
    clusters.collect()
}

#[derive(Serialize)]
struct DescriptorsState<'a> {
    cluster: &'a str,
    /// `file`, `protos` or `reflection`.
    source: &'static str,
    /// Names of methods, `package.Service/Method`.
    methods: Vec<String>,
    /// RFC 3339; absent before the first success.
    refreshed: Option<String>,
    /// Why the attempts since then failed.
    error: Option<String>,
}

fn descriptors(running: &Running) -> Vec<DescriptorsState<'_>> {
    let sources = running.descriptors.sources().iter().map(|source| {
        let report = source.report();
        DescriptorsState {
            cluster: &source.cluster,
            source: match source.kind {
                DescriptorSource::File(_) => "file",
                DescriptorSource::Protos(_) => "protos",
                DescriptorSource::Reflection { .. } => "reflection",
            },
            methods: report.methods,
            refreshed: report.refreshed.and_then(|time| OffsetDateTime::from(time).format(&Rfc3339).ok()),
            error: report.error.as_deref().map(str::to_owned),
        }
    });
    sources.collect()
}

impl Answer {
    fn text(status: u16, body: &str) -> Answer {
        Answer { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    fn json(value: &impl Serialize) -> Answer {
        match serde_json::to_vec_pretty(value) {
            Ok(body) => Answer { status: 200, content_type: "application/json", body },
            Err(error) => Answer::text(500, &format!("{error}\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_other_than_localhost_are_refused() {
        let check = |host: &'static str, want| {
            let mut headers = http::HeaderMap::new();
            headers.insert(header::HOST, http::HeaderValue::from_static(host));
            assert_eq!(may_ask(&headers), want, "{host}");
        };
        check("127.0.0.1:9901", true);
        check("[::1]:9901", true);
        check("localhost", true);
        check("evil.example", false);
        check("", false);
    }
}
