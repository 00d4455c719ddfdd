//! Messages as JSON: the canonical proto3 mapping.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>; where it leaves something open, what Go's `protojson` does,
//! which Connect and grpc-gateway build on. That means for what is read:
//!
//! - No text is never a message, not even of a type without fields; `{}` is one. What follows the message is refused.
//! - A field that is given twice, be it under its two names, is refused, and so are a second member of a oneof and a
//!   second entry of one key.
//! - `null` is the lack of a value, but in a list, in a map, or at the top it is none.
//! - A number may stand in quotes, with or without an exponent, and an integer may be written as `1e3` or `1.0`.
//! - Bytes may be in either base64 alphabet, with padding or without.
//! - Enum values may be numbers, also unknown ones. An unknown name is refused or, like an unknown field, ignored.
//! - At most 100 messages may lie within each other, as proto counts them: a list in a `google.protobuf.Value` is two,
//!   an object three. What is deeper most upstreams could not read.
//!
//! And for what is written:
//!
//! - Fields come in the order of their numbers, and the entries of maps in the order of their keys. A negative zero in
//!   a field without presence is left out, as is what the descriptors do not know.
//! - The type in an `Any` is one of the same descriptors or a bundled one. Without it the `Any`, and so the whole
//!   message, cannot be written: there is no canonical form of it.
//! - A `google.protobuf.Value` that holds nothing is `null`.

mod decode;
mod encode;
mod mistake;
mod scalar;
mod tree;
mod well_known;

use bytes::Bytes;
use prost::Message;
use prost_reflect::prost_types::Any;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value,
};

use self::decode::Decoder;
use self::encode::Encoder;
use self::mistake::Mistake;
use self::tree::Json;
pub(crate) use self::well_known::WellKnown;
use crate::status::Status;

/// How messages are written as JSON, and what is accepted. The default is the canonical mapping, and ignores what it
/// does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// Write fields without presence even when they have their default value.
    pub always_print_fields: bool,
    /// Write `field_name` as the descriptor has it, not `fieldName`. Both are always read.
    pub preserve_proto_names: bool,
    /// Write enum values as numbers. Both are always read.
    pub enums_as_numbers: bool,
    /// Write 64-bit integers as JSON numbers, which a browser rounds beyond 2^53. Both are always read.
    pub int64_as_numbers: bool,
    /// Refuse fields and enum values that the descriptors do not know.
    pub reject_unknown_fields: bool,
}

/// The bytes of the message that a JSON text stands for.
///
/// # Errors
///
/// INVALID_ARGUMENT, with the path of the field, if it stands for none.
pub fn decode(message: &MessageDescriptor, json: &[u8], options: &JsonOptions) -> Result<Vec<u8>, Status> {
    Ok(decode_message(message, json, options)?.encode_to_vec())
}

/// As [`decode`], for whoever wants to change the message.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_message(
    message: &MessageDescriptor,
    json: &[u8],
    options: &JsonOptions,
) -> Result<DynamicMessage, Status> {
    let json = parse(json)?;
    Decoder { options, depth: 0 }.message(message, &json).map_err(refused)
}

/// The value of a field that a JSON text stands for; `None` when it stands for the lack of one.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_field(
    field: &FieldDescriptor,
    json: &[u8],
    options: &JsonOptions,
) -> Result<Option<Value>, Status> {
    // The field is one of a message, and its value may be one.
    let json = parse(json)?;
    Decoder { options, depth: 1 }.field_value(field, &json).map_err(refused)
}

/// A message as JSON.
///
/// # Errors
///
/// INTERNAL if the bytes are no such message, or one that JSON cannot express.
pub fn encode(message: &MessageDescriptor, proto: &[u8], options: &JsonOptions) -> Result<Vec<u8>, Status> {
    let decoded = encode::decode(message.clone(), Bytes::copy_from_slice(proto))
        .map_err(|mistake| inexpressible(message, &mistake))?;
    encode_message(&decoded, options)
}

/// As [`encode`], of a message that is already decoded.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_message(message: &DynamicMessage, options: &JsonOptions) -> Result<Vec<u8>, Status> {
    let mut encoder = Encoder { options, out: Vec::new(), depth: 0 };
    match encoder.message(message) {
        Ok(()) => Ok(encoder.out),
        Err(mistake) => Err(inexpressible(&message.descriptor(), &mistake)),
    }
}

/// The value of one field of a message as JSON: `null` for a field with presence that is not set, and the default
/// value for one without.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_field(
    message: &DynamicMessage,
    field: &FieldDescriptor,
    options: &JsonOptions,
) -> Result<Vec<u8>, Status> {
    if field.supports_presence() && !message.has_field(field) {
        return Ok(b"null".to_vec());
    }
    let mut encoder = Encoder { options, out: Vec::new(), depth: 1 };
    match encoder.value(&message.get_field(field), &field.kind()) {
        Ok(()) => Ok(encoder.out),
        Err(mistake) => Err(inexpressible(&message.descriptor(), &mistake.in_field(field.name()))),
    }
}

/// An `Any` as JSON. Its type is one of `pool` or a bundled one.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_any(any: &Any, pool: &DescriptorPool, options: &JsonOptions) -> Result<Vec<u8>, Status> {
    let mut encoder = Encoder { options, out: Vec::new(), depth: 1 };
    match encoder.any_of(&any.type_url, Bytes::copy_from_slice(&any.value), pool) {
        Ok(()) => Ok(encoder.out),
        Err(mistake) => Err(Status::internal(format!("an Any cannot be written as JSON: {mistake}"))),
    }
}

fn parse(json: &[u8]) -> Result<Json<'_>, Status> {
    if json.is_empty() {
        return Err(Status::invalid_argument("no text is no JSON"));
    }
    Json::parse(json).map_err(|error| Status::invalid_argument(format!("this is no JSON: {error}")))
}

fn refused(mistake: Mistake) -> Status {
    Status::invalid_argument(mistake.to_string())
}

fn inexpressible(message: &MessageDescriptor, mistake: &Mistake) -> Status {
    Status::internal(format!("a {} cannot be written as JSON: {mistake}", message.full_name()))
}

#[cfg(test)]
mod tests;
