//! Routes with their clusters found and their filters built.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use sluicegate_core::chain::{Chain, Link};
use sluicegate_core::filter::Setup;
use sluicegate_core::problem::Problem;

use super::{ClusterSpec, Origins, Planner, Traffic};
use crate::config::{Config, FilterConfig, RouteConfig, Written};
use crate::report::suggest;
use crate::route::{Datagrams, Labels, Matcher, Route, Router, Weighted};

/// The clusters that routes may name.
struct Known<'a> {
    /// Each name's index, and what it is for.
    clusters: HashMap<&'a str, (usize, Traffic)>,
    used: HashSet<usize>,
    /// Whether a listener speaks QUIC.
    offers_quic: bool,
    /// Whether a listener takes calls over WebTransport.
    takes_calls_in_sessions: bool,
}

impl Planner<'_> {
    /// All routes and clusters but those that a problem was noted for.
    pub(super) fn plan_routes(&self, config: &Config<'_>) -> (Router, Vec<Arc<ClusterSpec>>) {
        let offers_quic = config.listeners.iter().any(|listener| listener.quic);
        let takes_calls_in_sessions = config.listeners.iter().any(|listener| listener.webtransport.is_some());
        let clusters = HashMap::new();
        let mut known = Known { clusters, used: HashSet::new(), offers_quic, takes_calls_in_sessions };
        for (index, cluster) in config.clusters.iter().enumerate() {
            let Some(name) = &cluster.name else { continue };
            if known.clusters.insert(name.get_ref().as_str(), (index, cluster.protocol.traffic())).is_some() {
                // One problem is enough: which of the two is used makes no difference.
                known.used.extend(0..=index);
                let what = format!("another cluster above is named `{}` too", name.get_ref().as_str());
                self.findings.error(name.span(), what);
            }
        }

        let mut names: HashSet<Arc<str>> = HashSet::new();
        let mut routes: Vec<Route> = Vec::new();
        // The first route for each traffic that lets nothing past.
        let mut ends: Vec<(Traffic, Arc<str>)> = Vec::new();
        for (index, config) in config.routes.iter().enumerate() {
            let name: Arc<str> = match &config.name {
                Some(name) => name.get_ref().as_str().into(),
                None => format!("route-{}", index + 1).into(),
            };
            if !names.insert(name.clone()) {
                let span = config.name.as_ref().map_or(config.span.clone(), |name| name.span());
                self.findings.error(span, format!("another route above is named `{name}` too"));
            }
            let Some(route) = self.plan_route(index, name, config, &mut known) else { continue };
            let traffic = route.matcher.traffic;
            match ends.iter().find(|(ended, _)| *ended == traffic) {
                Some((_, end)) => self.findings.warn(
                    config.span.clone(),
                    format!("nothing gets to this route: `{end}` above takes everything"),
                    "the first route that matches wins; put special routes before general ones",
                ),
                None if route.matcher.takes_everything() => ends.push((traffic, route.name.clone())),
                None => {}
            }
            routes.push(route);
        }

        let mut clusters = Vec::new();
        for (index, config) in config.clusters.iter().enumerate() {
            clusters.extend(self.plan_cluster(config).map(Arc::new));
            if let Some(name) = &config.name
                && !known.used.contains(&index)
            {
                let what = format!("no route leads to `{}`", name.get_ref().as_str());
                self.findings.warn(name.span(), what, "add a route, or remove the cluster");
            }
        }
        (Router::new(routes), clusters)
    }

    fn plan_route(
        &self,
        index: usize,
        name: Arc<str>,
        config: &RouteConfig<'_>,
        known: &mut Known<'_>,
    ) -> Option<Route> {
        let (clusters, traffic) = self.plan_shares(config, known);
        for (key, span) in traffic.into_iter().flat_map(|traffic| config.senseless(traffic)) {
            let cluster = traffic.map_or("", Traffic::cluster);
            if key == "origins" {
                let what = format!("`origins` is for sessions, and this route leads to {cluster}");
                let hint = "for calls, it is a key of the listener's `webtransport` and `websocket`";
                self.findings.error_with_hint(span, what, hint);
            } else {
                self.findings.error(span, format!("`{key}` is for calls, and this route leads to {cluster}"));
            }
        }
        if traffic == Some(Traffic::WebTransport) && !known.offers_quic {
            let hint = "add `quic = true` to a listener with `tls`";
            let what = "no client gets to this route: no listener has `quic`, which WebTransport needs";
            self.findings.warn(config.span.clone(), what, hint);
        }
        let for_sessions = traffic.is_some_and(Traffic::is_sessions);
        let filters = config.filters.iter();
        let links: Vec<Arc<dyn Link>> =
            filters.filter_map(|filter| self.plan_filter(&name, filter, for_sessions)).collect();
        let services: Vec<_> = config.services.iter().map(|service| service.get_ref().clone()).collect();
        let methods: Vec<_> = config.methods.iter().map(|method| method.get_ref().clone()).collect();
        let labels = Labels::new(&services, &methods);
        let matcher = Matcher {
            traffic: traffic?,
            hosts: config.hosts.iter().map(|host| host.get_ref().clone()).collect(),
            path_prefix: config.path_prefix.clone(),
            services,
            methods,
            headers: config.headers.clone(),
        };
        Some(Route {
            index,
            clusters: Weighted::new(clusters),
            timeout: config.timeout,
            idle_timeout: config.idle_timeout,
            max_request_message: config.max_request_message,
            max_response_message: config.max_response_message,
            origins: Origins::plan(&config.origins),
            chain: Arc::new(Chain::new(&name, links, self.sources.metrics)),
            labels,
            datagrams: self.plan_datagrams(config, &matcher, known),
            matcher,
            name,
        })
    }

    fn plan_datagrams(
        &self,
        config: &RouteConfig<'_>,
        matcher: &Matcher,
        known: &Known<'_>,
    ) -> Option<Datagrams> {
        let config = config.datagrams.as_ref()?;
        for method in config.methods.iter().filter(|method| !matcher.takes_named(method.get_ref())) {
            let what = format!("this route does not take `{}`", method.get_ref().as_str());
            self.findings.error_with_hint(method.span(), what, "name methods that the route leads on");
        }
        if let Some(first) = config.methods.first()
            && matcher.traffic == Traffic::Calls
            && !known.takes_calls_in_sessions
        {
            let what = "no client sends these in datagrams: no listener takes calls over WebTransport";
            self.findings.warn(first.span(), what, "add `webtransport = {}` to a listener with `quic`");
        }
        let methods = config.methods.iter().map(|method| method.get_ref().clone()).collect();
        Some(Datagrams { methods, policy: config.policy })
    }

    /// The clusters of a route with their weights, and what they are for.
    fn plan_shares(
        &self,
        config: &RouteConfig<'_>,
        known: &mut Known<'_>,
    ) -> (Vec<(usize, u32)>, Option<Traffic>) {
        let mut shares: Vec<(usize, u32)> = Vec::new();
        let mut traffic = None;
        for share in &config.shares {
            let name = share.cluster.get_ref().as_str();
            let Some(&(index, takes)) = known.clusters.get(name) else {
                let mut names: Vec<&str> = known.clusters.keys().copied().collect();
                names.sort_unstable();
                let what = format!("no cluster is named `{name}`");
                self.findings.error_with_hint(share.cluster.span(), what, suggest(name, names, "clusters"));
                continue;
            };
            if *traffic.get_or_insert(takes) != takes {
                let what = "the clusters of a route all take calls, or all speak the same of `http`, `webtransport` and `websocket`";
                self.findings.error(share.cluster.span(), what);
            }
            if shares.iter().any(|(other, _)| *other == index) {
                self.findings.error(share.cluster.span(), format!("`{name}` stands here twice"));
            }
            known.used.insert(index);
            shares.push((index, share.weight));
        }
        (shares, traffic)
    }

    /// A filter, unless a problem was noted.
    pub(super) fn plan_filter(
        &self,
        route: &str,
        config: &FilterConfig<'_>,
        for_sessions: bool,
    ) -> Option<Arc<dyn Link>> {
        let name = config.kind.get_ref().as_str();
        let Some(kind) = self.sources.kinds.iter().find(|kind| kind.name == name) else {
            let hint = suggest(name, self.sources.kinds.iter().map(|kind| kind.name), "filters");
            self.findings.error_with_hint(config.kind.span(), format!("there is no filter `{name}`"), hint);
            return None;
        };
        let mut setup = Setup::new(route, kind.name, self.sources.metrics);
        if for_sessions {
            setup = setup.for_sessions();
            if !kind.guards_sessions {
                let guards = self.sources.kinds.iter().filter(|kind| kind.guards_sessions);
                let guards: Vec<String> = guards.map(|kind| format!("`{}`", kind.name)).collect();
                let hint = match &*guards {
                    [] => "`origins` says which pages may open sessions".to_owned(),
                    _ => format!(
                        "`origins` says which pages may open them; filters are for {}",
                        guards.join(" and ")
                    ),
                };
                let what = format!("`{name}` does not guard sessions");
                self.findings.error_with_hint(config.kind.span(), what, hint);
                return None;
            }
        }
        match kind.build(config.table.clone(), &mut setup) {
            Ok(link) => Some(link),
            Err(problem) => {
                let Located { span, what, hint } = locate(kind.name, problem, &config.written);
                match hint {
                    Some(hint) => self.findings.error_with_hint(span, what, hint),
                    None => self.findings.error(span, what),
                }
                None
            }
        }
    }
}

/// A filter's problem, at its place in the whole configuration.
struct Located {
    span: Range<usize>,
    what: String,
    hint: Option<String>,
}

fn locate(filter: &str, problem: Problem, written: &Written<'_>) -> Located {
    let Problem { at, what, hint } = problem;
    // serde reports a key that is unknown or missing at the table around it, in these words.
    if let Some((key, expected)) = what.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'))
    {
        // Every second piece stands in backquotes: the known keys.
        let known = expected.split('`').skip(1).step_by(2);
        // The place may be the key itself or the table that it stands in.
        let table = match at.rsplit_once('.') {
            Some((table, last)) if last == key => table,
            None if at == key => "",
            _ => &at,
        };
        return Located {
            span: written.key(table, key).unwrap_or_else(|| written.value(&at)),
            what: format!("`{filter}` has no key `{key}`"),
            hint: Some(suggest(key, known, "keys")),
        };
    }
    let what = match what.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((key, _)) => format!("`{filter}` needs a `{key}`"),
        None => what,
    };
    Located { span: written.value(&at), what, hint }
}
