//! One client's connection: the events that its streams become.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream};
use h3::error::{Code, StreamError};
use h3::server::RequestStream;
use tokio::time::{Instant, Sleep};

use crate::adapter::demux::Demux;
use crate::adapter::{Adapter, Bidi, control};
use crate::endpoint::ConnectError;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::shared::{Role, Shared, lock};
use crate::webtransport::connect::{Connect, SessionRequest};
use crate::webtransport::driver::Driver;

/// What a client asks for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "an event is taken apart at once")]
pub enum Event {
    /// A request.
    Request(Request),
    /// A WebTransport session.
    Session(SessionRequest),
}

/// A client's connection.
///
/// Await [`Connection::next`] for as long as anything on it is in use: it accepts streams, also those of sessions that
/// are open, reads what clients say about their sessions and keeps the connection's deadlines. Dropping it closes the
/// connection, and with it every request and session.
pub struct Connection {
    shared: Arc<Shared>,
    h3: h3::server::Connection<Adapter, Bytes>,
    demux: Demux,
    /// Requests whose heads `h3` is reading.
    resolving: FuturesUnordered<BoxFuture<'static, Resolved>>,
    /// CONNECTs that wait for the client's settings, with the time by which these must have come.
    connects: VecDeque<(Box<Connect>, Instant)>,
    drivers: FuturesUnordered<Driver>,
    phase: Phase,
    /// Whether the client's sessions have been asked to end.
    asked_to_end: bool,
    timer: Option<(Awaited, Pin<Box<Sleep>>)>,
}

/// What a connection's timer runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The client's settings, which the first CONNECT needs by then.
    Settings(Instant),
    /// A call or a session, while there is none.
    Use,
    /// The client's own close, once a drained connection is not in use any more.
    Close,
}

/// How far a connection is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// GOAWAY has been sent, or received.
    Draining,
    Closed,
}

/// The number of a request's stream, and what `h3` made of it.
type Resolved = (u64, Result<(http::Request<()>, RequestStream<Bidi, Bytes>), Option<StreamError>>);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens HTTP/3 on a connection whose handshake is done.
    pub(crate) async fn open(
        quic: quinn::Connection,
        limits: Arc<Limits>,
    ) -> Result<Connection, ConnectError> {
        let shared = Arc::new(Shared::new(quic, limits, Role::Server));
        let (demux, adapter) = Demux::new(Arc::clone(&shared));
        let mut builder = h3::server::builder();
        builder.max_field_section_size(u64::from(shared.limits.max_field_section));
        // What it would advertise is replaced on the control stream.
        builder.send_grease(false);
        let h3 = builder.build(adapter).await?;
        Ok(Connection {
            shared,
            h3,
            demux,
            resolving: FuturesUnordered::new(),
            connects: VecDeque::new(),
            drivers: FuturesUnordered::new(),
            phase: Phase::Open,
            asked_to_end: false,
            timer: None,
        })
    }

    /// Where the client's packets come from now; it may move.
    pub fn remote_address(&self) -> SocketAddr {
        self.shared.quic.remote_address()
    }

    /// The name that the client asked for in its TLS handshake.
    pub fn server_name(&self) -> Option<String> {
        let data = self.shared.quic.handshake_data()?;
        data.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?.server_name
    }

    /// The certificates that the client has shown, if the server asked for any.
    pub fn client_certificates(&self) -> Option<Vec<rustls::pki_types::CertificateDer<'static>>> {
        self.shared.quic.peer_identity()?.downcast().ok().map(|chain| *chain)
    }

    /// The next request or session; `None` once the connection is over. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Lets the connection end: open sessions are asked to end, and when there are none, further requests are rejected.
    /// Once nothing is in use any more the client may close the connection, or after [`Limits::linger`] it is closed. Keep
    /// awaiting [`Connection::next`] until it returns `None`.
    pub fn drain(&mut self) {
        if std::mem::replace(&mut self.asked_to_end, true) {
            return;
        }
        self.phase = Phase::Draining;
        self.ask_to_end();
        self.go_away();
    }

    /// Sends GOAWAY, once, if the connection is to end and the client knows of the end of every session. In Chromium 156 the
    /// process of all connections dies when a page opens a stream in a session whose connection has had GOAWAY.
    fn go_away(&self) {
        if !self.asked_to_end || !self.drivers.is_empty() {
            return;
        }
        // The client's own GOAWAY has been answered with one already.
        if let Some(first_refused) = self.shared.begin_goaway()
            && let Some(stream) = self.shared.control.get()
        {
            let mut stream = lock(stream);
            stream.send(control::goaway(first_refused));
            // What is not taken now is written as the connection goes on.
            let _ = stream.flush_now();
        }
    }

    /// Asks every session for its end, behind the answer to its CONNECT. Asking again has no effect.
    fn ask_to_end(&self) {
        for session in self.shared.registry.all() {
            session.ask_to_end();
        }
    }

    /// Closes the connection at once.
    pub fn close(&mut self) {
        self.phase = Phase::Closed;
        self.shared.close(Code::H3_NO_ERROR, "");
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if self.phase == Phase::Closed || !self.demux.poll(cx) {
                // A client may close a session and the connection in one breath.
                while let Poll::Ready(Some(())) = Pin::new(&mut self.drivers).poll_next(cx) {}
                self.over();
                return Poll::Ready(None);
            }
            if let Some(event) = self.next_session().or_else(|| self.poll_request(cx)) {
                return Poll::Ready(Some(event));
            }
            while let Poll::Ready(Some(())) = Pin::new(&mut self.drivers).poll_next(cx) {}
            self.go_away();
            if let Some(control) = self.shared.control.get() {
                // `h3` notices when the client does not want it any more.
                let _ = lock(control).poll_flush(cx);
            }
            // The client's settings arrive on a stream that `h3` reads, after CONNECTs were looked at.
            let is_ready = !self.connects.is_empty() && self.shared.peer().is_some();
            if !is_ready && self.phase != Phase::Closed && self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The next session that a client asks for, once its settings are known.
    fn next_session(&mut self) -> Option<Event> {
        while let Some(connect) = self.demux.next_connect() {
            self.connects.push_back((connect, Instant::now() + self.shared.limits.header_timeout));
        }
        let peer = self.shared.peer()?;
        while let Some((connect, _)) = self.connects.pop_front() {
            if let Some((request, driver)) = connect.open(&self.shared, peer) {
                self.drivers.push(driver);
                if self.asked_to_end {
                    // It came before GOAWAY and waited for the client's settings.
                    self.ask_to_end();
                }
                return Some(Event::Session(request));
            }
        }
        None
    }

    /// The next request whose head is complete.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        loop {
            match pin!(self.h3.accept()).poll(cx) {
                Poll::Ready(Ok(Some(resolver))) => {
                    let id = resolver.frame_stream.id().into_inner();
                    let patience = self.shared.limits.header_timeout;
                    // The head is there, so this waits only to tell a client that its head is too large.
                    self.resolving.push(Box::pin(async move {
                        let resolved = tokio::time::timeout(patience, resolver.resolve_request()).await;
                        (id, resolved.map_err(|_| None).and_then(|resolved| resolved.map_err(Some)))
                    }));
                }
                Poll::Ready(Ok(None)) => {
                    // The client has sent GOAWAY and no request is in use.
                    self.phase = Phase::Draining;
                    break;
                }
                Poll::Ready(Err(error)) => {
                    log::debug!("connection of {} ended: {error}", self.shared.quic.remote_address());
                    self.phase = Phase::Closed;
                    return None;
                }
                Poll::Pending => break,
            }
        }
        while let Poll::Ready(Some((id, resolved))) = Pin::new(&mut self.resolving).poll_next(cx) {
            let send = self.demux.take_sending(id);
            let request = match (resolved, send) {
                (Ok((request, stream)), Some(send)) => Request::new(request, stream, send, &self.shared),
                (Err(error), send) => {
                    log::debug!("request {id} refused: {error:?}");
                    if let (Some(StreamError::HeaderTooBig { .. }), Some(send)) = (error, send) {
                        self.shared.limits.observer.refused(Refusal::MaxFieldSection);
                        // `h3` has answered with 431 and left it at that.
                        let mut send = lock(&send);
                        send.finish();
                        let _ = send.flush_now();
                    }
                    None
                }
                (Ok(_), None) => None,
            };
            if let Some(request) = request {
                return Some(Event::Request(request));
            }
        }
        None
    }

    /// Acts on what has not happened in time. Ready when it did.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_idle = self.shared.live.poll_idle(cx) && self.resolving.is_empty() && self.demux.is_quiet();
        let awaited = match self.connects.front() {
            Some((_, deadline)) => Awaited::Settings(*deadline),
            None if !is_idle => {
                self.timer = None;
                return Poll::Pending;
            }
            None if self.phase == Phase::Draining => Awaited::Close,
            None => Awaited::Use,
        };
        let timer = match &mut self.timer {
            Some((running, timer)) if *running == awaited => timer,
            _ => {
                let now = Instant::now();
                let deadline = match awaited {
                    Awaited::Settings(deadline) => deadline,
                    Awaited::Use => now + self.shared.limits.idle_timeout,
                    Awaited::Close => now + self.shared.limits.linger,
                };
                &mut self.timer.insert((awaited, Box::pin(tokio::time::sleep_until(deadline)))).1
            }
        };
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        match awaited {
            // Dropping the request cancels it: its client has sent no settings.
            Awaited::Settings(_) => {
                self.shared.limits.observer.refused(Refusal::HeaderTimeout);
                drop(self.connects.pop_front());
            }
            Awaited::Use => {
                self.shared.limits.observer.refused(Refusal::IdleTimeout);
                self.drain();
            }
            Awaited::Close => self.close(),
        }
        self.timer = None;
        Poll::Ready(())
    }

    /// Tells whoever waits for a session that there is none any more.
    fn over(&mut self) {
        self.phase = Phase::Closed;
        for session in self.shared.registry.all() {
            session.lose();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // `h3` closes the connection as it is dropped.
        self.over();
    }
}
