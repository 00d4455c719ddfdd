//! Routes: which call goes to which cluster, and under which conditions.
//!
//! There are several worlds in one list. RPC calls see only the routes to clusters that take calls, WebTransport sessions
//! those to `webtransport` clusters, WebSockets those to `websocket` clusters, and all other requests those to `http`
//! clusters; in each world the first route that matches wins. A lookup allocates nothing.

mod datagrams;
mod labels;
mod matcher;
mod weighted;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use sluicegate_core::chain::Chain;
use sluicegate_core::path::MethodPath;
use sluicegate_core::schema::MethodKind;

pub use datagrams::Datagrams;
pub(crate) use labels::Labels;
pub use labels::{Label, OTHER};
pub(crate) use matcher::{HeaderMatcher, HeaderWanted, HostPattern, Matcher, PathPrefix, ServicePattern};
pub use weighted::{Picked, Weighted};

use crate::plan::{Origins, Traffic};

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

    /// Whether there are calls whose messages may travel in datagrams.
    pub(crate) fn has_datagrams(&self) -> bool {
        self.routes.iter().any(|route| route.datagrams.is_some())
    }

    /// The route of a call. `host` is lower-case and has no port.
    pub fn find(&self, host: &str, path: &MethodPath, headers: &HeaderMap) -> Option<&Arc<Route>> {
        self.routes
            .iter()
            .find(|route| route.matcher.takes_call(host, path) && route.matcher.takes_headers(headers))
    }

    /// The route of a call that a CORS preflight asks about. The header fields of that call are not known yet, so
    /// they are not matched.
    pub fn find_path(&self, host: &str, path: &MethodPath) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| route.matcher.takes_call(host, path))
    }

    /// The route of a request that is no RPC. `path` has no query. A path with dot segments, escaped or not, has no
    /// route: the upstream would read it as another path than the one that was matched.
    pub fn find_http(&self, host: &str, path: &str, headers: &HeaderMap) -> Option<&Arc<Route>> {
        self.find_at(Traffic::Requests, host, path, headers)
    }

    /// The route of a session that is carried whole, as [`Router::find_http`] finds that of a request.
    pub(crate) fn find_session(
        &self,
        traffic: Traffic,
        host: &str,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<&Arc<Route>> {
        debug_assert!(traffic.is_sessions());
        self.find_at(traffic, host, path, headers)
    }

    fn find_at(&self, traffic: Traffic, host: &str, path: &str, headers: &HeaderMap) -> Option<&Arc<Route>> {
        if path.split('/').any(is_dot_segment) {
            return None;
        }
        self.routes.iter().find(|route| {
            route.matcher.takes_path(traffic, host, path) && route.matcher.takes_headers(headers)
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
    /// How long a call may take in all, and the most that a client may ask for.
    pub timeout: CallTimeout,
    /// How long a call or a session may go without a byte in either direction; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// The largest message a client may send, in bytes; `u32::MAX` sets no bound.
    pub max_request_message: u32,
    /// The largest message the upstream may send, in bytes; `u32::MAX` sets no bound.
    pub max_response_message: u32,
    /// The pages that may open sessions on it.
    pub origins: Origins,
    /// The methods whose messages may travel in datagrams, if any may.
    pub datagrams: Option<Datagrams>,
    /// The filters that its calls and sessions pass through.
    pub chain: Arc<Chain>,
    /// What it matches.
    pub(crate) matcher: Matcher,
    /// The services and methods it names.
    pub(crate) labels: Labels,
}

/// How long the calls of a route may take in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallTimeout {
    /// What suits the kind of method, if it is known: [`CallTimeout::UNARY`], and no bound for streams.
    ByKind,
    /// No bound.
    Never,
    /// This long, whatever is called.
    After(Duration),
}

impl CallTimeout {
    /// How long a call of one message each way may take: what Envoy's routes give every request.
    pub const UNARY: Duration = Duration::from_secs(15);

    /// The bound for a method of this kind; `None` if it has none.
    pub fn of(self, kind: Option<MethodKind>) -> Option<Duration> {
        match (self, kind) {
            (CallTimeout::After(timeout), _) => Some(timeout),
            (CallTimeout::ByKind, Some(MethodKind::Unary)) => Some(CallTimeout::UNARY),
            (CallTimeout::ByKind, _) | (CallTimeout::Never, _) => None,
        }
    }
}

impl Route {
    /// The labels of a call in metrics.
    pub fn label(&self, path: &MethodPath) -> Label<'_> {
        self.labels.of(path)
    }

    /// How many different labels there are: the indexes of labels are below it.
    pub fn labels_len(&self) -> usize {
        self.labels.len()
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
    use http::{HeaderName, HeaderValue};
    use sluicegate_core::metrics::FilterMetrics;

    use super::*;
    use crate::plan::{Sources, from_text};

    /// The routes of a configuration that has a cluster of each kind: for calls `c`, for requests `h`, for WebTransport
    /// sessions `t`, for WebSockets `w`.
    fn router(routes: &str) -> Router {
        let text = format!(
            "{routes}
            [[listeners]]\nlisten = '127.0.0.1:0'
            [[clusters]]\nname = 'c'\nendpoints = ['http://c:1']
            [[clusters]]\nname = 'h'\nendpoints = ['http://h:1']\nprotocol = 'http'
            [[clusters]]\nname = 't'\nendpoints = ['https://t:1']\nprotocol = 'webtransport'
            [[clusters]]\nname = 'w'\nendpoints = ['http://w:1']\nprotocol = 'websocket'"
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
    fn sessions_see_only_their_own_routes() {
        let router = router(
            "[[routes]]\nname = 'site'\ncluster = 'h'
             [[routes]]\nname = 'calls'\ncluster = 'c'
             [[routes]]\nname = 'wt'\ncluster = 't'\npath_prefix = '/live'\nhosts = ['a']
             [[routes]]\nname = 'ws'\ncluster = 'w'\npath_prefix = '/live'\nheaders = { x-v = '2' }",
        );
        let check = |traffic, host, path, version, expected: Option<&str>| {
            let headers = headers(&[("x-v", version)]);
            let found = router.find_session(traffic, host, path, &headers).map(|route| &*route.name);
            assert_eq!(found, expected, "{traffic:?} {host} {path} {version}");
        };
        check(Traffic::WebTransport, "a", "/live/x", "1", Some("wt"));
        check(Traffic::WebTransport, "b", "/live/x", "1", None);
        check(Traffic::WebTransport, "a", "/lively", "1", None);
        check(Traffic::WebTransport, "a", "/live/../x", "1", None);
        check(Traffic::WebSockets, "b", "/live", "2", Some("ws"));
        check(Traffic::WebSockets, "b", "/live", "1", None);
        let http = router.find_http("a", "/live/x", &HeaderMap::new()).map(|route| &*route.name);
        assert_eq!(http, Some("site"));
    }

    #[test]
    fn timeouts_suit_the_kind_of_method() {
        let check = |keys: &str, unary: Option<u64>, others: Option<u64>| {
            let router = router(&format!("[[routes]]\ncluster = 'c'\n{keys}"));
            let [route] = router.routes() else { panic!("one route") };
            let bound = |kind| route.timeout.of(kind).map(|timeout| timeout.as_secs());
            assert_eq!(bound(Some(MethodKind::Unary)), unary, "{keys}");
            for other in [MethodKind::ClientStreaming, MethodKind::ServerStreaming, MethodKind::BidiStreaming]
            {
                assert_eq!(bound(Some(other)), others, "{keys}");
            }
            assert_eq!(bound(None), others, "{keys}");
        };
        check("", Some(15), None);
        check("timeout = '0s'", None, None);
        check("timeout = '1m'", Some(60), Some(60));
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
}
