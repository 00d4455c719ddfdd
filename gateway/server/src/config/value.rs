//! The types of values in a configuration, and how each is written.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use humantime_serde::re::humantime;
use toml::Spanned;
use toml::de::DeValue;

use super::section::shortened;
use crate::report::Findings;

/// A type that values of the configuration have.
pub(super) trait Value: Sized {
    /// What is expected, for the sentence "expected …".
    const EXPECTED: &'static str;

    /// Reads a value; `None` after noting what is wrong with it.
    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Self>;
}

/// Notes that a value is of another type than `V`.
pub(super) fn expected<V: Value>(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<V> {
    findings.error(value.span(), format!("expected {}, found {}", V::EXPECTED, wrong_type(value.get_ref())));
    None
}

/// What a value is, for the sentence "found …".
pub(super) fn wrong_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A type that is written as a string and parsed from it. The error is a sentence, perhaps with a hint.
pub(super) trait Text: Sized {
    const EXPECTED: &'static str;
    fn parse(text: &str) -> Result<Self, Misread>;
}

/// Why a string cannot be read.
#[derive(Debug)]
pub(super) struct Misread {
    what: String,
    hint: Option<String>,
}

impl Misread {
    pub(super) fn new(what: impl Into<String>) -> Misread {
        Misread { what: what.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Misread {
        self.hint = Some(hint.into());
        self
    }

    fn note(self, span: Range<usize>, findings: &Findings) {
        match self.hint {
            Some(hint) => findings.error_with_hint(span, self.what, hint),
            None => findings.error(span, self.what),
        }
    }
}

impl<T: Text> Value for T {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<T> {
        let DeValue::String(text) = value.get_ref() else { return expected(value, findings) };
        T::parse(text).map_err(|misread| misread.note(value.span(), findings)).ok()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<bool> {
        value.get_ref().as_bool().or_else(|| expected(value, findings))
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a whole number";

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<u32> {
        let DeValue::Integer(integer) = value.get_ref() else { return expected(value, findings) };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            findings.error(value.span(), format!("expected a whole number from 0 to {}", u32::MAX));
        }
        number
    }
}

impl<V: Value> Value for Vec<Spanned<V>> {
    const EXPECTED: &'static str = "a list";

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Self> {
        let DeValue::Array(values) = value.get_ref() else {
            let found = wrong_type(value.get_ref());
            let what = format!("expected a list, found {found}");
            match value.get_ref() {
                DeValue::String(_) => findings.error_with_hint(value.span(), what, "put it in brackets"),
                _ => findings.error(value.span(), what),
            }
            return None;
        };
        let read =
            |value: &Spanned<DeValue<'_>>| V::read(value, findings).map(|v| Spanned::new(value.span(), v));
        Some(values.iter().filter_map(read).collect())
    }
}

impl Text for SocketAddr {
    const EXPECTED: &'static str = "an address such as \"0.0.0.0:443\"";

    fn parse(text: &str) -> Result<SocketAddr, Misread> {
        text.parse().map_err(|_| {
            Misread::new(format!("`{}` is no address to listen on", shortened(text)))
                .hint("write an IP address and a port, such as \"0.0.0.0:443\" or \"[::]:443\"")
        })
    }
}

/// Any string but the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word(String);

impl Word {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Word {
    const EXPECTED: &'static str = "a string";

    fn parse(text: &str) -> Result<Word, Misread> {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Misread::new("expected a string that is not empty and has no control characters"));
        }
        Ok(Word(text.to_owned()))
    }
}

/// A name for a route or a cluster. It becomes the value of labels, so it is kept short and plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Name {
    const EXPECTED: &'static str = "a name";

    fn parse(text: &str) -> Result<Name, Misread> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
        if text.is_empty() || text.len() > 100 || !text.bytes().all(plain) {
            return Err(Misread::new(format!("`{}` is no name", shortened(text)))
                .hint("a name has up to 100 letters, digits and `-`, `_`, `.`, `/`, `:`"));
        }
        Ok(Name(text.to_owned()))
    }
}

/// A length of time, such as `"15s"` or `"1m 30s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Period(Duration);

impl Period {
    /// The shortest that is not zero and that timers can tell.
    pub(super) const MIN: Period = Period(Duration::from_millis(1));
    /// The longest that can be configured, a year. It keeps sums of times far from overflowing.
    pub(super) const MAX: Period = Period(Duration::from_secs(31_557_600));

    pub(super) const fn seconds(seconds: u64) -> Period {
        Period(Duration::from_secs(seconds))
    }

    pub(super) fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", humantime::format_duration(self.0))
    }
}

impl Text for Period {
    const EXPECTED: &'static str = "a duration such as \"15s\"";

    fn parse(text: &str) -> Result<Period, Misread> {
        let misread = || {
            Misread::new(format!("`{}` is no duration", shortened(text)))
                .hint("write a number and a unit: \"250ms\", \"15s\", \"5m\", \"1h 30m\", \"2days\"")
        };
        // The parser is made for short texts.
        if text.len() > 60 {
            return Err(misread());
        }
        let period = Period(humantime::parse_duration(text).map_err(|_| misread())?);
        if period > Period::MAX {
            return Err(Misread::new("this is longer than a year"));
        }
        Ok(period)
    }
}

/// A number of bytes, below 4 GiB: a plain integer, or a string with a unit such as `"16KiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Size(u32);

impl Size {
    pub(super) const MAX: Size = Size(u32::MAX);

    pub(super) const fn bytes(bytes: u32) -> Size {
        Size(bytes)
    }

    pub(super) const fn kib(kib: u32) -> Size {
        Size(kib << 10)
    }

    pub(super) const fn mib(mib: u32) -> Size {
        Size(mib << 20)
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Result<Size, Misread> {
        let misread = || {
            Misread::new(format!("`{}` is no size", shortened(text)))
                .hint("write a number and one of the units B, KiB, MiB and GiB, such as \"16KiB\"")
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).ok_or_else(misread)?;
        let shift = match unit.trim_start_matches(' ') {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(misread()),
        };
        if number.is_empty() {
            return Err(misread());
        }
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        match bytes.map(u32::try_from) {
            Some(Ok(bytes)) => Ok(Size(bytes)),
            _ => Err(Misread::new("a size is less than 4 GiB")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        match bytes.trailing_zeros() {
            _ if bytes == 0 => f.write_str("0"),
            30.. => write!(f, "\"{}GiB\"", bytes >> 30),
            20.. => write!(f, "\"{}MiB\"", bytes >> 20),
            10.. => write!(f, "\"{}KiB\"", bytes >> 10),
            _ => write!(f, "{bytes}"),
        }
    }
}

impl Value for Size {
    const EXPECTED: &'static str = "a size such as \"16KiB\", or a number of bytes";

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Size> {
        match value.get_ref() {
            DeValue::Integer(_) => u32::read(value, findings).map(Size),
            DeValue::String(text) => {
                Size::parse(text).map_err(|misread| misread.note(value.span(), findings)).ok()
            }
            _ => expected(value, findings),
        }
    }
}
