//! Reading a table key by key.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::quantity::{Period, Size};
use super::value::{Value, wrong_type};
use crate::report::{Findings, suggest};

/// A table of the configuration while it is read. What nobody asked for by the time of [`Section::finish`] is unknown.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: &'static str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: Vec<&'static str>,
    findings: &'a Findings,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        name: &'static str,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        findings: &'a Findings,
    ) -> Section<'a> {
        Section { name, table, span, asked: Vec::new(), findings }
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// The value of a key; `None` when it is absent, or wrong and noted.
    pub(super) fn get<V: Value>(&mut self, key: &'static str) -> Option<Spanned<V>> {
        let value = self.value(key)?;
        V::read(value, self.findings).map(|read| Spanned::new(value.span(), read))
    }

    /// The same for a key that must be there.
    pub(super) fn require<V: Value>(&mut self, key: &'static str) -> Option<Spanned<V>> {
        if !self.has(key) {
            self.findings.error(self.span(), format!("{} needs a `{key}`", self.name));
        }
        self.get(key)
    }

    /// The values of a key that must be there and hold one or more.
    pub(super) fn require_some<V: Value>(&mut self, key: &'static str) -> Vec<Spanned<V>> {
        let values: Option<Spanned<Vec<Spanned<V>>>> = self.require(key);
        if let Some(value) = self.table.get(key)
            && self.lacks(key)
        {
            self.findings.error(value.span(), format!("{} needs at least one of its `{key}`", self.name));
        }
        values.map(Spanned::into_inner).unwrap_or_default()
    }

    /// The value of a key, or its default.
    pub(super) fn or<V: Value>(&mut self, key: &'static str, default: V) -> V {
        self.get(key).map_or(default, Spanned::into_inner)
    }

    /// The value of a key that must lie between two bounds.
    pub(super) fn within<V>(&mut self, key: &'static str, bounds: RangeInclusive<V>) -> Option<Spanned<V>>
    where
        V: Value + PartialOrd + Display,
    {
        let value = self.get(key)?;
        if bounds.contains(value.get_ref()) {
            return Some(value);
        }
        let what = format!("`{key}` must be between {} and {}", bounds.start(), bounds.end());
        self.findings.error(value.span(), what);
        None
    }

    /// A number of things, or its default.
    pub(super) fn count(&mut self, key: &'static str, bounds: RangeInclusive<u32>, default: usize) -> usize {
        self.within(key, bounds).map_or(default, |count| *count.get_ref() as usize)
    }

    /// A number of bytes, or its default.
    pub(super) fn size(&mut self, key: &'static str, bounds: RangeInclusive<Size>, default: u32) -> u32 {
        self.within(key, bounds).map_or(default, |size| size.get_ref().get())
    }

    /// A length of time that is not zero, or its default.
    pub(super) fn period(&mut self, key: &'static str, default: Duration) -> Duration {
        self.within(key, Period::MIN..=Period::MAX).map_or(default, |period| period.get_ref().get())
    }

    /// The table of a key.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.as_section(key, value)
    }

    /// The tables of a key that holds a list of them.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(tables) => tables.iter().filter_map(|table| self.as_section(key, table)).collect(),
            other => {
                let hint = match other {
                    DeValue::Table(_) => format!("write `[[{key}]]` above it, in two brackets"),
                    _ => format!("write a table `[[{key}]]` for each"),
                };
                let what = format!("`{key}` is a list of tables, not {}", wrong_type(other));
                self.findings.error_with_hint(value.span(), what, hint);
                Vec::new()
            }
        }
    }

    /// The value of a key as it stands.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Whether a key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether a list is absent or empty. A key with a value of another type was meant to be one.
    pub(super) fn lacks(&self, key: &str) -> bool {
        self.table.get(key).is_none_or(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty()))
    }

    /// Where a key itself is written.
    pub(super) fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// The table itself. Whoever reads on from it answers for its unknown keys.
    pub(super) fn table(&self) -> &'a DeTable<'a> {
        self.table
    }

    /// Notes every key that was not asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let hint = suggest(name, self.asked.iter().copied(), "keys");
                let what = format!("{} has no key `{}`", self.name, shortened(name));
                self.findings.error_with_hint(key.span(), what, hint);
            }
        }
    }

    fn as_section(&self, key: &'static str, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(section_name(key), table, value.span(), self.findings));
        }
        let what = format!("{} is a table, not {}", section_name(key), wrong_type(value.get_ref()));
        self.findings.error(value.span(), what);
        None
    }
}

/// What the table of a key is called in a sentence.
fn section_name(key: &'static str) -> &'static str {
    match key {
        "listeners" => "a listener",
        "routes" => "a route",
        "clusters" => "a cluster",
        "filters" => "a filter",
        "admin" => "`admin`",
        "access_log" => "`access_log`",
        "tls" => "`tls`",
        "descriptors" => "`descriptors`",
        "json" => "`json`",
        "webtransport" => "`webtransport`",
        "websocket" => "`websocket`",
        "tickets" => "`tickets`",
        "limits" => "`limits`",
        "h2" => "`h2`",
        "quic" => "`quic`",
        other => other,
    }
}

/// A text from the configuration, cut off where it would fill the screen.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
