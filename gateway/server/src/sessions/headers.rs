//! The header fields that cross the gateway with a session.

use http::{HeaderMap, HeaderName, HeaderValue};
use sluicegate_core::metadata::strip_hop_by_hop;
use sluicegate_core::session::SessionRequest;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The client's fields without those of its connection.
pub(super) fn of_client(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    strip_hop_by_hop(&mut headers);
    headers
}

/// What the upstream gets: the client's fields, but those by which a gateway vouches for something are our own.
pub(super) fn to_upstream(request: &SessionRequest) -> HeaderMap {
    let mut headers = request.headers.clone();
    while let Some(name) = headers.keys().find(|name| is_voucher(name)).cloned() {
        headers.remove(name);
    }
    let client = &request.client;
    headers.insert(X_FORWARDED_FOR, client.forwarded_for.clone());
    let proto = HeaderValue::from_static(if client.secure { "https" } else { "http" });
    headers.insert(X_FORWARDED_PROTO, proto);
    if let Ok(host) = HeaderValue::from_str(&request.host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    headers
}

fn is_voucher(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-") || name.starts_with("x-envoy-") || name == "forwarded"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sluicegate_core::call::{Client, Transport};

    use super::*;

    #[test]
    fn only_the_gateway_vouches() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-client-cert", "forged"),
            ("x-envoy-internal", "true"),
            ("forwarded", "for=6.6.6.6"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("origin", "https://app.example.com"),
            ("connection", "x-secret, upgrade"),
            ("x-secret", "1"),
            ("upgrade", "websocket"),
            ("host", "a"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let client = Client {
            address: "192.0.2.7:5000".parse().unwrap(),
            forwarded_for: HeaderValue::from_static("192.0.2.7"),
            protocol: "websocket",
            transport: Transport::Http1,
            secure: true,
        };
        let path = "/live".parse().unwrap();
        let host = Arc::from("app.example.com");
        let request = SessionRequest { path, host, headers: of_client(&headers), client, identity: None };
        let sent = to_upstream(&request);
        let mut fields: Vec<_> =
            sent.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        fields.sort();
        assert_eq!(
            fields,
            [
                "cookie: a=1",
                "cookie: b=2",
                "origin: https://app.example.com",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: app.example.com",
                "x-forwarded-proto: https",
            ]
        );
    }
}
