//! The path of a call, in the one form that is matched, authorised and forwarded.

use http::uri::PathAndQuery;

/// `/package.Service/Method`, checked once.
///
/// Routes, filters and the upstream all see these bytes, so that what was authorised is what is called. A path with a
/// query, an escape, a dot segment, an empty segment or no leading slash is not a method path. More than two segments
/// are allowed (a gateway below a path prefix); the last two name the service and the method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodPath {
    path: PathAndQuery,
    service_start: usize,
    method_start: usize,
}

impl MethodPath {
    /// Checks a path. `None` means that no method can have it.
    pub fn parse(path: PathAndQuery) -> Option<MethodPath> {
        let text = path.as_str();
        let segments = text.strip_prefix('/')?;
        if !segments.split('/').all(is_plain_segment) {
            return None;
        }
        let method_slash = text.rfind('/')?;
        let service_slash = text.get(..method_slash)?.rfind('/')?;
        Some(MethodPath { service_start: service_slash + 1, method_start: method_slash + 1, path })
    }

    /// Checks a path given as text.
    pub fn parse_str(path: &str) -> Option<MethodPath> {
        // HTTP's type takes text without a slash, and drops a fragment.
        if !path.starts_with('/') || path.contains('#') {
            return None;
        }
        Self::parse(PathAndQuery::try_from(path).ok()?)
    }

    /// The whole path, leading slash included.
    pub fn as_str(&self) -> &str {
        self.path.as_str()
    }

    /// The same, as HTTP's type; cloning it does not copy.
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.path
    }

    /// The service with its package, such as `chat.v1.Chat`.
    pub fn service(&self) -> &str {
        self.as_str().get(self.service_start..self.method_start.saturating_sub(1)).unwrap_or_default()
    }

    /// Service and method, such as `chat.v1.Chat/Say`.
    pub fn full_name(&self) -> &str {
        self.as_str().get(self.service_start..).unwrap_or_default()
    }

    /// The method, such as `Say`.
    pub fn method(&self) -> &str {
        self.as_str().get(self.method_start..).unwrap_or_default()
    }
}

fn is_plain_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'~' | b':' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_service_and_method() {
        let check = |text: &str, service: &str, method: &str| {
            let path = MethodPath::parse_str(text).unwrap();
            assert_eq!((path.as_str(), path.service(), path.method()), (text, service, method));
        };
        check("/chat.v1.Chat/Say", "chat.v1.Chat", "Say");
        check("/S/m", "S", "m");
        check("/api/v2/chat.v1.Chat/Say", "chat.v1.Chat", "Say");
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        for bad in [
            "", "/", "*", "//", "/a", "/a/", "//b", "a/b", "/a//b", "/a/../b", "/./b", "/a/.", "/a/b?x=1",
            "/a/%62", "/a%2fb/c", "/a\\b/c", "/a/b#c", "/a /b",
        ] {
            assert!(MethodPath::parse_str(bad).is_none(), "{bad:?}");
        }
    }
}
