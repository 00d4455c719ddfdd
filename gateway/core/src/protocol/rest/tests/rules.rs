//! Which rules can be used, and which requests they take.

use super::*;

#[test]
fn every_rule_of_the_examples_can_be_used() {
    assert_eq!(schema().bindings().bad_rules(), []);
    assert_eq!(schema().bindings().all().len(), 41);
}

/// What is wrong with the rules of a service with these methods.
fn problems(methods: &str) -> Vec<String> {
    schema_of(methods).bindings().bad_rules().iter().map(ToString::to_string).collect()
}

fn schema_of(methods: &str) -> Schema {
    let extra = format!(
        "syntax = \"proto3\"; package t;
         import \"google/api/annotations.proto\"; import \"google/protobuf/field_mask.proto\";
         message M {{ string s = 1; M m = 2; repeated string list = 3; map<string, string> map = 4; }}
         service S {{ {methods} }}"
    );
    let pool = compile(&["extra.proto"], &extra);
    Schema::new(&[Source { pool, json: Default::default() }])
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
fn what_takes_any_http_method_gives_way() {
    let any = r#"rpc A(M) returns (M) { option (google.api.http) = { custom { kind: "*" path: "/a" } }; }"#;
    let get = r#"rpc B(M) returns (M) { option (google.api.http) = { get: "/a" }; }"#;
    for methods in [format!("{any} {get}"), format!("{get} {any}")] {
        let schema = schema_of(&methods);
        let services = Services::everywhere(&schema);
        let target = |verb| target(&verb, "/a", &services).unwrap().method().to_owned();
        assert_eq!((target(Method::GET), target(Method::PUT)), ("B".into(), "A".into()), "{methods}");
    }
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
