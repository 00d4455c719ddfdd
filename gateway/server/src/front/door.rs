//! Where every request enters, whatever carried it: it is a call, a CORS preflight, or something else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sluicegate_core::call::{Call, Client, Transport};
use sluicegate_core::filter::Preflight;
use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::{self, Head, Opened, Protocol, Reply, Services, rest};
use sluicegate_core::translate::{self, Terms};
use sluicegate_core::wire::{Receive, ResponseHeaders, Transmit};

use super::listener::Listening;
use crate::carry::{Carried, Ledger, Routed};
use crate::plan::Origins;
use crate::worker::Worker;

/// What all requests on one connection share.
pub(crate) struct Door {
    pub(crate) worker: Arc<Worker>,
    pub(crate) listening: Arc<Listening>,
    pub(crate) address: SocketAddr,
    pub(crate) secure: bool,
    forwarded_for: HeaderValue,
    /// The last authority seen and the host in it: clients ask for the same one again and again.
    host: Mutex<(Box<str>, Arc<str>)>,
}

/// How a call came in.
pub(crate) struct Entrance {
    pub(crate) transport: Transport,
    /// The host that it is for.
    pub(crate) host: Arc<str>,
    /// Whom its session, or its WebSocket, was opened as.
    pub(crate) identity: Option<Arc<str>>,
}

/// What a request turned out to be.
pub(crate) enum Admission {
    /// An RPC that opens a call, or that its protocol answers with a status.
    Call(&'static Protocol, Result<Box<Opened>, Reply>),
    /// Answered here.
    Reply(ResponseHeaders),
    /// Not an RPC.
    Plain(Head),
}

impl Door {
    pub(crate) fn new(
        worker: Arc<Worker>,
        listening: Arc<Listening>,
        address: SocketAddr,
        secure: bool,
    ) -> Door {
        // An address is printable ASCII.
        let forwarded_for =
            HeaderValue::try_from(address.ip().to_string()).unwrap_or(HeaderValue::from_static("unknown"));
        Door { worker, listening, address, secure, forwarded_for, host: Mutex::new(("".into(), "".into())) }
    }

    /// The host in an authority: lower-case, without a port.
    pub(crate) fn host(&self, authority: &str) -> Arc<str> {
        let mut last = self.host.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if &*last.0 != authority {
            *last = (authority.into(), host_of(authority).to_ascii_lowercase().into());
        }
        last.1.clone()
    }

    /// Tells what a request is.
    pub(crate) fn admit(&self, head: Head, host: &str) -> Admission {
        // Before anything could take it for a call: the body of such a request may be of any type.
        if self.listening.tickets_at(head.path.path()).is_some() {
            return Admission::Plain(head);
        }
        let running = &self.worker.running;
        let schema = running.schema.load();
        let has_route = |path: &MethodPath| running.plan.routes.find_path(host, path).is_some();
        let services = Services { schema: &schema, has_route: &has_route };
        if let Some(protocol) = protocol::recognise(&head, &services) {
            return Admission::Call(protocol, (protocol.open)(head, &services).map(Box::new));
        }
        if let Some(headers) = self.preflight(&head, host, &services) {
            return Admission::Reply(ResponseHeaders { status: StatusCode::NO_CONTENT, headers });
        }
        if protocol::looks_like_rpc(&head) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Admission::Reply(ResponseHeaders { status, headers: HeaderMap::new() });
        }
        Admission::Plain(head)
    }

    fn preflight(&self, head: &Head, host: &str, services: &Services<'_>) -> Option<HeaderMap> {
        if head.method != Method::OPTIONS || !head.headers.contains_key(header::ORIGIN) {
            return None;
        }
        let asked = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        // Which method the request to come would call: the one that its path names, or that a rule binds to it.
        let bound = || rest::target(&Method::from_bytes(asked.as_bytes()).ok()?, head.path.path(), services);
        let path = bound().or_else(|| MethodPath::parse(head.path.clone()))?;
        let route = self.worker.running.plan.routes.find_path(host, &path)?;
        route.chain.preflight(&Preflight { headers: &head.headers })
    }

    /// Makes the future that carries a call, which `protocol` has opened.
    pub(crate) fn carry<R: Receive, T: Transmit>(
        &self,
        protocol: &'static Protocol,
        mut opened: Opened,
        entrance: Entrance,
        receive: R,
        transmit: T,
    ) -> Carried<R, T> {
        let Entrance { transport, host, identity } = entrance;
        let received = Instant::now();
        let running = &self.worker.running;
        let schema = running.schema.load();
        let method = schema.method(&opened.path);
        let kind = method.map(|method| method.kind);
        let route = running.plan.routes.find(&host, &opened.path, &opened.metadata).and_then(|route| {
            let picked = route.clusters.pick(fastrand::u32(..));
            let cluster = running.clusters.get(picked.cluster)?;
            let metrics = schema.calls.get(
                &running.metrics,
                route,
                (picked.place, &cluster.spec.name),
                &opened.path,
                method.map(|method| &**method),
                protocol,
            )?;
            let passage = Some(route.chain.begin());
            Some(Routed { route: route.clone(), cluster: cluster.clone(), kind, metrics, passage })
        });
        if let Some(Routed { route, cluster, .. }) = &route {
            let terms = Terms {
                method,
                upstream_encodings: &cluster.spec.accept_encoding,
                max_request_message: route.max_request_message,
                max_response_message: route.max_response_message,
                holds_to_one_request: protocol.holds_to_one_request,
            };
            opened = translate::fit(opened, &terms);
            opened.decoder.limit(route.max_request_message);
        }
        let most = route.as_ref().and_then(|routed| routed.route.timeout.of(kind));
        let timeout = opened.timeout.into_iter().chain(most).min();
        let call = Call {
            path: opened.path,
            host,
            metadata: opened.metadata,
            content_type: opened.content_type,
            encoding: opened.encoding,
            accept_encoding: opened.accept_encoding,
            deadline: timeout.and_then(|timeout| received.checked_add(timeout)),
            deadline_from_client: opened.timeout.is_some(),
            received,
            client: self.client(protocol, transport),
            identity,
        };
        let ledger = Ledger::new(self.worker.clone(), call, route);
        Carried::new(ledger, receive, transmit, opened.decoder, opened.encoder)
    }

    /// The client end of a session that is carried whole.
    pub(crate) fn session_client(&self, protocol: &'static str, transport: Transport) -> Client {
        Client {
            address: self.address,
            forwarded_for: self.forwarded_for.clone(),
            protocol,
            transport,
            secure: self.secure,
        }
    }

    /// The client end of a call.
    pub(crate) fn client(&self, protocol: &'static Protocol, transport: Transport) -> Client {
        self.session_client(protocol.name, transport)
    }
}

/// Whether whoever sends these fields may open a session or a WebSocket to this host. Two origins are none.
pub(crate) fn may_open(allowed: &Origins, headers: &HeaderMap, host: &str) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => allowed.allow(None, host),
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| allowed.allow(Some(origin), host)),
        (Some(_), Some(_)) => false,
    }
}

/// An authority without its port.
pub(crate) fn host_of(authority: &str) -> &str {
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.rfind(':').unwrap_or(authority.len()),
    };
    authority.get(..end).unwrap_or(authority)
}

/// The authority of a request, unless it names two.
///
/// Source: RFC 9113, section 8.3.1, and RFC 9114, section 4.3.1: `host` may not differ from `:authority`. User
/// information never belongs in it.
pub(crate) fn authority<'a>(pseudo: Option<&'a str>, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(host.to_str().ok()?),
        (Some(_), Some(_)) => return None,
    };
    let authority = match (pseudo, host) {
        (Some(pseudo), Some(host)) if !pseudo.eq_ignore_ascii_case(host) => return None,
        (Some(pseudo), _) => pseudo,
        (None, host) => host?,
    };
    (!authority.contains('@')).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_of_every_form() {
        for (authority, host) in [
            ("a.example", "a.example"),
            ("a.example:80", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(authority), host);
        }
    }

    #[test]
    fn a_request_names_one_authority() {
        let headers = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            headers
        };
        assert_eq!(authority(Some("a"), &headers(&[])), Some("a"));
        assert_eq!(authority(Some("a"), &headers(&["A"])), Some("a"));
        assert_eq!(authority(None, &headers(&["a"])), Some("a"));
        assert_eq!(authority(Some("a"), &headers(&["b"])), None);
        assert_eq!(authority(None, &headers(&["a", "a"])), None);
        assert_eq!(authority(Some("user@a"), &headers(&[])), None);
        assert_eq!(authority(None, &headers(&[])), None);
    }
}
