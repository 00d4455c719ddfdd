//! What is known of a cluster's services, as far as files tell.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use prost_reflect::DescriptorPool;
use sluicegate_core::schema::json::JsonOptions;
use sluicegate_core::schema::{self, Schema};

use super::Planner;
use crate::config::DescriptorsConfig;
use crate::descriptors::{file, protos};

/// What is known of a cluster's services, and where from.
#[derive(Clone, Debug)]
pub struct DescriptorsSpec {
    /// Where it comes from.
    pub source: DescriptorSource,
    /// What files held when the plan was made. Endpoints are not asked before the gateway runs.
    pub planned: Option<DescriptorPool>,
    /// How messages are written as JSON.
    pub json: JsonOptions,
}

/// Where descriptors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptorSource {
    /// A file with a `google.protobuf.FileDescriptorSet`.
    File(PathBuf),
    /// All `.proto` files in these folders, which imports are relative to.
    Protos(Vec<PathBuf>),
    /// The endpoints themselves.
    Reflection {
        /// How long to wait after an answer before asking again.
        refresh: Duration,
    },
}

/// Further mistakes in `.proto` files are not listed.
const MOST_MISTAKES: usize = 20;

impl Planner<'_> {
    /// The descriptors of a cluster, unless a problem was noted.
    pub(super) fn plan_descriptors(
        &self,
        config: &DescriptorsConfig,
        json: JsonOptions,
    ) -> Option<DescriptorsSpec> {
        let (source, planned) = match config {
            DescriptorsConfig::File(path) => {
                let file = self.folder.join(path.get_ref().as_str());
                let pool = file::read(&file).and_then(|bytes| file::decode(&bytes)).map_err(|bad| {
                    let what = format!("descriptors cannot be read from {}: {bad}", file.display());
                    match bad.hint() {
                        Some(hint) => self.findings.error_with_hint(path.span(), what, hint),
                        None => self.findings.error(path.span(), what),
                    }
                });
                self.check_rules(path.span(), pool.as_ref().ok()?);
                (DescriptorSource::File(file), Some(pool.ok()?))
            }
            DescriptorsConfig::Protos(paths) => {
                let folders: Vec<PathBuf> =
                    paths.iter().map(|path| self.folder.join(path.get_ref().as_str())).collect();
                let span = paths.first()?.span().start..paths.last()?.span().end;
                let pool = protos::find(&folders)
                    .map_err(|bad| vec![bad])
                    .and_then(|files| protos::compile(&folders, &files));
                let pool = pool.map_err(|mistakes| {
                    for mistake in mistakes.iter().take(MOST_MISTAKES) {
                        self.findings.error(span.clone(), mistake.to_string());
                    }
                });
                self.check_rules(span.clone(), pool.as_ref().ok()?);
                (DescriptorSource::Protos(folders), Some(pool.ok()?))
            }
            DescriptorsConfig::Reflection { refresh } => {
                (DescriptorSource::Reflection { refresh: *refresh }, None)
            }
        };
        Some(DescriptorsSpec { source, planned, json })
    }

    /// Rules that cannot be used are a loss to clients that speak REST. All others lose nothing, so the gateway starts.
    fn check_rules(&self, span: Range<usize>, pool: &DescriptorPool) {
        let source = schema::Source { pool: pool.clone(), json: JsonOptions::default() };
        for bad in Schema::new(&[source]).bindings().bad_rules().iter().take(MOST_MISTAKES) {
            let hint = "requests that it was made for are not served";
            self.findings.warn(span.clone(), format!("a `google.api.http` rule cannot be used: {bad}"), hint);
        }
    }
}
