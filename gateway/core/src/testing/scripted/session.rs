//! A request for a session that a test scripts.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::HeaderMap;
use http::uri::PathAndQuery;

use super::call::plain_call;
use super::header;
use crate::call::{Client, Transport};
use crate::chain::{Chain, Passage};
use crate::session::SessionRequest;
use crate::status::{Code, Status};

/// A request for a session before the filters have seen it.
#[must_use = "a session begins with `open`"]
pub struct SessionScript {
    chain: Arc<Chain>,
    request: SessionRequest,
}

impl SessionScript {
    pub(super) fn new(chain: Arc<Chain>) -> SessionScript {
        SessionScript { chain, request: plain_session() }
    }

    /// Asks for this path and query instead of `/live`.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn path(mut self, path: &str) -> SessionScript {
        self.request.path = path.parse().expect("a path with a query");
        self
    }

    /// Adds one value of a header.
    ///
    /// # Panics
    /// When it is no header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> SessionScript {
        let (name, value) = header(name, value);
        self.request.headers.append(name, value);
        self
    }

    /// Asks from this address, written `192.0.2.7:5000` or `[2001:db8::7]:5000`.
    ///
    /// # Panics
    /// When it is no socket address.
    #[track_caller]
    pub fn address(mut self, address: &str) -> SessionScript {
        self.request.client.address = address.parse().expect("an address with a port");
        self
    }

    /// Asks as someone whom an earlier filter has authenticated.
    pub fn identity(mut self, identity: &str) -> SessionScript {
        self.request.identity = Some(identity.into());
        self
    }

    /// Takes the request through the filters' `session`.
    ///
    /// # Panics
    /// When a filter waits.
    #[track_caller]
    pub fn open(self) -> ScriptedSession {
        let SessionScript { chain, mut request } = self;
        let mut passage = chain.begin();
        let outcome = {
            let session = pin!(chain.session(&mut request, &mut passage));
            match session.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => panic!("{chain:?}: a filter waits in `session`"),
            }
        };
        ScriptedSession { request, outcome, _passage: passage }
    }
}

/// A session that the filters have let in or refused. Dropping it ends it.
pub struct ScriptedSession {
    request: SessionRequest,
    outcome: Result<(), Status>,
    _passage: Passage,
}

impl ScriptedSession {
    /// Checks that no filter has refused it, and gives the request as they have left it.
    ///
    /// # Panics
    /// When one has.
    #[track_caller]
    pub fn expect_open(&self) -> &SessionRequest {
        if let Err(status) = &self.outcome {
            panic!("the session was refused: {status}");
        }
        &self.request
    }

    /// Checks that it was refused with this code.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn expect_refused(&self, code: Code) -> &Status {
        match &self.outcome {
            Err(status) if status.code == code => status,
            other => panic!("not refused with {}: {other:?}", code.name()),
        }
    }

    /// The request, as the filters have left it.
    pub fn request(&self) -> &SessionRequest {
        &self.request
    }
}

/// A request with nothing special about it.
pub(crate) fn plain_session() -> SessionRequest {
    let client = Client { protocol: "webtransport", transport: Transport::Http3, ..plain_call().client };
    SessionRequest {
        path: PathAndQuery::from_static("/live"),
        host: "gateway.example.com".into(),
        headers: HeaderMap::new(),
        client,
        identity: None,
    }
}
