//! `[[listeners]]`.

use std::net::SocketAddr;
use std::ops::Range;

use sluicegate_core::protocol::grpc_ws;
use sluicegate_quic::ConnectionIds;
use toml::Spanned;

use super::cluster::one_of;
use super::limits::{self, MAX_WINDOW};
use super::quantity::Size;
use super::quic_lb;
use super::section::{Section, shortened};
use super::tickets::TicketsConfig;
use super::value::{Misread, Text, Word};
use crate::plan::{ListenerLimits, WebSocket};

/// One address to listen on.
#[derive(Debug)]
pub(crate) struct ListenerConfig<'a> {
    pub(crate) listen: Option<Spanned<SocketAddr>>,
    pub(crate) tls: Option<ListenerTls>,
    pub(crate) quic: bool,
    pub(crate) quic_endpoints: u8,
    pub(crate) quic_ids: ConnectionIds,
    pub(crate) h2c: bool,
    pub(crate) webtransport: Option<WebTransportConfig>,
    pub(crate) websocket: Option<WebSocketConfig>,
    pub(crate) tickets: Option<TicketsConfig<'a>>,
    pub(crate) openapi: Option<UrlPath>,
    pub(crate) limits: ListenerLimits,
}

/// `tls = { … }`.
#[derive(Debug)]
pub(crate) struct ListenerTls {
    pub(crate) certificate: CertificateSource,
    /// `None` when clients are not asked for a certificate.
    pub(crate) clients: Option<ClientCertificates>,
}

/// Where the certificate of a listener comes from.
#[derive(Debug)]
pub(crate) enum CertificateSource {
    /// Files in PEM: the chain and the key.
    Files { cert: Spanned<Word>, key: Spanned<Word> },
    /// Whoever starts the gateway brings a certificate; the value is where that is asked for.
    SelfSigned(Range<usize>),
}

/// The certificates that clients show.
#[derive(Debug)]
pub(crate) struct ClientCertificates {
    /// The file, in PEM, of the authorities that vouch for clients.
    pub(crate) ca: Spanned<Word>,
    auth: ClientAuth,
}

/// What becomes of a client without a certificate. One that shows a bad certificate is always refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuth {
    /// It is refused.
    Required,
    /// It is served.
    Optional,
}

/// `webtransport = { … }`.
#[derive(Debug)]
pub(crate) struct WebTransportConfig {
    pub(crate) path: UrlPath,
    pub(crate) origins: Vec<Spanned<OriginPattern>>,
    pub(crate) connect: bool,
}

/// `websocket = { … }`.
#[derive(Debug)]
pub(crate) struct WebSocketConfig {
    pub(crate) path: UrlPath,
    pub(crate) origins: Vec<Spanned<OriginPattern>>,
    pub(crate) max_message: u32,
    pub(crate) window: u32,
    pub(crate) over_h2: Option<bool>,
}

impl<'a> ListenerConfig<'a> {
    pub(super) fn read(mut section: Section<'a>) -> ListenerConfig<'a> {
        let findings = section.findings();
        let listen = section.require("listen");
        let has_tls = section.has("tls");
        let tls = section.section("tls").and_then(ListenerTls::read);
        let quic: Option<Spanned<bool>> = section.get("quic");
        let quic_endpoints = section.within("quic_endpoints", 1..=64);
        let quic_keys = ["quic_endpoints", "quic_lb"].map(|key| (key, section.key_span(key)));
        let quic_lb = section.section("quic_lb").and_then(quic_lb::read);
        let h2c: Option<Spanned<bool>> = section.get("h2c");
        let webtransport_key = section.key_span("webtransport");
        let webtransport = section.section("webtransport").map(WebTransportConfig::read);
        let websocket = section.section("websocket").map(WebSocketConfig::read);
        let tickets_key = section.key_span("tickets");
        let tickets = section
            .section("tickets")
            .zip(tickets_key)
            .map(|(section, key)| TicketsConfig::read(section, key));
        let openapi = section.get("openapi").map(Spanned::into_inner);
        let has_quic = quic.as_ref().is_some_and(|quic| *quic.get_ref());
        let limits = section.section("limits").map_or_else(ListenerLimits::default, |limits| {
            if let Some(key) = limits.key_span("quic")
                && !has_quic
            {
                findings.warn(key, "these limits have no effect", "`quic` is off on this listener");
            }
            limits::read(limits)
        });
        section.finish();

        if let Some(quic) = &quic
            && has_quic
            && !has_tls
        {
            let hint = "add `tls = { cert = \"…\", key = \"…\" }`";
            findings.error_with_hint(
                quic.span(),
                "QUIC is always encrypted, and this listener has no `tls`",
                hint,
            );
        }
        if let Some(key) = webtransport_key
            && !has_quic
        {
            findings.error_with_hint(key, "WebTransport needs QUIC", "add `quic = true`");
        }
        if let Some(tickets) = &tickets
            && webtransport.is_none()
            && websocket.is_none()
        {
            let what = "tickets admit to sessions and WebSockets with calls, and this listener has neither";
            let hint = "add `webtransport` or `websocket`";
            findings.error_with_hint(tickets.span.clone(), what, hint);
        }
        if let Some(h2c) = &h2c
            && *h2c.get_ref()
            && has_tls
        {
            findings.error_with_hint(
                h2c.span(),
                "`h2c` is HTTP/2 without TLS, and this listener has `tls`",
                "remove `h2c`: with TLS, HTTP/2 is always offered",
            );
        }
        for (key, span) in quic_keys {
            if let Some(span) = span
                && !has_quic
            {
                findings.error_with_hint(
                    span,
                    format!("`{key}` is about QUIC, which is off"),
                    "add `quic = true`",
                );
            }
        }
        let quic_span = quic_endpoints.as_ref().map(Spanned::span);
        let quic_endpoints = quic_endpoints.map_or(1, |endpoints| *endpoints.get_ref() as u8);
        let quic_ids = ConnectionIds::new(quic_lb, quic_endpoints).unwrap_or_else(|too_long| {
            let hint = "several endpoints take an octet of each connection id: take a shorter `nonce_length`";
            findings.error_with_hint(quic_span.unwrap_or_default(), too_long.to_string(), hint);
            ConnectionIds::default()
        });
        let h2c = h2c.is_none_or(Spanned::into_inner) && !has_tls;
        ListenerConfig {
            listen,
            tls,
            quic: has_quic,
            quic_endpoints,
            quic_ids,
            h2c,
            webtransport,
            websocket,
            tickets,
            openapi,
            limits,
        }
    }
}

impl ListenerTls {
    fn read(mut section: Section<'_>) -> Option<ListenerTls> {
        let findings = section.findings();
        let clients = ClientCertificates::read(&mut section);
        let self_signed: Option<Spanned<bool>> = section.get("self_signed");
        let certificate = match self_signed {
            Some(wanted) if *wanted.get_ref() => {
                for key in ["cert", "key"] {
                    if section.value(key).is_some() {
                        let span = section.key_span(key).unwrap_or(wanted.span());
                        findings.error(span, format!("with `self_signed`, no `{key}` is read from a file"));
                    }
                }
                Some(CertificateSource::SelfSigned(wanted.span()))
            }
            _ => {
                let (cert, key) = (section.require("cert"), section.require("key"));
                cert.zip(key).map(|(cert, key)| CertificateSource::Files { cert, key })
            }
        };
        section.finish();
        Some(ListenerTls { certificate: certificate?, clients })
    }
}

impl ClientCertificates {
    /// Whether a client must show one.
    pub(crate) fn is_required(&self) -> bool {
        self.auth == ClientAuth::Required
    }

    fn read(section: &mut Section<'_>) -> Option<ClientCertificates> {
        let ca = section.get("client_ca");
        let auth = section.or("client_auth", ClientAuth::Required);
        if let Some(key) = section.key_span("client_auth")
            && !section.has("client_ca")
        {
            let what = "there is nothing to check the certificates of clients with";
            let hint = "add `client_ca = \"…\"`, the authorities that vouch for clients";
            section.findings().error_with_hint(key, what, hint);
        }
        Some(ClientCertificates { ca: ca?, auth })
    }
}

impl Text for ClientAuth {
    const EXPECTED: &'static str = "\"required\" or \"optional\"";

    fn parse(text: &str) -> Result<ClientAuth, Misread> {
        let known = [("required", ClientAuth::Required), ("optional", ClientAuth::Optional)];
        one_of(text, "client authentication", &known)
    }
}

impl WebTransportConfig {
    /// The path that a session is opened at, unless another is configured. Its last segment is the version of the
    /// protocol that carries calls.
    const PATH: &'static str = "/grpc-wt/v1";

    fn read(mut section: Section<'_>) -> WebTransportConfig {
        let path = section.or("path", UrlPath(Self::PATH.to_owned()));
        let origins = read_origins(&mut section);
        let connect = section.or("connect", true);
        section.finish();
        WebTransportConfig { path, origins, connect }
    }
}

impl WebSocketConfig {
    fn read(mut section: Section<'_>) -> WebSocketConfig {
        let path = section.or("path", UrlPath(grpc_ws::PATH.to_owned()));
        let origins = read_origins(&mut section);
        let sizes = Size::kib(1)..=Size::mib(1024);
        let max_message = section.size("max_message", sizes, WebSocket::MAX_MESSAGE);
        let windows = Size::bytes(grpc_ws::window::INITIAL)..=MAX_WINDOW;
        let window = section.size("window", windows, WebSocket::WINDOW);
        let over_h2 = section.get("over_h2").map(Spanned::into_inner);
        section.finish();
        WebSocketConfig { path, origins, max_message, window, over_h2 }
    }
}

/// The pages that may call from browsers.
pub(super) fn read_origins(section: &mut Section<'_>) -> Vec<Spanned<OriginPattern>> {
    let findings = section.findings();
    let origins: Vec<Spanned<OriginPattern>> = section.or("origins", Vec::new());
    if let Some(any) = origins.iter().find(|origin| *origin.get_ref() == OriginPattern::Any) {
        if origins.len() > 1 {
            findings.error(any.span(), "`*` is every origin, so it stands alone");
        }
        let hint = "list the origins of your pages, or leave `origins` out for pages of the same host only";
        findings.warn(
            any.span(),
            "every web page may open sessions here, with its visitor's network access",
            hint,
        );
    }
    origins
}

/// The path of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlPath(String);

impl UrlPath {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for UrlPath {
    const EXPECTED: &'static str = "a path such as \"/grpc-wt/v1\"";

    fn parse(text: &str) -> Result<UrlPath, Misread> {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%');
        if !text.starts_with('/') || !text.bytes().all(plain) {
            return Err(Misread::new(format!("`{}` is no path", shortened(text)))
                .hint("a path begins with `/` and has no query, no escapes and no spaces"));
        }
        Ok(UrlPath(text.to_owned()))
    }
}

/// An origin that may open sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginPattern {
    /// `*`.
    Any,
    /// An origin as browsers send it: lower-case, and without the port that its scheme implies.
    Exact(Box<str>),
}

impl Text for OriginPattern {
    const EXPECTED: &'static str = "an origin such as \"https://app.example.com\"";

    fn parse(text: &str) -> Result<OriginPattern, Misread> {
        if text == "*" {
            return Ok(OriginPattern::Any);
        }
        let misread = || {
            Misread::new(format!("`{}` is no origin", shortened(text)))
                .hint("an origin is a scheme, a host and perhaps a port, such as \"https://app.example.com\"")
        };
        let lower = text.to_ascii_lowercase();
        let (scheme, authority) = lower.split_once("://").ok_or_else(misread)?;
        let implied = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(misread()),
        };
        let parsed: http::uri::Authority = authority.parse().map_err(|_| misread())?;
        if authority.contains(['@', '*']) || parsed.host().is_empty() {
            return Err(misread());
        }
        let authority = authority.strip_suffix(implied).unwrap_or(authority);
        Ok(OriginPattern::Exact(format!("{scheme}://{authority}").into()))
    }
}
