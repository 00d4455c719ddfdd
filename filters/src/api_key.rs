//! Lets in callers that present a known API key, and names them.
//!
//! ```toml
//! [[routes]]
//! filters = [
//!   { use = "api_key", keys = [
//!     { identity = "alice", key = "2f1c0e5d9f6b4a7c" },
//!     # A digest keeps the key out of the file: printf %s "$KEY" | sha256sum
//!     { identity = "bob", sha256 = "d4dec180a993cd5fa065cac46b9bbfd1528c39080afa14d683a5bc657c453892" },
//!   ] },
//! ]
//! ```
//!
//! With `header = "authorization"` and `scheme = "Bearer"` the key is what follows the scheme.
//!
//! On routes of sessions it guards these. Browsers send no headers of a page's choice with them, so with `query = "key"`
//! the key may be in the URL instead, from which it is taken out.
//!
//! A caller without a known key gets `UNAUTHENTICATED`, with the same words whether the key is missing, unknown or
//! given twice. A known key sets the call's identity, and its header goes no further unless `forward` is set.
//!
//! Keys are compared by their SHA-256 digests. What time a look-up takes can then tell a caller something about the
//! digest of the key it sent, but not which key to try next, because nobody can choose digests. For the same reason
//! the digests need no salt as long as keys are random; a guessable key would be guessable from its digest too.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};
use prometheus::IntCounter;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use serde::Deserialize;
use sluicegate_core::call::Call;
use sluicegate_core::filter::{Filter, Setup};
use sluicegate_core::metadata::is_hop_by_hop;
use sluicegate_core::problem::Problem;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::Status;

/// The filter's table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The keys that are let in. One identity may have several, so that keys can be replaced without a gap.
    keys: Vec<Entry>,
    /// The request header that carries the key.
    #[serde(default = "default_header")]
    header: String,
    /// The authentication scheme before the key, such as `Bearer`; none by default.
    scheme: Option<String>,
    /// The parameter of a session's URL that may carry the key instead.
    query: Option<String>,
    /// Whether the upstream gets the header, or the parameter, too.
    #[serde(default)]
    forward: bool,
}

fn default_header() -> String {
    "x-api-key".to_owned()
}

/// One key: in plain text or as a digest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Who presents it.
    identity: String,
    key: Option<Secret>,
    /// The key's SHA-256 digest in hexadecimal.
    sha256: Option<String>,
}

/// A key in plain text, which no log shall show.
#[derive(Deserialize)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

type Digest = [u8; SHA256_OUTPUT_LEN];

/// See the [module](self).
pub struct ApiKey {
    header: HeaderName,
    scheme: Option<String>,
    query: Option<String>,
    forward: bool,
    identities: HashMap<Digest, Arc<str>>,
    allowed: IntCounter,
    unauthorized: IntCounter,
}

impl Filter for ApiKey {
    const NAME: &'static str = "api_key";
    const GUARDS_SESSIONS: bool = true;
    type Config = Config;
    type State = ();

    fn new(config: Config, setup: &mut Setup<'_>) -> Result<ApiKey, Problem> {
        Ok(ApiKey {
            header: metadata_name(&config.header)?,
            scheme: config.scheme.map(checked_scheme).transpose()?,
            query: config.query.map(|query| checked_query(query, setup)).transpose()?,
            forward: config.forward,
            identities: identities(config.keys)?,
            allowed: setup.counter("allowed", "Calls and sessions with a known API key."),
            unauthorized: setup
                .counter("unauthorized", "Calls and sessions refused for want of a known API key."),
        })
    }

    async fn request(&self, call: &mut Call, _: &mut ()) -> Result<(), Status> {
        let identity = self.admitted(self.key_of_call(call))?;
        call.identity = Some(identity);
        if !self.forward {
            call.metadata.remove(&self.header);
        }
        Ok(())
    }

    async fn session(&self, request: &mut SessionRequest, _: &mut ()) -> Result<(), Status> {
        let identity = self.admitted(self.key_of_session(request).as_deref())?;
        request.identity = Some(identity);
        if !self.forward {
            request.headers.remove(&self.header);
            if let Some(query) = &self.query {
                request.remove_query(query);
            }
        }
        Ok(())
    }
}

impl ApiKey {
    /// Who presents a key, counted.
    fn admitted(&self, key: Option<&[u8]>) -> Result<Arc<str>, Status> {
        match key.and_then(|key| self.identities.get(&sha256(key))) {
            Some(identity) => {
                self.allowed.inc();
                Ok(identity.clone())
            }
            None => {
                self.unauthorized.inc();
                Err(Status::unauthenticated("a valid API key is required"))
            }
        }
    }

    fn key_of_call<'a>(&self, call: &'a Call) -> Option<&'a [u8]> {
        self.key_in(the_one(call.metadata.get_all(&self.header).iter())?)
    }

    /// The key in the header or in the URL; none if both carry one and these differ.
    fn key_of_session(&self, request: &SessionRequest) -> Option<Vec<u8>> {
        let in_headers =
            request.headers.get_all(&self.header).iter().map(|value| self.key_in(value).map(<[u8]>::to_vec));
        let in_query = self.query.iter().flat_map(|query| request.query_values(query)).map(Some);
        the_one(in_headers.chain(in_query))?
    }

    /// The key in a header value: all of it, or what follows the scheme (RFC 9110, section 11.4).
    fn key_in<'a>(&self, value: &'a HeaderValue) -> Option<&'a [u8]> {
        let value = value.as_bytes();
        let Some(scheme) = &self.scheme else { return Some(value) };
        let (prefix, rest) = value.split_at_checked(scheme.len())?;
        let key = rest.strip_prefix(b" ")?.trim_ascii_start();
        prefix.eq_ignore_ascii_case(scheme.as_bytes()).then_some(key)
    }
}

/// The value that all of these are. Whose key counts when a proxy on the way has added another is not for us to guess.
fn the_one<V: PartialEq>(mut values: impl Iterator<Item = V>) -> Option<V> {
    let value = values.next()?;
    values.all(|other| other == value).then_some(value)
}

fn sha256(key: &[u8]) -> Digest {
    let mut bytes = [0; SHA256_OUTPUT_LEN];
    bytes.copy_from_slice(digest(&SHA256, key).as_ref());
    bytes
}

fn identities(keys: Vec<Entry>) -> Result<HashMap<Digest, Arc<str>>, Problem> {
    if keys.is_empty() {
        return Err(Problem::new("keys", "no key is listed, so every call would be refused"));
    }
    let mut identities = HashMap::with_capacity(keys.len());
    for (index, entry) in keys.into_iter().enumerate() {
        if entry.identity.is_empty() {
            return Err(Problem::new(format!("keys[{index}].identity"), "an identity may not be empty"));
        }
        let digest = entry.digest(index)?;
        if let Some(first) = identities.insert(digest, Arc::from(entry.identity)) {
            let what = format!("this key is listed before, for `{first}`");
            return Err(Problem::new(format!("keys[{index}]"), what)
                .with_hint("a key names one identity; give each caller a key of its own"));
        }
    }
    Ok(identities)
}

impl Entry {
    fn digest(&self, index: usize) -> Result<Digest, Problem> {
        match (&self.key, &self.sha256) {
            (Some(Secret(key)), None) => {
                // HTTP strips spaces around a value, and a `HeaderValue` holds no control characters.
                let sendable = key.trim_ascii() == key && HeaderValue::from_str(key).is_ok();
                if key.is_empty() || !sendable {
                    let what = "no header can carry this key: it is empty, has spaces around it or control characters";
                    return Err(Problem::new(format!("keys[{index}].key"), what));
                }
                Ok(sha256(key.as_bytes()))
            }
            (None, Some(hex)) => decode_hex(hex).ok_or_else(|| {
                let what = "a SHA-256 digest has 64 hexadecimal digits";
                Problem::new(format!("keys[{index}].sha256"), what)
            }),
            (Some(_), Some(_)) => {
                Err(Problem::new(format!("keys[{index}]"), "`key` and `sha256` exclude each other"))
            }
            (None, None) => Err(Problem::new(format!("keys[{index}]"), "either `key` or `sha256` is needed")),
        }
    }
}

fn decode_hex(text: &str) -> Option<Digest> {
    let nibbles: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, []) = nibbles.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

/// A header name that can stand in a call's metadata at all.
fn metadata_name(name: &str) -> Result<HeaderName, Problem> {
    let parsed: HeaderName =
        name.parse().map_err(|_| Problem::new("header", format!("`{name}` is not a header name")))?;
    if is_hop_by_hop(&parsed) || parsed == header::CONTENT_TYPE || parsed.as_str().starts_with("grpc-") {
        let what = format!("`{name}` belongs to the protocol and never reaches a filter");
        return Err(Problem::new("header", what));
    }
    Ok(parsed)
}

fn checked_scheme(scheme: String) -> Result<String, Problem> {
    let is_token = scheme.parse::<HeaderName>().is_ok();
    if is_token { Ok(scheme) } else { Err(Problem::new("scheme", format!("`{scheme}` is not a scheme"))) }
}

fn checked_query(query: String, setup: &Setup<'_>) -> Result<String, Problem> {
    if !setup.is_for_sessions() {
        return Err(Problem::new("query", "`query` is for routes of sessions, and this one is for calls")
            .with_hint("calls can carry the key in a header in every client, and URLs end up in logs"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    match !query.is_empty() && query.bytes().all(plain) {
        true => Ok(query),
        false => Err(Problem::new("query", format!("`{query}` is no name of a parameter"))
            .with_hint("letters, digits, `-`, `_`, `.` and `~` need no escapes in a URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::status::{Code, Flag};
    use sluicegate_core::testing::{Scripted, ScriptedCall};

    /// Alice's key in plain text; Bob's, `bobs-key`, as its digest.
    const KEYS: &str = r#"keys = [
        { identity = "alice", key = "alices-key" },
        { identity = "bob", sha256 = "d4dec180a993cd5fa065cac46b9bbfd1528c39080afa14d683a5bc657c453892" },
    ]"#;

    fn rig(more: &str) -> Scripted {
        Scripted::new::<ApiKey>(&format!("{KEYS}\n{more}"))
    }

    fn call(rig: &Scripted, headers: &[(&str, &str)]) -> ScriptedCall {
        headers.iter().fold(rig.call(), |call, (name, value)| call.metadata(name, value)).open()
    }

    #[track_caller]
    fn check(rig: &Scripted, headers: &[(&str, &str)], identity: Option<&str>) {
        let mut call = call(rig, headers);
        match identity {
            Some(_) => {
                call.expect_open();
            }
            None => {
                let status = &call.expect_end(Code::Unauthenticated).status;
                assert_eq!(status.message, "a valid API key is required");
                assert_eq!(status.flag, Some(Flag::Unauthorized));
            }
        }
        assert_eq!(call.call().identity.as_deref(), identity, "{headers:?}");
    }

    #[test]
    fn names_the_caller_by_its_key() {
        let rig = rig("");
        check(&rig, &[("x-api-key", "alices-key")], Some("alice"));
        check(&rig, &[("x-api-key", "bobs-key")], Some("bob"));
        check(&rig, &[("x-api-key", "alices-key"), ("x-api-key", "alices-key")], Some("alice"));
        assert_eq!(rig.metric("sluicegate_api_key_allowed"), 3);
        assert_eq!(rig.metric("sluicegate_api_key_unauthorized"), 0);
    }

    #[test]
    fn refuses_everyone_else_in_the_same_words() {
        let rig = rig("");
        check(&rig, &[], None);
        for wrong in [
            "",
            "alices-ke",
            "alices-keyy",
            "Alices-Key",
            "alice",
            "d4dec180a993cd5fa065cac46b9bbfd1528c39080afa14d683a5bc657c453892",
            "Bearer bobs-key",
        ] {
            check(&rig, &[("x-api-key", wrong)], None);
        }
        check(&rig, &[("authorization", "alices-key")], None);
        check(&rig, &[("x-api-key", "alices-key"), ("x-api-key", "bobs-key")], None);
        check(&rig, &[("x-api-key", "alices-key"), ("x-api-key", "")], None);
        assert_eq!(rig.metric("sluicegate_api_key_allowed"), 0);
        assert_eq!(rig.metric("sluicegate_api_key_unauthorized"), 11);
    }

    #[test]
    fn reads_the_key_after_a_scheme() {
        let rig = rig("header = \"Authorization\"\nscheme = \"Bearer\"");
        for good in ["Bearer alices-key", "bearer alices-key", "BEARER  alices-key"] {
            check(&rig, &[("authorization", good)], Some("alice"));
        }
        for bad in [
            "alices-key",
            "Bearer",
            "Bearer ",
            "Beareralices-key",
            "Digest alices-key",
            "Bea",
            "Bearer\talices-key",
        ] {
            check(&rig, &[("authorization", bad)], None);
        }
    }

    #[test]
    fn keeps_the_key_from_the_upstream_unless_told_otherwise() {
        let key = [("x-api-key", "alices-key"), ("x-other", "1")];
        assert_eq!(call(&rig(""), &key).call().metadata.keys().collect::<Vec<_>>(), ["x-other"]);
        assert_eq!(call(&rig("forward = true"), &key).call().metadata["x-api-key"], "alices-key");
    }

    #[test]
    fn guards_sessions_by_header_or_query() {
        let rig = |more: &str| Scripted::for_sessions::<ApiKey>(&format!("{KEYS}\n{more}"));
        let check = |rig: &Scripted, path: &str, header: Option<&str>, expected: Option<(&str, &str)>| {
            let script = rig.session().path(path);
            let script = header.into_iter().fold(script, |script, key| script.header("x-api-key", key));
            let session = script.open();
            match expected {
                Some((identity, path)) => {
                    let request = session.expect_open();
                    assert_eq!(request.identity.as_deref(), Some(identity));
                    assert_eq!((request.path.as_str(), request.headers.len()), (path, 0));
                }
                None => {
                    let status = session.expect_refused(Code::Unauthenticated);
                    assert_eq!(status.flag, Some(Flag::Unauthorized));
                }
            }
        };
        let by_query = rig("query = 'key'");
        check(&by_query, "/live?key=alices-key", None, Some(("alice", "/live")));
        check(&by_query, "/live?a=1&key=bobs%2dkey&b", None, Some(("bob", "/live?a=1&b")));
        check(&by_query, "/live?a", Some("bobs-key"), Some(("bob", "/live?a")));
        check(&by_query, "/live?key=bobs-key", Some("bobs-key"), Some(("bob", "/live")));
        check(&by_query, "/live?key=bobs-key", Some("alices-key"), None);
        check(&by_query, "/live?key=bobs-key&key=", None, None);
        check(&by_query, "/live?key=", None, None);
        check(&by_query, "/live?Key=bobs-key", None, None);
        check(&by_query, "/live", None, None);
        let by_header = rig("");
        check(&by_header, "/live?key=bobs-key", None, None);
        check(&by_header, "/live?key=x", Some("bobs-key"), Some(("bob", "/live?key=x")));
        assert_eq!(by_query.metric("sluicegate_api_key_allowed"), 4);
        assert_eq!(by_query.metric("sluicegate_filter_refusals"), 5);

        let forwarding = rig("query = 'key'\nforward = true");
        let session = forwarding.session().path("/live?key=bobs-key").header("x-api-key", "bobs-key").open();
        assert_eq!(session.expect_open().path.as_str(), "/live?key=bobs-key");
        assert_eq!(session.expect_open().headers.len(), 1);
    }

    #[test]
    fn an_identity_may_have_two_keys() {
        let rig = Scripted::new::<ApiKey>(
            r#"keys = [{ identity = "alice", key = "old" }, { identity = "alice", key = "new" }]"#,
        );
        check(&rig, &[("x-api-key", "old")], Some("alice"));
        check(&rig, &[("x-api-key", "new")], Some("alice"));
    }

    #[test]
    fn finds_what_is_wrong_with_its_table() {
        let check = |table: &str, at: &str, what: &str| {
            let problem = Scripted::problem::<ApiKey>(table);
            assert_eq!(problem.at, at, "{problem:?}");
            assert!(problem.what.contains(what), "{problem:?}");
        };
        let a = r#"{ identity = "a", key = "k" }"#;
        check("keys = []", "keys", "no key is listed");
        check("", "", "missing field `keys`");
        check(&format!("keys = [{a}]\nsalt = 1"), "salt", "unknown field");
        check(
            &format!("keys = [{a}, {{ identity = \"b\", key = \"k\" }}]"),
            "keys[1]",
            "listed before, for `a`",
        );
        check(
            &format!(
                "keys = [{a}, {{ identity = \"b\", sha256 = \"8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a\" }}]"
            ),
            "keys[1]",
            "listed before",
        );
        check(r#"keys = [{ identity = "", key = "k" }]"#, "keys[0].identity", "empty");
        check(r#"keys = [{ identity = "a" }]"#, "keys[0]", "either");
        check(r#"keys = [{ identity = "a", key = "k", sha256 = "00" }]"#, "keys[0]", "exclude");
        for bad in ["", " k", "k ", "k\\n"] {
            check(&format!(r#"keys = [{{ identity = "a", key = "{bad}" }}]"#), "keys[0].key", "no header");
        }
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            check(&format!(r#"keys = [{{ identity = "a", sha256 = "{bad}" }}]"#), "keys[0].sha256", "64");
        }
        for bad in ["", "x api key", "host", "grpc-timeout", "content-type", "te"] {
            check(&format!("keys = [{a}]\nheader = \"{bad}\""), "header", "");
        }
        check(&format!("keys = [{a}]\nscheme = \"\""), "scheme", "");
        check(&format!("keys = [{a}]\nquery = \"key\""), "query", "routes of sessions");
    }

    #[test]
    fn never_shows_a_key() {
        let config: Config = toml::from_str(KEYS).unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("alice") && !shown.contains("alices-key"), "{shown}");
        let twice =
            r#"keys = [{ identity = "a", key = "top-secret" }, { identity = "b", key = "top-secret" }]"#;
        assert!(!format!("{:?}", Scripted::problem::<ApiKey>(twice)).contains("top-secret"));
    }
}
