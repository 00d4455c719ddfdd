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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluicegate_core::metrics::FilterMetrics;

    use super::*;
    use crate::plan::{Sources, from_text};

    /// The routes of a configuration that has a gRPC cluster `c` and an HTTP cluster `h`.
    fn router(routes: &str) -> Router {
        let text = format!(
            "{routes}
            [[listeners]]\nlisten = '127.0.0.1:0'
            [[clusters]]\nname = 'c'\nendpoints = ['http://c:1']
            [[clusters]]\nname = 'h'\nendpoints = ['http://h:1']\nprotocol = 'http'"
        );
        let metrics = FilterMetrics::detached();
        let sources = Sources { kinds: &[], metrics: &metrics, self_signed: None };
        match from_text("test", &text, std::path::Path::new(""), &sources) {
            Ok((plan, _)) => plan.routes,
            Err(report) => panic!("{report}"),
        }
    }

    fn path(path: &str) -> MethodPath {
        MethodPath::parse_str(path).unwrap()
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter();
        fields.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// Checks which of some calls (host and path) a route with these conditions takes.
    fn check(conditions: &str, calls: &[(&str, &str, bool)]) {
        let router = router(&format!("[[routes]]\ncluster = 'c'\n{conditions}"));
        for (host, method, expected) in calls {
            let found = router.find(host, &path(method), &HeaderMap::new()).is_some();
            assert_eq!(found, *expected, "{host} {method} with {conditions}");
            assert_eq!(found, router.find_path(host, &path(method)).is_some(), "{host} {method} asked for");
        }
    }

    #[test]
    fn hosts() {
        check("", &[("a.example.com", "/S/M", true), ("", "/S/M", true)]);
        check("hosts = ['*']", &[("a.example.com", "/S/M", true), ("", "/S/M", true)]);
        check(
            "hosts = ['A.Example.com', '*.example.org', '[::1]']",
            &[
                ("a.example.com", "/S/M", true),
                ("b.example.com", "/S/M", false),
                ("xa.example.com", "/S/M", false),
                ("a.example.org", "/S/M", true),
                ("a.b.example.org", "/S/M", true),
                ("example.org", "/S/M", false),
                (".example.org", "/S/M", false),
                ("anexample.org", "/S/M", false),
                ("[::1]", "/S/M", true),
                ("", "/S/M", false),
            ],
        );
    }

    #[test]
    fn services_and_methods() {
        check(
            "services = ['chat.v1.*', 'pkg.Svc']\nmethods = ['/echo.Echo/Say']",
            &[
                ("", "/chat.v1.Chat/Say", true),
                ("", "/chat.v1.deep.Chat/Say", true),
                ("", "/chat.v1/Say", false),
                ("", "/chat.v11.Chat/Say", false),
                ("", "/pkg.Svc/Any", true),
                ("", "/pkg.Svc2/Any", false),
                ("", "/pkg.svc/Any", false),
                ("", "/echo.Echo/Say", true),
                ("", "/echo.Echo/Says", false),
                ("", "/echo.Echo/say", false),
                ("", "/x/pkg.Svc/Any", false),
                ("", "/x/echo.Echo/Say", false),
                ("", "/echo.Echo/Say/x", false),
            ],
        );
        check("services = ['*']", &[("", "/any.Svc/Any", true), ("", "/x/any.Svc/Any", false)]);
    }

    #[test]
    fn prefixes() {
        check("path_prefix = '/'", &[("", "/a.S/M", true), ("", "/x/a.S/M", true)]);
        for prefix in ["/api", "/api/"] {
            check(
                &format!("path_prefix = '{prefix}'"),
                &[
                    ("", "/api/M", true),
                    ("", "/api/a.S/M", true),
                    ("", "/apis/M", false),
                    ("", "/x/api", false),
                ],
            );
        }
        check(
            "path_prefix = '/api/v2'\nservices = ['a.S']\nmethods = ['/b.S/M']",
            &[
                ("", "/api/v2/a.S/M", true),
                ("", "/api/v2/b.S/M", true),
                ("", "/api/v2/b.S/N", false),
                ("", "/api/v2/x/a.S/M", false),
                ("", "/a.S/M", false),
                ("", "/v2/a.S", false),
            ],
        );
    }

    #[test]
    fn header_fields() {
        let router = router(
            "[[routes]]\ncluster = 'c'\nheaders = { x-canary = 'yes', X-There = { present = true }, x-no = { present = false } }",
        );
        let check = |fields: &[(&'static str, &'static str)], expected: bool| {
            let found = router.find("", &path("/S/M"), &headers(fields)).is_some();
            assert_eq!(found, expected, "{fields:?}");
        };
        check(&[("x-canary", "yes"), ("x-there", "")], true);
        check(&[("x-canary", "no"), ("x-canary", "yes"), ("x-there", "")], true);
        check(&[("x-canary", "yes")], false);
        check(&[("x-canary", "Yes"), ("x-there", "")], false);
        check(&[("x-canary", "yes"), ("x-there", ""), ("x-no", "")], false);
        assert!(router.find_path("", &path("/S/M")).is_some());
    }

    #[test]
    fn the_first_that_matches_wins_in_its_world() {
        let router = router(
            "[[routes]]\nname = 'site'\ncluster = 'h'\nhosts = ['a']
             [[routes]]\nname = 'special'\ncluster = 'c'\nservices = ['s.S']
             [[routes]]\nname = 'api'\ncluster = 'h'\npath_prefix = '/api'
             [[routes]]\nname = 'calls'\ncluster = 'c'",
        );
        let call =
            |host, method| router.find(host, &path(method), &HeaderMap::new()).map(|route| &*route.name);
        assert_eq!(call("a", "/s.S/M"), Some("special"));
        assert_eq!(call("a", "/api/M"), Some("calls"));
        let http = |host, path| router.find_http(host, path, &HeaderMap::new()).map(|route| &*route.name);
        assert_eq!(http("a", "/api/M"), Some("site"));
        assert_eq!(http("b", "/api/M"), Some("api"));
        assert_eq!(http("b", "/api"), Some("api"));
        assert_eq!(http("b", "/s.S/M"), None);
        for (index, route) in router.routes().iter().enumerate() {
            assert_eq!(route.index, index);
        }
    }

    #[test]
    fn paths_with_dot_segments_have_no_route() {
        let router = router("[[routes]]\ncluster = 'h'");
        let found = |path| router.find_http("", path, &HeaderMap::new()).is_some();
        for good in ["/", "", "/a/b", "/a//b", "/...", "/.a", "/a.", "/%2e%2e%2e", "/%2f", "/.well-known/x"] {
            assert!(found(good), "{good}");
        }
        for bad in ["/..", "/.", "/a/../b", "/a/./b", "/%2e", "/%2E%2e/b", "/.%2e", "/a/%2e./"] {
            assert!(!found(bad), "{bad}");
        }
    }

    #[test]
    fn labels_come_from_the_route() {
        let router = router(
            "[[routes]]\ncluster = 'c'\nservices = ['a.S', 'b.*', 'a.S']\nmethods = ['/c.S/M', '/c.S/N', '/a.S/M']
             [[routes]]\ncluster = 'c'\npath_prefix = '/x'",
        );
        let [named, unnamed] = router.routes() else { panic!("two routes") };
        assert_eq!((named.labels_len(), unnamed.labels_len()), (5, 1));
        let mut seen = std::collections::HashSet::new();
        for (method, expected) in [
            ("/a.S/Any", ("a.S", OTHER)),
            ("/a.S/M", ("a.S", "M")),
            ("/c.S/M", ("c.S", "M")),
            ("/c.S/N", ("c.S", "N")),
            ("/c.S/O", (OTHER, OTHER)),
            ("/b.S/M", (OTHER, OTHER)),
        ] {
            let path = path(method);
            let label = named.label(&path);
            assert_eq!((label.service, label.method), expected, "{method}");
            assert!(label.index < named.labels_len());
            seen.insert(label.index);
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(unnamed.label(&path("/x/a.S/M")), Label { service: OTHER, method: OTHER, index: 0 });
    }

    #[test]
    fn weights_are_shares() {
        let weighted = Weighted::new([(7, 95), (8, 0), (9, 5)]);
        let mut picked = [0u32; 3];
        // Every point of the range, evenly.
        for step in 0..10_000u32 {
            let Picked { place, cluster } = weighted.pick(step * 429_496);
            assert_eq!(cluster, place + 7);
            picked[place] += 1;
        }
        assert!(
            picked[0].abs_diff(9500) <= 2 && picked[1] == 0 && picked[2].abs_diff(500) <= 2,
            "{picked:?}"
        );
        assert_eq!(weighted.pick(0), Picked { place: 0, cluster: 7 });
        assert_eq!(weighted.pick(u32::MAX), Picked { place: 2, cluster: 9 });
        assert_eq!(weighted.indexes().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(weighted.len(), 3);
    }

    proptest! {
        #[test]
        fn a_cluster_without_weight_is_never_picked(
            weights in proptest::collection::vec(0u32..=1_000_000, 1..20), random: u32,
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let picked = Weighted::new(weights.iter().copied().enumerate()).pick(random);
            prop_assert!(weights[picked.cluster] > 0);
        }
    }
}
