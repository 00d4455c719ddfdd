//! `[listeners.tickets]`: what admits to sessions and WebSockets.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::quantity::Period;
use super::route::FilterConfig;
use super::section::Section;
use super::value::{Misread, Text};

/// The longest, and the default: a ticket in a URL may be seen by others, and is fetched right before it is used.
const LIFETIME: u64 = 60;

/// What admits to the sessions and WebSockets of a listener.
#[derive(Debug)]
pub(crate) struct TicketsConfig<'a> {
    /// Where the key is written.
    pub(crate) span: Range<usize>,
    pub(crate) filters: Vec<FilterConfig<'a>>,
    pub(crate) required: bool,
    pub(crate) lifetime: Duration,
    pub(crate) session_lifetime: Option<Duration>,
    pub(crate) secrets: Vec<Spanned<Secret>>,
}

/// A secret that gateways share. What is wrong with one is said without showing it.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Text for Secret {
    const EXPECTED: &'static str = "a secret of 32 characters or more";

    fn parse(text: &str) -> Result<Secret, Misread> {
        match text.len() >= 32 {
            true => Ok(Secret(text.to_owned())),
            false => Err(Misread::new("the secret has less than 32 characters, so it could be guessed")
                .hint("take one that nobody made up, such as what `openssl rand -hex 32` says")),
        }
    }
}

impl<'a> TicketsConfig<'a> {
    pub(super) fn read(mut section: Section<'a>, span: Range<usize>) -> TicketsConfig<'a> {
        let findings = section.findings();
        if section.lacks("filters") {
            let what = "without a filter, everybody would be given a ticket";
            let hint = "add `filters = [{ use = \"api_key\", … }]`, which says who is given one";
            findings.error_with_hint(section.span(), what, hint);
        }
        let filters = section.sections("filters").into_iter().filter_map(FilterConfig::read).collect();
        let required = section.or("required", true);
        let lifetimes = Period::seconds(1)..=Period::seconds(LIFETIME);
        let lifetime = section.within("lifetime", lifetimes).map(|lifetime| lifetime.get_ref().get());
        let session_lifetimes = Period::seconds(1)..=Period::MAX;
        let session_lifetime = section.within("session_lifetime", session_lifetimes);
        let secrets = section.or("secrets", Vec::new());
        section.finish();
        TicketsConfig {
            span,
            filters,
            required,
            lifetime: lifetime.unwrap_or(Duration::from_secs(LIFETIME)),
            session_lifetime: session_lifetime.map(|lifetime| lifetime.get_ref().get()),
            secrets,
        }
    }
}
