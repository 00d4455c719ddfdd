//! Answering a request that asked for a call but opened none, such as one whose path names no method.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use http::uri::PathAndQuery;
use sluicegate_core::call::{Client, End};
use sluicegate_core::protocol::{Encoder, Outbox};
use sluicegate_core::status::{Flag, Status};
use sluicegate_core::wire::Transmit;
use tokio::time::timeout;

use super::download::flush;
use crate::observe::access_log::Line;
use crate::worker::Worker;

/// How long the client may take to accept the answer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// What was asked, for the log.
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) host: Arc<str>,
    /// As sent, and possibly no method's path.
    pub(crate) path: PathAndQuery,
}

/// Sends a status in the client's protocol and logs it.
pub(crate) async fn refuse<T: Transmit>(
    worker: Arc<Worker>,
    status: Status,
    mut encoder: Box<dyn Encoder>,
    asked: Asked,
    mut transmit: T,
) {
    let Asked { client, host, path } = asked;
    let (started, begun) = (SystemTime::now(), Instant::now());
    let (code, message, flag) = (status.code, status.message.clone(), status.flag);
    let mut outbox = Outbox::default();
    encoder.trailers_only(HeaderMap::new(), End::from(status), &mut outbox);
    let mut sent = 0;
    let flushed = async {
        poll_fn(|cx| flush(&mut outbox, cx, &mut transmit, &mut sent)).await?;
        poll_fn(|cx| transmit.poll_flushed(cx)).await
    };
    // A client that is gone or does not read needs no answer; dropping the wire resets it.
    let _ = timeout(FLUSH_TIMEOUT, flushed).await;
    worker.running.metrics.refused_heads.inc();
    if worker.log.is_on() {
        worker.log.push(
            started,
            Line {
                start_time: "",
                client_address: client.address,
                client_protocol: client.protocol,
                transport: client.transport.as_str(),
                host: &host,
                path: path.path(),
                route: None,
                upstream_cluster: None,
                upstream_host: None,
                attempts: 0,
                grpc_status: code.number(),
                grpc_message: &message,
                response_flags: flag.map_or("-", Flag::as_str),
                response_code_details: None,
                duration_ms: begun.elapsed().as_secs_f64() * 1e3,
                bytes_received: 0,
                bytes_sent: sent,
                request_messages: 0,
                response_messages: 0,
                identity: None,
            },
        );
    }
}
