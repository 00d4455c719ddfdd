//! `[[routes]]`.

mod datagrams;

use std::ops::Range;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use sluicegate_core::path::MethodPath;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use datagrams::DatagramsConfig;

use super::listener::{OriginPattern, read_origins};
use super::owned;
use super::quantity::{Period, Size};
use super::section::{Section, shortened};
use super::value::{Name, wrong_type};
use crate::plan::Traffic;
use crate::report::Findings;
use crate::route::{CallTimeout, HeaderMatcher, HeaderWanted, HostPattern, PathPrefix, ServicePattern};

/// One route.
#[derive(Debug)]
pub(crate) struct RouteConfig<'a> {
    pub(crate) span: Range<usize>,
    pub(crate) name: Option<Spanned<Name>>,
    pub(crate) hosts: Vec<Spanned<HostPattern>>,
    pub(crate) path_prefix: PathPrefix,
    pub(crate) services: Vec<Spanned<ServicePattern>>,
    pub(crate) methods: Vec<Spanned<MethodPath>>,
    pub(crate) headers: Vec<HeaderMatcher>,
    pub(crate) shares: Vec<Share>,
    pub(crate) timeout: CallTimeout,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_request_message: u32,
    pub(crate) max_response_message: u32,
    pub(crate) filters: Vec<FilterConfig<'a>>,
    pub(crate) origins: Vec<Spanned<OriginPattern>>,
    pub(crate) datagrams: Option<DatagramsConfig>,
    /// The keys that mean something for some traffic only, with where they are written.
    special: Vec<(&'static str, Range<usize>)>,
}

/// A cluster's part of a route's calls.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) cluster: Spanned<Name>,
    pub(crate) weight: u32,
}

/// One filter of a route. What its table holds is the filter's own business.
#[derive(Debug)]
pub(crate) struct FilterConfig<'a> {
    pub(crate) kind: Spanned<Name>,
    pub(crate) table: toml::Table,
    pub(crate) written: Written<'a>,
}

/// Where the values of a filter's table are written.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    root: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> RouteConfig<'a> {
    /// Keys that do not mean something for everything that a route can carry.
    const SPECIAL: [&'static str; 9] = [
        "services",
        "methods",
        "timeout",
        "idle_timeout",
        "max_request_message",
        "max_response_message",
        "filters",
        "origins",
        "datagrams",
    ];
    /// Messages are no larger than this unless the route says so, as in gRPC's own implementations.
    const MAX_MESSAGE: u32 = 4 << 20;

    pub(super) fn read(mut section: Section<'a>) -> RouteConfig<'a> {
        let special = Self::SPECIAL
            .into_iter()
            .filter_map(|key| section.key_span(key).map(|span| (key, span)))
            .collect();
        let route = RouteConfig {
            span: section.span(),
            name: section.get("name"),
            hosts: section.or("hosts", Vec::new()),
            path_prefix: section.or("path_prefix", PathPrefix::default()),
            services: section.or("services", Vec::new()),
            methods: section.or("methods", Vec::new()),
            headers: read_headers(&mut section),
            shares: read_shares(&mut section),
            timeout: match section.get("timeout").map(|period: Spanned<Period>| period.get_ref().get()) {
                None => CallTimeout::ByKind,
                Some(Duration::ZERO) => CallTimeout::Never,
                Some(timeout) => CallTimeout::After(timeout),
            },
            idle_timeout: Some(section.or("idle_timeout", Period::seconds(300)).get())
                .filter(|timeout| !timeout.is_zero()),
            max_request_message: read_max_message(&mut section, "max_request_message"),
            max_response_message: read_max_message(&mut section, "max_response_message"),
            filters: section.sections("filters").into_iter().filter_map(FilterConfig::read).collect(),
            origins: read_origins(&mut section),
            datagrams: section.section("datagrams").map(DatagramsConfig::read),
            special,
        };
        section.finish();
        route
    }

    /// The keys that mean nothing for what this route carries, with where they are written.
    pub(crate) fn senseless(&self, traffic: Traffic) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let makes_sense = move |key: &str| match key {
            "origins" => traffic.is_sessions(),
            "idle_timeout" | "filters" => traffic != Traffic::Requests,
            _ => traffic == Traffic::Calls,
        };
        self.special.iter().filter(move |(key, _)| !makes_sense(key)).cloned()
    }
}

fn read_max_message(section: &mut Section<'_>, key: &'static str) -> u32 {
    match section.size(key, Size::bytes(0)..=Size::MAX, RouteConfig::MAX_MESSAGE) {
        0 => u32::MAX,
        bytes => bytes,
    }
}

/// `cluster = "chat"`, or `clusters = [{ name = "chat", weight = 95 }, …]`.
fn read_shares(section: &mut Section<'_>) -> Vec<Share> {
    let findings = section.findings();
    let several = section.key_span("clusters");
    let mut shares: Vec<Share> = Vec::new();
    for mut share in section.sections("clusters") {
        let cluster = share.require("name");
        let weight = share.within("weight", 0..=1_000_000).map_or(1, |weight| *weight.get_ref());
        share.finish();
        shares.extend(cluster.map(|cluster| Share { cluster, weight }));
    }
    let one_key = section.key_span("cluster");
    let one: Option<Spanned<Name>> = section.get("cluster");
    match (one_key, several) {
        (Some(_), None) => shares.extend(one.map(|cluster| Share { cluster, weight: 1 })),
        (Some(one), Some(_)) => {
            findings.error(one, "a route has `cluster` or `clusters`, not both");
        }
        (None, Some(several)) => {
            if !shares.is_empty() && shares.iter().all(|share| share.weight == 0) {
                findings.error(several, "the weights sum up to 0, so no call could go anywhere");
            }
        }
        (None, None) => findings.error(section.span(), "a route needs a `cluster`"),
    }
    shares
}

/// `headers = { "x-canary" = "yes", "x-trace" = { present = true } }`.
fn read_headers(section: &mut Section<'_>) -> Vec<HeaderMatcher> {
    let findings = section.findings();
    let Some(value) = section.value("headers") else { return Vec::new() };
    let DeValue::Table(table) = value.get_ref() else {
        let what = format!("`headers` is a table, not {}", wrong_type(value.get_ref()));
        findings.error_with_hint(value.span(), what, "write `headers = { \"x-canary\" = \"yes\" }`");
        return Vec::new();
    };
    let mut matchers = Vec::new();
    for (key, value) in table {
        let name = HeaderName::from_bytes(key.get_ref().as_bytes());
        let wanted = read_wanted(value, findings);
        match (name, wanted) {
            (Ok(name), Some(wanted)) => matchers.push(HeaderMatcher { name, wanted }),
            (Ok(_), None) => {}
            (Err(_), _) => {
                findings.error(
                    key.span(),
                    format!("`{}` is no name of a header field", shortened(key.get_ref())),
                );
            }
        }
    }
    matchers
}

fn read_wanted(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<HeaderWanted> {
    match value.get_ref() {
        DeValue::String(text) => match HeaderValue::from_str(text) {
            Ok(value) => Some(HeaderWanted::Value(value)),
            Err(_) => {
                findings.error(value.span(), "this is no value of a header field");
                None
            }
        },
        DeValue::Table(table) => {
            let mut section = Section::new("a header condition", table, value.span(), findings);
            let present: Option<Spanned<bool>> = section.require("present");
            section.finish();
            present.map(|present| match present.into_inner() {
                true => HeaderWanted::Present,
                false => HeaderWanted::Absent,
            })
        }
        other => {
            let what = format!("expected a string or {{ present = true }}, found {}", wrong_type(other));
            findings.error(value.span(), what);
            None
        }
    }
}

impl<'a> FilterConfig<'a> {
    pub(super) fn read(mut section: Section<'a>) -> Option<FilterConfig<'a>> {
        let kind: Option<Spanned<Name>> = section.require("use");
        let written = Written { root: section.table(), span: section.span() };
        let value = Spanned::new(section.span(), DeValue::Table(section.table().clone()));
        let toml::Value::Table(mut table) = owned(&value, section.findings())? else { return None };
        table.remove("use");
        Some(FilterConfig { kind: kind?, table, written })
    }
}

impl Written<'_> {
    /// Where the value at a path such as `keys[2].value` is written; where that is not, the innermost table or list
    /// on the way to it.
    pub(crate) fn value(&self, path: &str) -> Range<usize> {
        self.walk(path).0
    }

    /// Where a key of the table at a path is written.
    pub(crate) fn key(&self, path: &str, key: &str) -> Option<Range<usize>> {
        let (_, found) = self.walk(path);
        let table = match found {
            Some(value) => value.as_table()?,
            None => self.root,
        };
        table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// The place of a path, and its value unless that is the whole table.
    fn walk(&self, path: &str) -> (Range<usize>, Option<&DeValue<'_>>) {
        let mut span = self.span.clone();
        let mut value: Option<&DeValue<'_>> = None;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next = match (value, step.strip_suffix(']')) {
                (None, _) => self.root.get(step),
                (Some(DeValue::Table(table)), _) => table.get(step),
                (Some(DeValue::Array(values)), Some(index)) => {
                    index.parse().ok().and_then(|index: usize| values.get(index))
                }
                (Some(_), _) => None,
            };
            let Some(next) = next else { break };
            (span, value) = (next.span(), Some(next.get_ref()));
        }
        (span, value)
    }
}
