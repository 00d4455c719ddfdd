//! What the well-known types have in common in both directions.
//!
//! Source: <https://protobuf.dev/programming-guides/json/> and the comments of their `.proto` files.

use prost_reflect::prost_types::{Duration, Timestamp};
use prost_reflect::{DescriptorPool, MessageDescriptor};

use super::mistake::{Mistake, clip};
use crate::schema::bundled;

/// Messages within each other, as proto counts them. What is deeper could not be read by most upstreams, and a stack
/// is not endless.
pub(super) const DEEPEST: usize = 100;

/// The message types whose JSON is not an object of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WellKnown {
    Any,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Wrapper,
    /// An object without fields; but within an `Any` it counts as well known.
    Empty,
}

impl WellKnown {
    pub(crate) fn of(message: &MessageDescriptor) -> Option<WellKnown> {
        Some(match message.full_name().strip_prefix("google.protobuf.")? {
            "Any" => WellKnown::Any,
            "Timestamp" => WellKnown::Timestamp,
            "Duration" => WellKnown::Duration,
            "FieldMask" => WellKnown::FieldMask,
            "Struct" => WellKnown::Struct,
            "Value" => WellKnown::Value,
            "ListValue" => WellKnown::ListValue,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue" => WellKnown::Wrapper,
            "Empty" => WellKnown::Empty,
            _ => return None,
        })
    }

    /// Whether a text can stand for the whole message, as in a path or a query.
    pub(crate) fn has_text(self) -> bool {
        !matches!(self, WellKnown::Any | WellKnown::Empty)
    }
}

/// The type that the URL in an `Any` names: one of the same descriptors, or a bundled one.
pub(super) fn resolve(pool: &DescriptorPool, type_url: &str) -> Result<MessageDescriptor, Mistake> {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    pool.get_message_by_name(name)
        .or_else(|| bundled::pool().get_message_by_name(name))
        .ok_or_else(|| Mistake::new(format!("no descriptor tells of the type `{}`", clip(type_url))))
}

/// From the year 1 to the year 9999.
pub(super) fn is_timestamp(timestamp: &Timestamp) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&timestamp.seconds)
        && (0..1_000_000_000).contains(&timestamp.nanos)
}

/// Up to 10,000 years in either direction.
pub(super) fn is_duration(duration: &Duration) -> bool {
    let one_sign = duration.seconds.signum() * i64::from(duration.nanos.signum()) >= 0;
    duration.seconds.unsigned_abs() <= 315_576_000_000
        && duration.nanos.unsigned_abs() < 1_000_000_000
        && one_sign
}

/// `fooBar` of `foo_bar`; `None` if it could not be turned back.
pub(super) fn camel_case(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut is_next_upper = false;
    for char in path.chars() {
        match char {
            '_' => is_next_upper = true,
            char if is_next_upper => {
                camel.push(char.to_ascii_uppercase());
                is_next_upper = false;
            }
            char => camel.push(char),
        }
    }
    (is_path(path) && snake_case(&camel).as_deref() == Some(path)).then_some(camel)
}

/// `foo_bar` of `fooBar`; `None` if that is no path of fields.
pub(super) fn snake_case(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len());
    for char in path.chars() {
        if char.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
    }
    (is_path(path) && !path.contains('_')).then_some(snake)
}

fn is_path(path: &str) -> bool {
    path.split('.').all(|name| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        name.bytes().all(is_name) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    })
}
