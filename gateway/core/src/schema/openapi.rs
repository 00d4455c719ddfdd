//! An OpenAPI 3.1 document of the REST interface that `google.api.http` rules make of services.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.0>
//!
//! Some things OpenAPI cannot say. A path parameter of it holds no slash: a variable of several segments becomes one
//! parameter for each segment that is not fixed, and `**` one whose description says what it may hold. Of HTTP methods
//! it has eight: rules with others are left out, and one for any method stands as GET, or with a body as POST. Of a
//! query that goes into messages it tells three levels. And a request that is a whole body still lists those fields
//! that the path sets.

mod comments;
mod operation;
mod shape;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use self::operation::Path;
use self::shape::Shapes;
use super::{Schema, bundled};
use crate::protocol::rest::{Body, Verb};

/// The document, as JSON. The same schema gives the same text.
pub fn document(schema: &Schema, title: &str) -> String {
    let mut shapes = Shapes::default();
    let mut paths = Map::new();
    // Templates that differ only in the names of their parameters are one path.
    let mut known: HashMap<String, Path> = HashMap::new();
    let mut operations: HashMap<&str, usize> = HashMap::new();
    // One for any method gives way to those of one method.
    let (any, only): (Vec<_>, Vec<_>) =
        schema.bindings().all().iter().partition(|binding| binding.verb == Verb::Any);
    for binding in only.into_iter().chain(any) {
        let Some(verb) = verb(&binding.verb, &binding.body) else { continue };
        let path = Path::new(binding);
        let path = known.entry(path.without_names()).or_insert(path);
        let item = paths.entry(path.text()).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut().filter(|item| !item.contains_key(verb)) {
            let number = operations.entry(binding.method.descriptor.full_name()).or_default();
            *number += 1;
            item.insert(verb.to_owned(), operation::document(binding, path, *number, &mut shapes));
        }
    }
    if let Some(status) = bundled::pool().get_message_by_name("google.rpc.Status") {
        shapes.message(&status, Default::default());
    }
    json!({
        "openapi": "3.1.0",
        // Descriptors have no version to tell.
        "info": { "title": title, "version": "0" },
        "paths": paths,
        "components": { "schemas": Value::Object(shapes.into_components()) },
    })
    .to_string()
}

/// The name of an operation in a path item.
fn verb(verb: &Verb, body: &Body) -> Option<&'static str> {
    let name = match (verb, body) {
        (Verb::Only(method), _) => method.as_str(),
        (Verb::Any, Body::None) => "GET",
        (Verb::Any, _) => "POST",
    };
    const VERBS: [(&str, &str); 8] = [
        ("GET", "get"),
        ("PUT", "put"),
        ("POST", "post"),
        ("DELETE", "delete"),
        ("OPTIONS", "options"),
        ("HEAD", "head"),
        ("PATCH", "patch"),
        ("TRACE", "trace"),
    ];
    VERBS.iter().find(|(verb, _)| *verb == name).map(|(_, key)| *key)
}

#[cfg(test)]
mod tests;
