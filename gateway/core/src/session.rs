//! A request for a session that is carried whole, as filters and routes see it.

use std::sync::Arc;

use http::HeaderMap;
use http::uri::PathAndQuery;

use crate::call::Client;

/// A request for a WebTransport session or a WebSocket that the gateway carries to an upstream without looking into it.
///
/// What filters make of the path, the query and the headers is what the upstream gets.
#[derive(Debug)]
pub struct SessionRequest {
    /// Path and query. The path has been matched by the route, so a filter changes the query only.
    pub path: PathAndQuery,
    /// The host the client asked for, without a port, lower-case; empty when it named none.
    pub host: Arc<str>,
    /// The header fields. Names that belong to one hop are not in it.
    pub headers: HeaderMap,
    /// Who asks. The protocol is `webtransport` or `websocket`; or `ticket`, if it asks for what admits to one that
    /// carries calls.
    pub client: Client,
    /// Who an authenticating filter found the client to be.
    pub identity: Option<Arc<str>>,
}

impl SessionRequest {
    /// The decoded values of a query parameter, in order. `+` is a space, as browsers write it, and an escape that is
    /// none stands for itself.
    ///
    /// Source: <https://url.spec.whatwg.org/#urlencoded-parsing>
    pub fn query_values(&self, name: &str) -> Vec<Vec<u8>> {
        let pairs = pairs(&self.path).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .filter(|(found, _)| decoded(found) == name.as_bytes())
            .map(|(_, value)| decoded(value))
            .collect()
    }

    /// Removes a query parameter with all of its values. The others stay as they were sent.
    pub fn remove_query(&mut self, name: &str) {
        let is_other =
            |pair: &&str| decoded(pair.split_once('=').map_or(*pair, |(found, _)| found)) != name.as_bytes();
        let kept: Vec<&str> = pairs(&self.path).filter(is_other).collect();
        if kept.len() == pairs(&self.path).count() {
            return;
        }
        let path = self.path.path();
        let shorter = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
        // What is left of a path and a query is one.
        if let Ok(shorter) = shorter.parse() {
            self.path = shorter;
        }
    }
}

fn pairs(path: &PathAndQuery) -> impl Iterator<Item = &str> {
    path.query().into_iter().flat_map(|query| query.split('&'))
}

fn decoded(text: &str) -> Vec<u8> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_encoding::percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::plain_session;

    fn request(path: &str) -> SessionRequest {
        SessionRequest { path: path.parse().unwrap(), ..plain_session() }
    }

    #[test]
    fn reads_parameters_as_browsers_write_them() {
        let check = |path: &str, expected: &[&str]| {
            let expected: Vec<_> = expected.iter().map(|value| value.as_bytes().to_vec()).collect();
            assert_eq!(request(path).query_values("key"), expected, "{path}");
        };
        check("/a", &[]);
        check("/a?", &[]);
        check("/a?key=1", &["1"]);
        check("/a?other=1&key=a%20b+c%2b&key", &["a b c+", ""]);
        check("/a?%6bey=%zz%", &["%zz%"]);
        check("/a?keys=1&Key=2&xkey=3", &[]);
    }

    #[test]
    fn removes_a_parameter_and_nothing_else() {
        let check = |path: &str, expected: &str| {
            let mut request = request(path);
            request.remove_query("key");
            assert_eq!(request.path.as_str(), expected, "{path}");
        };
        check("/a", "/a");
        check("/a?", "/a?");
        check("/a?key=1", "/a");
        check("/a?b=%20+&key=1&c&&k%65y=2&d=key", "/a?b=%20+&c&&d=key");
        check("/a?keys=1", "/a?keys=1");
    }

    proptest! {
        #[test]
        fn what_was_removed_is_not_there(query in "[a-d=&%+0-9]{0,24}") {
            let mut request = request(&format!("/p?{query}"));
            request.remove_query("a");
            prop_assert!(request.query_values("a").is_empty());
            prop_assert_eq!(request.path.path(), "/p");
        }
    }
}
