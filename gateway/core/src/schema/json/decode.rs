//! From JSON to a message.

use std::borrow::Cow;
use std::collections::HashMap;

use prost::Message;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value,
};

use super::JsonOptions;
use super::mistake::{Mistake, clip};
use super::scalar;
use super::tree::Json;
use super::well_known::{self, DEEPEST, WellKnown};

/// Reads JSON as messages.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'a> {
    pub(super) options: &'a JsonOptions,
    /// How many messages are around the next one.
    pub(super) depth: usize,
}

impl Decoder<'_> {
    pub(super) fn message(
        self,
        message: &MessageDescriptor,
        json: &Json<'_>,
    ) -> Result<DynamicMessage, Mistake> {
        if self.depth > DEEPEST {
            return Err(Mistake::new(format!("more than {DEEPEST} messages lie within each other")));
        }
        let mut decoded = DynamicMessage::new(message.clone());
        let within = Decoder { depth: self.depth + 1, ..self };
        match (WellKnown::of(message), json) {
            (Some(well_known), json) => within.well_known(well_known, &mut decoded, json)?,
            (None, Json::Object(entries)) => within.fields(&mut decoded, entries, None)?,
            (None, other) => return Err(expected("an object", other)),
        }
        Ok(decoded)
    }

    /// Sets the fields that these entries name, but for `skipped`.
    fn fields(
        self,
        message: &mut DynamicMessage,
        entries: &[(Cow<'_, str>, Json<'_>)],
        skipped: Option<&str>,
    ) -> Result<(), Mistake> {
        let descriptor = message.descriptor();
        let mut seen = Vec::new();
        for (name, json) in entries.iter().filter(|(name, _)| Some(&**name) != skipped) {
            let Some(field) = Field::named(&descriptor, name) else {
                self.unknown(name)?;
                continue;
            };
            if seen.contains(&field.number()) {
                return Err(Mistake::new("the field is given twice").in_field(field.name()));
            }
            seen.push(field.number());
            self.field(message, &field, json).map_err(|mistake| mistake.in_field(field.name()))?;
        }
        Ok(())
    }

    fn field(self, message: &mut DynamicMessage, field: &Field, json: &Json<'_>) -> Result<(), Mistake> {
        let Some(value) = self.value(field, json)? else { return Ok(()) };
        match field {
            Field::Own(own) => {
                let oneof = own.containing_oneof();
                if let Some(oneof) = oneof
                    && oneof.fields().any(|other| message.has_field(&other))
                {
                    return Err(Mistake::new(format!("`{}` is set already", oneof.name())));
                }
                set(message, own, value)
            }
            Field::Extension(extension) if value.is_valid_for_extension(extension) => {
                message.set_extension(extension, value);
                Ok(())
            }
            Field::Extension(_) => Err(Mistake::new("a value of another type")),
        }
    }

    /// The value of a field; `None` for the lack of one, and for an enum value that is not known where that is
    /// ignored.
    fn value(self, field: &Field, json: &Json<'_>) -> Result<Option<Value>, Mistake> {
        match (field.kind(), json) {
            (_, Json::Null) if !field.has_null() => Ok(None),
            (kind, json) if field.is_list() => self.list(&kind, json).map(Some),
            (Kind::Message(entry), Json::Object(entries)) if field.is_map() => {
                self.map(&entry, entries).map(Some)
            }
            (_, json) if field.is_map() => Err(expected("an object", json)),
            (kind, json) => self.single(&kind, json),
        }
    }

    pub(super) fn field_value(
        self,
        field: &FieldDescriptor,
        json: &Json<'_>,
    ) -> Result<Option<Value>, Mistake> {
        self.value(&Field::Own(field.clone()), json).map_err(|mistake| mistake.in_field(field.name()))
    }

    fn list(self, kind: &Kind, json: &Json<'_>) -> Result<Value, Mistake> {
        let Json::Array(items) = json else { return Err(expected("an array", json)) };
        let mut values = Vec::with_capacity(items.len());
        for (index, json) in items.iter().enumerate() {
            values.extend(self.single(kind, json).map_err(|mistake| mistake.in_item(index))?);
        }
        Ok(Value::List(values))
    }

    fn map(self, entry: &MessageDescriptor, entries: &[(Cow<'_, str>, Json<'_>)]) -> Result<Value, Mistake> {
        let (key_kind, kind) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        // An entry is a message too.
        let within = Decoder { depth: self.depth + 1, ..self };
        let mut map = HashMap::with_capacity(entries.len());
        for (name, json) in entries {
            let entry = || -> Result<Option<(MapKey, Value)>, Mistake> {
                let key = scalar::key(&key_kind, name)?;
                if map.contains_key(&key) {
                    return Err(Mistake::new("the key is given twice"));
                }
                Ok(within.single(&kind, json)?.map(|value| (key, value)))
            };
            if let Some((key, value)) = entry().map_err(|mistake| mistake.in_entry(name))? {
                map.insert(key, value);
            }
        }
        Ok(Value::Map(map))
    }

    fn single(self, kind: &Kind, json: &Json<'_>) -> Result<Option<Value>, Mistake> {
        match kind {
            Kind::Message(message) => {
                self.message(message, json).map(|message| Some(Value::Message(message)))
            }
            Kind::Enum(numbers) => Ok(self.enum_number(numbers, json)?.map(Value::EnumNumber)),
            scalar => scalar::value(scalar, json).map(Some),
        }
    }

    fn enum_number(self, numbers: &EnumDescriptor, json: &Json<'_>) -> Result<Option<i32>, Mistake> {
        match json {
            Json::Null if is_null_value(numbers) => Ok(Some(0)),
            Json::String(name) => match numbers.get_value_by_name(name) {
                Some(value) => Ok(Some(value.number())),
                None if self.options.reject_unknown_fields => {
                    let name = clip(name);
                    Err(Mistake::new(format!("{} has no value `{name}`", numbers.full_name())))
                }
                None => Ok(None),
            },
            Json::Unsigned(_) | Json::Signed(_) | Json::Float(_) => scalar::integer(json).map(Some),
            other => Err(expected("the name or the number of an enum value", other)),
        }
    }

    fn well_known(
        self,
        well_known: WellKnown,
        message: &mut DynamicMessage,
        json: &Json<'_>,
    ) -> Result<(), Mistake> {
        match (well_known, json) {
            (WellKnown::Any, Json::Object(entries)) => self.any(message, entries),
            (WellKnown::Timestamp, Json::String(text)) => transcode(message, &scalar::timestamp(text)?),
            (WellKnown::Duration, Json::String(text)) => transcode(message, &scalar::duration(text)?),
            (WellKnown::FieldMask, Json::String(text)) => {
                let paths = text.split(',').filter(|_| !text.is_empty());
                let paths: Option<_> =
                    paths.map(|path| well_known::snake_case(path).map(Value::String)).collect();
                let paths = paths.ok_or_else(|| Mistake::new("not a list of paths like `fooBar.baz,foo`"))?;
                set(message, &numbered(message, 1)?, Value::List(paths))
            }
            (WellKnown::Struct | WellKnown::ListValue | WellKnown::Wrapper, json) => {
                let field = numbered(message, 1)?;
                // `null` is no list, no object and no number, although there is a field around it here.
                if matches!(json, Json::Null) {
                    return Err(expected("a value", json));
                }
                match self.value(&Field::Own(field.clone()), json)? {
                    Some(value) => set(message, &field, value),
                    None => Ok(()),
                }
            }
            (WellKnown::Value, json) => {
                let number = match json {
                    Json::Null => 1,
                    Json::Unsigned(_) | Json::Signed(_) | Json::Float(_) => 2,
                    Json::String(_) => 3,
                    Json::Bool(_) => 4,
                    Json::Object(_) => 5,
                    Json::Array(_) => 6,
                };
                let field = numbered(message, number)?;
                match self.single(&field.kind(), json)? {
                    Some(value) => set(message, &field, value),
                    None => Ok(()),
                }
            }
            (WellKnown::Empty, Json::Object(entries)) => self.fields(message, entries, None),
            (WellKnown::Any | WellKnown::Empty, other) => Err(expected("an object", other)),
            (_, other) => Err(expected("a string", other)),
        }
    }

    fn any(self, message: &mut DynamicMessage, entries: &[(Cow<'_, str>, Json<'_>)]) -> Result<(), Mistake> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut types = entries.iter().filter(|(name, _)| name == "@type");
        let type_url = match (types.next(), types.next()) {
            (Some((_, Json::String(type_url))), None) => type_url,
            (Some(_), Some(_)) => return Err(Mistake::new("`@type` is given twice")),
            _ => return Err(Mistake::new("`@type` has to name the type")),
        };
        let inner = well_known::resolve(message.descriptor().parent_pool(), type_url)
            .map_err(|mistake| mistake.in_field("@type"))?;
        let inner = match WellKnown::of(&inner) {
            None => {
                if self.depth > DEEPEST {
                    return Err(Mistake::new(format!("more than {DEEPEST} messages lie within each other")));
                }
                let mut decoded = DynamicMessage::new(inner);
                Decoder { depth: self.depth + 1, ..self }.fields(&mut decoded, entries, Some("@type"))?;
                decoded
            }
            Some(well_known) => {
                let mut value = None;
                for (name, json) in entries {
                    match &**name {
                        "@type" => {}
                        "value" if value.is_some() => return Err(Mistake::new("`value` is given twice")),
                        "value" => value = Some(json),
                        other => self.unknown(other)?,
                    }
                }
                match value {
                    Some(json) => self.message(&inner, json).map_err(|mistake| mistake.in_field("value"))?,
                    None if well_known == WellKnown::Empty => DynamicMessage::new(inner),
                    None => {
                        return Err(Mistake::new(format!("`value` has to hold the {}", inner.full_name())));
                    }
                }
            }
        };
        set(message, &numbered(message, 1)?, Value::String(type_url.clone().into_owned()))?;
        set(message, &numbered(message, 2)?, Value::Bytes(inner.encode_to_vec().into()))
    }

    fn unknown(self, name: &str) -> Result<(), Mistake> {
        if self.options.reject_unknown_fields {
            Err(Mistake::new("there is no such field").in_field(name))
        } else {
            Ok(())
        }
    }
}

/// What a name in an object stands for.
enum Field {
    Own(FieldDescriptor),
    Extension(ExtensionDescriptor),
}

impl Field {
    fn named(message: &MessageDescriptor, name: &str) -> Option<Field> {
        let own = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        own.map(Field::Own).or_else(|| message.get_extension_by_json_name(name).map(Field::Extension))
    }

    fn number(&self) -> u32 {
        match self {
            Field::Own(field) => field.number(),
            Field::Extension(extension) => extension.number(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Field::Own(field) => field.name(),
            Field::Extension(extension) => extension.json_name(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Field::Own(field) => field.kind(),
            Field::Extension(extension) => extension.kind(),
        }
    }

    fn is_list(&self) -> bool {
        match self {
            Field::Own(field) => field.is_list(),
            Field::Extension(extension) => extension.is_list(),
        }
    }

    fn is_map(&self) -> bool {
        match self {
            Field::Own(field) => field.is_map(),
            Field::Extension(extension) => extension.is_map(),
        }
    }

    /// Whether `null` is a value of it, and not the lack of one.
    fn has_null(&self) -> bool {
        let has_null = match self.kind() {
            Kind::Message(message) => WellKnown::of(&message) == Some(WellKnown::Value),
            Kind::Enum(numbers) => is_null_value(&numbers),
            _ => false,
        };
        has_null && !self.is_list() && !self.is_map()
    }
}

fn is_null_value(numbers: &EnumDescriptor) -> bool {
    numbers.full_name() == "google.protobuf.NullValue"
}

fn set(message: &mut DynamicMessage, field: &FieldDescriptor, value: Value) -> Result<(), Mistake> {
    message.try_set_field(field, value).map_err(|_| Mistake::new("a value of another type"))
}

/// A field of a well-known type. It can lack only where descriptors give a well-known name to something else.
fn numbered(message: &DynamicMessage, number: u32) -> Result<FieldDescriptor, Mistake> {
    let descriptor = message.descriptor();
    descriptor.get_field(number).ok_or_else(|| {
        Mistake::new(format!("the descriptors' {} is not the well-known type", descriptor.full_name()))
    })
}

fn transcode(message: &mut DynamicMessage, from: &impl Message) -> Result<(), Mistake> {
    message.transcode_from(from).map_err(|error| Mistake::new(error.to_string()))
}

pub(super) fn expected(what: &str, json: &Json<'_>) -> Mistake {
    Mistake::new(format!("{what} is expected, not {}", json.name()))
}
