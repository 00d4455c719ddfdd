//! Keeping secrets out of what operators are shown.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What stands for a secret.
const REDACTED: &str = "[redacted]";

/// The configuration without comments and secrets.
pub(super) fn shown(root: &Spanned<DeTable<'_>>) -> String {
    let value = Spanned::new(root.span(), DeValue::Table(root.get_ref().clone()));
    // What cannot be read here was already noted as a problem, and a configuration with problems is not shown.
    let Some(toml::Value::Table(mut table)) = super::owned(&value, &crate::report::Findings::default())
    else {
        return String::new();
    };
    redact(&mut table, Place::Outside);
    toml::to_string_pretty(&table).unwrap_or_default()
}

/// The text with its secrets blotted out and nothing moved, so that places in it stay what they are.
pub(super) fn blotted(root: &Spanned<DeTable<'_>>, text: &str) -> String {
    let mut secrets = Vec::new();
    collect(root.get_ref(), Place::Outside, &mut secrets);
    let mut blotted = text.as_bytes().to_vec();
    for span in secrets {
        for byte in blotted.get_mut(span).unwrap_or_default() {
            if !matches!(byte, b'\r' | b'\n') {
                *byte = b'*';
            }
        }
    }
    // Secrets are whole values, so no character was cut.
    String::from_utf8(blotted).unwrap_or_default()
}

/// Where a key stands, which decides whether it can be a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of these, `key` is the path of a file.
    Outside,
    /// In a filter, and in `quic_lb`, `key` may be a key.
    Filter,
    /// Under a secret key, everything is a secret.
    Secret,
}

impl Place {
    fn below(self, key: &str) -> Place {
        let key = key.to_ascii_lowercase();
        let singular = key.strip_suffix('s').unwrap_or(&key);
        let is = |word: &str| singular == word || singular.ends_with(&format!("_{word}"));
        let is_header = matches!(&*key, "authorization" | "proxy-authorization" | "cookie" | "x-api-key");
        match self {
            Place::Secret => Place::Secret,
            _ if is("secret") || is("password") || is("token") || is_header => Place::Secret,
            Place::Filter if is("key") => Place::Secret,
            Place::Filter => Place::Filter,
            Place::Outside if key == "filters" || key == "quic_lb" => Place::Filter,
            Place::Outside => Place::Outside,
        }
    }
}

fn redact(table: &mut toml::Table, place: Place) {
    for (key, value) in table.iter_mut() {
        redact_value(value, place.below(key));
    }
}

fn redact_value(value: &mut toml::Value, place: Place) {
    match value {
        toml::Value::Table(table) => redact(table, place),
        toml::Value::Array(values) => values.iter_mut().for_each(|value| redact_value(value, place)),
        value if place == Place::Secret => *value = REDACTED.into(),
        _ => {}
    }
}

fn collect(table: &DeTable<'_>, place: Place, secrets: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        collect_value(value, place.below(key.get_ref()), secrets);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, place: Place, secrets: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, place, secrets),
        DeValue::Array(values) => values.iter().for_each(|value| collect_value(value, place, secrets)),
        _ if place == Place::Secret => secrets.push(value.span()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    const CONFIG: &str = "\
# password = \"old\"
[[listeners]]
tls = { cert = \"tls/cert.pem\", key = \"tls/key.pem\" }
quic_lb = { server_id = \"0a0b\", key = \"s3cret\" }
[[routes]]
headers = { authorization = \"Bearer s3cret\" }
filters = [
  { use = \"api_key\", keys = [{ name = \"bob\", value = \"s3cret\" }, \"s3cret\"], header = \"x-key\" },
  { use = \"jwt\", hmac_secret = \"s3crét\", issuer = \"https://id\", pass = { tokens = [\"s3cret\", 7] } },
]
";

    #[test]
    fn shows_no_secret() {
        let shown = shown(&DeTable::parse(CONFIG).unwrap());
        assert!(!shown.contains("s3cr") && !shown.contains("old") && !shown.contains('7'), "{shown}");
        for kept in ["tls/key.pem", "x-key", "https://id", "api_key", "0a0b", "[redacted]"] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
    }

    #[test]
    fn blots_without_moving() {
        let blotted = blotted(&DeTable::parse(CONFIG).unwrap(), CONFIG);
        assert_eq!(blotted.len(), CONFIG.len());
        assert!(!blotted.contains("s3cr"), "{blotted}");
        assert!(blotted.contains("issuer = \"https://id\""), "{blotted}");
    }
}
