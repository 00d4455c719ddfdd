//! Tests of the OpenAPI document.

use std::collections::BTreeSet;

use super::*;
use crate::schema::Source;
use crate::schema::json::JsonOptions;

const PROTO: &str = r#"
    syntax = "proto3";
    package lib.v1;
    import "google/api/annotations.proto";
    import "google/api/httpbody.proto";
    import "google/protobuf/empty.proto";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/wrappers.proto";

    // A book.
    message Book {
      // Its name, as
      // `shelves/*/books/*`.
      string name = 1;
      int64 pages = 2;
      Genre genre = 3;
      repeated Book sequels = 4;
      map<string, Book> editions = 5;
      google.protobuf.Timestamp printed_at = 6;
      bytes cover = 7 [deprecated = true];
      google.protobuf.Value extra = 8;
      google.protobuf.Int64Value rating = 9;
      oneof owner { string person = 10; string library = 11; }
      optional double price = 12;
    }
    enum Genre { UNKNOWN = 0; NOVEL = 1; }
    message Get { string name = 1; Filter filter = 2; map<string, string> labels = 3; repeated int32 ids = 4; Get deeper = 5; }
    message Filter { string text = 1; repeated Book books = 2; }
    message Update { Book book = 1; bool force = 2; }
    message Chunk { google.api.HttpBody body = 1; string name = 2; }

    service Library {
      // Finds a book.
      rpc GetBook(Get) returns (Book) {
        option (google.api.http) = {
          custom: { kind: "*" path: "/v1/{name=shelves/*/books/*}" }
          additional_bindings { get: "/v1/{name=shelves/*/books/*}" }
          additional_bindings { get: "/v1/files/{name=**}" }
          additional_bindings { custom: { kind: "PURGE" path: "/v1/purge" } }
          additional_bindings { custom: { kind: "*" path: "/v1/any" } }
        };
      }
      rpc UpdateBook(Update) returns (Book) {
        option (google.api.http) = { patch: "/v1/{book.name}:update" body: "book" response_body: "name" };
      }
      rpc DeleteBook(Get) returns (google.protobuf.Empty) {
        option (google.api.http) = { delete: "/v1/shelves/{name}/books/{filter.text}" };
        option deprecated = true;
      }
      rpc Watch(Get) returns (stream Book) { option (google.api.http) = { post: "/v1/watch" body: "*" }; }
      rpc Upload(stream Chunk) returns (google.api.HttpBody) {
        option (google.api.http) = { post: "/v1/upload/{name}" body: "body" };
      }
      rpc Add(stream Book) returns (Book) { option (google.api.http) = { post: "/v1/add" body: "*" }; }
      rpc Plain(Get) returns (Book);
    }
"#;

struct InMemory;

impl protox::file::FileResolver for InMemory {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        match if name == "lib.proto" { Some(PROTO) } else { bundled::source(name) } {
            Some(text) => protox::file::File::from_source(name, text),
            None => protox::file::GoogleFileResolver::new().open_file(name),
        }
    }
}

fn described(json: JsonOptions) -> Value {
    let mut compiler = protox::Compiler::with_file_resolver(InMemory);
    compiler.open_file("lib.proto").unwrap();
    let mut pool = bundled::pool();
    compiler.include_source_info(true).include_imports(false);
    pool.decode_file_descriptor_set(&*compiler.encode_file_descriptor_set()).unwrap();
    let schema = Schema::new(&[Source { pool, json }]);
    assert_eq!(schema.bindings().bad_rules(), []);
    let text = document(&schema, "Library");
    assert_eq!(document(&schema, "Library"), text);
    serde_json::from_str(&text).unwrap()
}

/// Goes through every value of a document.
fn walk(value: &Value, visit: &mut dyn FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
        Value::Object(values) => values.values().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

#[track_caller]
fn check(document: &Value, pointer: &str, expected: Value) {
    assert_eq!(document.pointer(pointer).unwrap_or(&Value::Null), &expected, "{pointer}");
}

#[test]
fn paths_are_those_of_the_rules() {
    let document = described(JsonOptions::default());
    check(&document, "/openapi", json!("3.1.0"));
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let names: Vec<String> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|parameter| {
                    format!("{}:{}", parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap())
                })
                .collect();
            found.insert(format!(
                "{verb} {path} {} {}",
                operation["operationId"].as_str().unwrap(),
                names.join(" ")
            ));
        }
    }
    let deeper = "query:filter.text query:labels query:ids query:deeper.name query:deeper.filter.text \
                  query:deeper.labels query:deeper.ids query:deeper.deeper.name query:deeper.deeper.labels \
                  query:deeper.deeper.ids";
    let expected = [
        format!(
            "get /v1/shelves/{{name_1}}/books/{{name_2}} lib.v1.Library.GetBook path:name_1 path:name_2 {deeper}"
        ),
        format!("get /v1/files/{{name}} lib.v1.Library.GetBook_2 path:name {deeper}"),
        format!("get /v1/any lib.v1.Library.GetBook_3 query:name {deeper}"),
        "patch /v1/{book.name}:update lib.v1.Library.UpdateBook path:book.name query:force".to_owned(),
        // The path is that of the first binding of this form, and so are the names in it.
        format!(
            "delete /v1/shelves/{{name_1}}/books/{{name_2}} lib.v1.Library.DeleteBook path:name_1 path:name_2 {}",
            deeper.trim_start_matches("query:filter.text ")
        ),
        "post /v1/watch lib.v1.Library.Watch ".to_owned(),
        "post /v1/upload/{name} lib.v1.Library.Upload path:name".to_owned(),
        "post /v1/add lib.v1.Library.Add ".to_owned(),
    ];
    assert_eq!(found, expected.into_iter().collect());
}

#[test]
fn the_document_is_whole() {
    let document = described(JsonOptions::default());
    let mut references = BTreeSet::new();
    walk(&document, &mut |value| {
        references.extend(value.get("$ref").and_then(Value::as_str).map(str::to_owned))
    });
    assert!(references.len() >= 5, "{references:?}");
    for reference in &references {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(target.is_some_and(Value::is_object), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()));
            assert!(
                operation["responses"]["default"].is_object() && operation["responses"]["200"].is_object()
            );
            let in_path = |parameter: &&Value| parameter["in"] == "path";
            let names: BTreeSet<String> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(in_path)
                .map(|parameter| {
                    assert_eq!(parameter["required"], true);
                    format!("{{{}}}", parameter["name"].as_str().unwrap())
                })
                .collect();
            assert_eq!(names.len(), path.matches('{').count(), "{path}");
            assert!(names.iter().all(|name| path.contains(name)), "{path}");
        }
    }
}

#[test]
fn messages_are_what_json_makes_of_them() {
    let document = described(JsonOptions::default());
    let book = &document["components"]["schemas"]["lib.v1.Book"];
    let reference = json!({ "$ref": "#/components/schemas/lib.v1.Book" });
    check(book, "/description", json!("A book."));
    check(
        book,
        "/properties/name",
        json!({ "type": "string", "description": "Its name, as\n`shelves/*/books/*`." }),
    );
    check(book, "/properties/pages", json!({ "type": "string", "format": "int64" }));
    check(book, "/properties/genre", json!({ "$ref": "#/components/schemas/lib.v1.Genre" }));
    check(book, "/properties/sequels", json!({ "type": "array", "items": reference }));
    check(book, "/properties/editions", json!({ "type": "object", "additionalProperties": reference }));
    check(book, "/properties/printedAt", json!({ "type": "string", "format": "date-time" }));
    check(
        book,
        "/properties/cover",
        json!({ "type": "string", "contentEncoding": "base64", "deprecated": true }),
    );
    check(book, "/properties/extra", json!({}));
    check(book, "/properties/rating", json!({ "type": "string", "format": "int64" }));
    let members = [json!({ "required": ["person"] }), json!({ "required": ["library"] })];
    let none = json!({ "not": { "anyOf": members } });
    check(book, "/allOf", json!([{ "title": "owner", "oneOf": [members[0], members[1], none] }]));
    let genre = &document["components"]["schemas"]["lib.v1.Genre"];
    check(genre, "/enum", json!(["UNKNOWN", "NOVEL"]));
    let status = &document["components"]["schemas"]["google.rpc.Status"];
    check(status, "/properties/code/type", json!("integer"));
}

#[test]
fn bodies_are_what_the_rules_say() {
    let document = described(JsonOptions::default());
    let paths = &document["paths"];
    let book = json!({ "schema": { "$ref": "#/components/schemas/lib.v1.Book" } });
    let books = json!({ "schema": { "type": "array", "items": book["schema"] } });
    let get = &paths["/v1/shelves/{name_1}/books/{name_2}"]["get"];
    check(get, "/requestBody", Value::Null);
    check(get, "/description", json!("Finds a book."));
    check(get, "/responses/200/content", json!({ "application/json": book }));
    check(&paths["/v1/shelves/{name_1}/books/{name_2}"]["delete"], "/deprecated", json!(true));
    let update = &paths["/v1/{book.name}:update"]["patch"];
    check(update, "/requestBody/content", json!({ "application/json": book }));
    check(update, "/responses/200/content/application~1json/schema/type", json!("string"));
    let watch = &paths["/v1/watch"]["post"];
    check(
        watch,
        "/responses/200/content",
        json!({
            "application/json": books,
            "application/x-ndjson": book,
            "text/event-stream": { "schema": { "type": "string" } },
        }),
    );
    let upload = &paths["/v1/upload/{name}"]["post"];
    check(upload, "/requestBody/content", json!({ "*/*": {} }));
    check(upload, "/responses/200/content", json!({ "*/*": {} }));
    let add = &paths["/v1/add"]["post"];
    check(add, "/requestBody/content", json!({ "application/json": books, "application/x-ndjson": book }));
    let labels = get["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "labels");
    check(labels.unwrap(), "/style", json!("deepObject"));
}

#[test]
fn options_of_the_json_show() {
    let options = JsonOptions {
        preserve_proto_names: true,
        enums_as_numbers: true,
        int64_as_numbers: true,
        ..JsonOptions::default()
    };
    let document = described(options);
    let schemas = &document["components"]["schemas"];
    check(schemas, "/lib.v1.Book/properties/printed_at/type", json!("string"));
    check(schemas, "/lib.v1.Book/properties/pages/type", json!("integer"));
    check(schemas, "/lib.v1.Genre", json!({ "type": "integer", "enum": [0, 1] }));
}
