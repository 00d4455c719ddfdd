//! The extended CONNECT that asks for a session (RFC 9220; draft-ietf-webtrans-http3, section 3).

use std::sync::Arc;

use h3::error::Code;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, StatusCode};

use super::dialect::{self, Dialect};
use super::driver::Driver;
use super::session::Session;
use super::state::SessionState;
use super::subprotocol;
use crate::adapter::arriving::Arriving;
use crate::adapter::outgoing::Outgoing;
use crate::guard::Guard;
use crate::qpack;
use crate::refusal::Refusal;
use crate::settings::PeerSettings;
use crate::shared::{Shared, lock};

/// A CONNECT that asks for a session. It waits for the client's settings, which tell what draft it speaks.
pub(crate) struct Connect {
    target: Target,
    send: Outgoing,
    receive: Arriving,
    guard: Guard,
}

/// A CONNECT that does not become a session.
pub(crate) struct Refused {
    /// How to answer; `None` for a malformed request.
    pub(crate) status: Option<StatusCode>,
    pub(crate) send: Outgoing,
    pub(crate) receive: Arriving,
}

/// What the fields say.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) protocol: Vec<u8>,
    pub(super) authority: Authority,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
}

impl Connect {
    pub(crate) fn new(
        fields: Vec<(std::borrow::Cow<'static, str>, Vec<u8>)>,
        send: Outgoing,
        receive: Arriving,
        guard: Guard,
    ) -> Result<Connect, Box<Refused>> {
        match Target::new(fields) {
            Ok(target) => Ok(Connect { target, send, receive, guard }),
            Err(status) => Err(Box::new(Refused { status, send, receive })),
        }
    }

    /// Opens the session as far as the client is concerned, now that its settings are known. `None` if it has too many.
    pub(crate) fn open(self, shared: &Arc<Shared>, peer: &PeerSettings) -> Option<(SessionRequest, Driver)> {
        let Connect { target, mut send, mut receive, guard } = self;
        let dialect = dialect::choose(&target.protocol, &target.headers, peer)?;
        let most = dialect.max_sessions(shared.limits.max_sessions, peer);
        if shared.registry.open() >= usize::try_from(most).unwrap_or(usize::MAX) {
            shared.limits.observer.refused(Refusal::MaxSessions);
            shared.registry.refused(send.id());
            // Dropping the stream rejects it.
            send.reset_with(Code::H3_REQUEST_REJECTED.value());
            receive.refuse_with(Code::H3_REQUEST_REJECTED.value());
            return None;
        }
        let state = SessionState::new(send.id(), dialect, peer, send, shared);
        shared.registry.insert(&state);
        let driver = Driver::new(Arc::clone(&state), Arc::clone(shared), receive, guard);
        let origin = target.headers.get(header::ORIGIN).cloned();
        let request = SessionRequest {
            authority: target.authority,
            path: target.path,
            origin,
            protocols: subprotocol::offered(&target.headers),
            headers: target.headers,
            dialect,
            unanswered: Unanswered { state, answered: false },
        };
        Some((request, driver))
    }
}

impl Target {
    /// Checks the fields of a CONNECT. The error is the status to refuse with, `None` when it is malformed.
    pub(super) fn new(
        fields: Vec<(std::borrow::Cow<'static, str>, Vec<u8>)>,
    ) -> Result<Target, Option<StatusCode>> {
        let (mut protocol, mut scheme, mut authority, mut path, mut method) = (None, None, None, None, None);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let slot = match &*name {
                ":method" => &mut method,
                ":protocol" => &mut protocol,
                ":scheme" => &mut scheme,
                ":authority" => &mut authority,
                ":path" => &mut path,
                name => {
                    // Names are lower-case, and one with a colon is none (RFC 9114, sections 4.2 and 4.3).
                    let name = HeaderName::from_lowercase(name.as_bytes()).map_err(|_| None)?;
                    let value = HeaderValue::from_bytes(&value).map_err(|_| None)?;
                    let too_many = Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
                    headers.try_append(name, value).map_err(|_| too_many)?;
                    continue;
                }
            };
            // Each at most once, and before all other fields.
            if slot.replace(value).is_some() || !headers.is_empty() {
                return Err(None);
            }
        }
        if method.as_deref() != Some(Method::CONNECT.as_str().as_bytes()) {
            return Err(None);
        }
        let Some(protocol) = protocol.filter(|protocol| dialect::is_webtransport(protocol)) else {
            // Neither a proxy nor any other protocol over CONNECT is offered here.
            return Err(Some(StatusCode::NOT_IMPLEMENTED));
        };
        let (Some(scheme), Some(authority), Some(path)) = (scheme, authority, path) else {
            return Err(None);
        };
        let authority = Authority::try_from(&authority[..]).map_err(|_| None)?;
        // Parsing would drop a fragment, and what is matched would not be what was sent.
        if path.contains(&b'#') {
            return Err(None);
        }
        let path = PathAndQuery::try_from(&path[..]).map_err(|_| None)?;
        let host = headers.get(header::HOST);
        let is_one_host = host.is_none_or(|host| host.as_bytes() == authority.as_str().as_bytes());
        if scheme != b"https" || !is_one_host || !path.as_str().starts_with('/') {
            return Err(None);
        }
        Ok(Target { protocol, authority, path, headers })
    }
}

/// A client asks for a session. Dropping it rejects the request.
#[derive(Debug)]
pub struct SessionRequest {
    /// The host that the client asks.
    pub authority: Authority,
    /// Path and query, as sent.
    pub path: PathAndQuery,
    /// Whose script asks. Every browser says so; a server must check it when it is there.
    pub origin: Option<HeaderValue>,
    /// The subprotocols that the client offers, the one it prefers first.
    pub protocols: Vec<String>,
    /// All header fields.
    pub headers: HeaderMap,
    /// The draft that the client speaks.
    pub dialect: &'static Dialect,
    unanswered: Unanswered,
}

impl SessionRequest {
    /// Opens the session, and returns when QUIC has taken the answer. A subprotocol that the client did not offer is
    /// not sent.
    pub async fn accept(self, subprotocol: Option<&str>) -> Result<Session, SessionGone> {
        self.accept_with(subprotocol, &HeaderMap::new()).await
    }

    /// The same, with further header fields in the answer. Those of WebTransport itself cannot be replaced.
    pub async fn accept_with(
        self,
        subprotocol: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Session, SessionGone> {
        let chosen = subprotocol.and_then(|chosen| subprotocol::answer(&self.headers, chosen));
        let mut headers = subprotocol::without_answers(headers);
        for (name, value) in self.dialect.response_headers().iter().chain(chosen.iter().map(|(n, v)| (n, v)))
        {
            headers.insert(name, value.clone());
        }
        let state = self.unanswered.answer(StatusCode::OK, &headers, false).await;
        if state.is_ended() { Err(SessionGone) } else { Ok(Session::new(state)) }
    }

    /// Refuses the session: 403 for an origin that is not allowed, 404 or 405 for a path without sessions. Returns when
    /// QUIC has taken the answer.
    pub async fn refuse(self, status: StatusCode) {
        self.refuse_with(status, &HeaderMap::new()).await;
    }

    /// The same, with header fields in the answer.
    pub async fn refuse_with(self, status: StatusCode, headers: &HeaderMap) {
        let state = self.unanswered.answer(status, headers, true).await;
        state.close(0, "");
    }
}

/// The client has left before its request for a session was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client has left before its session was open")]
pub struct SessionGone;

/// A session that nobody has accepted or refused.
#[derive(Debug)]
struct Unanswered {
    state: Arc<SessionState>,
    answered: bool,
}

impl Unanswered {
    async fn answer(mut self, status: StatusCode, headers: &HeaderMap, end: bool) -> Arc<SessionState> {
        {
            let mut connect = lock(&self.state.connect);
            connect.send(qpack::encode_response(status, headers));
            if end {
                connect.finish();
            }
            // If the client has gone, the driver notices.
            let _ = connect.flush_now();
        }
        self.state.answered();
        self.state.written().await;
        self.answered = true;
        Arc::clone(&self.state)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if !self.answered {
            self.state.fail(Code::H3_REQUEST_REJECTED.value());
        }
    }
}
