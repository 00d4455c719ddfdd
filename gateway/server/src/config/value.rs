//! The types of values in a configuration, and how each is written.

use std::net::SocketAddr;
use std::ops::Range;

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

    pub(super) fn note(self, span: Range<usize>, findings: &Findings) {
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
