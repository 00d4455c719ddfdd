//! WebTransport sessions: a client's on one side, one at an upstream on the other, and everything between them.
//!
//! One task carries a session. What it holds is bounded: for each direction of each stream the chunk that was read last,
//! and streams are bounded by what both sides allow each other to open. Datagrams are passed on at once or dropped.

mod datagrams;
mod open;
mod streams;

use std::future::pending;
use std::sync::Arc;

use http::StatusCode;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::grpc_wt::close;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::Flag;
use sluicegate_quic::{Session, SessionEnd};
use tokio::time::timeout;

use super::admit::admit;
use super::ledger::{Ender, Ledger};
use super::moved::From;
use super::reach::reach;
use super::{FAREWELL, Refusal, headers, last_moment};
use crate::front::door::Door;
use crate::plan::Traffic;
use crate::route::Route;
use open::Opening;

/// The route of a session that is to be carried whole.
pub(crate) fn find(door: &Door, request: &sluicegate_quic::SessionRequest, host: &str) -> Option<Arc<Route>> {
    let routes = &door.worker.running.plan.routes;
    routes.find_session(Traffic::WebTransport, host, request.path.path(), &request.headers).cloned()
}

/// Serves a session to its end, or refuses it.
pub(crate) async fn serve(
    door: Arc<Door>,
    host: Arc<str>,
    route: Arc<Route>,
    request: sluicegate_quic::SessionRequest,
) {
    let asked = SessionRequest {
        path: request.path.clone(),
        host,
        headers: headers::of_client(&request.headers),
        client: door.session_client("webtransport", Transport::Http3),
        identity: None,
    };
    let Some(mut ledger) = Ledger::new(door.worker.clone(), asked, route) else { return };
    // Boxed, for it takes more room than all that follows.
    let opened = match Box::pin(open(&mut ledger, &request)).await {
        Ok(opened) => opened,
        Err(refusal) => {
            ledger.refused(&refusal);
            return request.refuse_with(refusal.status, &refusal.headers).await;
        }
    };
    let draft = request.dialect.name;
    ledger.subprotocol = opened.subprotocol;
    // A client that has left meanwhile takes the upstream's session with it, which is closed when it is dropped.
    let fields = headers::of_client(&opened.headers);
    let accepted = request.accept_with(ledger.subprotocol.as_deref(), &fields).await;
    let Ok(client) = accepted else { return };
    ledger.opened(StatusCode::OK);
    let _counted = door.worker.running.metrics.session(draft);
    carry(client, opened.session, &mut ledger).await;
}

async fn open(
    ledger: &mut Ledger,
    request: &sluicegate_quic::SessionRequest,
) -> Result<sluicegate_quic::Opened, Refusal> {
    admit(ledger).await?;
    let opening = Opening::new(ledger, request);
    reach(&opening, ledger).await
}

/// How a session ended.
enum Ending {
    /// One side closed it, or was lost.
    Ended(From, SessionEnd),
    /// Nothing moved for too long.
    Idle,
    /// The gateway ends.
    Drained,
}

/// Carries a session until it ends on one side, and ends it on the other.
async fn carry(client: Session, upstream: Session, ledger: &mut Ledger) {
    let moved = ledger.moved.clone();
    let drain = ledger.worker.running.drain.clone();
    let patience = ledger.worker.running.plan.drain_timeout;
    let ending = tokio::select! {
        biased;
        end = client.ended() => Ending::Ended(From::Client, end),
        end = upstream.ended() => Ending::Ended(From::Upstream, end),
        () = last_moment(drain, patience) => Ending::Drained,
        () = moved.idle(ledger.route.idle_timeout) => Ending::Idle,
        never = async {
            tokio::join!(
                streams::carry(&client, &upstream, From::Client, &moved),
                streams::carry(&upstream, &client, From::Upstream, &moved),
                datagrams::carry(&client, &upstream, From::Client, &moved),
                datagrams::carry(&upstream, &client, From::Upstream, &moved),
                pass_drain(&client, &upstream),
                pass_drain(&upstream, &client),
            );
            // All of these end with their sessions only, whose ends are waited for above.
            pending().await
        } => never,
    };
    match ending {
        Ending::Ended(from, end) => {
            let other = if from == From::Client { upstream } else { client };
            match end {
                SessionEnd::Closed { code, reason } => {
                    ledger.ended(from.into(), Some(code), None);
                    farewell(other, code, &reason).await;
                }
                // Whoever is left must not take it for a close with code 0, which says that all is well.
                SessionEnd::Lost => {
                    let flag = match from {
                        From::Client => Flag::ClientConnectionTermination,
                        From::Upstream => Flag::UpstreamConnectionTermination,
                    };
                    ledger.ended(from.into(), None, Some(flag));
                    other.abort();
                }
            }
        }
        Ending::Idle => {
            ledger.ended(Ender::Gateway, Some(close::DRAIN), Some(Flag::StreamIdle));
            tokio::join!(farewell(client, close::DRAIN, "idle"), farewell(upstream, close::DRAIN, "idle"));
        }
        Ending::Drained => {
            ledger.ended(Ender::Gateway, Some(close::DRAIN), None);
            tokio::join!(farewell(client, close::DRAIN, "drain"), farewell(upstream, close::DRAIN, "drain"));
        }
    }
}

/// Closes a session. One that takes nothing any more, not even its end, is not waited for.
async fn farewell(session: Session, code: u32, reason: &str) {
    let _ = timeout(FAREWELL, session.close(code, reason)).await;
}

/// Tells one side that the other one asks it to end the session soon.
async fn pass_drain(from: &Session, to: &Session) {
    from.draining().await;
    // It resolves at the end of the session too, where this does nothing that the close does not.
    to.drain();
}
