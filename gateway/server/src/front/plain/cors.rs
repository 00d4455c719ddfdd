//! Which pages may read an answer of the gateway's own.
//!
//! Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use http::{HeaderMap, HeaderValue, header};

use crate::plan::Origins;

/// Lets pages read an answer that one of these origins allows.
pub(super) fn let_read<'a>(
    origins: impl Iterator<Item = &'a Origins> + Clone,
    request: &HeaderMap,
    host: &str,
    response: &mut HeaderMap,
) {
    if origins.clone().any(|origins| *origins == Origins::Any) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return;
    }
    response.insert(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.get(header::ORIGIN) else { return };
    let allows = |origins: &Origins| origin.to_str().is_ok_and(|origin| origins.allow(Some(origin), host));
    if origins.clone().any(allows) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example.com";

    #[test]
    fn answers_are_for_pages_that_are_allowed() {
        let check = |origins: &[Origins], origin: Option<&'static str>, allowed: Option<&str>| {
            let mut request = HeaderMap::new();
            if let Some(origin) = origin {
                request.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            let mut response = HeaderMap::new();
            let_read(origins.iter(), &request, "api.example.com", &mut response);
            let told = response.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap());
            assert_eq!(told, allowed, "{origins:?} {origin:?}");
            // A cache must not give one page the answer to another.
            assert_eq!(response.contains_key(header::VARY), allowed != Some("*"));
        };
        let listed = || Origins::Listed([APP.into()].into());
        check(&[listed()], Some(APP), Some(APP));
        check(&[listed()], Some("https://evil.example.com"), None);
        check(&[listed()], None, None);
        check(&[Origins::SameHost, listed()], Some(APP), Some(APP));
        check(
            &[Origins::SameHost],
            Some("https://api.example.com:8443"),
            Some("https://api.example.com:8443"),
        );
        check(&[listed(), Origins::Any], Some("null"), Some("*"));
        check(&[], Some(APP), None);
    }
}
