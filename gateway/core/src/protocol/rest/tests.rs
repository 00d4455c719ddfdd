//! What whole requests and responses look like.

use std::path::Path as FilePath;

use prost_reflect::{DescriptorPool, DynamicMessage};

use super::super::tests::{map, sent};
use super::*;
use crate::message::{Deframer, Side};
use crate::schema::Source;
use crate::testing::{Decoded, feed_in_every_split};

/// Compiles files of `tests/rest`, and the text of one more.
fn compile(files: &[&str], extra: &str) -> DescriptorPool {
    struct Text(String);
    impl protox::file::FileResolver for Text {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            match name {
                "extra.proto" => protox::file::File::from_source(name, &self.0),
                _ => Err(protox::Error::file_not_found(name)),
            }
        }
    }
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolver = protox::file::ChainFileResolver::new();
    resolver.add(protox::file::IncludeFileResolver::new(root.join("../../tests/rest")));
    resolver.add(protox::file::IncludeFileResolver::new(root.join("proto")));
    resolver.add(Text(extra.to_owned()));
    resolver.add(protox::file::GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_files(files).unwrap();
    compiler.descriptor_pool()
}

fn schema() -> &'static Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        let pool = compile(&["library.proto", "everything.proto"], "");
        Schema::new(&[Source { pool, json: Default::default() }])
    });
    &SCHEMA
}

/// The bindings' problems of a service with these methods.
fn problems(methods: &str) -> Vec<String> {
    let extra = format!(
        "syntax = \"proto3\"; package t;
         import \"google/api/annotations.proto\"; import \"google/protobuf/field_mask.proto\";
         message M {{ string s = 1; M m = 2; repeated string list = 3; map<string, string> map = 4; }}
         service S {{ {methods} }}"
    );
    let pool = compile(&["extra.proto"], &extra);
    let schema = Schema::new(&[Source { pool, json: Default::default() }]);
    schema.bindings().bad_rules().iter().map(ToString::to_string).collect()
}

/// `GET /path` and headers.
fn request(line: &str, headers: &[(&'static str, &str)]) -> Head {
    let (method, path) = line.split_once(' ').unwrap();
    Head {
        method: method.parse().unwrap(),
        path: path.parse().unwrap(),
        headers: map(headers),
        transport: Transport::Http2,
    }
}

/// Opens a call, or shows the whole answer: a head and a body.
fn open_call(head: Head) -> Result<Opened, String> {
    let services = Services::everywhere(schema());
    let protocol = super::super::recognise(&head, &services).ok_or("no protocol")?;
    assert_eq!(protocol.name, "rest");
    (protocol.open)(head, &services).map_err(|reply| match reply {
        Reply::Http(status, headers) => format!("{} {headers:?}", status.as_u16()),
        Reply::Status(status, mut encoder) => {
            let (head, body, _) = sent(|out| encoder.trailers_only(HeaderMap::new(), status.into(), out));
            format!("{} {}", &head[..3], String::from_utf8_lossy(&body))
        }
    })
}

/// The method that a request calls and its messages as JSON; or how it is refused.
fn call_with(
    line: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<(String, Vec<String>), String> {
    let opened = open_call(request(line, headers))?;
    let path = opened.path.clone();
    let method = schema().method(&path).unwrap();
    let messages = feed_in_every_split(body.as_bytes(), |pieces| {
        let mut opened = open_call(request(line, headers)).unwrap();
        let decoded = Decoded::from_pieces(&mut *opened.decoder, pieces, true);
        let mut deframer = Deframer::new(Side::Client, 0);
        deframer.push(&decoded.frames);
        let mut messages = Vec::new();
        while let Some(message) = deframer.next_message().unwrap() {
            let message = DynamicMessage::decode(method.input(), message.payload).unwrap();
            messages.push(serde_json::to_value(&message).unwrap().to_string());
        }
        match decoded.refused {
            Some((code, message)) => Err(format!("{}: {message} after {messages:?}", code.name())),
            None => Ok(messages),
        }
    });
    Ok((path.method().to_owned(), messages?))
}

#[track_caller]
fn check(line: &str, body: &str, method: &str, messages: &[&str]) {
    let seen = call_with(line, &[], body).unwrap_or_else(|refused| panic!("{line}: {refused}"));
    assert_eq!(
        (&*seen.0, &*seen.1),
        (method, &messages.iter().map(|m| m.to_string()).collect::<Vec<_>>()[..])
    );
}

#[track_caller]
fn refused(line: &str, body: &str, want: &str) {
    let seen = call_with(line, &[], body).expect_err(line);
    assert!(seen.contains(want), "{line}\n has: {seen}\nwant: {want}");
}

#[test]
fn every_rule_of_the_examples_can_be_used() {
    assert_eq!(schema().bindings().bad_rules(), []);
    assert_eq!(schema().bindings().all().len(), 38);
}

#[test]
fn binds_paths_queries_and_bodies() {
    check("GET /v1/shelves", "", "ListShelves", &["{}"]);
    check("GET /v1/shelves/7", "", "GetShelf", &[r#"{"shelf":"7"}"#]);
    check("DELETE /v1/shelves/7", "", "DeleteShelf", &[r#"{"shelf":"7"}"#]);
    check("POST /v1/shelves", r#"{"theme":"x"}"#, "CreateShelf", &[r#"{"shelf":{"theme":"x"}}"#]);
    check("POST /v1/shelves", "", "CreateShelf", &["{}"]);
    check(
        "POST /v1/shelves/9",
        r#" {"id": "3", "theme_name":"x"} "#,
        "CreateShelf",
        &[r#"{"shelf":{"id":"9","theme":"x"}}"#],
    );
    check(
        "POST /v1/shelves/1/books?notify=true",
        r#"{"title":"T","author":{"lname":"L"}}"#,
        "CreateBook",
        &[r#"{"book":{"author":{"lname":"L"},"title":"T"},"notify":true,"shelf":"1"}"#],
    );
    check(
        "PUT /v1/shelves/1/books/2/by/A%2FB%20C",
        r#"{"id":"9","author":{"id":"4","lname":"no"}}"#,
        "CreateBook",
        &[r#"{"book":{"author":{"id":"4","lname":"A/B C"},"id":"2"},"shelf":"1"}"#],
    );
    check("PUT /v1/books/0", r#"{"id":"5","title":"T"}"#, "ReplaceBook", &[r#"{"title":"T"}"#]);
    check("OPTIONS /v1/shelves/1/books/2", "", "BookOptions", &[r#"{"book":"2","shelf":"1"}"#]);
    check("GET /v1/shelves/1/books/2", "", "GetBook", &[r#"{"book":"2","shelf":"1"}"#]);
    check("GET /v1/shelves/1/books/2?name=n", "", "GetBook", &[r#"{"book":"2","name":"n","shelf":"1"}"#]);
    check("GET /v1/shelves/1/books/2:byName", "", "GetBook", &[r#"{"name":"shelves/1/books/2"}"#]);
    check("GET /v1/anywhere", "", "GetBook", &["{}"]);
    check("GET /v1/anywhere/a/b%2Fc/d%20e", "", "GetBook", &[r#"{"name":"a/b%2Fc/d e"}"#]);
    check("POST /v1/shelves/1/books/2:borrow", "{}", "Borrow", &[r#"{"book":"2","shelf":"1"}"#]);
    check("GET /v1/echo/3", "", "Echo", &[r#"{"id":"3"}"#]);
    check("BREW /v1/echo/3", r#"{"title":"T"}"#, "Echo", &[r#"{"id":"3","title":"T"}"#]);
    check(
        "GET /v1/shelves/1/titles?limit=5&like.author.lname=L&like.quotes=a&like.quotes=b+c&like.ratings[x.y]=3",
        "",
        "ListTitles",
        &[
            r#"{"like":{"author":{"lname":"L"},"quotes":["a","b c"],"ratings":{"x.y":3}},"limit":5,"shelf":"1"}"#,
        ],
    );
}

#[test]
fn refuses_what_the_method_does_not_take() {
    refused("GET /v1/shelves/x", "", "400 {\"code\":3");
    refused("GET /v1/shelves/x", "", "`shelf`: `x` is no int64");
    refused("GET /v1/shelves/1?nope=1", "", "unknown parameter `nope`");
    refused("GET /v1/shelves/1?shelf=2", "", "`shelf` is set by the path");
    refused("POST /v1/shelves?shelf.id=2", "{}", "`shelf.id` is set by the body");
    refused("PUT /v1/books/1?title=x", "{}", "unknown parameter `title`");
    refused("GET /v1/shelves/1/titles?limit=1&limit=2", "", "sets `limit` twice");
    refused("GET /v1/shelves/1/titles?like=1", "", "`like` is a message");
    refused("GET /v1/shelves/1/titles?like.ratings=1", "", "unknown parameter");
    refused("GET /v1/shelves/1/titles?like.title.x=1", "", "unknown parameter");
    refused("GET /v1/shelves/1/titles?limit[a]=1", "", "unknown parameter");
    refused("GET /v1/shelves/1/titles?limit=%ff", "", "no UTF-8");
    refused("GET /v1/shelves/1/titles?=1", "", "unknown parameter ``");
    refused(&format!("GET /v1/everything?{}uuid=1", "nested.".repeat(40)), "", "deeper than 32");
    refused(&format!("GET /v1/everything?{}", "string_list=a&".repeat(1001)), "", "more than 1000");
    refused("GET /v1/shelves", "{}", "INVALID_ARGUMENT: this method takes no body");
    refused("POST /v1/shelves", "{\"theme\":", "INVALID_ARGUMENT");
    refused("POST /v1/shelves", "{\"theme\":1}", "INVALID_ARGUMENT: shelf.theme_name");
    refused("POST /v1/shelves", "{}{}", "INVALID_ARGUMENT");
    refused("PUT /v1/everything/numbers", "[1],\"uuid\":\"x\"", "trailing characters");
    refused("POST /v1/shelves/1/books/2", "", "405");
    refused("GET /v1/nowhere", "", "no protocol");
    refused("GET /v1/shelves/..", "", "no protocol");
    refused("GET /v1/shelves/", "", "no protocol");
    let seen = call_with("POST /v1/shelves/1/books/2", &[], "").unwrap_err();
    assert_eq!(seen, r#"405 {"allow": "GET, OPTIONS, PATCH, PUT"}"#);
}

#[test]
fn reads_every_type_from_the_path() {
    check(
        "GET /v1/path/1.5/-2e3/-9007199254740993/18446744073709551615/-1/2/3/true/strprefix/x/4/-5/-6/-7/-8/n%C3%A9/ONE",
        "",
        "Path",
        &[concat!(
            r#"{"boolValue":true,"doubleValue":-2000.0,"enumValue":"ONE","fixed32Value":3,"fixed64Value":"2","#,
            r#""floatValue":1.5,"int32Value":-1,"int64Value":"-9007199254740993","nonConventionalNameValue":"né","#,
            r#""sfixed32Value":-5,"sfixed64Value":"-6","sint32Value":-7,"sint64Value":"-8","#,
            r#""stringValue":"strprefix/x","uint32Value":4,"uint64Value":"18446744073709551615"}"#
        )],
    );
    check("GET /v1/bytes/-_-_", "", "Path", &[r#"{"bytesValue":"+/+/"}"#]);
    check(
        "GET /v1/at/2020-01-02T03:04:05.5Z/for/1.5s/false/0",
        "",
        "Path",
        &[concat!(
            r#"{"duration":"1.500s","timestamp":"2020-01-02T03:04:05.500Z","#,
            r#""wrappedBool":false,"wrappedInt64":"0"}"#
        )],
    );
    check("GET /v1/oneof/x", "", "Path", &[r#"{"oneofString":"x"}"#]);
    check("GET /v1/deep/a/b", "", "Path", &[r#"{"nested":{"inner":{"name":"b"},"name":"a"}}"#]);
    refused("GET /v1/oneof/x?oneof_bool=true", "", "more than one of `oneof_value` is set");
}

#[test]
fn reads_every_type_from_the_query() {
    let check = |query: &str, want: &str| check(&format!("GET /v1/everything?{query}"), "", "Echo", &[want]);
    check("", "{}");
    check("&&", "{}");
    check("float_value=-Infinity&doubleValue=NaN", r#"{"doubleValue":"NaN","floatValue":"-Infinity"}"#);
    check("enum_value=MINUS&enum_list=1&enumList=ZERO", r#"{"enumList":["ONE","ZERO"],"enumValue":"MINUS"}"#);
    check("bool_value=1&wrapped_bool=0", r#"{"boolValue":true,"wrappedBool":false}"#);
    check("bytes_value=YQ&wrapped_bytes=YQ%3D%3D", r#"{"bytesValue":"YQ==","wrappedBytes":"YQ=="}"#);
    check("int32_list=1&int32_list=-2", r#"{"int32List":[1,-2]}"#);
    check("string_list=a%26b&string_list=c%3Dd&string_list", r#"{"stringList":["a&b","c=d",""]}"#);
    check("labels[a]=1&labels%5Bb%5D=2", r#"{"labels":{"a":"1","b":"2"}}"#);
    check("by_number[-3]=ONE", r#"{"byNumber":{"-3":"ONE"}}"#);
    check("optional_string=", r#"{"optionalString":""}"#);
    check("oneof_nested.amount=3", r#"{"oneofNested":{"amount":3}}"#);
    check("timestamps=1970-01-01T00:00:01Z", r#"{"timestamps":["1970-01-01T00:00:01Z"]}"#);
    check("mask=a.bC,d_e", r#"{"mask":"a.bC,dE"}"#);
    check("struct=%7B%22a%22:[1]%7D&value=null", r#"{"struct":{"a":[1.0]},"value":null}"#);
    check(
        "wrapped_double=1.5&wrapped_float=2&wrapped_uint64=3&wrapped_int32=-4&wrapped_uint32=5&wrapped_string=",
        concat!(
            r#"{"wrappedDouble":1.5,"wrappedFloat":2.0,"wrappedInt32":-4,"wrappedString":"","#,
            r#""wrappedUint32":5,"wrappedUint64":"3"}"#
        ),
    );
    for bad in [
        "int32_value=1.5",
        "int32_value=3000000000",
        "uint32_value=-1",
        "int64_value=",
        "float_value=1e99",
        "double_value=1e999",
        "bool_value=yes",
        "bytes_value=*",
        "enum_value=TWO",
        "enum_value=2",
        "timestamp=today",
        "duration=1",
        "wrapped_int32=x",
        "struct=1",
        "by_number[x]=ONE",
        "value=x",
        "nested_list=1",
        "nested_by_name[a]=1",
        "labels[a]=1&labels[a]=2",
        "uuid=a&uuid=b",
        "nested_list.name=x",
        "oneof_bool=true&oneof_string=x",
        "oneof_nested.name=a&oneof_string=x",
        "int32Value=1&int32_value=1",
        "labels[a=1",
        "labelsa]=1",
        "optional_string[]=1",
    ] {
        refused(&format!("GET /v1/everything?{bad}"), "", "400 {\"code\":3");
    }
}

#[test]
fn rules_that_cannot_be_used_are_named() {
    let check = |methods: &str, want: &[&str]| assert_eq!(problems(methods), want, "{methods}");
    let rule = |rule: &str| format!("rpc A(M) returns (M) {{ option (google.api.http) = {{ {rule} }}; }}");
    let bad = |text: &str, want: &str| check(&rule(text), &[&format!("t.S.A: {want}")]);
    check(&rule(r#"get: "/a/{m.m.s}""#), &[]);
    bad(r#"get: "a""#, "a template begins with `/` at byte 0 of `a`");
    bad(r#"get: "/{x}""#, "`x`: t.M has no field `x`");
    bad(r#"get: "/{m.x}""#, "`m.x`: t.M has no field `x`");
    bad(r#"get: "/{s.x}""#, "`s.x`: only messages have fields");
    bad(r#"get: "/{m}""#, "`m`: a t.M cannot be part of a path");
    bad(r#"get: "/{list}""#, "`list`: a repeated field cannot be part of a path");
    bad(r#"get: "/{map}""#, "`map`: a repeated field cannot be part of a path");
    bad(r#"post: "/" body: "x""#, "body: t.M has no field `x`");
    bad(r#"post: "/" body: "m.s""#, "body: t.M has no field `m.s`");
    bad(r#"get: "/" response_body: "x""#, "response_body: t.M has no field `x`");
    bad(r#"body: "s""#, "a rule without a path");
    bad(r#"custom { kind: "A B" path: "/" }"#, "`A B` is no HTTP method");
    bad(
        r#"get: "/" additional_bindings { get: "/a" additional_bindings { get: "/b" } }"#,
        "additional_bindings do not nest",
    );
    let two = |a: &str, b: &str| {
        format!(
            "rpc A(M) returns (M) {{ option (google.api.http) = {{ {a} }}; }}
             rpc B(M) returns (M) {{ option (google.api.http) = {{ {b} }}; }}"
        )
    };
    check(
        &two(r#"get: "/a/{s}:x""#, r#"get: "/a/{m.s=*}:x""#),
        &["t.S.B: `GET /a/{m.s=*}:x` takes the same requests as `GET /a/{s}:x` of t.S.A"],
    );
    check(&two(r#"get: "/a/{s}""#, r#"post: "/a/{s}""#), &[]);
    check(&two(r#"get: "/a/{s}""#, r#"get: "/a/b""#), &[]);
    check(&two(r#"get: "/a""#, r#"custom { kind: "*" path: "/a" }"#), &[]);
}

#[test]
fn rules_count_without_their_own_descriptors() {
    let pool = compile(&["library.proto"], "");
    // What is left is what servers often tell of: the option's bytes, and nobody who knows the extension.
    let mut alone = DescriptorPool::new();
    for file in pool.files().filter(|file| !file.name().ends_with("annotations.proto")) {
        let mut proto = prost_reflect::DynamicMessage::new(
            DescriptorPool::global().get_message_by_name("google.protobuf.FileDescriptorProto").unwrap(),
        );
        prost::Message::merge(&mut proto, &*file.encode_to_vec()).unwrap();
        let imports = proto.get_field_by_name_mut("dependency").unwrap().as_list_mut().unwrap();
        imports.retain(|import| import.as_str() != Some("google/api/annotations.proto"));
        alone.decode_file_descriptor_proto(&*prost::Message::encode_to_vec(&proto)).unwrap();
    }
    assert!(alone.get_extension_by_name("google.api.http").is_none());
    let bindings = |pool| {
        let schema = Schema::new(&[Source { pool, json: Default::default() }]);
        assert_eq!(schema.bindings().bad_rules(), []);
        let show = |binding: &Arc<Binding>| format!("{} {}", binding.verb, binding.template);
        schema.bindings().all().iter().map(show).collect::<Vec<_>>()
    };
    let told = bindings(alone);
    assert!(told.len() > 20);
    assert_eq!(told, bindings(pool));
}

#[test]
fn fills_the_mask_of_a_patch() {
    let line = "PATCH /v1/shelves/1/books/2";
    check(
        line,
        r#"{"title":"T","author":{"lname":"L","first_name":null},"ratings":{"a":1},"unknown":1}"#,
        "UpdateBook",
        &[concat!(
            r#"{"book":{"author":{"lname":"L"},"id":"2","ratings":{"a":1},"title":"T"},"shelf":"1","#,
            r#""updateMask":"author.firstName,author.lastName,ratings,title"}"#
        )],
    );
    check(
        &format!("{line}?update_mask=title,author.lname"),
        r#"{"title":"T"}"#,
        "UpdateBook",
        &[r#"{"book":{"id":"2","title":"T"},"shelf":"1","updateMask":"title,author.lname"}"#],
    );
    check(line, "", "UpdateBook", &[r#"{"book":{"id":"2"},"shelf":"1"}"#]);
}

#[test]
fn takes_raw_bodies() {
    let seen =
        call_with("PUT /v1/shelves/1/books/2/cover", &[("content-type", "image/png")], " \u{1}{").unwrap();
    let want = r#"{"book":"2","cover":{"contentType":"image/png","data":"IAF7"},"shelf":"1"}"#;
    assert_eq!(seen, ("PutCover".into(), vec![want.into()]));
    check("POST /v1/raw", "x", "EchoBody", &[r#"{"data":"eA=="}"#]);
    check("POST /v1/raw", "", "EchoBody", &["{}"]);
    // Each piece is a message, so the splits differ.
    let scan = |pieces: &[usize]| {
        let mut opened = open_call(request("POST /v1/scans", &[("content-type", "a/b")])).unwrap();
        let pieces = crate::testing::pieces(&Bytes::from_static(b"abcd"), pieces);
        Decoded::from_pieces(&mut *opened.decoder, pieces, true).frames
    };
    assert_eq!(scan(&[1, 3]), &b"\0\0\0\0\x08\x0a\x03a/b\x12\x01a\0\0\0\0\x05\x12\x03bcd"[..]);
    assert_eq!(scan(&[4]), &b"\0\0\0\0\x0b\x0a\x03a/b\x12\x04abcd"[..]);
}

#[test]
fn takes_streams_of_json() {
    let books = [r#"{"book":{"title":"a"},"shelf":"1"}"#, r#"{"book":{"title":"b"},"shelf":"1"}"#];
    let line = "POST /v1/shelves/1/books:import";
    check(line, r#"[{"title":"a"}, {"title":"b"}]"#, "ImportBooks", &books);
    check(line, "{\"title\":\"a\"}\n{\"title\":\"b\"}\n", "ImportBooks", &books);
    check(line, "", "ImportBooks", &[]);
    check(line, "[]", "ImportBooks", &[]);
    let seen =
        call_with("POST /v1/discussion", &[("content-type", "application/x-ndjson")], "{}\n{}").unwrap();
    assert_eq!(seen.1, ["{}", "{}"]);
    refused("POST /v1/discussion", "[{}", r#"inside of a value after ["{}"]"#);
    refused("POST /v1/discussion", "[{}, 7]", r#"INVALID_ARGUMENT"#);
}

#[test]
fn bodies_stay_within_the_limit() {
    let limited = |line: &str, body: &'static str| {
        let mut opened = open_call(request(line, &[])).unwrap();
        opened.decoder.limit(10);
        let seen =
            Decoded::from_pieces(&mut *opened.decoder, vec![Bytes::from_static(body.as_bytes())], true);
        seen.refused.map(|(code, _)| code)
    };
    assert_eq!(limited("POST /v1/shelves", "{       }"), None);
    assert_eq!(limited("POST /v1/shelves", "{         }"), Some(Code::ResourceExhausted));
    assert_eq!(limited("POST /v1/discussion", "[{},{},{},{},{},{}]"), None);
    assert_eq!(limited("POST /v1/discussion", "[{         }]"), Some(Code::ResourceExhausted));
}

#[test]
fn knows_the_types_of_bodies() {
    let check = |line: &str, content_type: &str, length: &str, want: &str| {
        let headers = [("content-type", content_type), ("content-length", length)];
        let seen = open_call(request(line, &headers)).map_or_else(|refused| refused, |_| "opened".into());
        assert!(seen.starts_with(want), "{line} {content_type}: {seen}");
    };
    for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        check("POST /v1/shelves", json, "2", "opened");
        check("POST /v1/discussion", json, "2", "opened");
    }
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""] {
        check("POST /v1/shelves", other, "2", "415");
        check("POST /v1/discussion", other, "2", "415");
        check("POST /v1/shelves", other, "0", "opened");
        check("GET /v1/shelves", other, "0", "opened");
        check("POST /v1/raw", other, "2", "opened");
    }
    check("POST /v1/discussion", "application/x-ndjson", "2", "opened");
    check("POST /v1/shelves", "application/x-ndjson", "2", "415");
}

#[test]
fn decompresses_bodies() {
    use crate::compression::Encoding;
    let headers = |encoding| [("content-encoding", encoding), ("content-type", "application/json")];
    for encoding in Encoding::ALL {
        let body = encoding.compress(br#"{"theme":"x"}"#);
        let frames = feed_in_every_split(&body, |pieces| {
            let mut opened = open_call(request("POST /v1/shelves", &headers(encoding.as_str()))).unwrap();
            Decoded::from_pieces(&mut *opened.decoder, pieces, true)
        });
        assert_eq!((&frames.frames[..], frames.refused), (&b"\0\0\0\0\x05\x0a\x03\x12\x01x"[..], None));
    }
    let unknown = open_call(request("POST /v1/shelves", &headers("pack200"))).err().unwrap();
    assert!(unknown.starts_with("415"), "{unknown}");
    let seen = call_with("POST /v1/shelves", &headers("gzip"), "{}").unwrap_err();
    assert!(seen.starts_with("INVALID_ARGUMENT"), "{seen}");
}

#[test]
fn passes_metadata_and_the_timeout() {
    let opened = open_call(request(
        "GET /v1/shelves",
        &[
            ("grpc-timeout", "2S"),
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "gzip"),
            ("accept", "*/*"),
            ("accept-encoding", "br"),
            ("content-type", "application/json"),
            ("content-length", "0"),
            ("sec-fetch-mode", "cors"),
            ("te", "trailers"),
            ("origin", "https://a"),
            ("authorization", "Bearer x"),
            ("user-agent", "curl"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("grpc-metadata-x-a", "3"),
            ("grpc-metadata-b-bin", "YQ"),
            ("grpc-metadata-grpc-status", "0"),
            ("grpc-metadata-host", "h"),
            ("grpc-metadata-", "e"),
        ],
    ));
    let opened = opened.unwrap();
    assert_eq!(opened.timeout, Some(Duration::from_secs(2)));
    assert_eq!(opened.content_type, "application/grpc+proto");
    assert_eq!((opened.encoding, opened.accept_encoding), (None, None));
    assert_eq!(opened.path.as_str(), "/library.v1.Library/ListShelves");
    let metadata = [
        ("origin", "https://a"),
        ("authorization", "Bearer x"),
        ("user-agent", "curl"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x-a", "3"),
        ("b-bin", "YQ"),
    ];
    assert_eq!(opened.metadata, map(&metadata));
    let bad = open_call(request("GET /v1/shelves", &[("grpc-timeout", "soon")])).err().unwrap();
    assert!(bad.starts_with("400 {\"code\":3"), "{bad}");
}

#[test]
fn serves_only_what_routes_take() {
    let has_route = |path: &MethodPath| path.method() == "GetBook";
    let services = Services { schema: schema(), has_route: &has_route };
    let takes = |line: &str| recognise(&request(line, &[]), &services);
    assert!(takes("GET /v1/shelves/1/books/2"));
    assert!(takes("PATCH /v1/shelves/1/books/2"));
    assert!(!takes("GET /v1/shelves/1"));
    let mut over = request("GET /v1/shelves/1/books/2", &[]);
    over.transport = Transport::WebTransport;
    assert!(!recognise(&over, &services));
    let Err(Reply::Http(status, allow)) = open(request("PATCH /v1/shelves/1/books/2", &[]), &services) else {
        panic!("opened");
    };
    assert_eq!((status.as_u16(), &allow[header::ALLOW]), (405, &HeaderValue::from_static("GET")));
}

#[test]
fn leaves_preflights_alone() {
    let services = Services::everywhere(schema());
    let ask = |path: &str| {
        let headers = [("origin", "https://a"), ("access-control-request-method", "DELETE")];
        recognise(&request(&format!("OPTIONS {path}"), &headers), &services)
    };
    assert!(!ask("/v1/shelves/1"));
    // Its own binding takes OPTIONS.
    assert!(ask("/v1/shelves/1/books/2"));
    let target = target(&Method::DELETE, "/v1/shelves/1", &services).unwrap();
    assert_eq!(target.as_str(), "/library.v1.Library/DeleteShelf");
    assert!(super::target(&Method::PUT, "/v1/shelves/1", &services).is_none());
}

/// What a response of these messages looks like: head, body, ending.
fn answer(
    line: &str,
    headers: &[(&'static str, &str)],
    metadata: Option<&[(&'static str, &str)]>,
    messages: &[&str],
    end: End,
) -> (String, String, String) {
    let opened = |line| open_call(request(line, headers)).unwrap();
    let output = schema().method(&opened(line).path).unwrap().output();
    let frame = |json: &&str| {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let message = DynamicMessage::deserialize(output.clone(), json).unwrap();
        let payload = prost::Message::encode_to_vec(&message).into();
        crate::message::Message { compressed: false, payload }.to_frame()
    };
    let frames: Vec<u8> = messages.iter().flat_map(frame).collect();
    feed_in_every_split(&frames, |pieces| {
        let mut encoder = opened(line).encoder;
        let (head, body, ending) = sent(|out| {
            let Some(metadata) = metadata else {
                return encoder.trailers_only(map(&[("filter", "1")]), end.clone(), out);
            };
            encoder.head(crate::call::ResponseHead { metadata: map(metadata), ..Default::default() }, out);
            let fed = pieces.into_iter().try_for_each(|piece| encoder.data(piece, out));
            encoder.end(fed.err().map_or(end.clone(), End::from), out);
        });
        (head, String::from_utf8_lossy(&body).into_owned(), ending)
    })
}

fn ok(trailers: &[(&'static str, &str)]) -> End {
    End { status: Status::OK, trailers: map(trailers) }
}

fn not_found() -> End {
    End { status: Status::new(Code::NotFound, "no \"x\""), trailers: map(&[("t", "1"), ("t", "2")]) }
}

const NOT_FOUND: &str = r#"{"code":5,"message":"no \"x\"","details":[]}"#;

/// Checks the response of a call without request headers, which ends cleanly.
#[track_caller]
fn check_answer(
    line: &str,
    metadata: Option<&[(&'static str, &str)]>,
    messages: &[&str],
    end: End,
    head: &str,
    body: &str,
) {
    let seen = answer(line, &[], metadata, messages, end);
    assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, "clean"), "{line}");
}

#[test]
fn answers_unary_calls() {
    let shelf = r#"{"id":"1","theme":"x"}"#;
    check_answer(
        "GET /v1/shelves/1",
        Some(&[("x-a", "1"), ("x-a", "2"), ("content-length", "7"), ("etag", "e")]),
        &[shelf],
        ok(&[("t", "1"), ("www-authenticate", "w")]),
        "200 content-type: application/json; etag: e; grpc-trailer-t: 1; www-authenticate: w; x-a: 1; x-a: 2",
        shelf,
    );
    check_answer(
        "POST /v1/shelves",
        Some(&[("x-http-code", "201")]),
        &[shelf],
        ok(&[]),
        "201 content-type: application/json",
        shelf,
    );
    check_answer("DELETE /v1/shelves/1", Some(&[("x-http-code", "204")]), &["{}"], ok(&[]), "204 ", "");
    for code in ["500", "302", "99", "x"] {
        let head = "200 content-type: application/json";
        check_answer("DELETE /v1/shelves/1", Some(&[("x-http-code", code)]), &["{}"], ok(&[]), head, "{}");
    }
    let json = "200 content-type: application/json";
    check_answer(
        "GET /v1/shelves/1/titles",
        Some(&[]),
        &[r#"{"titles":["a","b"]}"#],
        ok(&[]),
        json,
        r#"["a","b"]"#,
    );
    check_answer("GET /v1/shelves/1/titles", Some(&[]), &["{}"], ok(&[]), json, "[]");
    check_answer("PUT /v1/everything/labels", Some(&[]), &["{}"], ok(&[]), json, "{}");
    check_answer("PUT /v1/everything/text", Some(&[]), &["{}"], ok(&[]), json, "\"\"");
    check_answer("PUT /v1/everything/text", Some(&[]), &[r#"{"stringValue":"x"}"#], ok(&[]), json, "\"x\"");
    let time = "1970-01-01T00:00:01Z";
    let timestamp = format!(r#"{{"timestamp":"{time}"}}"#);
    check_answer("PUT /v1/everything/time", Some(&[]), &[&timestamp], ok(&[]), json, &format!("\"{time}\""));
    check_answer(
        "GET /v1/shelves/1/books/2/cover",
        Some(&[("content-type", "x/y")]),
        &[r#"{"contentType":"image/png","data":"AQI="}"#],
        ok(&[]),
        "200 content-type: image/png",
        "\u{1}\u{2}",
    );
    check_answer(
        "POST /v1/raw",
        Some(&[]),
        &["{}"],
        ok(&[]),
        "200 content-type: application/octet-stream",
        "",
    );
}

#[test]
fn answers_errors_with_their_http_status() {
    let line = "GET /v1/shelves/1";
    let with_metadata = "404 content-type: application/json; grpc-trailer-t: 1; grpc-trailer-t: 2; x: 1";
    check_answer(line, Some(&[("x", "1")]), &[], not_found(), with_metadata, NOT_FOUND);
    check_answer(line, Some(&[("x", "1")]), &["{}"], not_found(), with_metadata, NOT_FOUND);
    let alone = "404 content-type: application/json; filter: 1; t: 1; t: 2";
    check_answer(line, None, &[], not_found(), alone, NOT_FOUND);
    check_answer("GET /v1/shelves/1/books", None, &[], not_found(), alone, NOT_FOUND);
    check_answer("GET /v1/shelves/1/books/2/scan", None, &[], not_found(), alone, NOT_FOUND);
    let of_raw = "404 content-type: application/json; grpc-trailer-t: 1; grpc-trailer-t: 2";
    check_answer("GET /v1/shelves/1/books/2/scan", Some(&[]), &[], not_found(), of_raw, NOT_FOUND);
    let none = r#"{"code":12,"message":"the upstream ended a unary call without a message","details":[]}"#;
    check_answer(line, Some(&[]), &[], ok(&[]), "501 content-type: application/json", none);
    let two =
        r#"{"code":12,"message":"the upstream answered a unary call with several messages","details":[]}"#;
    check_answer(line, Some(&[]), &["{}", "{}"], ok(&[]), "501 content-type: application/json", two);
    for (code, want) in Code::ALL
        .into_iter()
        .zip([200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401])
    {
        assert_eq!(error::http_status(code).as_u16(), want, "{code:?}");
    }
}

#[test]
fn shows_the_details_of_errors() {
    let any = |type_url: &str, value: &[u8]| prost_reflect::prost_types::Any {
        type_url: format!("type.googleapis.com/{type_url}"),
        value: value.to_vec(),
    };
    let mut details = Vec::new();
    for detail in [
        any("library.v1.Missing", b"\x0a\x01x"),
        any("google.rpc.RetryInfo", b"\x0a\x05\x08\x02\x10\x80\x01"),
        any("google.protobuf.Duration", b"\x08\x01"),
        any("other.Type", b"\x01"),
        any("library.v1.Missing", b"\xff"),
    ] {
        prost::encoding::message::encode(3, &detail, &mut details);
    }
    let mut status = Status::unavailable("later");
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, &details);
    status.details = Some(text.into());
    let (head, body, _) = answer("GET /v1/shelves/1", &[], Some(&[]), &[], status.into());
    assert_eq!(head, "503 content-type: application/json; retry-after: 3");
    let google = "type.googleapis.com";
    assert_eq!(
        body,
        format!(
            concat!(
                r#"{{"code":14,"message":"later","details":[{{"@type":"{google}/library.v1.Missing","name":"x"}},"#,
                r#"{{"@type":"{google}/google.rpc.RetryInfo","retryDelay":"2.000000128s"}},"#,
                r#"{{"@type":"{google}/google.protobuf.Duration","value":"1s"}},"#,
                r#"{{"@type":"{google}/other.Type","value":"AQ=="}},"#,
                r#"{{"@type":"{google}/library.v1.Missing","value":"/w=="}}]}}"#
            ),
            google = google
        )
    );
    let mut broken = Status::unavailable("later");
    broken.details = Some(Bytes::from_static(b"*"));
    let (_, body, _) = answer("GET /v1/shelves/1", &[], Some(&[]), &[], broken.into());
    assert_eq!(body, r#"{"code":14,"message":"later","details":[]}"#);
}

#[test]
fn streams_in_the_form_that_is_accepted() {
    let check = |accept: &str, messages: &[&str], end: End, head: &str, body: &str, ending: &str| {
        let seen =
            answer("GET /v1/shelves/1/books", &[("accept", accept)], Some(&[("x", "1")]), messages, end);
        assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, ending), "{accept}");
    };
    let books = [r#"{"id":"1"}"#, r#"{"id":"2"}"#];
    let array = "200 content-type: application/json; x: 1";
    let trailers = || ok(&[("t", "1")]);
    check("*/*", &books, trailers(), array, "[{\"id\":\"1\"},\n{\"id\":\"2\"}]", "clean");
    check("application/json", &[], ok(&[]), array, "[]", "clean");
    check("text/html, application/json", &["{}"], ok(&[]), array, "[{}]", "clean");
    check("text/html", &["{}"], ok(&[]), array, "[{}]", "clean");
    check("", &["{}"], not_found(), array, "[{}", "reset 0x2 NOT_FOUND");
    let lines = "200 content-type: application/x-ndjson; x: 1";
    check("application/x-ndjson", &books, trailers(), lines, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n", "clean");
    check("application/jsonl;q=1", &[], ok(&[]), lines, "", "clean");
    check(
        "application/ndjson",
        &["{}"],
        not_found(),
        lines,
        &format!("{{}}\n{{\"error\":{NOT_FOUND}}}\n"),
        "clean",
    );
    let events = "200 cache-control: no-cache; content-type: text/event-stream; x: 1";
    check(
        "text/event-stream",
        &books,
        trailers(),
        events,
        "data: {\"id\":\"1\"}\n\ndata: {\"id\":\"2\"}\n\nevent: end\ndata: {\"t\":[\"1\"]}\n\n",
        "clean",
    );
    check(
        "Text/Event-Stream;q=0.5, application/json",
        &[],
        not_found(),
        events,
        &format!("event: error\ndata: {NOT_FOUND}\n\nevent: end\ndata: {{\"t\":[\"1\",\"2\"]}}\n\n"),
        "clean",
    );
}

#[test]
fn streams_end_with_trailers_for_who_reads_them() {
    let check = |te: &str, want: &str| {
        let headers = [("te", te), ("accept", "application/x-ndjson")];
        let seen = answer("GET /v1/shelves/1/books", &headers, Some(&[]), &["{}"], ok(&[("t", "1")]));
        assert_eq!((&*seen.1, &*seen.2), ("{}\n", want));
    };
    check("trailers", "t: 1");
    check("gzip", "clean");
}

#[test]
fn streams_raw_bodies() {
    let check = |messages: &[&str], end: End, head: &str, body: &str, ending: &str| {
        let seen = answer("GET /v1/shelves/1/books/2/scan", &[], Some(&[]), messages, end);
        assert_eq!((&*seen.0, &*seen.1, &*seen.2), (head, body, ending));
    };
    let pieces = [r#"{"contentType":"a/b","data":"YQ=="}"#, r#"{"contentType":"c/d","data":"Yg=="}"#];
    check(&pieces, ok(&[]), "200 content-type: a/b", "ab", "clean");
    check(&pieces, not_found(), "200 content-type: a/b", "ab", "reset 0x2 NOT_FOUND");
    check(&[], ok(&[]), "200 content-type: application/octet-stream", "", "clean");
}

#[test]
fn only_events_are_kept_alive() {
    let keep_alive = |accept: &str, path: &str| {
        open_call(request(&format!("GET {path}"), &[("accept", accept)])).unwrap().encoder.keep_alive()
    };
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1/books"), Some(&b": keep-alive\n\n"[..]));
    assert_eq!(keep_alive("application/json", "/v1/shelves/1/books"), None);
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1/books/2/scan"), None);
    assert_eq!(keep_alive("text/event-stream", "/v1/shelves/1"), None);
}

#[test]
fn reads_what_the_upstream_compressed() {
    use crate::compression::Encoding;
    let compressed = |encoding: Option<&'static str>| {
        let payload = Encoding::Gzip.compress(b"\x08\x07");
        let frame = crate::message::Message { compressed: true, payload }.to_frame();
        let mut encoder = open_call(request("GET /v1/shelves/1", &[])).unwrap().encoder;
        let mut out = Outbox::default();
        let encoding = encoding.map(HeaderValue::from_static);
        encoder.head(crate::call::ResponseHead { encoding, ..Default::default() }, &mut out);
        let fed = encoder.data(frame, &mut out).map_err(|status| status.code);
        fed.map(|()| sent(|out| encoder.end(ok(&[]), out)).1)
    };
    assert_eq!(compressed(Some("gzip")).unwrap(), r#"{"id":"7"}"#);
    assert_eq!(compressed(Some("pack200")).unwrap_err(), Code::Internal);
    assert_eq!(compressed(None).unwrap_err(), Code::Internal);
}
