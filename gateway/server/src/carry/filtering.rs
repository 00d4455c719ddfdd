//! Taking a call through the filters of its route.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use sluicegate_core::status::{Code, Flag, Status};

use super::Ledger;
use super::ledger::Routed;
use crate::route::Route;

/// Takes a call through the filters of its route. It owns the ledger meanwhile, so that dropping it ends the call.
pub(super) async fn filter(route: Arc<Route>, mut ledger: Box<Ledger>) -> (Box<Ledger>, Result<(), Status>) {
    let deadline = ledger.call.deadline;
    let admitted = ledger.call.identity.clone();
    let result = {
        let Ledger { call, route: routed, .. } = &mut *ledger;
        let Some(Routed { passage: Some(passage), .. }) = routed else { return (ledger, Ok(())) };
        let filters = AssertUnwindSafe(route.chain.request(call, passage)).catch_unwind();
        match deadline {
            None => filters.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), filters).await {
                Ok(result) => result,
                Err(_) => {
                    Ok(Err(Status::deadline_exceeded("the deadline passed").with_flag(Flag::UpstreamTimeout)))
                }
            },
        }
    };
    let result = result.unwrap_or_else(|_| {
        ledger.worker.running.metrics.panics.inc();
        Err(broken())
    });
    // Whoever a session was opened as makes its calls: what these carry may show less than that, not somebody else.
    let result = match admitted {
        Some(_) if result.is_ok() && ledger.call.identity != admitted => Err(somebody_else()),
        _ => result,
    };
    (ledger, result)
}

fn somebody_else() -> Status {
    Status::new(Code::PermissionDenied, "the session was opened by somebody else")
        .with_flag(Flag::Unauthorized)
}

/// What a caller is told of a panic.
pub(super) fn broken() -> Status {
    Status::internal("the gateway failed").with_flag(Flag::Panic)
}
