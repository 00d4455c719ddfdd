//! `google.api.http` rules: how a method's descriptor says which requests call it.
//!
//! Rules are read from the bytes of the method's options, so that it makes no difference whether the descriptors have
//! `google/api/annotations.proto` with them; servers' reflection often leaves it out.

use std::sync::Arc;

use prost::Message;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::binding::{BadRule, Binding, Body, Verb};
use super::template::{Template, Variable};
use crate::path::MethodPath;
use crate::schema::Method;

/// `google.protobuf.MethodOptions`, of which only this extension counts.
#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(message, optional, tag = "72295728")]
    http: Option<HttpRule>,
}

/// `google.api.HttpRule`.
#[derive(Clone, PartialEq, Message)]
struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    body: String,
    #[prost(message, repeated, tag = "11")]
    additional_bindings: Vec<HttpRule>,
    #[prost(string, tag = "12")]
    response_body: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(message, tag = "8")]
    Custom(Custom),
}

#[derive(Clone, PartialEq, Message)]
struct Custom {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    path: String,
}

/// The bindings of a method, and what is wrong with those that cannot be used.
pub(super) fn bindings(method: &Arc<Method>) -> Vec<Result<Binding, BadRule>> {
    let bad = |what: String| BadRule { method: method.descriptor.full_name().into(), what };
    if method.descriptor.method_descriptor_proto().options.is_none() {
        return Vec::new();
    }
    let options = method.descriptor.options().encode_to_vec();
    let rule = match Options::decode(&*options) {
        Ok(Options { http: Some(rule) }) => rule,
        Ok(Options { http: None }) => return Vec::new(),
        Err(broken) => return vec![Err(bad(format!("its google.api.http option is broken: {broken}")))],
    };
    let additional = rule.additional_bindings.iter().map(|rule| {
        if rule.additional_bindings.is_empty() {
            binding(rule, method)
        } else {
            Err("additional_bindings do not nest".into())
        }
    });
    std::iter::once(binding(&rule, method)).chain(additional).map(|result| result.map_err(bad)).collect()
}

fn binding(rule: &HttpRule, method: &Arc<Method>) -> Result<Binding, String> {
    let (verb, template) = match rule.pattern.as_ref().ok_or("a rule without a path")? {
        Pattern::Get(path) => (Verb::Only(http::Method::GET), path),
        Pattern::Put(path) => (Verb::Only(http::Method::PUT), path),
        Pattern::Post(path) => (Verb::Only(http::Method::POST), path),
        Pattern::Delete(path) => (Verb::Only(http::Method::DELETE), path),
        Pattern::Patch(path) => (Verb::Only(http::Method::PATCH), path),
        Pattern::Custom(custom) if custom.kind == "*" => (Verb::Any, &custom.path),
        Pattern::Custom(custom) => {
            let kind = http::Method::from_bytes(custom.kind.as_bytes());
            (Verb::Only(kind.map_err(|_| format!("`{}` is no HTTP method", custom.kind))?), &custom.path)
        }
    };
    let template = Template::parse(template).map_err(|bad| bad.to_string())?;
    let input = method.input();
    let variables =
        template.variables().iter().map(|variable| field(&input, variable)).collect::<Result<_, _>>()?;
    let top_level = |message: &MessageDescriptor, name: &str, what: &str| {
        let found = message.get_field_by_name(name);
        found.ok_or_else(|| format!("{what}: {} has no field `{name}`", message.full_name()))
    };
    let body = match &*rule.body {
        "" => Body::None,
        "*" => Body::Whole,
        name => Body::Field(top_level(&input, name, "body")?),
    };
    let response_body = match &*rule.response_body {
        "" => None,
        name => Some(top_level(&method.output(), name, "response_body")?),
    };
    let service = method.descriptor.parent_service();
    let path = MethodPath::parse_str(&format!("/{}/{}", service.full_name(), method.descriptor.name()))
        .ok_or("no path can name this method")?;
    Ok(Binding { verb, template, method: method.clone(), path, body, response_body, variables })
}

/// The fields that lead to the one that a variable is bound to.
fn field(message: &MessageDescriptor, variable: &Variable) -> Result<Vec<FieldDescriptor>, String> {
    let name = || variable.field.join(".");
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    let mut message = Some(message.clone());
    for part in &variable.field {
        let within = message.ok_or_else(|| format!("`{}`: only messages have fields", name()))?;
        let field = within
            .get_field_by_name(part)
            .ok_or_else(|| format!("`{}`: {} has no field `{part}`", name(), within.full_name()))?;
        if field.is_list() || field.is_map() {
            return Err(format!("`{}`: a repeated field cannot be part of a path", name()));
        }
        message = match field.kind() {
            Kind::Message(message) => Some(message),
            _ => None,
        };
        fields.push(field);
    }
    match message {
        Some(message) if !super::value::has_text(&message) => {
            Err(format!("`{}`: a {} cannot be part of a path", name(), message.full_name()))
        }
        _ => Ok(fields),
    }
}
