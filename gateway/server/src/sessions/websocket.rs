//! WebSockets: a client's connection, one to an upstream, and bytes between them.
//!
//! The upstream is asked over HTTP/1.1. Once it has agreed, nothing is looked at: subprotocols and extensions are what the
//! two ends agree on, and nobody in between could add a frame of its own.

mod body;
mod handshake;
mod pipe;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::Flag;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::admit::admit;
use super::ledger::{Ender, Ledger};
use super::moved::From;
use super::reach::{Dial, Failure, Unreached, reach};
use super::{Refusal, last_moment};
use crate::observe::sessions::Refuser;
use crate::route::Route;
use crate::upstream::connection::{Io, connect};
use crate::upstream::{Cluster, Endpoint};
use crate::worker::Worker;

/// How long an upstream may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A WebSocket that an upstream has agreed to.
pub(crate) struct Agreed {
    ledger: Ledger,
    answer: Answer,
}

/// An upstream's connection after its agreement.
struct Answer {
    io: Box<dyn Io>,
    headers: HeaderMap,
    /// What the upstream has sent behind it.
    ahead: BytesMut,
}

/// What a client is told that gets no WebSocket.
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Asks an upstream for a WebSocket. `authority` is the host as the client named it.
pub(crate) async fn open(
    worker: &Arc<Worker>,
    route: Arc<Route>,
    mut request: SessionRequest,
    authority: &str,
) -> Result<Agreed, Refused> {
    request.headers = super::headers::of_client(&request.headers);
    let Some(mut ledger) = Ledger::new(worker.clone(), request, route) else {
        return Err(Refusal::new(Refuser::Unreachable, StatusCode::SERVICE_UNAVAILABLE).into());
    };
    match ask(&mut ledger, authority).await {
        Ok(answer) => Ok(Agreed { ledger, answer }),
        Err(refusal) => {
            ledger.refused(&refusal);
            Err(refusal.into())
        }
    }
}

async fn ask(ledger: &mut Ledger, authority: &str) -> Result<Answer, Refusal> {
    admit(ledger).await?;
    let key = handshake::key();
    let request = handshake::request(&ledger.request, authority, &key);
    let asking = Asking { cluster: ledger.cluster.clone(), key, request };
    reach(&asking, ledger).await
}

/// What endpoints are asked.
struct Asking {
    cluster: Arc<Cluster>,
    key: String,
    request: Bytes,
}

impl Dial for Asking {
    type Opened = Answer;

    async fn dial(&self, endpoint: &Endpoint) -> Result<Answer, Failure> {
        let limit = self.cluster.spec.connect_timeout;
        let unreached = |why, late| Failure::Unreached(Unreached { why, late });
        let (io, _) = timeout(limit, connect(&endpoint.authority, &self.cluster.spec))
            .await
            .map_err(|_| unreached(format!("connecting took longer than {limit:?}"), true))?
            .map_err(|error| unreached(error.to_string(), false))?;
        let answer = timeout(ANSWER_TIMEOUT, handshake::shake(io, &self.request, &self.key)).await;
        answer.unwrap_or_else(|_| {
            let why = "the upstream did not answer in time".to_owned();
            Err(Failure::Broken(Unreached { why, late: true }))
        })
    }
}

impl std::convert::From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused { status: refusal.status, headers: refusal.headers, body: refusal.body }
    }
}

impl Agreed {
    /// What the upstream said besides, for the answer to the client.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// Carries the WebSocket to its end, after the client was told with this status that it is open. `ahead` is what the
    /// client has sent already.
    pub(crate) async fn carry<S>(self, status: StatusCode, client: S, ahead: Bytes)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let Agreed { mut ledger, answer } = self;
        let protocol = answer.headers.get(http::header::SEC_WEBSOCKET_PROTOCOL);
        ledger.subprotocol = protocol.and_then(|protocol| protocol.to_str().ok()).map(str::to_owned);
        ledger.opened(status);
        let moved = ledger.moved.clone();
        let drain = ledger.worker.running.drain.clone();
        let patience = ledger.worker.running.plan.drain_timeout;
        // Who ended its direction first.
        let first = OnceLock::new();
        let moving = async {
            let (mut from_client, mut to_client) = tokio::io::split(client);
            let (mut from_upstream, mut to_upstream) = tokio::io::split(answer.io);
            let request = async {
                pipe::direction(&mut from_client, &mut to_upstream, ahead, From::Client, &moved).await?;
                first.get_or_init(|| From::Client);
                Ok(())
            };
            let response = async {
                let ahead = answer.ahead.freeze();
                pipe::direction(&mut from_upstream, &mut to_client, ahead, From::Upstream, &moved).await?;
                first.get_or_init(|| From::Upstream);
                Ok(())
            };
            tokio::try_join!(request, response)
        };
        let (by, flag) = tokio::select! {
            biased;
            moving = moving => match moving {
                Ok(_) => (first.get().copied().unwrap_or(From::Client).into(), None),
                Err(From::Client) => (Ender::Client, Some(Flag::ClientConnectionTermination)),
                Err(From::Upstream) => (Ender::Upstream, Some(Flag::UpstreamConnectionTermination)),
            },
            () = last_moment(drain, patience) => (Ender::Gateway, None),
            () = moved.idle(ledger.route.idle_timeout) => (Ender::Gateway, Some(Flag::StreamIdle)),
        };
        ledger.ended(by, None, flag);
    }
}
