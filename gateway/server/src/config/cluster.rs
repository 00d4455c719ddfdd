//! `[[clusters]]`.

use std::ops::Range;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use rustls::pki_types::ServerName;
use sluicegate_core::compression::Encoding;
use sluicegate_core::schema::json::JsonOptions;
use toml::Spanned;

use super::descriptors::DescriptorsConfig;
use super::section::{Section, shortened};
use super::value::{Misread, Name, Text, Word};
use crate::plan::{Balance, ClusterProtocol, Traffic};

/// One cluster.
#[derive(Debug)]
pub(crate) struct ClusterConfig {
    pub(crate) span: Range<usize>,
    pub(crate) name: Option<Spanned<Name>>,
    pub(crate) endpoints: Vec<Spanned<EndpointUrl>>,
    pub(crate) protocol: ClusterProtocol,
    pub(crate) balance: Balance,
    pub(crate) tls: Option<ClusterTls>,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_connections_per_worker: usize,
    pub(crate) max_streams_per_connection: usize,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_attempts: usize,
    pub(crate) accept_encoding: Vec<Encoding>,
    pub(crate) descriptors: Option<DescriptorsConfig>,
    pub(crate) json: JsonOptions,
}

/// `tls = { … }`.
#[derive(Debug)]
pub(crate) struct ClusterTls {
    pub(crate) span: Range<usize>,
    pub(crate) ca: Option<Spanned<Word>>,
    pub(crate) server_name: Option<Spanned<TlsName>>,
}

impl ClusterConfig {
    /// Keys of calls and of the connections that they share. Other requests are not carried on those.
    const CALLS_ONLY: [&str; 9] = [
        "max_connections_per_worker",
        "max_streams_per_connection",
        "ping_interval",
        "ping_timeout",
        "idle_timeout",
        "max_attempts",
        "accept_encoding",
        "descriptors",
        "json",
    ];

    pub(super) fn read(mut section: Section<'_>) -> ClusterConfig {
        let seconds = Duration::from_secs;
        let cluster = ClusterConfig {
            span: section.span(),
            name: section.require("name"),
            endpoints: section.require_some("endpoints"),
            protocol: section.or("protocol", ClusterProtocol::Grpc),
            balance: section.or("balance", Balance::LeastRequest),
            tls: section.section("tls").map(ClusterTls::read),
            connect_timeout: section.period("connect_timeout", seconds(5)),
            max_connections_per_worker: section.count("max_connections_per_worker", 1..=1000, 4),
            max_streams_per_connection: section.count("max_streams_per_connection", 1..=100_000, 100),
            ping_interval: section.period("ping_interval", seconds(30)),
            ping_timeout: section.period("ping_timeout", seconds(10)),
            idle_timeout: section.period("idle_timeout", seconds(300)),
            max_attempts: section.count("max_attempts", 1..=10, 3),
            accept_encoding: read_encodings(&mut section),
            descriptors: section.section("descriptors").and_then(DescriptorsConfig::read),
            json: section.section("json").map(read_json).unwrap_or_default(),
        };
        if let Some(key) = section.key_span("json")
            && !section.has("descriptors")
        {
            let hint = "add `descriptors`: without them there is no JSON";
            section.findings().error_with_hint(key, "`json` is for clusters with `descriptors`", hint);
        }
        let traffic = cluster.protocol.traffic();
        if traffic == Traffic::Requests {
            let ca = cluster.tls.as_ref().and_then(|tls| tls.ca.as_ref()).map(|ca| ("ca", ca.span()));
            let keys = Self::CALLS_ONLY.into_iter().filter_map(|key| Some((key, section.key_span(key)?)));
            for (key, span) in keys.chain(ca) {
                section.findings().error(span, format!("`{key}` is for clusters that speak `grpc`"));
            }
        }
        if traffic.is_sessions() {
            let keys = Self::CALLS_ONLY.into_iter().filter(|key| !matches!(*key, "max_attempts" | "json"));
            for (key, span) in keys.filter_map(|key| Some((key, section.key_span(key)?))) {
                let what = format!("`{key}` is for clusters that take calls");
                let hint = match key {
                    "accept_encoding" | "descriptors" => {
                        "sessions are carried as they are; the gateway does not look into them"
                    }
                    "idle_timeout" => {
                        "`idle_timeout` of the route bounds how long nothing moves in a session"
                    }
                    _ => "each session has a connection of its own, which ends with it",
                };
                section.findings().error_with_hint(span, what, hint);
            }
        }
        if cluster.protocol == ClusterProtocol::Connect && section.key_span("descriptors").is_none() {
            let span = section.key_span("protocol").unwrap_or(section.span());
            section.findings().error_with_hint(
                span,
                "a cluster that speaks `connect` needs `descriptors`",
                "requests to methods that stream differ from others in Connect, and only descriptors tell which do",
            );
        }
        section.finish();
        cluster
    }
}

impl ClusterTls {
    fn read(mut section: Section<'_>) -> ClusterTls {
        let tls = ClusterTls {
            span: section.span(),
            ca: section.get("ca"),
            server_name: section.get("server_name"),
        };
        section.finish();
        tls
    }
}

/// gzip unless the cluster says otherwise, because that is what all implementations of gRPC have.
fn read_encodings(section: &mut Section<'_>) -> Vec<Encoding> {
    let known: Option<Spanned<Vec<Spanned<Encoding>>>> = section.get("accept_encoding");
    match known {
        None => vec![Encoding::Gzip],
        Some(known) => known.into_inner().into_iter().map(Spanned::into_inner).collect(),
    }
}

fn read_json(mut section: Section<'_>) -> JsonOptions {
    let json = JsonOptions {
        always_print_fields: section.or("always_print_fields", false),
        preserve_proto_names: section.or("preserve_proto_names", false),
        enums_as_numbers: section.or("enums_as_numbers", false),
        int64_as_numbers: section.or("int64_as_numbers", false),
        reject_unknown_fields: section.or("reject_unknown_fields", false),
    };
    section.finish();
    json
}

/// `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointUrl {
    pub(crate) secure: bool,
    pub(crate) authority: Authority,
}

impl Text for EndpointUrl {
    const EXPECTED: &'static str = "a URL such as \"http://10.0.0.11:50051\"";

    fn parse(text: &str) -> Result<EndpointUrl, Misread> {
        let misread = || {
            Misread::new(format!("`{}` is no endpoint", shortened(text)))
                .hint("write `http://` or `https://`, a host and a port, such as \"http://10.0.0.11:50051\"")
        };
        let uri: Uri = text.parse().map_err(|_| misread())?;
        let parts = uri.into_parts();
        let secure = match parts.scheme.as_ref().map(|scheme| scheme.as_str()) {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(misread()),
        };
        let authority = parts.authority.ok_or_else(misread)?;
        let is_root = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        // A port that does not fit is kept by the parser but not given out.
        let has_good_port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => authority.port_u16().is_some_and(|port| port != 0),
            _ => true,
        };
        if authority.host().is_empty() || authority.as_str().contains('@') || !is_root || !has_good_port {
            return Err(misread());
        }
        Ok(EndpointUrl { secure, authority })
    }
}

/// A name that a certificate can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsName(String);

impl TlsName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for TlsName {
    const EXPECTED: &'static str = "a name such as \"chat.internal\"";

    fn parse(text: &str) -> Result<TlsName, Misread> {
        match ServerName::try_from(text) {
            Ok(_) => Ok(TlsName(text.to_owned())),
            Err(_) => {
                Err(Misread::new(format!("`{}` is no name that a certificate can have", shortened(text)))
                    .hint("write a DNS name or an IP address, without a port"))
            }
        }
    }
}

impl Text for ClusterProtocol {
    const EXPECTED: &'static str =
        "\"grpc\", \"grpc-web\", \"connect\", \"http\", \"webtransport\" or \"websocket\"";

    fn parse(text: &str) -> Result<ClusterProtocol, Misread> {
        let known = [
            ("grpc", ClusterProtocol::Grpc),
            ("grpc-web", ClusterProtocol::GrpcWeb),
            ("connect", ClusterProtocol::Connect),
            ("http", ClusterProtocol::Http),
            ("webtransport", ClusterProtocol::WebTransport),
            ("websocket", ClusterProtocol::WebSocket),
        ];
        one_of(text, "protocol", &known)
    }
}

impl Text for Encoding {
    const EXPECTED: &'static str = "\"gzip\", \"deflate\", \"zstd\", \"br\" or \"snappy\"";

    fn parse(text: &str) -> Result<Encoding, Misread> {
        one_of(text, "encoding", &Encoding::ALL.map(|encoding| (encoding.as_str(), encoding)))
    }
}

impl Text for Balance {
    const EXPECTED: &'static str = "\"round_robin\" or \"least_request\"";

    fn parse(text: &str) -> Result<Balance, Misread> {
        let known = [("round_robin", Balance::RoundRobin), ("least_request", Balance::LeastRequest)];
        one_of(text, "balancing", &known)
    }
}

/// Reads one of a few words. `noun` is what they are, for the sentence "there is no …".
pub(super) fn one_of<T: Copy>(text: &str, noun: &str, known: &[(&str, T)]) -> Result<T, Misread> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names = known.iter().map(|(name, _)| *name);
        Misread::new(format!("there is no {noun} `{}`", shortened(text)))
            .hint(crate::report::suggest(text, names, "choices"))
    })
}
