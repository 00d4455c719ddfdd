//! What metrics call the service and the method of a call.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::path::MethodPath;

use super::ServicePattern;

/// What stands in for a service or method that no route names, so that labels never come from traffic.
pub const OTHER: &str = "_other";

/// The service and method of a call, as far as a route names them; [`OTHER`] where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// The service.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
    /// The place among the labels of the route.
    pub index: usize,
}

/// The services and methods that a route names literally, and where their labels are.
#[derive(Debug)]
pub(crate) struct Labels {
    /// Methods by service, services by name. The empty method stands for the others of its service.
    by_service: HashMap<Box<str>, HashMap<Box<str>, usize>>,
    all: Box<[(Arc<str>, Arc<str>)]>,
}

impl Labels {
    /// The labels of a route with these matchers.
    pub(crate) fn new(services: &[ServicePattern], methods: &[MethodPath]) -> Labels {
        let other: Arc<str> = OTHER.into();
        let mut by_service: HashMap<Box<str>, HashMap<Box<str>, usize>> = HashMap::new();
        let mut all: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let services = services.iter().filter_map(|pattern| match pattern {
            ServicePattern::Exact(service) => Some((&**service, "")),
            ServicePattern::Any | ServicePattern::Below(_) => None,
        });
        for (service, method) in services.chain(methods.iter().map(|path| (path.service(), path.method()))) {
            by_service.entry(service.into()).or_default().entry(method.into()).or_insert_with(|| {
                let shown = if method.is_empty() { other.clone() } else { method.into() };
                all.push((service.into(), shown));
                all.len() - 1
            });
        }
        all.push((other.clone(), other));
        Labels { by_service, all: all.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn of(&self, path: &MethodPath) -> Label<'_> {
        let methods = self.by_service.get(path.service());
        let index = methods
            .and_then(|methods| methods.get(path.method()).or_else(|| methods.get("")))
            .copied()
            .unwrap_or(self.all.len().saturating_sub(1));
        let (service, method) =
            self.all.get(index).map_or((OTHER, OTHER), |(service, method)| (service, method));
        Label { service, method, index }
    }
}
