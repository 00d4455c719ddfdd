//! Values of fields as text, as they stand in a path or a query.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether text can stand for a message of this type, so that a path or a query can set it as a whole.
pub(super) fn has_text(message: &MessageDescriptor) -> bool {
    is_wrapper(message)
        || matches!(
            message.full_name(),
            "google.protobuf.Timestamp"
                | "google.protobuf.Duration"
                | "google.protobuf.FieldMask"
                | "google.protobuf.Struct"
                | "google.protobuf.Value"
                | "google.protobuf.ListValue"
        )
}

fn is_wrapper(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.DoubleValue"
            | "google.protobuf.FloatValue"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.Int32Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.BoolValue"
            | "google.protobuf.StringValue"
            | "google.protobuf.BytesValue"
    )
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
        Kind::Bytes => Value::Bytes(base64(text)?.into()),
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

/// Decodes base64 of either alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// Refuses a number that is too large to be one, which Rust reads as infinity.
fn float(text: &str, value: f64) -> Option<f64> {
    let says_infinity = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (value.is_finite() || value.is_nan() || says_infinity).then_some(value)
}

fn well_known(message: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    if is_wrapper(message) {
        let field = message.get_field(1)?;
        let mut wrapper = DynamicMessage::new(message.clone());
        wrapper.try_set_field(&field, parse(&field.kind(), text)?).ok()?;
        return Some(wrapper);
    }
    match message.full_name() {
        "google.protobuf.FieldMask" => {
            field_mask(message, text.split(',').filter(|path| !path.is_empty()).map(snake_case))
        }
        "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
            DynamicMessage::deserialize(message.clone(), serde_json::Value::String(text.to_owned())).ok()
        }
        _ if has_text(message) => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            DynamicMessage::deserialize(message.clone(), json).ok()
        }
        _ => None,
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
