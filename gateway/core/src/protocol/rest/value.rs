//! Values of fields as text, as they stand in a path or a query.

use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

use crate::binary;
use crate::schema::json::{self, JsonOptions, WellKnown};

/// Whether text can stand for a message of this type, so that a path or a query can set it as a whole.
pub(super) fn has_text(message: &MessageDescriptor) -> bool {
    WellKnown::of(message).is_some_and(WellKnown::has_text)
}

/// What a kind is called in an error.
pub(super) fn name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(numbers) => numbers.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_ascii_lowercase(),
    }
}

/// Reads one value. `None` when the text is none of this kind.
pub(super) fn parse(kind: &Kind, text: &str) -> Option<Value> {
    Some(match kind {
        Kind::Double => Value::F64(float(text, text.parse().ok()?)?),
        Kind::Float => {
            let value: f32 = text.parse().ok()?;
            float(text, f64::from(value))?;
            Value::F32(value)
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(text.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(text.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(text.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(text.parse().ok()?),
        Kind::Bool => Value::Bool(match text {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return None,
        }),
        Kind::String => Value::String(text.to_owned()),
        Kind::Bytes => Value::Bytes(binary::decode_either(text.as_bytes())?.into()),
        Kind::Enum(names) => {
            let by_number = || names.get_value(text.parse().ok()?);
            Value::EnumNumber(names.get_value_by_name(text).or_else(by_number)?.number())
        }
        Kind::Message(message) => Value::Message(well_known(message, text)?),
    })
}

/// Reads the key of a map.
pub(super) fn key(kind: &Kind, text: &str) -> Option<MapKey> {
    parse(kind, text)?.into_map_key()
}

/// Refuses a number that is too large to be one, which Rust reads as infinity.
fn float(text: &str, value: f64) -> Option<f64> {
    let says_infinity = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (value.is_finite() || value.is_nan() || says_infinity).then_some(value)
}

fn well_known(message: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    let of_json = |json: &[u8]| json::decode_message(message, json, &JsonOptions::default()).ok();
    match WellKnown::of(message)? {
        WellKnown::Wrapper => {
            let field = message.get_field(1)?;
            let mut wrapper = DynamicMessage::new(message.clone());
            wrapper.try_set_field(&field, parse(&field.kind(), text)?).ok()?;
            Some(wrapper)
        }
        WellKnown::FieldMask => {
            field_mask(message, text.split(',').filter(|path| !path.is_empty()).map(snake_case))
        }
        WellKnown::Timestamp | WellKnown::Duration => of_json(&serde_json::to_vec(text).ok()?),
        WellKnown::Struct | WellKnown::Value | WellKnown::ListValue => of_json(text.as_bytes()),
        WellKnown::Any | WellKnown::Empty => None,
    }
}

/// A `google.protobuf.FieldMask` of these paths.
pub(super) fn field_mask(
    message: &MessageDescriptor,
    paths: impl IntoIterator<Item = String>,
) -> Option<DynamicMessage> {
    let paths = paths.into_iter().map(Value::String).collect();
    let mut mask = DynamicMessage::new(message.clone());
    mask.try_set_field_by_name("paths", Value::List(paths)).ok()?;
    Some(mask)
}

/// A path of a mask in its proto spelling; it may be in its JSON one.
fn snake_case(path: &str) -> String {
    let mut snake = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
