//! Routes: which call goes to which cluster, and under which conditions.
//!
//! There are two worlds in one list. RPC calls see only the routes to gRPC clusters, and all other requests only the
//! routes to HTTP clusters; in each world the first route that matches wins. A lookup allocates nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use sluicegate_core::chain::Chain;
use sluicegate_core::path::MethodPath;

use crate::plan::ClusterProtocol;

/// What stands in for a service or method that no route names, so that labels never come from traffic.
pub const OTHER: &str = "_other";

/// All routes of a plan, in order.
#[derive(Debug, Default)]
pub struct Router {
    routes: Vec<Arc<Route>>,
}

impl Router {
    pub(crate) fn new(routes: Vec<Route>) -> Router {
        Router { routes: routes.into_iter().map(Arc::new).collect() }
    }

    /// All routes; a route stands at its own [`Route::index`].
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route of a call. `host` is lower-case and has no port.
    pub fn find(&self, host: &str, path: &MethodPath, headers: &HeaderMap) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| {
            route.matcher.takes_call(host, path)
                && route.matcher.headers.iter().all(|one| one.matches(headers))
        })
    }

    /// The route of a call that a CORS preflight asks about. The header fields of that call are not known yet, so
    /// they are not matched.
    pub fn find_path(&self, host: &str, path: &MethodPath) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| route.matcher.takes_call(host, path))
    }

    /// The route of a request that is no RPC. `path` has no query. A path with dot segments, escaped or not, has no
    /// route: the upstream would read it as another path than the one that was matched.
    pub fn find_http(&self, host: &str, path: &str, headers: &HeaderMap) -> Option<&Arc<Route>> {
        if path.split('/').any(is_dot_segment) {
            return None;
        }
        self.routes.iter().find(|route| {
            route.matcher.takes_request(host, path)
                && route.matcher.headers.iter().all(|one| one.matches(headers))
        })
    }
}

/// Where matching calls go, and under which conditions.
#[derive(Debug)]
pub struct Route {
    /// Its name in logs and metrics, unique in a plan.
    pub name: Arc<str>,
    /// Its place among the routes of the plan.
    pub index: usize,
    /// Where its calls go.
    pub clusters: Weighted,
    /// How long a call may take in all, and the most that a client may ask for; `None` sets no bound.
    pub timeout: Option<Duration>,
    /// How long a call may go without a byte in either direction; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// The largest message a client may send, in bytes; `u32::MAX` sets no bound.
    pub max_request_message: u32,
    /// The largest message the upstream may send, in bytes; `u32::MAX` sets no bound.
    pub max_response_message: u32,
    /// The filters that its calls pass through.
    pub chain: Arc<Chain>,
    /// What it matches.
    pub(crate) matcher: Matcher,
    /// The services and methods it names.
    pub(crate) labels: Labels,
}

impl Route {
    /// The labels of a call in metrics.
    pub fn label(&self, path: &MethodPath) -> Label<'_> {
        self.labels.of(path)
    }

    /// How many different labels there are: the indexes of labels are below it.
    pub fn labels_len(&self) -> usize {
        self.labels.all.len()
    }
}

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

/// The clusters of a route and their shares of its calls.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// Clusters by index, each with the sum of the weights up to and including its own.
    steps: Box<[(u32, usize)]>,
}

impl Weighted {
    /// Clusters by index with their weights. The plan has seen to it that there is one and that the weights sum up to
    /// between 1 and `u32::MAX`.
    pub(crate) fn new(weights: impl IntoIterator<Item = (usize, u32)>) -> Weighted {
        let mut sum = 0u32;
        let steps = weights
            .into_iter()
            .map(|(cluster, weight)| {
                sum = sum.saturating_add(weight);
                (sum, cluster)
            })
            .collect();
        Weighted { steps }
    }

    /// The cluster for a call, given a uniformly random number.
    pub fn pick(&self, random: u32) -> Picked {
        let total = self.steps.last().map_or(0, |(sum, _)| *sum);
        // Scales `random` from 2^32 down to the total; the product fits, and so does its upper half.
        let point = (u64::from(random) * u64::from(total)) >> 32;
        let place = self.steps.iter().position(|(sum, _)| point < u64::from(*sum)).unwrap_or_default();
        Picked { place, cluster: self.steps.get(place).map_or(0, |(_, cluster)| *cluster) }
    }

    /// How many clusters there are: places are below it.
    #[allow(clippy::len_without_is_empty)] // There is always one.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The clusters by index, in the order of their places.
    pub fn indexes(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().map(|(_, cluster)| *cluster)
    }
}

/// One of the clusters of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its place among the clusters of the route.
    pub place: usize,
    /// Its index among the clusters of the plan.
    pub cluster: usize,
}

/// What a route matches. Every condition must hold; an empty list is no condition.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) protocol: ClusterProtocol,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) path_prefix: PathPrefix,
    pub(crate) services: Vec<ServicePattern>,
    pub(crate) methods: Vec<MethodPath>,
    pub(crate) headers: Vec<HeaderMatcher>,
}

impl Matcher {
    fn takes_call(&self, host: &str, path: &MethodPath) -> bool {
        self.protocol == ClusterProtocol::Grpc && self.takes_host(host) && self.takes_method(path)
    }

    fn takes_request(&self, host: &str, path: &str) -> bool {
        self.protocol == ClusterProtocol::Http
            && self.takes_host(host)
            && self.path_prefix.strip(path).is_some()
    }

    fn takes_host(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host))
    }

    fn takes_method(&self, path: &MethodPath) -> bool {
        let Some(rest) = self.path_prefix.strip(path.as_str()) else { return false };
        if self.services.is_empty() && self.methods.is_empty() {
            return true;
        }
        // A named service or method is all that follows the prefix: `/x/pkg.Svc/Method` is not `pkg.Svc`, whatever an
        // upstream would make of it.
        let (service, method) = (path.service(), path.method());
        rest.len() == "/".len() + service.len() + "/".len() + method.len()
            && (self.services.iter().any(|pattern| pattern.matches(service))
                || self.methods.iter().any(|named| named.as_str() == rest))
    }

    /// Whether no call (or no request, by its protocol) of any host gets past this route.
    pub(crate) fn takes_everything(&self) -> bool {
        (self.hosts.is_empty() || self.hosts.contains(&HostPattern::Any))
            && self.path_prefix.is_root()
            && (self.services.contains(&ServicePattern::Any)
                || (self.services.is_empty() && self.methods.is_empty()))
            && self.headers.is_empty()
    }
}

/// Hosts that a route takes; lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// `*`: every host, and none.
    Any,
    /// `*.example.com`, kept as `.example.com`: hosts that end so, at any depth, but not `example.com` itself.
    Below(Box<str>),
    /// This host.
    Exact(Box<str>),
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Any => true,
            HostPattern::Below(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
            HostPattern::Exact(exact) => host == &**exact,
        }
    }
}

/// Services that a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServicePattern {
    /// `*`: every service.
    Any,
    /// `chat.v1.*`, kept as `chat.v1.`: services of this package and the packages below it.
    Below(Box<str>),
    /// This service.
    Exact(Box<str>),
}

impl ServicePattern {
    fn matches(&self, service: &str) -> bool {
        match self {
            ServicePattern::Any => true,
            ServicePattern::Below(prefix) => service.len() > prefix.len() && service.starts_with(&**prefix),
            ServicePattern::Exact(exact) => service == &**exact,
        }
    }
}

/// A path prefix that ends at the border of a segment: `/api` takes `/api` and `/api/x`, not `/apis`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathPrefix {
    /// Without a slash at its end, so empty for `/`.
    prefix: Box<str>,
}

impl PathPrefix {
    pub(crate) fn new(prefix: &str) -> PathPrefix {
        PathPrefix { prefix: prefix.trim_end_matches('/').into() }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.prefix.is_empty()
    }

    /// What follows the prefix: empty, or beginning with a slash. `None` when the path is not below it.
    fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&*self.prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A condition on a header field.
#[derive(Clone, Debug)]
pub(crate) struct HeaderMatcher {
    pub(crate) name: HeaderName,
    pub(crate) wanted: HeaderWanted,
}

/// What a header field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderWanted {
    /// There, with any value.
    Present,
    /// Not there.
    Absent,
    /// There, with this value among its values.
    Value(HeaderValue),
}

impl HeaderMatcher {
    fn matches(&self, headers: &HeaderMap) -> bool {
        match &self.wanted {
            HeaderWanted::Present => headers.contains_key(&self.name),
            HeaderWanted::Absent => !headers.contains_key(&self.name),
            HeaderWanted::Value(wanted) => headers.get_all(&self.name).iter().any(|value| value == wanted),
        }
    }
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

    fn of(&self, path: &MethodPath) -> Label<'_> {
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

/// `.` and `..`, also with the dots escaped. Browsers resolve them all alike.
///
/// Source: <https://url.spec.whatwg.org/#double-dot-path-segment>
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    loop {
        rest = match rest {
            [] => return dots == 1 || dots == 2,
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
}
