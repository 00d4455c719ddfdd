//! Tests with messages of upstreams that send what no JSON stands for.

use super::*;

#[test]
fn what_upstreams_send_is_written_as_far_as_it_is_known() {
    let check = |proto: &[u8], expected: &str| {
        let json =
            encode(&rich(), proto, &JsonOptions::default()).map_err(|status| status.message.into_owned());
        assert_eq!(json.map(|json| String::from_utf8(json).unwrap()).unwrap_or_else(|said| said), expected);
    };
    check(b"", "{}");
    // A field that no descriptor has, and a double without presence that is -0.
    check(b"\xf8\x3f\x01\x18\x01", r#"{"int32":1}"#);
    check(b"\x09\0\0\0\0\0\0\0\x80", "{}");
    // A value that holds nothing, and an infinite one.
    check(b"\x9a\x02\x00", r#"{"value":null}"#);
    let what = "a t.Rich cannot be written as JSON";
    check(
        b"\x9a\x02\x09\x11\0\0\0\0\0\0\xf0\x7f",
        &format!("{what}: value: a google.protobuf.Value that is no finite number"),
    );
    // A second more than the year 9999 has, a negative fraction, and a duration of two signs.
    let timestamp = "at: a timestamp outside the years 1 to 9999";
    check(b"\xfa\x01\x07\x08\x80\x83\xd1\xff\xaf\x07", &format!("{what}: {timestamp}"));
    check(b"\xfa\x01\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &format!("{what}: {timestamp}"));
    check(
        b"\x82\x02\x0d\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        &format!("{what}: wait: a duration beyond 10,000 years, or of two signs"),
    );
    let status = encode(&rich(), b"\xff", &JsonOptions::default()).unwrap_err();
    assert_eq!(status.code, Code::Internal);
    assert!(status.message.starts_with("a t.Rich cannot be written as JSON: the bytes are no t.Rich: "));
}

/// An `Any` in an `Any` costs a few bytes only, and each is decoded anew: no limit of the decoder counts them.
#[test]
fn any_in_any_ends_somewhere() {
    let mut value = Vec::new();
    for _ in 0..10_000 {
        let any = prost_reflect::prost_types::Any { type_url: "/google.protobuf.Any".into(), value };
        value = any.encode_to_vec();
    }
    let any = bundled::pool().get_message_by_name("google.protobuf.Any").unwrap();
    let status = encode(&any, &value, &JsonOptions::default()).unwrap_err();
    assert_eq!(status.code, Code::Internal);
    assert!(status.message.ends_with("more than 100 messages lie within each other"), "{}", status.message);
}
