//! Giving out tickets: `POST` of the path of sessions, or of WebSockets, with `/ticket` behind it.
//!
//! It is an ordinary request, so it may carry what the opening of a session cannot: cookies, and header fields that a page
//! chooses. Pages of other origins are let in as to sessions.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use pingora_http::RequestHeader;
use serde::Serialize;
use sluicegate_core::call::Transport;
use sluicegate_core::metadata::strip_hop_by_hop;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::Status;

use super::cors::let_read;
use super::site::Answer;
use crate::front::door::{Door, may_open};

/// How long a browser may remember the answer to a preflight, in seconds: the longest that Chromium does.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
/// The only method, besides preflights.
const METHOD: HeaderValue = HeaderValue::from_static("POST");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A request for a ticket.
pub(super) struct TicketRequest {
    method: Method,
    /// As filters see it.
    request: SessionRequest,
    /// Whether it comes from a page that may open sessions, or from no page.
    may_open: bool,
    /// What tells the browser so.
    cors: HeaderMap,
}

/// The body of an answer.
#[derive(Serialize)]
struct Issued {
    ticket: String,
    /// In seconds.
    expires_in: u64,
}

impl TicketRequest {
    /// A request that is for a ticket, if it is.
    pub(super) fn of(door: &Door, request: &RequestHeader, host: &str) -> Option<TicketRequest> {
        let origins = door.listening.tickets_at(request.uri.path())?;
        let mut cors = HeaderMap::new();
        let_read([origins].into_iter(), &request.headers, host, &mut cors);
        if cors.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|allowed| allowed != "*") {
            cors.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        let transport = match request.version {
            Version::HTTP_2 => Transport::Http2,
            Version::HTTP_3 => Transport::Http3,
            _ => Transport::Http1,
        };
        let mut headers = request.headers.clone();
        strip_hop_by_hop(&mut headers);
        Some(TicketRequest {
            method: request.method.clone(),
            may_open: may_open(origins, &request.headers, host),
            request: SessionRequest {
                path: request.uri.path_and_query()?.clone(),
                host: Arc::from(host),
                headers,
                client: door.session_client("ticket", transport),
                identity: None,
            },
            cors,
        })
    }

    /// Answers it.
    pub(super) async fn answer(self, door: &Door) -> Answer {
        let cors = self.cors.clone();
        let mut answer = match self.method {
            Method::OPTIONS => self.preflight(),
            Method::POST if !self.may_open => {
                refusal(StatusCode::FORBIDDEN, "a page of this origin gets none")
            }
            Method::POST if door.worker.running.drain.has_begun() => {
                refusal(StatusCode::SERVICE_UNAVAILABLE, "the gateway drains")
            }
            Method::POST => self.issue(door).await,
            _ => {
                let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "tickets are given for POST");
                answer.headers.insert(header::ALLOW, METHOD);
                answer
            }
        };
        answer.headers.insert(header::CACHE_CONTROL, NO_STORE);
        answer.headers.extend(cors);
        answer
    }

    /// Allows what the page asks for: whoever may open sessions may say what it likes to get a ticket. The others were
    /// told nothing that their browser could take for leave.
    fn preflight(self) -> Answer {
        let mut headers = HeaderMap::new();
        if self.cors.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHOD);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            if let Some(asked) = self.request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
        }
        Answer { status: StatusCode::NO_CONTENT, headers, body: Default::default() }
    }

    async fn issue(mut self, door: &Door) -> Answer {
        let running = &door.worker.running;
        let Some(tickets) = &door.listening.tickets else {
            return refusal(StatusCode::NOT_FOUND, "not found");
        };
        match tickets.issue(&mut self.request, &running.metrics).await {
            Ok(ticket) => {
                let issued = Issued { ticket, expires_in: tickets.lifetime() };
                // Nothing in it can fail to be JSON.
                let body = serde_json::to_vec(&issued).unwrap_or_default();
                Answer::new(StatusCode::OK, "application/json", body)
            }
            Err(status) => by_filter(status),
        }
    }
}

/// What a filter says, in HTTP.
fn by_filter(status: Status) -> Answer {
    let mut answer = refusal(status.code.to_http(), &status.message);
    let metadata = status.metadata.map(|metadata| *metadata).unwrap_or_default();
    let names: Vec<&str> = metadata.keys().map(|name| name.as_str()).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(","))
        && !names.is_empty()
    {
        answer.headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    answer.headers.extend(metadata);
    answer
}

fn refusal(status: StatusCode, why: &str) -> Answer {
    Answer::new(status, "text/plain", format!("{why}\n"))
}
