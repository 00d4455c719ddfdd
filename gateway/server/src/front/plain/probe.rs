//! What a `GET` of the path of sessions, or of WebSockets, is answered.

use std::net::SocketAddr;

use http::{HeaderMap, StatusCode, Uri};
use sluicegate_core::protocol::grpc_wt::{Probe, TicketProbe};

use super::cors::let_read;
use super::site::Answer;
use crate::front::door::Door;
use crate::front::listener::TICKET;

/// The largest message that a client should send, as the probe tells it: the default limit of a route.
const MAX_MESSAGE: u32 = 4 << 20;

/// Where the sessions of a gateway that made its own certificate open. Browsers trust that by its hash alone, so every
/// listener tells it, those that have no sessions of their own too.
pub(crate) struct SelfSigned {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    /// SHA-256 of the certificate in base64.
    pub(crate) certificate_hashes: [String; 1],
}

impl SelfSigned {
    /// The URL of sessions, for a client that has reached the gateway at this host.
    pub(crate) fn url(&self, host: &str) -> String {
        match self.address.ip().is_unspecified() {
            // It listens everywhere, which is no address to connect to.
            true => format!("https://{host}:{}{}", self.address.port(), self.path),
            false => format!("https://{}{}", self.address, self.path),
        }
    }
}

/// The answer to a `GET` of this URI, if it is one that tells what is served. With a ticket it tells whether that is good,
/// because browsers do not show why a session did not open.
pub(super) fn probe(
    door: &Door,
    self_signed: Option<&SelfSigned>,
    uri: &Uri,
    headers: &HeaderMap,
    host: &str,
) -> Option<Answer> {
    let (listening, path) = (&door.listening, uri.path());
    let own = listening.webtransport.as_ref().map(|webtransport| &*webtransport.path);
    let webtransport = own.or(self_signed.map(|sessions| sessions.path));
    let websocket = listening.websocket.as_ref().map(|websocket| &*websocket.path);
    if ![webtransport, websocket].contains(&Some(path)) {
        return None;
    }
    let url = self_signed.map(|sessions| sessions.url(host));
    // That of the gateway's other listener, if this one has no sessions, is not known here.
    let has_tickets = [own, websocket].contains(&Some(path));
    let tickets = listening.tickets.as_ref().filter(|_| has_tickets);
    let ticket_path = format!("{}{TICKET}", path.trim_end_matches('/'));
    let probe = Probe {
        webtransport: webtransport.is_some(),
        websocket,
        max_message: MAX_MESSAGE,
        datagrams: webtransport.is_some() && door.worker.running.plan.routes.has_datagrams(),
        webtransport_url: url.as_deref(),
        ticket: tickets.map(|tickets| TicketProbe { path: &ticket_path, required: tickets.are_required() }),
        certificate_hashes: self_signed.map_or(&[], |sessions| &sessions.certificate_hashes),
    };
    let mut answer = match tickets.map_or(Ok(()), |tickets| tickets.check(uri.query())) {
        Ok(()) => Answer::new(StatusCode::OK, "application/json", probe.to_json()),
        Err(status) => Answer::new(status, "text/plain", "this ticket admits nobody\n"),
    };
    // Pages that may open either may know what there is to open.
    let of_sessions = listening.webtransport.as_ref().map(|webtransport| &webtransport.origins);
    let of_websockets = listening.websocket.as_ref().map(|websocket| &websocket.origins);
    let origins = [of_sessions, of_websockets].into_iter().flatten();
    let_read(origins, headers, host, &mut answer.headers);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_one_that_the_client_can_reach() {
        let check = |address: &str, host: &str, expected: &str| {
            let address = address.parse().unwrap();
            let sessions = SelfSigned { address, path: "/wt", certificate_hashes: [String::new()] };
            assert_eq!(sessions.url(host), expected);
        };
        check("127.0.0.1:8443", "localhost", "https://127.0.0.1:8443/wt");
        check("[::1]:8443", "localhost", "https://[::1]:8443/wt");
        check("0.0.0.0:8443", "192.0.2.7", "https://192.0.2.7:8443/wt");
        check("[::]:8443", "[2001:db8::1]", "https://[2001:db8::1]:8443/wt");
    }
}
