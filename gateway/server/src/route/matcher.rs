//! What a route matches.

use http::{HeaderMap, HeaderName, HeaderValue};
use sluicegate_core::path::MethodPath;

use crate::plan::Traffic;

/// What a route matches. Every condition must hold; an empty list is no condition.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) traffic: Traffic,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) path_prefix: PathPrefix,
    pub(crate) services: Vec<ServicePattern>,
    pub(crate) methods: Vec<MethodPath>,
    pub(crate) headers: Vec<HeaderMatcher>,
}

impl Matcher {
    pub(super) fn takes_call(&self, host: &str, path: &MethodPath) -> bool {
        self.traffic == Traffic::Calls && self.takes_host(host) && self.takes_method(path)
    }

    /// The same for what is no call.
    pub(super) fn takes_path(&self, traffic: Traffic, host: &str, path: &str) -> bool {
        self.traffic == traffic && self.takes_host(host) && self.path_prefix.strip(path).is_some()
    }

    pub(super) fn takes_headers(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().all(|one| one.matches(headers))
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
        rest.len() == "/".len() + path.full_name().len() && self.takes_named(path)
    }

    /// Whether calls of a method, below the path prefix and at some host, are for this route. Without services and methods
    /// all are.
    pub(crate) fn takes_named(&self, method: &MethodPath) -> bool {
        (self.services.is_empty() && self.methods.is_empty())
            || self.services.iter().any(|pattern| pattern.matches(method.service()))
            || self.methods.iter().any(|named| named.full_name() == method.full_name())
    }

    /// Whether nothing of its traffic, for any host, gets past this route.
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
