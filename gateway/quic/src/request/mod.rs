//! Ordinary requests: HTTP/3 as the core's wire.

pub(crate) mod error_code;
pub(crate) mod receive;
pub(crate) mod transmit;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h3::server::RequestStream;
use http::uri::{Authority, PathAndQuery};
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Head;

use crate::adapter::Bidi;
use crate::adapter::outgoing::Outgoing;
use crate::shared::Shared;
use receive::H3Receive;
use transmit::H3Transmit;

/// A request whose head has arrived.
#[derive(Debug)]
pub struct Request {
    /// The head. Its path is the `:path` of the request as sent.
    pub head: Head,
    /// The host that the client asks; a `host` field that says otherwise was refused.
    pub authority: Option<Authority>,
    /// What the client sends.
    pub receive: H3Receive,
    /// What the client gets.
    pub transmit: H3Transmit,
}

impl Request {
    /// Puts together what `h3` has read. `None` for a request without a path, which `h3` lets through for CONNECT.
    pub(crate) fn new(
        request: http::Request<()>,
        stream: RequestStream<Bidi, Bytes>,
        send: Arc<Mutex<Outgoing>>,
        shared: &Shared,
    ) -> Option<Request> {
        let (parts, ()) = request.into_parts();
        let uri = parts.uri.into_parts();
        let path: PathAndQuery = uri.path_and_query?;
        let head = Head { method: parts.method, path, headers: parts.headers, transport: Transport::Http3 };
        let (sending, receiving) = stream.split();
        Some(Request {
            head,
            authority: uri.authority,
            receive: H3Receive::new(receiving, Arc::clone(&shared.resets), shared.live.guard()),
            transmit: H3Transmit::new(sending, send, Arc::clone(&shared.resets), shared.live.guard()),
        })
    }
}
