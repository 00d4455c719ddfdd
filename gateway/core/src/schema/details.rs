//! The details of a status as JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::Any;
use serde_json::{Value, json};

use super::json::{JsonOptions, encode_any};

/// A detail as JSON. Where there is no canonical form, as its type is neither one of `pool` nor bundled, or as its
/// bytes are not of that type, it is its `@type` and, as `value`, its bytes in base64.
pub(crate) fn to_json(detail: &Any, pool: &DescriptorPool) -> Value {
    let canonical = encode_any(detail, pool, &JsonOptions::default()).ok();
    canonical.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_else(
        || json!({ "@type": detail.type_url, "value": BASE64_STANDARD.encode(&detail.value) }),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::bundled;

    #[track_caller]
    fn check(type_name: &str, value: &[u8], expected: &str) {
        let detail = Any { type_url: format!("type.googleapis.com/{type_name}"), value: value.to_vec() };
        assert_eq!(to_json(&detail, &DescriptorPool::new()).to_string(), expected);
    }

    #[test]
    fn details_of_known_types_are_canonical_and_others_are_bytes() {
        check(
            "google.rpc.ErrorInfo",
            b"\x0a\x01R\x1a\x06\x0a\x01k\x12\x01v",
            r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","metadata":{"k":"v"},"reason":"R"}"#,
        );
        check(
            "google.protobuf.Duration",
            b"\x08\x01",
            r#"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}"#,
        );
        check("no.Such", b"\x01", r#"{"@type":"type.googleapis.com/no.Such","value":"AQ=="}"#);
        let broken = r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","value":"/w=="}"#;
        check("google.rpc.ErrorInfo", b"\xff", broken);
    }

    proptest! {
        #[test]
        fn any_detail_has_a_form(name in "google.rpc.(Help|BadRequest|RetryInfo)", value: Vec<u8>) {
            let form = to_json(&Any { type_url: format!("/{name}"), value }, &bundled::pool());
            prop_assert!(form.get("@type").is_some());
        }
    }
}
