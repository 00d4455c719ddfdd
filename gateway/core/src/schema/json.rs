//! Messages as JSON: the canonical proto3 mapping.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>

use prost::Message;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions,
};

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
/// INVALID_ARGUMENT, with the path of the field, if it is none.
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
    let options = DeserializeOptions::new().deny_unknown_fields(options.reject_unknown_fields);
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let decoded = DynamicMessage::deserialize_with_options(message.clone(), tracked, &options)
        .and_then(|decoded| deserializer.end().map(|()| decoded));
    decoded.map_err(|error| Status::invalid_argument(format!("{}: {error}", track.path())))
}

/// A message as JSON.
///
/// # Errors
///
/// INTERNAL if the bytes are no such message, or one that JSON cannot express.
pub fn encode(message: &MessageDescriptor, proto: &[u8], options: &JsonOptions) -> Result<Vec<u8>, Status> {
    let decoded = DynamicMessage::decode(message.clone(), proto).map_err(|error| {
        Status::internal(format!("the message is not a {}: {error}", message.full_name()))
    })?;
    encode_message(&decoded, options)
}

/// As [`encode`], of a message that is already decoded.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_message(message: &DynamicMessage, options: &JsonOptions) -> Result<Vec<u8>, Status> {
    let serialize = SerializeOptions::new()
        .skip_default_fields(!options.always_print_fields)
        .use_proto_field_name(options.preserve_proto_names)
        .use_enum_numbers(options.enums_as_numbers)
        .stringify_64_bit_integers(!options.int64_as_numbers);
    let mut json = Vec::new();
    match message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &serialize) {
        Ok(()) => Ok(json),
        Err(error) => {
            let name = message.descriptor();
            Err(Status::internal(format!("{} cannot be JSON: {error}", name.full_name())))
        }
    }
}
