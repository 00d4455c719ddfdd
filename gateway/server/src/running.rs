//! A plan with everything that is made from it once: what all workers share.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use sluicegate_core::schema::{Schema, openapi};

use crate::descriptors::{Descriptors, said};
use crate::drain::Drain;
use crate::front::plain::{Pages, Sites, sites};
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::{CallTable, Metrics};
use crate::plan::Plan;
use crate::upstream::Cluster;

/// Further rules that cannot be used are only counted: upstreams may tell of any number.
const MOST_BAD_RULES: usize = 20;

/// A plan with everything that is made from it once.
pub(crate) struct Running {
    pub(crate) plan: Plan,
    pub(crate) clusters: Box<[Arc<Cluster>]>,
    pub(crate) metrics: Arc<Metrics>,
    /// What is known of the upstreams' services at the moment.
    pub(crate) schema: ArcSwap<Described>,
    /// Where that comes from.
    pub(crate) descriptors: Descriptors,
    pub(crate) access_log: AccessLog,
    pub(crate) drain: Drain,
    /// Serves what is not an RPC.
    pub(crate) sites: Arc<Sites>,
}

/// A schema, and what is made from it once.
#[derive(Debug)]
pub(crate) struct Described {
    schema: Schema,
    /// The counters of calls, for methods that the schema knows too.
    pub(crate) calls: CallTable,
    /// Its REST interface in OpenAPI, once somebody has asked for it.
    openapi: OnceLock<Bytes>,
}

impl Described {
    fn new(schema: Schema, plan: &Plan) -> Described {
        Described { calls: CallTable::new(plan, &schema), schema, openapi: OnceLock::new() }
    }

    /// The REST interface of all services, in OpenAPI.
    pub(crate) fn openapi(&self) -> Bytes {
        self.openapi.get_or_init(|| openapi::document(&self.schema, "REST").into()).clone()
    }
}

impl std::ops::Deref for Described {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        &self.schema
    }
}

impl Running {
    pub(crate) fn new(
        plan: Plan,
        metrics: Arc<Metrics>,
        access_log: AccessLog,
        drain: Drain,
        pages: Option<Pages>,
    ) -> Running {
        let clusters = plan
            .clusters
            .iter()
            .map(|spec| Arc::new(Cluster::new(spec.clone(), plan.workers, metrics.cluster(&spec.name))))
            .collect();
        let descriptors = Descriptors::new(&plan.clusters, &metrics);
        Running {
            clusters,
            schema: ArcSwap::from_pointee(Described::new(descriptors.schema(), &plan)),
            descriptors,
            access_log,
            metrics,
            drain,
            sites: sites(pages),
            plan,
        }
    }

    /// Lets what the sources of descriptors know now count for calls that begin from now on.
    pub(crate) fn describe(&self) {
        let schema = self.descriptors.schema();
        let bad = schema.bindings().bad_rules();
        for rule in bad.iter().take(MOST_BAD_RULES) {
            log::warn!("a google.api.http rule cannot be used: {}", said(&rule.to_string()));
        }
        if let Some(more @ 1..) = bad.len().checked_sub(MOST_BAD_RULES) {
            log::warn!("{more} more google.api.http rules cannot be used");
        }
        self.schema.store(Arc::new(Described::new(schema, &self.plan)));
    }
}
