//! The trait a filter implements.

use http::HeaderMap;
use prometheus::{Histogram, IntCounter};
use serde::de::DeserializeOwned;

use crate::call::{Call, End, ResponseHead};
use crate::message::Message;
use crate::metrics::FilterMetrics;
use crate::problem::Problem;
use crate::session::SessionRequest;
use crate::status::Status;

/// One step in the chain that every call of a route passes through.
///
/// A filter is built once per route and shared by its calls; what it must remember about one call is its `State`.
/// Requests meet filters in the order the route lists them, responses in reverse. A hook ends the call by returning
/// the `Status` to end it with; how that looks on the wire is the business of the client's protocol.
pub trait Filter: Sized + Send + Sync + 'static {
    /// Names the filter in the configuration and prefixes its metrics.
    const NAME: &'static str;
    /// Whether the message hooks do anything. A route whose filters all say no is not deframed.
    const SEES_MESSAGES: bool = false;
    /// Whether the `session` hook guards sessions that are carried whole. Routes of sessions take no other filters.
    const GUARDS_SESSIONS: bool = false;
    /// Its table in the configuration, without the `use` key.
    type Config: DeserializeOwned;
    /// What it remembers about one call, from `request` to `end`, or about one session.
    type State: Default + Send + 'static;

    /// Builds the filter for one route, or says what is wrong with its table.
    fn new(config: Self::Config, setup: &mut Setup<'_>) -> Result<Self, Problem>;

    /// Before the upstream is chosen. The only hook that may wait.
    fn request(
        &self,
        _call: &mut Call,
        _state: &mut Self::State,
    ) -> impl Future<Output = Result<(), Status>> + Send {
        async { Ok(()) }
    }

    /// For each message from the client.
    fn request_message(
        &self,
        _message: &mut Message,
        _call: &mut Call,
        _state: &mut Self::State,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// When the head of a response is about to be sent: the upstream's, or that of the gateway's own refusal.
    fn response(
        &self,
        _head: &mut ResponseHead,
        _call: &mut Call,
        _state: &mut Self::State,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// For each message from the upstream.
    fn response_message(
        &self,
        _message: &mut Message,
        _call: &mut Call,
        _state: &mut Self::State,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Exactly once for each call whose `request` was entered, however the call ended; `end` holds the status and
    /// trailers about to be sent.
    fn end(&self, _end: &mut End, _call: &Call, _state: &mut Self::State) {}

    /// Before a WebTransport session or a WebSocket is opened at an upstream, to be carried there without being looked
    /// into. It may wait, and it refuses with the HTTP status of the code that it returns. It is the only hook that sees
    /// sessions; the state is dropped when the session has ended.
    fn session(
        &self,
        _request: &mut SessionRequest,
        _state: &mut Self::State,
    ) -> impl Future<Output = Result<(), Status>> + Send {
        async { Ok(()) }
    }

    /// A browser asks whether a page may make a call on this route (a CORS preflight, which is not itself a call).
    /// The first filter that answers decides; the answer becomes the headers of a 204.
    fn preflight(&self, _preflight: &Preflight<'_>) -> Option<HeaderMap> {
        None
    }
}

/// A CORS preflight request: `OPTIONS` with `access-control-request-method`.
///
/// Source: <https://fetch.spec.whatwg.org/#cors-preflight-request>
#[derive(Debug)]
pub struct Preflight<'a> {
    /// All header fields of the request, `origin` among them.
    pub headers: &'a HeaderMap,
}

/// What a filter is given while it is built.
#[derive(Debug)]
pub struct Setup<'a> {
    route: &'a str,
    filter: &'static str,
    metrics: &'a FilterMetrics,
    for_sessions: bool,
}

impl<'a> Setup<'a> {
    /// Prepares to build `filter` for `route`.
    pub fn new(route: &'a str, filter: &'static str, metrics: &'a FilterMetrics) -> Setup<'a> {
        Setup { route, filter, metrics, for_sessions: false }
    }

    /// The same for a route that carries sessions.
    #[must_use]
    pub fn for_sessions(self) -> Setup<'a> {
        Setup { for_sessions: true, ..self }
    }

    /// Whether the route carries sessions, and no calls.
    pub fn is_for_sessions(&self) -> bool {
        self.for_sessions
    }

    /// The name of the route the filter is built for.
    pub fn route(&self) -> &str {
        self.route
    }

    /// A counter `sluicegate_<filter>_<name>` with the route as its label.
    pub fn counter(&mut self, name: &str, help: &str) -> IntCounter {
        self.metrics.counter(self.filter, name, help, self.route)
    }

    /// A histogram `sluicegate_<filter>_<name>` with the route as its label.
    pub fn histogram(&mut self, name: &str, help: &str) -> Histogram {
        self.metrics.histogram(self.filter, name, help, self.route)
    }
}
