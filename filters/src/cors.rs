//! Lets pages of other origins make calls: Cross-Origin Resource Sharing, as gRPC-Web and Connect need it.
//!
//! ```toml
//! [[routes]]
//! filters = [
//!   { use = "cors", allow_origins = ["https://app.example.com", "https://*.example.com"] },
//!   # the others follow, so that browsers can read their refusals too
//! ]
//! ```
//!
//! An origin is listed exactly as browsers send it, or with `*` in place of its first label: `https://*.example.com`
//! allows `https://a.example.com`, but not `https://example.com`, `https://a.b.example.com` or
//! `https://evil-example.com`. `"*"` allows every origin, and `"null"` those that have none, such as sandboxed frames
//! and local files.
//!
//! A preflight is answered here; the upstream never sees it. If its origin is not allowed, the answer lacks
//! `access-control-allow-origin`, and the browser tells the page so. Calls themselves are never refused: CORS keeps
//! pages from reading what they may not, it does not authenticate anyone.
//!
//! Responses of every kind, the gateway's own refusals among them, carry the header fields that let the page read the
//! status and all metadata that they come with. Such fields of the upstream's own are replaced, because a browser
//! accepts only one voice on the matter.
//!
//! Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use prometheus::IntCounter;
use serde::Deserialize;
use sluicegate_core::call::{Call, ResponseHead};
use sluicegate_core::filter::{Filter, Preflight, Setup};
use sluicegate_core::problem::Problem;
use sluicegate_core::status::Status;

/// The filter's table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Origins whose pages may make calls.
    allow_origins: Vec<String>,
    /// Request headers that pages may set, besides those of gRPC-Web and Connect.
    #[serde(default)]
    allow_headers: Vec<String>,
    /// Response headers that pages may read, besides the status and the metadata of the response at hand.
    #[serde(default)]
    expose_headers: Vec<String>,
    /// Whether pages may send cookies and the like.
    #[serde(default)]
    allow_credentials: bool,
    /// How long a browser may remember the answer to a preflight.
    #[serde(default = "default_max_age", with = "humantime_serde")]
    max_age: Duration,
}

/// Two hours, the longest that Chromium remembers.
fn default_max_age() -> Duration {
    Duration::from_secs(7200)
}

/// Request headers of gRPC-Web and Connect that are not CORS-safelisted.
const REQUEST_HEADERS: &str = "content-type,content-encoding,grpc-timeout,grpc-encoding,grpc-accept-encoding,x-grpc-web,x-user-agent,\
     connect-protocol-version,connect-timeout-ms,connect-content-encoding,connect-accept-encoding";
/// gRPC-Web uses POST, Connect GET as well.
const METHODS: HeaderValue = HeaderValue::from_static("GET,POST,PUT,PATCH,DELETE");
/// What client protocols themselves write into the head of a response: the status, if it stands there, and how messages
/// are compressed. Where trailing metadata becomes header fields, the protocol adds them.
const PROTOCOL_HEADERS: &str = "grpc-status,grpc-message,grpc-status-details-bin,grpc-encoding,grpc-accept-encoding,\
     connect-content-encoding,connect-accept-encoding";
const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// See the [module](self).
pub struct Cors {
    origins: Vec<Origins>,
    allow_credentials: bool,
    /// The value of `access-control-allow-headers`.
    allow_headers: HeaderValue,
    /// What `access-control-expose-headers` begins with on every response.
    expose_headers: String,
    max_age: HeaderValue,
    origin_valid: IntCounter,
    origin_invalid: IntCounter,
}

/// What the origin of a call is worth. The call's metadata may lose it on the way; this does not.
#[derive(Default)]
pub enum Verdict {
    /// It has none: the client is no browser, or the page is the gateway's own.
    #[default]
    NoOrigin,
    /// It is allowed, and this is what `access-control-allow-origin` says.
    Allowed(HeaderValue),
    /// It is not allowed.
    Refused,
}

impl Filter for Cors {
    const NAME: &'static str = "cors";
    type Config = Config;
    type State = Verdict;

    fn new(config: Config, setup: &mut Setup<'_>) -> Result<Cors, Problem> {
        let origins = Origins::parse_all(&config.allow_origins, config.allow_credentials)?;
        let allow_headers = names("allow_headers", &config.allow_headers, REQUEST_HEADERS)?;
        if config.allow_credentials && config.allow_headers.iter().any(|name| name == "*") {
            return Err(credentials_need_names("allow_headers"));
        }
        let expose_headers = names("expose_headers", &config.expose_headers, PROTOCOL_HEADERS)?;
        if config.allow_credentials && config.expose_headers.iter().any(|name| name == "*") {
            return Err(credentials_need_names("expose_headers"));
        }
        Ok(Cors {
            origins,
            allow_credentials: config.allow_credentials,
            allow_headers: field(allow_headers),
            expose_headers,
            max_age: config.max_age.as_secs().into(),
            origin_valid: setup.counter("origin_valid", "Calls and preflights from allowed origins."),
            origin_invalid: setup.counter("origin_invalid", "Calls and preflights from other origins."),
        })
    }

    async fn request(&self, call: &mut Call, verdict: &mut Verdict) -> Result<(), Status> {
        *verdict = self.judge(&call.metadata);
        Ok(())
    }

    fn response(&self, head: &mut ResponseHead, _: &mut Call, verdict: &mut Verdict) -> Result<(), Status> {
        let headers = &mut head.metadata;
        for own in [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            headers.remove(own);
        }
        if let Verdict::Allowed(origin) = verdict {
            let exposed = self.exposed(headers);
            self.allow(origin.clone(), headers);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        vary_by_origin(headers);
        Ok(())
    }

    fn preflight(&self, preflight: &Preflight<'_>) -> Option<HeaderMap> {
        if !preflight.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut answer = HeaderMap::new();
        match self.judge(preflight.headers) {
            // An `OPTIONS` request of some other kind.
            Verdict::NoOrigin => return None,
            Verdict::Refused => {}
            Verdict::Allowed(origin) => {
                self.allow(origin, &mut answer);
                // The browser compares these with what the page asked for, and tells it what is missing.
                answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.allow_headers.clone());
                answer.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
            }
        }
        const VARY: HeaderValue =
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        answer.insert(header::VARY, VARY);
        Some(answer)
    }
}

impl Cors {
    fn judge(&self, request: &HeaderMap) -> Verdict {
        let mut values = request.get_all(header::ORIGIN).iter();
        let Some(origin) = values.next() else { return Verdict::NoOrigin };
        let matching = match values.next() {
            None => self.origins.iter().find(|origins| origins.contain(origin.as_bytes())),
            // No browser sends two.
            Some(_) => None,
        };
        match matching {
            None => {
                self.origin_invalid.inc();
                Verdict::Refused
            }
            Some(origins) => {
                self.origin_valid.inc();
                Verdict::Allowed(if *origins == Origins::Any { ANY } else { origin.clone() })
            }
        }
    }

    fn allow(&self, origin: HeaderValue, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.allow_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
    }

    /// The names that the page may read: it cannot see metadata that is not named here.
    fn exposed(&self, headers: &HeaderMap) -> HeaderValue {
        let mut exposed = self.expose_headers.clone();
        for name in headers.keys().filter(|name| needs_exposing(name)) {
            exposed.push(',');
            exposed.push_str(name.as_str());
        }
        field(exposed)
    }
}

/// Whether a page can read a response header only if it is named: neither safelisted, nor out of reach, nor about CORS.
///
/// Source: <https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name>
fn needs_exposing(name: &HeaderName) -> bool {
    let name = name.as_str();
    !matches!(
        name,
        "cache-control"
            | "content-language"
            | "content-length"
            | "content-type"
            | "expires"
            | "last-modified"
            | "pragma"
            | "set-cookie"
            | "set-cookie2"
            | "vary"
    ) && !name.starts_with("access-control-")
}

/// Tells caches that the response depends on who asks; that is so even for a request without an origin.
fn vary_by_origin(headers: &mut HeaderMap) {
    let names_origin = |value: &HeaderValue| {
        let names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.into_iter().any(|name| name.eq_ignore_ascii_case(b"origin") || name == b"*")
    };
    if !headers.get_all(header::VARY).iter().any(names_origin) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// One entry of `allow_origins`.
#[derive(Debug, PartialEq, Eq)]
enum Origins {
    /// `*`.
    Any,
    /// This one, `null` among them.
    One(String),
    /// `<scheme>` `<one label>` `<rest>`, such as `https://`, anything, `.example.com:8443`.
    Subdomains { scheme: String, rest: String },
}

impl Origins {
    fn parse_all(texts: &[String], allow_credentials: bool) -> Result<Vec<Origins>, Problem> {
        if texts.is_empty() {
            return Err(Problem::new("allow_origins", "no origin is listed, so no page could make calls"));
        }
        let mut all = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let at = format!("allow_origins[{index}]");
            let origins = Origins::parse(text).map_err(|what| {
                Problem::new(at.clone(), format!("`{text}` {what}"))
                    .with_hint("an origin is written as browsers send it, such as `https://app.example.com`")
            })?;
            if allow_credentials && (origins == Origins::Any || text == "null") {
                let what = format!("`{text}` and `allow_credentials` would let any page act as its visitor");
                return Err(Problem::new(at, what).with_hint("list the origins that may send credentials"));
            }
            all.push(origins);
        }
        // An answer that does not depend on the origin is preferred, as it can be cached for all.
        all.sort_by_key(|origins| *origins != Origins::Any);
        Ok(all)
    }

    fn parse(text: &str) -> Result<Origins, &'static str> {
        match text {
            "*" => return Ok(Origins::Any),
            "null" => return Ok(Origins::One(text.to_owned())),
            _ => {}
        }
        let (scheme, authority) = text.split_once("://").ok_or("has no scheme")?;
        if text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii_graphic()) {
            return Err("is not in lower-case ASCII");
        }
        if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
            return Err("is not a scheme, a host and at most a port");
        }
        if matches!(
            (scheme, authority.rsplit_once(':')),
            ("https", Some((_, "443"))) | ("http", Some((_, "80")))
        ) {
            return Err("names the scheme's own port, which browsers leave out");
        }
        match authority.strip_prefix('*') {
            None if text.contains('*') => Err("has a `*` elsewhere than in place of the first label"),
            None => Ok(Origins::One(text.to_owned())),
            Some(rest) if rest.len() > 1 && rest.starts_with('.') && !rest.contains('*') => {
                Ok(Origins::Subdomains { scheme: format!("{scheme}://"), rest: rest.to_owned() })
            }
            Some(_) => Err("has a `*` that is not the whole first label"),
        }
    }

    fn contain(&self, origin: &[u8]) -> bool {
        match self {
            Origins::Any => true,
            Origins::One(one) => origin == one.as_bytes(),
            Origins::Subdomains { scheme, rest } => origin
                .strip_prefix(scheme.as_bytes())
                .and_then(|origin| origin.strip_suffix(rest.as_bytes()))
                .is_some_and(is_label),
        }
    }
}

/// Whether this is one label of a host name, and nothing that could stand for more.
fn is_label(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// A list of header names: the built-in ones and those of the configuration, lower-case, each once.
fn names(at: &str, more: &[String], built_in: &str) -> Result<String, Problem> {
    let mut all = built_in.to_owned();
    for (index, name) in more.iter().enumerate() {
        let parsed: HeaderName = name
            .parse()
            .map_err(|_| Problem::new(format!("{at}[{index}]"), format!("`{name}` is not a header name")))?;
        if all.split(',').all(|known| known != parsed.as_str()) {
            all.push(',');
            all.push_str(parsed.as_str());
        }
    }
    Ok(all)
}

fn credentials_need_names(at: &str) -> Problem {
    Problem::new(at, "with `allow_credentials` browsers take `*` for a header named `*`")
        .with_hint("list the names")
}

/// Header names and commas are always a valid value.
fn field(names: String) -> HeaderValue {
    HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_core::status::Code;
    use sluicegate_core::testing::Scripted;

    const APP: &str = "https://app.example.com";
    const APP_ONLY: &str = "allow_origins = ['https://app.example.com']";

    fn preflight(rig: &Scripted, origin: &str) -> HeaderMap {
        rig.preflight(&[("origin", origin), ("access-control-request-method", "POST")]).unwrap()
    }

    /// The head that a browser on a page of `origin` gets when the upstream answers with `upstream`.
    fn head(rig: &Scripted, origin: &str, upstream: &[(&str, &str)]) -> HeaderMap {
        let mut call = rig.call().metadata("origin", origin).open();
        call.respond(upstream).finish(Status::OK);
        call.head().unwrap().metadata.clone()
    }

    /// Which of these origins `allow_origins` lets in, by preflight and by call.
    #[track_caller]
    fn check(allow_origins: &str, allowed: &[&str], refused: &[&str]) {
        let rig = Scripted::new::<Cors>(&format!("allow_origins = {allow_origins}"));
        for (origin, want) in allowed.iter().map(|o| (o, true)).chain(refused.iter().map(|o| (o, false))) {
            for headers in [preflight(&rig, origin), head(&rig, origin, &[])] {
                let echoed = headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
                assert_eq!(echoed, want.then_some(*origin), "{origin}");
            }
        }
        assert_eq!(rig.metric("sluicegate_cors_origin_valid"), 2 * allowed.len() as u64);
        assert_eq!(rig.metric("sluicegate_cors_origin_invalid"), 2 * refused.len() as u64);
    }

    #[test]
    fn matches_an_exact_origin() {
        check(
            "['https://app.example.com', 'http://localhost:5173']",
            &["https://app.example.com", "http://localhost:5173"],
            &[
                "http://app.example.com",
                "https://app.example.com:8443",
                "https://app.example.com.evil.test",
                "https://evil.test/https://app.example.com",
                "https://app.example.co",
                "https://APP.example.com",
                "http://localhost",
                "http://localhost:51730",
                "null",
                "",
                "*",
            ],
        );
    }

    #[test]
    fn matches_one_label_in_place_of_a_star() {
        check(
            "['https://*.example.com', 'http://*.test:8080']",
            &["https://a.example.com", "https://pr-1_x.example.com", "http://b.test:8080"],
            &[
                "https://example.com",
                "https://.example.com",
                "https://a.b.example.com",
                "https://evil-example.com",
                "https://evil.com/.example.com",
                "https://evil.com?.example.com",
                "https://evil.com#.example.com",
                "https://a@b.example.com",
                "https://a.example.com.evil.com",
                "https://a.example.com:8443",
                "https://*.example.com",
                "http://a.example.com",
                "http://b.test",
                "http://b.test:80800",
                "null",
            ],
        );
    }

    #[test]
    fn null_is_an_origin_only_if_listed() {
        check("['null']", &["null"], &["https://null", "https://app.example.com"]);
    }

    #[test]
    fn a_star_lets_every_origin_in_without_an_echo() {
        let rig = Scripted::new::<Cors>("allow_origins = ['https://app.example.com', '*']");
        for origin in [APP, "https://other.test", "null"] {
            assert_eq!(preflight(&rig, origin)["access-control-allow-origin"], "*");
            assert_eq!(head(&rig, origin, &[])["access-control-allow-origin"], "*");
        }
    }

    #[test]
    fn answers_a_preflight() {
        let rig = Scripted::new::<Cors>(APP_ONLY);
        let want = [
            ("access-control-allow-headers", REQUEST_HEADERS),
            ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE"),
            ("access-control-allow-origin", APP),
            ("access-control-max-age", "7200"),
            ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ];
        assert_eq!(sorted(&preflight(&rig, APP)), want);
        // The answer to others is an answer too, so that they do not reach the upstream, but it allows nothing.
        assert_eq!(sorted(&preflight(&rig, "https://evil.test")), want[4..]);
    }

    #[test]
    fn leaves_other_options_requests_alone() {
        let rig = Scripted::new::<Cors>(APP_ONLY);
        assert_eq!(rig.preflight(&[("origin", APP)]), None);
        assert_eq!(rig.preflight(&[("access-control-request-method", "POST")]), None);
    }

    #[test]
    fn answers_with_what_its_table_adds() {
        let rig = Scripted::new::<Cors>(&format!(
            "{APP_ONLY}\nallow_headers = ['Authorization', 'x-grpc-web']\nmax_age = '1m'\nallow_credentials = true\n\
             expose_headers = ['Trailer-X-Cost', 'grpc-status']"
        ));
        let answer = preflight(&rig, APP);
        let allowed = format!("{REQUEST_HEADERS},authorization");
        assert_eq!(answer["access-control-allow-headers"], allowed);
        assert_eq!(answer["access-control-max-age"], "60");
        assert_eq!(answer["access-control-allow-credentials"], "true");
        let head = head(&rig, APP, &[]);
        assert_eq!(head["access-control-allow-credentials"], "true");
        assert_eq!(head["access-control-expose-headers"], format!("{PROTOCOL_HEADERS},trailer-x-cost"));
    }

    #[test]
    fn exposes_the_metadata_of_each_response() {
        let upstream = [
            ("x-one", "1"),
            ("x-one", "2"),
            ("x-two-bin", "AA"),
            ("cache-control", "no-store"),
            ("vary", "accept"),
        ];
        let head = head(&Scripted::new::<Cors>(APP_ONLY), APP, &upstream);
        assert_eq!(head["access-control-expose-headers"], format!("{PROTOCOL_HEADERS},x-one,x-two-bin"));
        assert_eq!(head.get_all("vary").iter().collect::<Vec<_>>(), ["accept", "Origin"]);
        assert!(!head.contains_key("access-control-allow-credentials"));
    }

    #[test]
    fn overrules_the_upstream() {
        let upstream = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-secret"),
            ("vary", "accept, ORIGIN"),
        ];
        let rig = Scripted::new::<Cors>(APP_ONLY);
        assert_eq!(sorted(&head(&rig, "https://evil.test", &upstream)), [("vary", "accept, ORIGIN")]);
        let want = [
            ("access-control-allow-origin", APP),
            ("access-control-expose-headers", PROTOCOL_HEADERS),
            ("vary", "accept, ORIGIN"),
        ];
        assert_eq!(sorted(&head(&rig, APP, &upstream)), want);
    }

    #[test]
    fn says_nothing_but_vary_to_other_clients() {
        let rig = Scripted::new::<Cors>(APP_ONLY);
        let mut call = rig.open();
        call.respond(&[("x-one", "1")]);
        assert_eq!(sorted(&call.head().unwrap().metadata), [("vary", "Origin"), ("x-one", "1")]);
        assert_eq!(rig.metric("sluicegate_cors_origin_invalid"), 0);
    }

    #[test]
    fn two_origins_are_none() {
        let rig = Scripted::new::<Cors>("allow_origins = ['*']");
        let mut call = rig.call().metadata("origin", APP).metadata("origin", APP).open();
        call.respond(&[]);
        assert_eq!(sorted(&call.head().unwrap().metadata), [("vary", "Origin")]);
    }

    #[test]
    fn lets_a_page_read_the_refusal_of_a_later_filter() {
        let rig = Scripted::new::<Cors>(APP_ONLY)
            .then::<crate::api_key::ApiKey>("keys = [{ identity = 'alice', key = 'k' }]\nheader = 'origin'");
        let call = rig.call().metadata("origin", APP).open();
        call.expect_end(Code::Unauthenticated);
        assert_eq!(call.head().unwrap().metadata["access-control-allow-origin"], APP);
        assert_eq!(call.head().unwrap().metadata["access-control-expose-headers"], PROTOCOL_HEADERS);
    }

    #[test]
    fn remembers_an_origin_that_another_filter_removes() {
        let rig = Scripted::new::<Cors>(APP_ONLY).then::<crate::api_key::ApiKey>(&format!(
            "keys = [{{ identity = 'app', key = '{APP}' }}]\nheader = 'origin'"
        ));
        let mut call = rig.call().metadata("origin", APP).open();
        assert!(call.call().metadata.is_empty());
        call.respond(&[]);
        assert_eq!(call.head().unwrap().metadata["access-control-allow-origin"], APP);
    }

    proptest! {
        /// Whatever is sent as an origin: if a pattern takes it, a URL parser finds one label and the suffix in it.
        #[test]
        fn a_star_stands_for_one_label_of_the_host(origin in "https://[a-c-]{0,3}[.:/@?#%*]?[a-c-]{0,2}(\\.|-)?b\\.c(:1|\\.a|/)?") {
            let origins = Origins::parse("https://*.b.c").unwrap();
            let parsed = origin.parse::<http::Uri>().ok().filter(|uri| uri.path() == "/" && uri.query().is_none());
            let host = parsed.as_ref().and_then(|uri| uri.authority()).map(|authority| authority.as_str());
            let label = host.and_then(|host| host.strip_suffix(".b.c"));
            let want = label.is_some_and(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            // The parser takes what a browser never sends as an origin: a path or a fragment.
            let want = want && !origin[8..].contains(['/', '#']);
            prop_assert_eq!(origins.contain(origin.as_bytes()), want);
        }
    }

    #[test]
    fn finds_what_is_wrong_with_its_table() {
        let check = |table: &str, at: &str, what: &str| {
            let problem = Scripted::problem::<Cors>(table);
            assert_eq!(problem.at, at, "{problem:?}");
            assert!(problem.what.contains(what), "{problem:?}");
        };
        check("", "", "missing field `allow_origins`");
        check("allow_origins = []", "allow_origins", "no origin");
        for (bad, what) in [
            ("app.example.com", "no scheme"),
            ("", "no scheme"),
            ("https://app.example.com/", "at most a port"),
            ("https://", "at most a port"),
            ("https://user@app.example.com", "at most a port"),
            ("https://App.example.com", "lower-case"),
            ("https://bücher.example", "lower-case"),
            ("https://app.example.com:443", "own port"),
            ("http://app.example.com:80", "own port"),
            ("https://app.*.com", "elsewhere"),
            ("https://app.example.com:*", "elsewhere"),
            ("*://app.example.com", "elsewhere"),
            ("https://*", "whole first label"),
            ("https://*.", "whole first label"),
            ("https://*example.com", "whole first label"),
            ("https://*.*.example.com", "whole first label"),
        ] {
            check(&format!("allow_origins = ['{APP}', '{bad}']"), "allow_origins[1]", what);
        }
        for any in ["*", "null"] {
            let table = format!("allow_origins = ['{any}']\nallow_credentials = true");
            check(&table, "allow_origins[0]", "any page");
        }
        for list in ["allow_headers", "expose_headers"] {
            check(
                &format!("{APP_ONLY}\n{list} = ['x-a', 'x b']"),
                &format!("{list}[1]"),
                "not a header name",
            );
            check(&format!("{APP_ONLY}\n{list} = ['*']\nallow_credentials = true"), list, "named `*`");
        }
        check(&format!("{APP_ONLY}\nmax_age = 7200"), "max_age", "");
        check(&format!("{APP_ONLY}\nallow_methods = []"), "allow_methods", "unknown field");
    }

    fn sorted(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let mut all: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        all.sort();
        all
    }
}
