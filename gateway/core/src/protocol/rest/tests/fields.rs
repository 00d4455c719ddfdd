//! Where the fields of a request come from.

use super::*;

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
    refused("GET /v1/wrapped/a?wrapped_string=b", "", "`wrapped_string` is set by the path");
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
    check("GET /v1/wrapped/a", "", "Path", &[r#"{"wrappedString":"a"}"#]);
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
    let whole = r#"{"book":{"id":"2","title":"T"}}"#;
    // No patch, and a request with two masks.
    check("PUT /v1/updates/2", r#"{"title":"T"}"#, "UpdateBook", &[whole]);
    check("PATCH /v1/merges/2", r#"{"title":"T"}"#, "MergeBook", &[whole]);
}
