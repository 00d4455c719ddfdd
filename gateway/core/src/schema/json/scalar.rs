//! Values that hold no others.

use prost_reflect::prost_types::{Duration, Timestamp};
use prost_reflect::{Kind, MapKey, Value};

use super::decode::expected;
use super::mistake::{Mistake, clip};
use super::tree::Json;
use super::well_known;
use crate::binary;

/// Reads a value of a kind that is neither message nor enum.
pub(super) fn value(kind: &Kind, json: &Json<'_>) -> Result<Value, Mistake> {
    Ok(match (kind, json) {
        (Kind::Double, _) => Value::F64(float(json)?),
        (Kind::Float, _) => {
            let value = float(json)?;
            let single = value as f32;
            if single.is_infinite() && value.is_finite() {
                return Err(Mistake::new("the number is out of range"));
            }
            Value::F32(single)
        }
        (Kind::Int32 | Kind::Sint32 | Kind::Sfixed32, _) => Value::I32(integer(json)?),
        (Kind::Int64 | Kind::Sint64 | Kind::Sfixed64, _) => Value::I64(integer(json)?),
        (Kind::Uint32 | Kind::Fixed32, _) => Value::U32(integer(json)?),
        (Kind::Uint64 | Kind::Fixed64, _) => Value::U64(integer(json)?),
        (Kind::Bool, Json::Bool(value)) => Value::Bool(*value),
        (Kind::Bool, other) => return Err(expected("a boolean", other)),
        (Kind::String, Json::String(text)) => Value::String(text.clone().into_owned()),
        (Kind::Bytes, Json::String(text)) => {
            let bytes = binary::decode_either(text.as_bytes());
            Value::Bytes(bytes.ok_or_else(|| Mistake::new("this is no base64"))?.into())
        }
        (Kind::String | Kind::Bytes, other) => return Err(expected("a string", other)),
        (Kind::Message(_) | Kind::Enum(_), other) => return Err(expected("a scalar", other)),
    })
}

/// Reads the key of a map.
pub(super) fn key(kind: &Kind, text: &str) -> Result<MapKey, Mistake> {
    let json = match (kind, text) {
        (Kind::Bool, "true") => Json::Bool(true),
        (Kind::Bool, "false") => Json::Bool(false),
        _ => Json::String(text.into()),
    };
    value(kind, &json)?.into_map_key().ok_or_else(|| Mistake::new("nothing of this type is a key"))
}

/// Reads an integer: a number without a fraction, however it is written, or the same in quotes.
pub(super) fn integer<T: TryFrom<i128>>(json: &Json<'_>) -> Result<T, Mistake> {
    let number = match json {
        Json::Unsigned(number) => Some(i128::from(*number)),
        Json::Signed(number) => Some(i128::from(*number)),
        // What is beyond 64 bits does not fit anyway.
        Json::Float(number) if number.fract() == 0.0 && number.abs() < 2f64.powi(65) => Some(*number as i128),
        Json::Float(number) if number.fract() == 0.0 => None,
        Json::String(text) => return integer(&quoted(text)?),
        other => return Err(expected("an integer", other)),
    };
    let out_of_range = || Mistake::new("the number is out of range");
    T::try_from(number.ok_or_else(out_of_range)?).map_err(|_| out_of_range())
}

fn float(json: &Json<'_>) -> Result<f64, Mistake> {
    match json {
        Json::Unsigned(number) => Ok(*number as f64),
        Json::Signed(number) => Ok(*number as f64),
        Json::Float(number) => Ok(*number),
        Json::String(text) => match &**text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            text => float(&quoted(text)?),
        },
        other => Err(expected("a number", other)),
    }
}

/// The JSON number in a string.
fn quoted(text: &str) -> Result<Json<'static>, Mistake> {
    // JSON may have blanks around it; a number in quotes may not.
    let is_bare = !text.contains(|char: char| char.is_ascii_whitespace());
    match Json::parse(text.as_bytes()) {
        Ok(Json::Unsigned(number)) if is_bare => Ok(Json::Unsigned(number)),
        Ok(Json::Signed(number)) if is_bare => Ok(Json::Signed(number)),
        Ok(Json::Float(number)) if is_bare => Ok(Json::Float(number)),
        _ => Err(Mistake::new(format!("`{}` is no number", clip(text)))),
    }
}

/// Reads RFC 3339 with capital letters and at most nine digits behind the point.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, Mistake> {
    let is_shaped = || {
        let (date, rest) = text.split_once('T')?;
        let time_end = rest.find(['Z', '+', '-'])?;
        let (time, offset) = rest.split_at_checked(time_end)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let is_offset = |offset: &str| {
            matches(offset, "99:99") && offset.split_once(':').is_some_and(|(h, m)| h < "24" && m < "60")
        };
        let is_offset = offset == "Z" || offset.get(1..).is_some_and(is_offset);
        let is_fraction =
            (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
        (matches(date, "9999-99-99")
            && matches(time, "99:99:99")
            && time.get(6..)? < "60"
            && is_offset
            && is_fraction)
            .then_some(())
    };
    is_shaped()
        .and_then(|()| text.parse().ok())
        .filter(well_known::is_timestamp)
        .ok_or_else(|| Mistake::new("not a timestamp like `2006-01-02T15:04:05Z` of the years 1 to 9999"))
}

/// Reads seconds with at most nine digits behind the point, and an `s`.
pub(super) fn duration(text: &str) -> Result<Duration, Mistake> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shaped = || {
        let number = text.strip_prefix('-').unwrap_or(text).strip_suffix('s')?;
        let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
        (digits(seconds) && digits(fraction) && fraction.len() <= 9).then_some(())
    };
    is_shaped()
        .and_then(|()| text.parse().ok())
        .filter(well_known::is_duration)
        .ok_or_else(|| Mistake::new("not a duration like `1.5s` of at most 10,000 years"))
}

/// Whether a text has this shape, in which `9` is any digit.
fn matches(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'9' => byte.is_ascii_digit(),
            shape => byte == shape,
        })
}
