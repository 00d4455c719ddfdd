//! Tests of the JSON mapping.

mod random;
mod upstream;

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

use super::*;
use crate::schema::bundled;
use crate::status::Code;

const PROTO: &str = r#"
    syntax = "proto3";
    package t;
    import "google/protobuf/any.proto";
    import "google/protobuf/duration.proto";
    import "google/protobuf/empty.proto";
    import "google/protobuf/field_mask.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";

    enum Color { NONE = 0; RED = 1; BLUE = 2; }

    message Rich {
      double double = 1;
      float float = 2;
      int32 int32 = 3;
      int64 int64 = 4;
      uint32 uint32 = 5;
      uint64 uint64 = 6;
      sint32 sint32 = 7;
      sint64 sint64 = 8;
      fixed32 fixed32 = 9;
      sfixed64 sfixed64 = 10;
      bool bool = 11;
      string snake_case = 12;
      bytes bytes = 13;
      Color color = 14;
      Rich inner = 15;
      optional int32 maybe = 16;
      oneof choice {
        string text = 17;
        int32 number = 18;
        google.protobuf.NullValue null_member = 19;
      }
      repeated int32 list = 20;
      repeated Color colors = 21;
      repeated Rich inners = 22;
      map<string, int64> by_name = 23;
      map<bool, Color> by_bool = 24;
      map<int32, Rich> by_number = 25;
      google.protobuf.Any any = 30;
      google.protobuf.Timestamp at = 31;
      google.protobuf.Duration wait = 32;
      google.protobuf.FieldMask mask = 33;
      google.protobuf.Struct object = 34;
      google.protobuf.Value value = 35;
      google.protobuf.ListValue values = 36;
      google.protobuf.Empty empty = 37;
      google.protobuf.Int64Value int64_value = 38;
      google.protobuf.DoubleValue double_value = 39;
      google.protobuf.StringValue string_value = 40;
      google.protobuf.BytesValue bytes_value = 41;
      google.protobuf.BoolValue bool_value = 42;
      // With presence, as a number that is not 0 is written as null too.
      optional google.protobuf.NullValue null = 43;
      string renamed = 44 [json_name = "other"];
    }
"#;

struct InMemory;

impl protox::file::FileResolver for InMemory {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        match name {
            "t.proto" => protox::file::File::from_source(name, PROTO),
            _ => protox::file::GoogleFileResolver::new().open_file(name),
        }
    }
}

fn rich() -> MessageDescriptor {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        let mut compiler = protox::Compiler::with_file_resolver(InMemory);
        compiler.open_file("t.proto").unwrap();
        let mut pool = bundled::pool();
        pool.decode_file_descriptor_set(&*compiler.include_imports(false).encode_file_descriptor_set())
            .unwrap();
        pool
    });
    POOL.get_message_by_name("t.Rich").unwrap()
}

const STRICT: JsonOptions = JsonOptions {
    reject_unknown_fields: true,
    always_print_fields: false,
    preserve_proto_names: false,
    enums_as_numbers: false,
    int64_as_numbers: false,
};

/// What comes back for a JSON text, or why it is refused.
fn back(json: &str, options: &JsonOptions) -> String {
    let decoded = match decode(&rich(), json.as_bytes(), options) {
        Ok(decoded) => decoded,
        Err(status) => {
            assert_eq!(status.code, Code::InvalidArgument);
            return status.message.into_owned();
        }
    };
    match encode(&rich(), &decoded, options) {
        Ok(json) => String::from_utf8(json).unwrap(),
        Err(status) => format!("{status}"),
    }
}

#[track_caller]
fn check(json: &str, expected: &str) {
    assert_eq!(back(json, &JsonOptions::default()), expected, "{json}");
}

#[track_caller]
fn same(json: &str) {
    check(json, json);
}

#[test]
fn canonical_json_comes_back_as_it_was() {
    same("{}");
    same(r#"{"double":1.5,"float":-0.25,"int32":-1,"int64":"-9223372036854775808","uint32":4294967295}"#);
    same(
        r#"{"uint64":"18446744073709551615","sint32":-2147483648,"sint64":"7","fixed32":1,"sfixed64":"-1"}"#,
    );
    same(r#"{"bool":true,"snakeCase":"é\u0001\"\\","bytes":"/+8=","color":"RED"}"#);
    same(r#"{"inner":{"inner":{}},"maybe":0,"text":""}"#);
    same(r#"{"list":[1,0,-1],"colors":["RED",7],"inners":[{},{"int32":1}]}"#);
    same(
        r#"{"byName":{"":"0","a":"1"},"byBool":{"false":"RED","true":"BLUE"},"byNumber":{"-1":{},"10":{"int32":1}}}"#,
    );
    same(r#"{"at":"1970-01-01T00:00:00Z","wait":"-0.500s","mask":"fooBar.baz,a","empty":{}}"#);
    same(r#"{"nullMember":null,"object":{"a":[null,1,"x",true,{}]},"value":null,"values":[]}"#);
    same(r#"{"int64Value":"0","doubleValue":0,"stringValue":"","bytesValue":"","boolValue":false}"#);
    same(r#"{"double":"NaN","float":"-Infinity","doubleValue":"Infinity"}"#);
    same(r#"{"double":1e+300,"float":3.4028235e+38,"other":"x"}"#);
}

#[test]
fn numbers_are_read_however_they_are_written() {
    check(
        r#"{"int32":"1","int64":2,"uint64":"3e2","sint32":4.0,"double":"5","float":"6e0"}"#,
        r#"{"double":5,"float":6,"int32":1,"int64":"2","uint64":"300","sint32":4}"#,
    );
    for (json, field) in [
        (r#"{"int32":2147483648}"#, "int32: the number is out of range"),
        (r#"{"int32":"-2147483649"}"#, "int32: the number is out of range"),
        (r#"{"uint32":-1}"#, "uint32: the number is out of range"),
        (r#"{"int64":9223372036854775808}"#, "int64: the number is out of range"),
        (r#"{"int64":9.3e18}"#, "int64: the number is out of range"),
        (r#"{"uint64":1e300}"#, "uint64: the number is out of range"),
        (r#"{"float":3.5e38}"#, "float: the number is out of range"),
        (r#"{"int32":1.5}"#, "int32: an integer is expected, not a number"),
        (r#"{"int32":" 1"}"#, "int32: ` 1` is no number"),
        (r#"{"int32":"+1"}"#, "int32: `+1` is no number"),
        (r#"{"int32":""}"#, "int32: `` is no number"),
        (r#"{"int32":true}"#, "int32: an integer is expected, not a boolean"),
        (r#"{"double":"inf"}"#, "double: `inf` is no number"),
        (r#"{"double":[]}"#, "double: a number is expected, not an array"),
        (r#"{"bool":"true"}"#, "bool: a boolean is expected, not a string"),
        (r#"{"snakeCase":1}"#, "snake_case: a string is expected, not a number"),
    ] {
        check(json, field);
    }
}

#[test]
fn bytes_may_be_in_either_base64() {
    for text in ["-_8=", "-_8", "+/8=", "+/8"] {
        check(&format!(r#"{{"bytes":"{text}"}}"#), r#"{"bytes":"+/8="}"#);
    }
    check(r#"{"bytes":"-/8="}"#, "bytes: this is no base64");
    check(r#"{"bytes":"a"}"#, "bytes: this is no base64");
}

#[test]
fn a_field_has_one_value() {
    check(r#"{"int32":1,"int32":1}"#, "int32: the field is given twice");
    check(r#"{"snake_case":"a","snakeCase":"a"}"#, "snake_case: the field is given twice");
    check(r#"{"text":"a","number":1}"#, "number: `choice` is set already");
    check(r#"{"byName":{"a":1,"a":2}}"#, r#"by_name["a"]: the key is given twice"#);
    check(r#"{"byNumber":{"1":{},"1.0":{}}}"#, r#"by_number["1.0"]: the key is given twice"#);
    check(r#"{"maybe":1,"text":null,"number":0}"#, r#"{"maybe":1,"number":0}"#);
}

#[test]
fn null_is_the_lack_of_a_value() {
    check(
        r#"{"int32":null,"inner":null,"list":null,"byName":null,"int64Value":null,"any":null,"at":null}"#,
        "{}",
    );
    same(r#"{"null":null}"#);
    check(r#"{"list":[null]}"#, "list[0]: an integer is expected, not null");
    check(r#"{"inners":[{},null]}"#, "inners[1]: an object is expected, not null");
    check(r#"{"byName":{"a":null}}"#, r#"by_name["a"]: an integer is expected, not null"#);
    check("null", "an object is expected, not null");
    check(r#"{"value":[null]}"#, r#"{"value":[null]}"#);
}

#[test]
fn what_is_unknown_is_ignored_or_refused() {
    let unknown = r#"{"nope":{"nope":[1]},"color":"GREEN","colors":["RED","GREEN"],"byBool":{"true":"GREEN"},"empty":{"a":1}}"#;
    check(unknown, r#"{"colors":["RED"],"empty":{}}"#);
    for (json, expected) in [
        (r#"{"inner":{"nope":1}}"#, "inner.nope: there is no such field"),
        (r#"{"colors":["GREEN"]}"#, "colors[0]: t.Color has no value `GREEN`"),
        (r#"{"empty":{"a":1}}"#, "empty.a: there is no such field"),
        (r#"{"any":{"@type":"x/t.Rich","nope":1}}"#, "any.nope: there is no such field"),
        (r#"{"any":{"@type":"x/google.protobuf.Empty","nope":1}}"#, "any.nope: there is no such field"),
    ] {
        assert_eq!(back(json, &STRICT), expected);
    }
    let long = format!(r#"{{"{}":1}}"#, "x".repeat(1 << 16));
    assert!(back(&long, &STRICT).len() < 128);
}

#[test]
fn any_holds_what_descriptors_know() {
    same(r#"{"any":{}}"#);
    same(r#"{"any":{"@type":"type.googleapis.com/t.Rich","int32":1,"any":{"@type":"a/t.Rich"}}}"#);
    same(r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#);
    same(r#"{"any":{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"}}"#);
    same(r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}"#);
    check(
        r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty"}}"#,
        r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}"#,
    );
    check(r#"{"any":{"int32":1,"@type":"x/t.Rich"}}"#, r#"{"any":{"@type":"x/t.Rich","int32":1}}"#);
    for (json, expected) in [
        (r#"{"any":{"value":1}}"#, "any: `@type` has to name the type"),
        (r#"{"any":{"@type":1}}"#, "any: `@type` has to name the type"),
        (r#"{"any":{"@type":"x/t.Rich","@type":"x/t.Rich"}}"#, "any: `@type` is given twice"),
        (r#"{"any":{"@type":"x/no.Such"}}"#, "any.@type: no descriptor tells of the type `x/no.Such`"),
        (r#"{"any":{"@type":"x/t.Rich","int32":""}}"#, "any.int32: `` is no number"),
        (
            r#"{"any":{"@type":"x/google.protobuf.Duration"}}"#,
            "any: `value` has to hold the google.protobuf.Duration",
        ),
        (
            r#"{"any":{"@type":"x/google.protobuf.Duration","value":"1"}}"#,
            "any.value: not a duration like `1.5s` of at most 10,000 years",
        ),
    ] {
        check(json, expected);
    }
    let mut message = DynamicMessage::new(rich());
    let any = prost_reflect::prost_types::Any { type_url: "x/no.Such".into(), value: vec![1] };
    message.get_field_by_name_mut("any").unwrap().as_message_mut().unwrap().transcode_from(&any).unwrap();
    let status = encode_message(&message, &JsonOptions::default()).unwrap_err();
    assert_eq!(status.code, Code::Internal);
    assert_eq!(
        status.message,
        "a t.Rich cannot be written as JSON: any: no descriptor tells of the type `x/no.Such`"
    );
}

#[test]
fn timestamps_and_durations_keep_to_their_ranges() {
    for at in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2024-02-29T12:00:00.100Z"] {
        same(&format!(r#"{{"at":"{at}"}}"#));
    }
    check(r#"{"at":"2000-01-01T01:00:00.1+01:30"}"#, r#"{"at":"1999-12-31T23:30:00.100Z"}"#);
    for at in [
        "",
        "0000-12-31T23:59:59Z",
        "9999-12-31T23:59:59-01:00",
        "2000-01-01T00:00:00",
        "2000-01-01t00:00:00z",
        "2000-01-01 00:00:00Z",
        "2000-02-30T00:00:00Z",
        "2000-01-01T24:00:00Z",
        "2000-01-01T00:00:60Z",
        "2000-01-01T00:00:00.Z",
        "2000-01-01T00:00:00.1234567890Z",
        "2000-01-01T00:00:00+24:00",
        "2000-01-01T00:00:00+1:00",
        "2000-01-01T00:00:00+01:60",
        "2000-01-01T00:00:00+é1:00",
        "2000-01-01",
    ] {
        let expected = "at: not a timestamp like `2006-01-02T15:04:05Z` of the years 1 to 9999";
        check(&format!(r#"{{"at":"{at}"}}"#), expected);
    }
    for wait in ["315576000000s", "-315576000000.999999999s", "0.000001s", "0s"] {
        same(&format!(r#"{{"wait":"{wait}"}}"#));
    }
    for wait in [
        "",
        "s",
        "1",
        "1.s",
        ".5s",
        "1.1234567890s",
        "315576000001s",
        "1 s",
        "+1s",
        "--1s",
        "99999999999999999999s",
    ] {
        check(&format!(r#"{{"wait":"{wait}"}}"#), "wait: not a duration like `1.5s` of at most 10,000 years");
    }
}

#[test]
fn field_masks_are_in_camel_case() {
    check(r#"{"mask":""}"#, r#"{"mask":""}"#);
    for mask in ["foo_bar", "a,,b", "a.", " a", "1a"] {
        check(&format!(r#"{{"mask":"{mask}"}}"#), "mask: not a list of paths like `fooBar.baz,foo`");
    }
    for path in ["fooBar", "foo__bar", "foo_1", "a b"] {
        let mask = prost_reflect::prost_types::FieldMask { paths: vec![path.into()] };
        let descriptor = bundled::pool().get_message_by_name("google.protobuf.FieldMask").unwrap();
        let status = encode(&descriptor, &mask.encode_to_vec(), &JsonOptions::default()).unwrap_err();
        assert_eq!(status.code, Code::Internal, "{path}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    check("", "no text is no JSON");
    for text in
        ["{", "{}x", "{} {}", "{'a':1}", "{\"a\":1,}", "{\"snakeCase\":\"\\ud800\"}", "\u{feff}{}", "nan"]
    {
        let said = back(text, &JsonOptions::default());
        assert!(said.starts_with("this is no JSON: "), "{text}: {said}");
    }
    assert!(decode(&rich(), b"{\"snakeCase\":\"\xff\"}", &JsonOptions::default()).is_err());
    let empty = bundled::pool().get_message_by_name("google.protobuf.Empty").unwrap();
    assert_eq!(decode(&empty, b"{}", &STRICT).unwrap(), b"");
    assert_eq!(decode(&empty, b"", &STRICT).unwrap_err().code, Code::InvalidArgument);
}

#[test]
fn options_say_how_it_is_written() {
    let options = JsonOptions {
        preserve_proto_names: true,
        enums_as_numbers: true,
        int64_as_numbers: true,
        ..JsonOptions::default()
    };
    let json = r#"{"int64":"1","snakeCase":"a","color":"RED","by_name":{"a":"2"},"int64Value":"3"}"#;
    let expected = r#"{"int64":1,"snake_case":"a","color":1,"by_name":{"a":2},"int64_value":3}"#;
    assert_eq!(back(json, &options), expected);
    let all = back("{}", &JsonOptions { always_print_fields: true, ..JsonOptions::default() });
    assert!(all.starts_with(r#"{"double":0,"float":0,"int32":0,"int64":"0""#), "{all}");
    assert!(all.contains(r#""color":"NONE","list":[],"colors":[],"inners":[],"byName":{}"#), "{all}");
    assert!(!all.contains("maybe") && !all.contains("inner\"") && !all.contains("text"), "{all}");
}

#[test]
fn messages_lie_in_each_other_only_so_deep() {
    for (before, inner, after, deepest) in [
        (r#"{"inner":"#, "{}", "}", 100),
        (r#"{"byNumber":{"1":"#, "{}", "}}", 50),
        // Of these JSON alone is too deep then.
        (r#"{"inners":["#, "{}", "]}", 63),
        (r#"{"any":{"@type":"x/t.Rich","inner":"#, "{}", "}}", 33),
    ] {
        let nested = |levels| before.repeat(levels) + inner + &after.repeat(levels);
        // What is read, proto's own limit lets through.
        (1..=deepest).for_each(|levels| same(&nested(levels)));
        too_deep(&nested(deepest + 1));
    }
    for (before, after, deepest) in [("[", "]", 49), (r#"{"a":"#, "}", 33)] {
        let nested = |levels| format!(r#"{{"value":{}1{}}}"#, before.repeat(levels), after.repeat(levels));
        (1..=deepest).for_each(|levels| same(&nested(levels)));
        too_deep(&nested(deepest + 1));
    }
    too_deep(&"[".repeat(1 << 20));
}

#[track_caller]
fn too_deep(json: &str) {
    let said = back(json, &JsonOptions::default());
    let is_refused = said.ends_with("more than 100 messages lie within each other")
        || said.starts_with("this is no JSON: recursion limit exceeded");
    assert!(is_refused, "{said}");
}

#[test]
fn one_field_has_a_form_of_its_own() {
    let options = JsonOptions::default();
    let message =
        decode_message(&rich(), br#"{"list":[1],"snakeCase":"a","at":"1970-01-01T00:00:00Z"}"#, &options);
    let message = message.unwrap();
    for (name, expected) in [
        ("list", "[1]"),
        ("snake_case", "\"a\""),
        ("at", "\"1970-01-01T00:00:00Z\""),
        ("inner", "null"),
        ("by_name", "{}"),
        ("int64", "\"0\""),
    ] {
        let field = rich().get_field_by_name(name).unwrap();
        let json = encode_field(&message, &field, &options).unwrap();
        assert_eq!(String::from_utf8(json.clone()).unwrap(), expected, "{name}");
        let value = decode_field(&field, &json, &options).unwrap();
        let is_set = message.has_field(&field).then(|| message.get_field(&field).into_owned());
        assert_eq!(value, is_set.or(if expected == "null" { None } else { Some(field.default_value()) }));
    }
    let field = rich().get_field_by_name("list").unwrap();
    let status = decode_field(&field, b"[1,\"x\"]", &options).unwrap_err();
    assert_eq!(status.message, "list[1]: `x` is no number");
}
