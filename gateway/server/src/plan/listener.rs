//! What a listener does, resolved.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use sluicegate_quic::ConnectionIds;
use toml::Spanned;

use super::{ListenerLimits, Planner, TicketsSpec, Traffic};
use crate::config::{
    CertificateSource, ClientCertificates, ListenerConfig, ListenerTls, OriginPattern, WebSocketConfig,
    WebTransportConfig,
};
use crate::report::Severity;
use crate::tls::{BadCertificate, Certificate, Checked, Clients, ServerTls, TlsFiles};

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The TCP address, and with QUIC the UDP address too. Port 0 lets the system choose.
    pub address: SocketAddr,
    /// TLS, for TCP and with QUIC for both; `None` serves cleartext.
    pub tls: Option<ServerTls>,
    /// The files that it came from, which are read again when they change; `None` if it came from none.
    pub tls_files: Option<TlsFiles>,
    /// Where HTTP/3 is served, on the same port; `None` when it is not.
    pub quic: Option<Quic>,
    /// Whether HTTP/2 is spoken without TLS, by prior knowledge. Never true with TLS.
    pub h2c: bool,
    /// Where WebTransport sessions that carry calls are accepted; `None` accepts none.
    pub webtransport: Option<WebTransport>,
    /// Whether WebTransport is offered to clients at all: for calls, or for routes to `webtransport` clusters.
    pub offers_webtransport: bool,
    /// Where calls over WebSockets are accepted; `None` accepts none.
    pub websocket: Option<WebSocket>,
    /// What admits to these sessions and WebSockets; `None` asks for no ticket.
    pub tickets: Option<TicketsSpec>,
    /// Whether clients are told that they may open WebSockets on streams of HTTP/2. Browsers then open there all that they
    /// open to this origin, those of sites too, which are only served over HTTP/1.1.
    pub websocket_over_h2: bool,
    /// The path that the REST interface is described at, in OpenAPI; `None` describes it to nobody.
    pub openapi: Option<Arc<str>>,
    /// What one client may take.
    pub limits: ListenerLimits,
}

/// The UDP sockets of a listener.
#[derive(Clone, Debug)]
pub struct Quic {
    /// How many share the port, each with a thread of its own that receives; at least one.
    pub endpoints: u8,
    /// What the ids of connections tell load balancers and the kernel.
    pub ids: ConnectionIds,
}

/// Where and from which pages WebTransport sessions are accepted.
#[derive(Clone, Debug)]
pub struct WebTransport {
    /// The path of the CONNECT request.
    pub path: Arc<str>,
    /// The pages that may open a session.
    pub origins: Origins,
    /// Whether streams may speak Connect as well, as `connect-bidi-web` does.
    pub connect: bool,
}

/// Where and from which pages calls over WebSockets are accepted.
#[derive(Clone, Debug)]
pub struct WebSocket {
    /// The path of the URL that `grpc-ws-1` is spoken at. `grpc-websockets` has the URLs of methods.
    pub path: Arc<str>,
    /// The pages that may open a WebSocket.
    pub origins: Origins,
    /// The largest message that a client may send, in bytes and without its prefix. Each WebSocket may take this much
    /// memory, for a message is gathered before it is passed on.
    pub max_message: u32,
    /// How far a request of `grpc-ws-1-windows` may be ahead of what its call has taken, in bytes: each such WebSocket may
    /// take this much memory besides a few messages.
    pub window: u32,
}

/// Which web pages may open a WebTransport session or a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Pages of the host that the session is opened to, whatever their port.
    SameHost,
    /// Pages with one of these origins, lower-case.
    Listed(Box<[Box<str>]>),
    /// Every page.
    Any,
}

impl Origins {
    /// Whether a client may open a session or a WebSocket. `origin` is the request's `origin` field; clients that are no
    /// browsers send none and may always. `host` is the host it is for, lower-case and without a port.
    ///
    /// Source: draft-ietf-webtrans-http3, section 3.2 (the server verifies the origin when there is one), and RFC 6455,
    /// section 10.2.
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        match self {
            Origins::Any => true,
            Origins::Listed(listed) => listed.iter().any(|one| one.eq_ignore_ascii_case(origin)),
            Origins::SameHost => host_of_origin(origin).is_some_and(|own| own.eq_ignore_ascii_case(host)),
        }
    }

    pub(super) fn plan(patterns: &[Spanned<OriginPattern>]) -> Origins {
        let mut listed = Vec::new();
        for origin in patterns {
            match origin.get_ref() {
                OriginPattern::Any => return Origins::Any,
                OriginPattern::Exact(origin) => listed.push(origin.clone()),
            }
        }
        if listed.is_empty() { Origins::SameHost } else { Origins::Listed(listed.into()) }
    }
}

/// The host of `scheme://host[:port]`, without the port.
fn host_of_origin(origin: &str) -> Option<&str> {
    let (_, authority) = origin.split_once("://")?;
    let end_of_host = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    authority.get(..end_of_host).filter(|host| !host.is_empty())
}

impl Planner<'_> {
    /// A listener, unless a problem was noted. `takes` says whether there is a cluster for some traffic.
    pub(super) fn plan_listener(
        &self,
        config: &ListenerConfig<'_>,
        takes: impl Fn(Traffic) -> bool,
    ) -> Option<Listener> {
        let address = config.listen.as_ref().map(|listen| *listen.get_ref());
        let name = address.map(|address| address.to_string()).unwrap_or_default();
        let tickets = config.tickets.as_ref().and_then(|tickets| self.plan_tickets(tickets, &name));
        let tls_files = config.tls.as_ref().and_then(|tls| self.tls_files(tls, config.quic));
        let tls = match &config.tls {
            None => None,
            Some(tls) => Some(self.tls(tls, config.quic)?),
        };
        Some(Listener {
            address: address?,
            tickets,
            tls,
            tls_files,
            quic: config
                .quic
                .then(|| Quic { endpoints: config.quic_endpoints, ids: config.quic_ids.clone() }),
            h2c: config.h2c,
            webtransport: config.webtransport.as_ref().map(WebTransport::plan),
            offers_webtransport: config.quic
                && (config.webtransport.is_some() || takes(Traffic::WebTransport)),
            openapi: config.openapi.as_ref().map(|path| path.as_str().into()),
            websocket: config.websocket.as_ref().map(WebSocket::plan),
            websocket_over_h2: (config.websocket.is_some() || takes(Traffic::WebSockets))
                && config
                    .websocket
                    .as_ref()
                    .and_then(|websocket| websocket.over_h2)
                    .unwrap_or_else(|| !takes(Traffic::Requests)),
            limits: config.limits.clone(),
        })
    }

    fn tls(&self, config: &ListenerTls, quic: bool) -> Option<ServerTls> {
        // Both are looked at before either gives up, so that all problems are noted.
        let certificate = self.certificate(&config.certificate);
        let clients = config.clients.as_ref().map_or(Some(Clients::any()), |clients| self.clients(clients));
        ServerTls::new(&certificate?, &clients?, quic)
            .map_err(|bad| self.findings.nowhere(Severity::Error, bad.to_string(), None))
            .ok()
    }

    fn tls_files(&self, config: &ListenerTls, quic: bool) -> Option<TlsFiles> {
        let at = |path: &str| self.folder.join(path);
        match &config.certificate {
            CertificateSource::SelfSigned(_) => None,
            CertificateSource::Files { cert, key } => {
                let clients = config
                    .clients
                    .as_ref()
                    .map(|clients| (at(clients.ca.get_ref().as_str()), clients.is_required()));
                Some(TlsFiles::new(at(cert.get_ref().as_str()), at(key.get_ref().as_str()), clients, quic))
            }
        }
    }

    fn clients(&self, config: &ClientCertificates) -> Option<Clients> {
        Clients::from_file(&self.folder.join(config.ca.get_ref().as_str()), config.is_required())
            .map_err(|bad| self.findings.error(config.ca.span(), bad.to_string()))
            .ok()
    }

    fn certificate(&self, source: &CertificateSource) -> Option<Checked> {
        match source {
            CertificateSource::SelfSigned(span) => {
                let Some(certificate) = &self.sources.self_signed else {
                    let hint = "`sluicegate dev` makes one; here, name the files with `cert` and `key`";
                    self.findings.error_with_hint(span.clone(), "no self-signed certificate was made", hint);
                    return None;
                };
                certificate.check().map_err(|bad| self.findings.error(span.clone(), bad.to_string())).ok()
            }
            CertificateSource::Files { cert, key } => {
                let chain_path = self.folder.join(cert.get_ref().as_str());
                let key_path = self.folder.join(key.get_ref().as_str());
                let checked = Certificate::from_files(&chain_path, &key_path)
                    .and_then(|certificate| certificate.check());
                match checked {
                    Ok(checked) => {
                        if let Some((what, hint)) = checked.validity.doubts(SystemTime::now()) {
                            self.findings.warn(cert.span(), what, hint);
                        }
                        Some(checked)
                    }
                    Err(bad) => {
                        let span = match bad {
                            BadCertificate::Key { .. } | BadCertificate::NotAPair => key.span(),
                            _ => cert.span(),
                        };
                        self.findings.error(span, bad.to_string());
                        None
                    }
                }
            }
        }
    }
}

impl WebTransport {
    fn plan(config: &WebTransportConfig) -> WebTransport {
        let WebTransportConfig { path, origins, connect } = config;
        WebTransport { path: path.as_str().into(), origins: Origins::plan(origins), connect: *connect }
    }
}

impl WebSocket {
    /// The default of `max_message`: that of a route's limit.
    pub(crate) const MAX_MESSAGE: u32 = 4 << 20;
    /// The default of `window`: that of HTTP/2 and QUIC.
    pub(crate) const WINDOW: u32 = 256 << 10;

    fn plan(config: &WebSocketConfig) -> WebSocket {
        WebSocket {
            path: config.path.as_str().into(),
            origins: Origins::plan(&config.origins),
            max_message: config.max_message,
            window: config.window,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let check = |origins: &Origins, origin: Option<&str>, expected: bool| {
            assert_eq!(origins.allow(origin, "api.example.com"), expected, "{origin:?} {origins:?}");
        };
        let listed =
            Origins::Listed(["https://app.example.com".into(), "http://localhost:3000".into()].into());
        check(&listed, Some("https://app.example.com"), true);
        check(&listed, Some("HTTPS://App.Example.Com"), true);
        check(&listed, Some("http://localhost:3000"), true);
        check(&listed, None, true);
        for refused in
            ["https://app.example.com:8443", "http://app.example.com", "https://api.example.com", "null", ""]
        {
            check(&listed, Some(refused), false);
            check(&Origins::Any, Some(refused), true);
        }
        check(&Origins::SameHost, Some("https://api.example.com"), true);
        check(&Origins::SameHost, Some("https://API.example.com:8443"), true);
        for refused in ["https://api.example.com.evil", "https://evil", "null", "https://", "api.example.com"]
        {
            check(&Origins::SameHost, Some(refused), false);
        }
        assert!(Origins::SameHost.allow(Some("https://[::1]:8443"), "[::1]"));
        assert!(!Origins::SameHost.allow(Some("https://[::1]:8443"), "[::2]"));
    }
}
