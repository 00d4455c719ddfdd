//! Whether a session may be opened: the page it comes from, and the filters.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::StatusCode;
use sluicegate_core::status::{Flag, Status};

use super::Refusal;
use super::ledger::Ledger;
use crate::front::door::may_open;
use crate::observe::sessions::Refuser;

/// Takes a request for a session past the route's origins and filters.
pub(super) async fn admit(ledger: &mut Ledger) -> Result<(), Refusal> {
    let running = &ledger.worker.running;
    if !may_open(&ledger.route.origins, &ledger.request.headers, &ledger.request.host) {
        let details = Some("a page of this origin may open no session here".to_owned());
        return Err(Refusal { details, ..Refusal::new(Refuser::Origin, StatusCode::FORBIDDEN) });
    }
    if running.drain.has_begun() {
        return Err(Refusal::draining());
    }
    let chain = ledger.route.chain.clone();
    let filters = chain.session(&mut ledger.request, &mut ledger.passage);
    let passed = AssertUnwindSafe(filters).catch_unwind().await.unwrap_or_else(|_| {
        ledger.worker.running.metrics.panics.inc();
        Err(Status::internal("the gateway failed").with_flag(Flag::Panic))
    });
    passed.map_err(Refusal::by_filter)
}
