//! A connection that carries one session.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h3::error::Code;
use quinn::ConnectionError;
use tokio::time::sleep;

use super::head::{self, Answer};
use super::{OpenError, Opened, Opening};
use crate::Session;
use crate::adapter::arriving::Arriving;
use crate::adapter::demux::Demux;
use crate::adapter::outgoing::Outgoing;
use crate::adapter::{Adapter, Opener};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::qpack;
use crate::settings::{ENABLE_CONNECT_PROTOCOL, MAX_FIELD_SECTION_SIZE, PeerSettings};
use crate::shared::{Role, Shared, lock};
use crate::webtransport::dialect::{self, Dialect};
use crate::webtransport::driver::Driver;
use crate::webtransport::state::SessionState;
use crate::webtransport::subprotocol;

/// The connection. Dropping it closes it, and ends its session.
pub(super) struct Connection {
    shared: Arc<Shared>,
    h3: h3::client::Connection<Adapter, Bytes>,
    /// Sends nothing, but `h3` takes the connection for unused without it.
    _requests: h3::client::SendRequest<Opener, Bytes>,
    demux: Demux,
    /// What `h3` ended the connection for.
    failure: Option<h3::error::ConnectionError>,
}

impl Connection {
    /// Opens HTTP/3 on a connection whose handshake is done, and waits for the server's settings.
    pub(super) async fn open(quic: quinn::Connection, limits: Arc<Limits>) -> Result<Connection, OpenError> {
        let shared = Arc::new(Shared::new(quic, limits, Role::Client));
        let (demux, adapter) = Demux::new(Arc::clone(&shared));
        let mut builder = h3::client::builder();
        builder.max_field_section_size(u64::from(shared.limits.max_field_section));
        // What it would advertise is replaced on the control stream.
        builder.send_grease(false);
        let built = builder.build(adapter).await;
        let (h3, requests) = built.map_err(|error| match shared.quic.close_reason() {
            Some(reason) => reason.into(),
            None => OpenError::Protocol(error.to_string()),
        })?;
        let mut connection = Connection { shared, h3, _requests: requests, demux, failure: None };
        let shared = Arc::clone(&connection.shared);
        let known =
            |_: &mut Context<'_>| if shared.peer().is_some() { Poll::Ready(()) } else { Poll::Pending };
        connection.drive(known).await?;
        // `h3` judges settings after they were seen here.
        if connection.failure.is_some() { Err(connection.lost()) } else { Ok(connection) }
    }

    /// Asks for the session. Once it is open, the connection goes on in a task of its own.
    pub(super) async fn session(mut self, opening: Opening) -> Result<Opened, OpenError> {
        let shared = Arc::clone(&self.shared);
        let dialect = spoken(&shared)?;
        let headers = head::request(dialect, &opening);
        let most = shared.peer().map_or(0, |peer| peer.get(MAX_FIELD_SECTION_SIZE));
        // Zero is also what is read where there is no limit.
        if most > 0 && head::size(dialect, &opening, &headers) > most {
            return Err(OpenError::HeadersTooLarge);
        }
        let (authority, path) = (opening.authority.as_str(), opening.path.as_str());
        let request = qpack::encode_connect(dialect.protocol, authority, path, &headers);

        let (state, mut answer) = self.connect(dialect, request).await?;
        let answered = |cx: &mut Context<'_>| {
            // What QUIC did not take of the request; if the server does not want it, the answer says so.
            let _ = lock(&state.connect).poll_flush(cx);
            match answer.poll(cx, &shared) {
                Poll::Pending if shared.is_refused_by_peer(state.id) => {
                    Poll::Ready(Err(OpenError::GoingAway))
                }
                answer => answer,
            }
        };
        let (status, headers) = self.drive(answered).await.flatten().map_err(OpenError::after_request)?;
        if status.is_redirection() {
            return Err(OpenError::Redirected(status, headers));
        }
        if !status.is_success() {
            return Err(OpenError::Refused(status, headers));
        }
        let subprotocol = subprotocol::chosen(&headers);
        if subprotocol.as_ref().is_some_and(|chosen| !opening.protocols.contains(chosen)) {
            return Err(OpenError::Protocol(
                "the server chose a subprotocol that was not offered".to_owned(),
            ));
        }
        let driver = Driver::new(Arc::clone(&state), shared, answer.stream, answer.guard);
        tokio::spawn(self.run(driver, Arc::clone(&state)));
        Ok(Opened { session: Session::new(state), subprotocol, headers })
    }

    /// Opens the CONNECT stream. Streams and datagrams of the session find it from now on: they may overtake the
    /// answer.
    async fn connect(
        &mut self,
        dialect: &'static Dialect,
        request: Bytes,
    ) -> Result<(Arc<SessionState>, Answer), OpenError> {
        let shared = Arc::clone(&self.shared);
        let mut opening = pin!(shared.quic.open_bi());
        let opened = self.drive(|cx| {
            if shared.is_refused_by_peer(0) {
                return Poll::Ready(Err(OpenError::GoingAway));
            }
            opening.as_mut().poll(cx).map_err(OpenError::from)
        });
        let (send, receive) = opened.await??;
        let code = Code::H3_REQUEST_CANCELLED.value();
        let mut send = Outgoing::new(send, code);
        send.send(request);
        let stream = Arriving::new(receive, code);
        let unknown = PeerSettings::default();
        let state = SessionState::new(send.id(), dialect, shared.peer().unwrap_or(&unknown), send, &shared);
        shared.registry.insert(&state);
        Ok((state, Answer { stream, guard: Guard::new(shared.limits.largest_frame()) }))
    }

    /// Carries the session until it has ended and the server knows, or had [`Limits::linger`] to learn it.
    async fn run(mut self, mut driver: Driver, state: Arc<SessionState>) {
        let patience = self.shared.limits.linger;
        let mut lingering = None;
        poll_fn(|cx| {
            // Also of a connection that is over: a server may close its session and the connection in one breath.
            let is_open = self.poll(cx);
            if Pin::new(&mut driver).poll(cx).is_ready() || !is_open {
                return Poll::Ready(());
            }
            if !state.is_ended() {
                return Poll::Pending;
            }
            lingering.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx)
        })
        .await;
    }

    /// Keeps the connection going until something has happened.
    async fn drive<T>(&mut self, mut what: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T, OpenError> {
        poll_fn(|cx| {
            let is_open = self.poll(cx);
            match what(cx) {
                Poll::Ready(happened) => Poll::Ready(Ok(happened)),
                Poll::Pending if is_open => Poll::Pending,
                Poll::Pending => Poll::Ready(Err(self.lost())),
            }
        })
        .await
    }

    /// Does what can be done now. Whether the connection is still open.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.demux.poll(cx) || self.failure.is_some() {
            return false;
        }
        if let Poll::Ready(error) = self.h3.poll_close(cx) {
            log::debug!("connection to {} ended: {error}", self.shared.quic.remote_address());
            self.failure = Some(error);
            return false;
        }
        if let Some(control) = self.shared.control.get() {
            // `h3` notices when the server does not want it any more.
            let _ = lock(control).poll_flush(cx);
        }
        true
    }

    /// Why the connection is not open any more.
    fn lost(&self) -> OpenError {
        if let Some(rule) = self.shared.broken() {
            return OpenError::Protocol(rule.to_owned());
        }
        match (self.shared.quic.close_reason(), &self.failure) {
            (Some(ConnectionError::LocallyClosed) | None, Some(error)) => {
                OpenError::Protocol(error.to_string())
            }
            (reason, _) => reason.unwrap_or(ConnectionError::LocallyClosed).into(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for session in self.shared.registry.all() {
            session.lose();
        }
        // It has no effect on a connection that was closed for a reason.
        self.shared.close(Code::H3_NO_ERROR, "");
    }
}

/// The draft to speak with this server.
fn spoken(shared: &Shared) -> Result<&'static Dialect, OpenError> {
    let peer = shared.peer().ok_or(OpenError::NoWebTransport)?;
    if peer.get(ENABLE_CONNECT_PROTOCOL) == 0 {
        return Err(OpenError::NoWebTransport);
    }
    let dialect = dialect::offered(peer).ok_or(OpenError::NoWebTransport)?;
    if !dialect::takes_datagrams(peer) || shared.quic.max_datagram_size().is_none() {
        return Err(OpenError::NoDatagrams);
    }
    Ok(dialect)
}
