//! What messages look like as JSON, in JSON Schema.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use crate::schema::json::{JsonOptions, WellKnown};

/// The types that a document names, and the comments on them.
#[derive(Default)]
pub(super) struct Shapes {
    components: Map<String, Value>,
    /// Types that are named already, but have no schema yet.
    missing: Vec<(Type, JsonOptions)>,
    pub(super) comments: Comments,
}

enum Type {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

impl Shapes {
    /// The schemas of all types that were named, and of those that they name. Of two types of one name, or one that
    /// is written in two ways, the first counts.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        while let Some((kind, options)) = self.missing.pop() {
            match kind {
                Type::Message(message) => {
                    let schema = self.object(&message, options);
                    self.components.insert(message.full_name().to_owned(), schema);
                }
                Type::Enum(numbers) => {
                    let schema = self.numbers(&numbers, options);
                    self.components.insert(numbers.full_name().to_owned(), schema);
                }
            }
        }
        self.components
    }

    /// The value of a field, be it repeated or not.
    pub(super) fn field(&mut self, field: &FieldDescriptor, options: JsonOptions) -> Value {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let value = self.single(&entry.map_entry_value_field().kind(), options);
                json!({ "type": "object", "additionalProperties": value })
            }
            kind if field.is_list() => json!({ "type": "array", "items": self.single(&kind, options) }),
            kind => self.single(&kind, options),
        }
    }

    /// One value.
    pub(super) fn single(&mut self, kind: &Kind, options: JsonOptions) -> Value {
        match kind {
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": wide(options), "format": "int64" })
            }
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": wide(options), "format": "uint64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Enum(numbers) if numbers.full_name() == "google.protobuf.NullValue" => {
                json!({ "type": "null" })
            }
            Kind::Enum(numbers) => self.refer(Type::Enum(numbers.clone()), numbers.full_name(), options),
            Kind::Message(message) => self.message(message, options),
        }
    }

    /// A message.
    pub(super) fn message(&mut self, message: &MessageDescriptor, options: JsonOptions) -> Value {
        match WellKnown::of(message) {
            None => self.refer(Type::Message(message.clone()), message.full_name(), options),
            Some(WellKnown::Any) => json!({
                "type": "object",
                "properties": { "@type": { "type": "string" } },
                "additionalProperties": true,
            }),
            Some(WellKnown::Timestamp) => json!({ "type": "string", "format": "date-time" }),
            Some(WellKnown::Duration) => {
                json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" })
            }
            Some(WellKnown::FieldMask) => json!({ "type": "string" }),
            Some(WellKnown::Struct | WellKnown::Empty) => json!({ "type": "object" }),
            Some(WellKnown::Value) => json!({}),
            Some(WellKnown::ListValue) => json!({ "type": "array", "items": {} }),
            Some(WellKnown::Wrapper) => match message.get_field(1) {
                Some(field) => self.single(&field.kind(), options),
                None => json!({}),
            },
        }
    }

    fn refer(&mut self, kind: Type, name: &str, options: JsonOptions) -> Value {
        if !self.components.contains_key(name) {
            // Types refer to themselves: the name counts as known before the schema is made.
            self.components.insert(name.to_owned(), Value::Null);
            self.missing.push((kind, options));
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn object(&mut self, message: &MessageDescriptor, options: JsonOptions) -> Value {
        let mut properties = Map::new();
        for field in message.fields() {
            let mut schema = self.field(&field, options);
            let comment = self.comments.of(&message.parent_file(), field.path());
            describe(&mut schema, comment, is_deprecated(&field));
            properties.insert(name(&field, options).to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties });
        let oneofs: Vec<Value> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .map(|oneof| {
                let member = |field| json!({ "required": [name(&field, options)] });
                let mut choices: Vec<Value> = oneof.fields().map(member).collect();
                choices.push(json!({ "not": { "anyOf": choices.clone() } }));
                json!({ "title": oneof.name(), "oneOf": choices })
            })
            .collect();
        if !oneofs.is_empty() {
            insert(&mut schema, "allOf", oneofs.into());
        }
        let required: Vec<Value> = message
            .fields()
            .filter(|field| field.is_required())
            .map(|field| name(&field, options).into())
            .collect();
        if !required.is_empty() {
            insert(&mut schema, "required", required.into());
        }
        let options = message.descriptor_proto().options.as_ref();
        let is_deprecated = options.is_some_and(|options| options.deprecated());
        describe(&mut schema, self.comments.of(&message.parent_file(), message.path()), is_deprecated);
        schema
    }

    fn numbers(&mut self, numbers: &EnumDescriptor, options: JsonOptions) -> Value {
        let mut schema = if options.enums_as_numbers {
            json!({ "type": "integer", "enum": numbers.values().map(|value| value.number()).collect::<Vec<_>>() })
        } else {
            let names: Vec<String> = numbers.values().map(|value| value.name().to_owned()).collect();
            json!({ "type": "string", "enum": names })
        };
        describe(&mut schema, self.comments.of(&numbers.parent_file(), numbers.path()), false);
        schema
    }
}

/// Adds what is known of a type or a field to its schema.
pub(super) fn describe(schema: &mut Value, comment: Option<&str>, is_deprecated: bool) {
    if let Some(comment) = comment {
        insert(schema, "description", comment.into());
    }
    if is_deprecated {
        insert(schema, "deprecated", true.into());
    }
}

pub(super) fn is_deprecated(field: &FieldDescriptor) -> bool {
    field.field_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated())
}

/// What a field is called in JSON.
pub(super) fn name(field: &FieldDescriptor, options: JsonOptions) -> &str {
    if options.preserve_proto_names { field.name() } else { field.json_name() }
}

fn insert(schema: &mut Value, name: &str, value: Value) {
    if let Value::Object(schema) = schema {
        schema.insert(name.to_owned(), value);
    }
}

fn wide(options: JsonOptions) -> &'static str {
    if options.int64_as_numbers { "integer" } else { "string" }
}
