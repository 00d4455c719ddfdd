//! From a message to JSON.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use prost::Message;
use prost_reflect::prost_types::{Duration, Timestamp};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};

use super::JsonOptions;
use super::mistake::Mistake;
use super::well_known::{self, DEEPEST, WellKnown};

/// Writes JSON to `out`.
pub(super) struct Encoder<'a> {
    pub(super) options: &'a JsonOptions,
    pub(super) out: Vec<u8>,
    /// How many messages are around the next one.
    pub(super) depth: usize,
}

impl Encoder<'_> {
    pub(super) fn message(&mut self, message: &DynamicMessage) -> Result<(), Mistake> {
        if self.depth > DEEPEST {
            return Err(Mistake::new(format!("more than {DEEPEST} messages lie within each other")));
        }
        self.depth += 1;
        match WellKnown::of(&message.descriptor()) {
            Some(well_known) => self.well_known(well_known, message)?,
            None => {
                self.out.push(b'{');
                self.fields(message, true)?;
                self.out.push(b'}');
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The fields of a message, as they stand in an object.
    fn fields(&mut self, message: &DynamicMessage, mut is_first: bool) -> Result<(), Mistake> {
        for field in message.descriptor().fields() {
            let is_printed =
                message.has_field(&field) || self.options.always_print_fields && !field.supports_presence();
            if is_printed {
                let name = if self.options.preserve_proto_names { field.name() } else { field.json_name() };
                self.name(name, &mut is_first);
                self.value(&message.get_field(&field), &field.kind())
                    .map_err(|mistake| mistake.in_field(field.name()))?;
            }
        }
        for (extension, value) in message.extensions() {
            self.name(extension.json_name(), &mut is_first);
            self.value(value, &extension.kind())
                .map_err(|mistake| mistake.in_field(extension.json_name()))?;
        }
        Ok(())
    }

    fn name(&mut self, name: &str, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.out.push(b',');
        }
        self.string(name);
        self.out.push(b':');
    }

    pub(super) fn value(&mut self, value: &Value, kind: &Kind) -> Result<(), Mistake> {
        match value {
            Value::Bool(value) => self.plain(value),
            Value::I32(value) => self.plain(value),
            Value::U32(value) => self.plain(value),
            Value::I64(value) => self.integer(value),
            Value::U64(value) => self.integer(value),
            Value::F32(value) if value.is_finite() => self.float(value),
            Value::F32(value) => self.not_finite(f64::from(*value)),
            Value::F64(value) if value.is_finite() => self.float(value),
            Value::F64(value) => self.not_finite(*value),
            Value::String(value) => self.string(value),
            Value::Bytes(value) => self.plain(format_args!("\"{}\"", BASE64_STANDARD.encode(value))),
            Value::EnumNumber(number) => self.enum_number(*number, kind),
            Value::Message(message) => self.message(message)?,
            Value::List(values) => {
                self.out.push(b'[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(value, kind).map_err(|mistake| mistake.in_item(index))?;
                }
                self.out.push(b']');
            }
            Value::Map(entries) => {
                let kind = match kind {
                    Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
                    _ => return Err(Mistake::new("a map in a field that is none")),
                };
                let mut entries: Vec<_> = entries.iter().collect();
                // The same message gives the same text.
                entries.sort_unstable_by_key(|(key, _)| *key);
                self.out.push(b'{');
                let mut is_first = true;
                for (key, value) in entries {
                    let key = key_text(key);
                    self.name(&key, &mut is_first);
                    self.value(value, &kind).map_err(|mistake| mistake.in_entry(&key))?;
                }
                self.out.push(b'}');
            }
        }
        Ok(())
    }

    fn enum_number(&mut self, number: i32, kind: &Kind) {
        match kind.as_enum() {
            Some(numbers) if numbers.full_name() == "google.protobuf.NullValue" => self.plain("null"),
            Some(numbers) if !self.options.enums_as_numbers => match numbers.get_value(number) {
                Some(value) => self.string(value.name()),
                None => self.plain(number),
            },
            _ => self.plain(number),
        }
    }

    fn well_known(&mut self, well_known: WellKnown, message: &DynamicMessage) -> Result<(), Mistake> {
        match well_known {
            WellKnown::Any => return self.any(message),
            WellKnown::Timestamp => {
                let timestamp = message.transcode_to::<Timestamp>().map_err(misshapen)?;
                if !well_known::is_timestamp(&timestamp) {
                    return Err(Mistake::new("a timestamp outside the years 1 to 9999"));
                }
                self.plain(format_args!("\"{timestamp}\""));
            }
            WellKnown::Duration => {
                let duration = message.transcode_to::<Duration>().map_err(misshapen)?;
                if !well_known::is_duration(&duration) {
                    return Err(Mistake::new("a duration beyond 10,000 years, or of two signs"));
                }
                self.plain(format_args!("\"{duration}\""));
            }
            WellKnown::FieldMask => {
                let paths = message.get_field_by_number(1);
                let paths = paths.as_deref().and_then(Value::as_list).unwrap_or_default();
                let paths: Option<Vec<String>> =
                    paths.iter().map(|path| well_known::camel_case(path.as_str()?)).collect();
                let paths = paths.ok_or_else(|| Mistake::new("a path that JSON cannot express"))?;
                self.string(&paths.join(","));
            }
            WellKnown::Empty => self.plain("{}"),
            WellKnown::Struct | WellKnown::ListValue | WellKnown::Wrapper => {
                let field = message.descriptor().get_field(1).ok_or_else(|| misshapen("no field 1"))?;
                self.value(&message.get_field(&field), &field.kind())?;
            }
            WellKnown::Value => match message.fields().next() {
                Some((_, Value::F64(number))) if !number.is_finite() => {
                    return Err(Mistake::new("a google.protobuf.Value that is no finite number"));
                }
                Some((field, value)) => self.value(value, &field.kind())?,
                None => self.plain("null"),
            },
        }
        Ok(())
    }

    fn any(&mut self, message: &DynamicMessage) -> Result<(), Mistake> {
        let (type_url, value) = (message.get_field_by_number(1), message.get_field_by_number(2));
        let (Some(type_url), Some(value)) =
            (type_url.as_deref().and_then(Value::as_str), value.as_deref().and_then(Value::as_bytes))
        else {
            return Err(misshapen("an Any of other fields"));
        };
        self.any_of(type_url, value.clone(), message.descriptor().parent_pool())
    }

    /// An `Any` of these two fields. Its type is one of `pool` or a bundled one.
    pub(super) fn any_of(
        &mut self,
        type_url: &str,
        value: Bytes,
        pool: &DescriptorPool,
    ) -> Result<(), Mistake> {
        if type_url.is_empty() && value.is_empty() {
            self.plain("{}");
            return Ok(());
        }
        let inner = decode(well_known::resolve(pool, type_url)?, value)?;
        let mut is_first = true;
        self.out.push(b'{');
        self.name("@type", &mut is_first);
        self.string(type_url);
        if WellKnown::of(&inner.descriptor()).is_some() {
            self.name("value", &mut is_first);
            self.message(&inner)?;
        } else {
            if self.depth > DEEPEST {
                return Err(Mistake::new(format!("more than {DEEPEST} messages lie within each other")));
            }
            self.depth += 1;
            self.fields(&inner, false)?;
            self.depth -= 1;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn integer(&mut self, value: impl std::fmt::Display) {
        if self.options.int64_as_numbers {
            self.plain(value)
        } else {
            self.plain(format_args!("\"{value}\""))
        }
    }

    /// The shortest text that is read as this number again.
    fn float(&mut self, value: &impl serde::Serialize) {
        let _ = serde_json::to_writer(&mut self.out, value);
        if self.out.ends_with(b".0") {
            self.out.truncate(self.out.len() - 2);
        }
    }

    fn not_finite(&mut self, value: f64) {
        let name = match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        };
        self.string(name);
    }

    fn string(&mut self, text: &str) {
        // Writing to memory does not fail, and every string is JSON.
        let _ = serde_json::to_writer(&mut self.out, text);
    }

    fn plain(&mut self, value: impl std::fmt::Display) {
        // Writing to memory does not fail.
        let _ = write!(self.out, "{value}");
    }
}

/// Reads a message. Its bytes fields share the memory of `proto`: an `Any` in an `Any` is not copied once more.
pub(super) fn decode(message: MessageDescriptor, proto: Bytes) -> Result<DynamicMessage, Mistake> {
    let mut decoded = DynamicMessage::new(message);
    match decoded.merge(proto) {
        Ok(()) => Ok(decoded),
        Err(error) => {
            let message = decoded.descriptor();
            Err(Mistake::new(format!("the bytes are no {}: {error}", message.full_name())))
        }
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

/// Descriptors that give a well-known name to something else.
fn misshapen(what: impl std::fmt::Display) -> Mistake {
    Mistake::new(format!("not the well-known type of that name: {what}"))
}
