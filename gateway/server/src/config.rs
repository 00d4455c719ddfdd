//! The configuration as it is written: every key read once, with its type, its bounds and its default.
//!
//! What is read here is complete and well-formed, but refers to things by name; [`crate::plan`] resolves that. Reading
//! does not stop at a mistake: it is noted where it stands, and a default takes its place.

mod cluster;
mod descriptors;
mod limits;
mod listener;
mod pattern;
mod quantity;
mod quic_lb;
mod quic_limits;
mod redact;
mod route;
mod section;
mod tickets;
mod value;

use std::net::SocketAddr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use cluster::ClusterConfig;
pub(crate) use descriptors::DescriptorsConfig;
pub(crate) use listener::{
    CertificateSource, ClientCertificates, ListenerConfig, ListenerTls, OriginPattern, WebSocketConfig,
    WebTransportConfig,
};
pub(crate) use route::{FilterConfig, RouteConfig, Written};
pub(crate) use tickets::TicketsConfig;

use crate::plan::AccessLog;
use crate::report::{Findings, Severity};
use quantity::Period;
use section::Section;
use value::Word;

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Config<'a> {
    pub(crate) admin: Option<Spanned<SocketAddr>>,
    pub(crate) workers: Option<usize>,
    pub(crate) drain_timeout: Duration,
    pub(crate) access_log: AccessLog,
    pub(crate) listeners: Vec<ListenerConfig<'a>>,
    pub(crate) routes: Vec<RouteConfig<'a>>,
    pub(crate) clusters: Vec<ClusterConfig>,
}

/// A text that is TOML.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses the text, noting why it is no TOML. Of a text that is none, the document holds what could be made out.
    pub(crate) fn parse(text: &'a str, findings: &Findings) -> Document<'a> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            findings.error(error.span().unwrap_or(0..0), error.message().trim().replace('\n', ", "));
        }
        Document { root }
    }

    /// Reads the configuration, noting all that is wrong with it.
    pub(crate) fn read(&'a self, findings: &'a Findings) -> Config<'a> {
        let mut root = Section::new("the configuration", self.root.get_ref(), self.root.span(), findings);
        let config = Config {
            workers: root
                .within("workers", 1..=1024)
                .map(|workers: Spanned<u32>| *workers.get_ref() as usize),
            drain_timeout: root.or("drain_timeout", Period::seconds(30)).get(),
            admin: root.section("admin").and_then(|mut admin| {
                let listen = admin.require("listen");
                admin.finish();
                listen
            }),
            access_log: root.section("access_log").and_then(read_access_log).unwrap_or(AccessLog::Stderr),
            listeners: root.sections("listeners").into_iter().map(ListenerConfig::read).collect(),
            routes: root.sections("routes").into_iter().map(RouteConfig::read).collect(),
            clusters: root.sections("clusters").into_iter().map(ClusterConfig::read).collect(),
        };
        if root.lacks("listeners") {
            let hint = "add `[[listeners]]` with `listen = \"0.0.0.0:443\"`";
            let what = "there is no listener, so no client could connect";
            findings.nowhere(Severity::Error, what, Some(hint.to_owned()));
        }
        if root.lacks("routes") {
            let hint = "add `[[routes]]` with a `cluster`";
            findings.nowhere(
                Severity::Warning,
                "there is no route, so every call is refused",
                Some(hint.to_owned()),
            );
        }
        root.finish();
        config
    }

    /// The configuration without comments and secrets.
    pub(crate) fn shown(&self) -> String {
        redact::shown(&self.root)
    }

    /// `text`, which this document was parsed from, with its secrets blotted out and nothing moved.
    pub(crate) fn blotted(&self, text: &str) -> String {
        redact::blotted(&self.root, text)
    }
}

fn read_access_log(mut section: Section<'_>) -> Option<AccessLog> {
    let path: Option<Spanned<Word>> = section.get("path");
    section.finish();
    Some(match path?.into_inner().as_str() {
        "stdout" => AccessLog::Stdout,
        "stderr" => AccessLog::Stderr,
        "off" => AccessLog::Off,
        file => AccessLog::File(file.into()),
    })
}

/// An owned value of any type, as filters take them. `None` after noting that it is one that TOML cannot hold.
fn owned(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<toml::Value> {
    use serde::Deserialize;
    match toml::Value::deserialize(toml::de::ValueDeserializer::from(value.clone())) {
        Ok(value) => Some(value),
        Err(error) => {
            findings.error(error.span().unwrap_or(value.span()), error.message().trim().to_owned());
            None
        }
    }
}
