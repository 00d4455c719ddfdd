//! One form of request, and what answers it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::shape::{Shapes, describe, is_deprecated, name};
use crate::protocol::rest::template::Segment;
use crate::protocol::rest::{Binding, Body};
use crate::schema::MethodKind;
use crate::schema::json::{JsonOptions, WellKnown};

/// How far parameters of the query go into messages.
const LEVELS: usize = 3;

/// What a path holds unescaped.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path template in OpenAPI's form.
pub(super) struct Path {
    segments: Vec<Part>,
    /// What stands behind the last segment.
    verb: String,
}

enum Part {
    /// This text, escaped.
    Fixed(String),
    /// The parameter of this name.
    Parameter(String),
}

impl Path {
    pub(super) fn new(binding: &Binding) -> Path {
        let template = &binding.template;
        let all = template.segments();
        let is_open = |segment: &Segment| !matches!(segment, Segment::Literal(_));
        let named = |at: usize| -> String {
            let within = template.variables().iter().find(|variable| variable.range(all.len()).contains(&at));
            let Some(variable) = within else { return format!("segment_{}", at + 1) };
            let range = variable.range(all.len());
            let open = |end: usize| {
                all.get(range.start..end).unwrap_or_default().iter().filter(|s| is_open(s)).count()
            };
            match open(range.end) {
                0 | 1 => variable.field.join("."),
                _ => format!("{}_{}", variable.field.join("."), open(at) + 1),
            }
        };
        let segment = |(at, segment): (usize, &Segment)| match segment {
            Segment::Literal(text) => Part::Fixed(utf8_percent_encode(text, PLAIN).to_string()),
            Segment::Any | Segment::Rest => Part::Parameter(named(at)),
        };
        let verb = template.verb().map(|verb| format!(":{}", utf8_percent_encode(verb, PLAIN)));
        Path { segments: all.iter().enumerate().map(segment).collect(), verb: verb.unwrap_or_default() }
    }

    pub(super) fn text(&self) -> String {
        self.write(|name| format!("{{{name}}}"))
    }

    /// What two paths have in common that take the same requests.
    pub(super) fn without_names(&self) -> String {
        self.write(|_| "{}".to_owned())
    }

    fn write(&self, parameter: impl Fn(&str) -> String) -> String {
        let segment = |part: &Part| match part {
            Part::Fixed(text) => text.clone(),
            Part::Parameter(name) => parameter(name),
        };
        let segments: Vec<String> = self.segments.iter().map(segment).collect();
        format!("/{}{}", segments.join("/"), self.verb)
    }
}

/// The operation of a binding, the `number`th of its method. `path` may be another binding's of the same form.
pub(super) fn document(binding: &Binding, path: &Path, number: usize, shapes: &mut Shapes) -> Value {
    let method = &binding.method;
    let service = method.descriptor.parent_service();
    let id = method.descriptor.full_name();
    let mut parameters = path_parameters(binding, path, shapes);
    if binding.body != Body::Whole {
        let mut query = Query { binding, shapes, parameters: Vec::new() };
        query.message(&method.input(), &mut Vec::new());
        parameters.append(&mut query.parameters);
    }
    let mut operation = json!({
        "operationId": if number == 1 { id.to_owned() } else { format!("{id}_{number}") },
        "tags": [service.full_name()],
        "parameters": parameters,
        "responses": {
            "200": { "description": "The response.", "content": response(binding, shapes) },
            "default": {
                "description": "An error.",
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/google.rpc.Status" } },
                },
            },
        },
    });
    if let (Some(body), Value::Object(operation)) = (request(binding, shapes), &mut operation) {
        operation.insert("requestBody".to_owned(), json!({ "content": body }));
    }
    let options = method.descriptor.method_descriptor_proto().options.as_ref();
    let is_deprecated = options.is_some_and(|options| options.deprecated());
    let comment = shapes.comments.of(&service.parent_file(), method.descriptor.path());
    describe(&mut operation, comment, is_deprecated);
    operation
}

fn path_parameters(binding: &Binding, path: &Path, shapes: &mut Shapes) -> Vec<Value> {
    let all = binding.template.segments();
    let mut parameters = Vec::new();
    for (at, (segment, part)) in all.iter().zip(&path.segments).enumerate() {
        let Part::Parameter(name) = part else { continue };
        let variables = binding.template.variables().iter().zip(&binding.variables);
        let field = variables
            .filter(|(variable, _)| variable.range(all.len()).contains(&at))
            .find_map(|(variable, fields)| variable.is_one_segment().then(|| fields.last()).flatten());
        let schema = match field {
            Some(field) => shapes.field(field, binding.method.json),
            None => json!({ "type": "string" }),
        };
        let mut parameter = json!({ "name": name, "in": "path", "required": true, "schema": schema });
        let rest = (*segment == Segment::Rest).then_some("Any number of segments, slashes included.");
        let comment =
            field.and_then(|field| shapes.comments.of(&field.parent_message().parent_file(), field.path()));
        describe(&mut parameter, rest.or(comment), false);
        parameters.push(parameter);
    }
    parameters
}

/// Finds the parameters of a query.
struct Query<'a> {
    binding: &'a Binding,
    shapes: &'a mut Shapes,
    parameters: Vec<Value>,
}

impl Query<'_> {
    /// Those of the message that `fields` lead to.
    fn message(&mut self, message: &MessageDescriptor, fields: &mut Vec<FieldDescriptor>) {
        for field in message.fields() {
            fields.push(field);
            self.field(fields);
            fields.pop();
        }
    }

    fn field(&mut self, fields: &mut Vec<FieldDescriptor>) {
        let Some(field) = fields.last().cloned() else { return };
        let is_of_body =
            matches!((&self.binding.body, fields.first()), (Body::Field(body), Some(first)) if body == first);
        if is_of_body || self.binding.variables.contains(fields) {
            return;
        }
        let options = self.binding.method.json;
        match field.kind() {
            // Its parameters are `field[key]`, which is the style of this name.
            Kind::Message(entry) if field.is_map() && has_text(&entry.map_entry_value_field().kind()) => {
                self.add(fields, &field, options, Some("deepObject"));
            }
            _ if field.is_map() => {}
            kind if has_text(&kind) => self.add(fields, &field, options, None),
            Kind::Message(inner) if !field.is_list() && fields.len() < LEVELS => self.message(&inner, fields),
            _ => {}
        }
    }

    fn add(
        &mut self,
        fields: &[FieldDescriptor],
        field: &FieldDescriptor,
        options: JsonOptions,
        style: Option<&str>,
    ) {
        let names: Vec<&str> = fields.iter().map(|field| name(field, options)).collect();
        let schema = self.shapes.field(field, options);
        let mut parameter = json!({ "name": names.join("."), "in": "query", "schema": schema });
        if let (Some(style), Value::Object(parameter)) = (style, &mut parameter) {
            parameter.insert("style".to_owned(), style.into());
        }
        let comment = self.shapes.comments.of(&field.parent_message().parent_file(), field.path());
        describe(&mut parameter, comment, is_deprecated(field));
        self.parameters.push(parameter);
    }
}

/// Whether one parameter can hold a value of this kind.
fn has_text(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => WellKnown::of(message).is_some_and(WellKnown::has_text),
        _ => true,
    }
}

fn request(binding: &Binding, shapes: &mut Shapes) -> Option<Value> {
    let method = &binding.method;
    let schema = match &binding.body {
        Body::None => return None,
        Body::Whole if is_bytes(&Kind::Message(method.input())) => return Some(bytes()),
        Body::Field(field) if is_bytes(&field.kind()) => return Some(bytes()),
        Body::Whole => shapes.message(&method.input(), method.json),
        Body::Field(field) => shapes.field(field, method.json),
    };
    Some(match method.kind {
        MethodKind::Unary | MethodKind::ServerStreaming => {
            json!({ "application/json": { "schema": schema } })
        }
        MethodKind::ClientStreaming | MethodKind::BidiStreaming => json!({
            "application/json": { "schema": { "type": "array", "items": schema } },
            "application/x-ndjson": { "schema": schema },
        }),
    })
}

fn response(binding: &Binding, shapes: &mut Shapes) -> Value {
    let method = &binding.method;
    let schema = match &binding.response_body {
        None if is_bytes(&Kind::Message(method.output())) => return bytes(),
        Some(field) if is_bytes(&field.kind()) => return bytes(),
        None => shapes.message(&method.output(), method.json),
        Some(field) => shapes.field(field, method.json),
    };
    match method.kind {
        MethodKind::Unary | MethodKind::ClientStreaming => {
            json!({ "application/json": { "schema": schema } })
        }
        MethodKind::ServerStreaming | MethodKind::BidiStreaming => json!({
            "application/json": { "schema": { "type": "array", "items": schema } },
            "application/x-ndjson": { "schema": schema },
            "text/event-stream": { "schema": { "type": "string" } },
        }),
    }
}

/// Whether a message stands for bytes of any content type.
fn is_bytes(kind: &Kind) -> bool {
    matches!(kind, Kind::Message(message) if message.full_name() == "google.api.HttpBody")
}

fn bytes() -> Value {
    json!({ "*/*": {} })
}
