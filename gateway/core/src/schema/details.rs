//! What a status carries besides its code and its message, as JSON.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::Any;
use serde_json::{Value, json};

use super::json::{JsonOptions, encode_any};
use crate::status::Status;

/// Writes padding, and reads what has none: a value of binary metadata may come either way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `google.rpc.Status`, of which only the details count.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// The details of a status. Those that cannot be read are none: code and message still count.
pub fn of(status: &Status) -> Vec<Any> {
    let bytes = status.details.as_deref().and_then(|text| BASE64.decode(text).ok());
    bytes.and_then(|bytes| Details::decode(&*bytes).ok()).unwrap_or_default().details
}

/// A detail as JSON. Where there is no canonical form, as its type is neither one of `pool` nor bundled, or as its
/// bytes are not of that type, it is its `@type` and, as `value`, its bytes in base64.
pub fn to_json(detail: &Any, pool: &DescriptorPool) -> Value {
    let canonical = encode_any(detail, pool, &JsonOptions::default()).ok();
    canonical
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_else(|| json!({ "@type": detail.type_url, "value": BASE64.encode(&detail.value) }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::bundled;

    #[track_caller]
    fn check(type_name: &str, value: &[u8], expected: &str) {
        let detail = Any { type_url: format!("type.googleapis.com/{type_name}"), value: value.to_vec() };
        let mut status = Status::internal("");
        status.details =
            Some(BASE64.encode(Details { details: vec![detail.clone()] }.encode_to_vec()).into());
        assert_eq!(of(&status), std::slice::from_ref(&detail));
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

    #[test]
    fn details_that_cannot_be_read_are_none() {
        let mut status = Status::internal("");
        assert_eq!(of(&status), []);
        for text in ["", "!", "/w=="] {
            status.details = Some(text.into());
            assert_eq!(of(&status), []);
        }
    }

    proptest! {
        #[test]
        fn any_detail_has_a_form(name in "google.rpc.(Help|BadRequest|RetryInfo)", value: Vec<u8>) {
            let form = to_json(&Any { type_url: format!("/{name}"), value }, &bundled::pool());
            prop_assert!(form.get("@type").is_some());
        }

        #[test]
        fn any_header_is_read_or_not(text: Vec<u8>) {
            let mut status = Status::internal("");
            status.details = Some(text.into());
            of(&status);
        }
    }
}
