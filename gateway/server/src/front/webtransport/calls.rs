//! A session that carries calls: one bidirectional stream for each, in gRPC or in Connect.
//!
//! Source: docs/grpc-webtransport.md.

mod datagrams;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::grpc_wt::datagram::{self, DatagramEncoder};
use sluicegate_core::protocol::grpc_wt::{self, close};
use sluicegate_core::protocol::webtransport::{Opening, Refusal};
use sluicegate_core::protocol::{Head, Opened, Protocol, Reply, Services};
use sluicegate_core::schema::MethodKind;
use sluicegate_core::status::{Flag, Status};
use sluicegate_core::wire::{Gone, Receive, Reset, Transmit};
use sluicegate_quic::{Session, SessionRequest, WtReceive, WtTransmit};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use datagrams::{Datagrams, Lane, ToClient, WithDatagrams};

use super::Admitted;
use crate::carry::{Asked, refuse};
use crate::front::announce::{Announcing, Draining};
use crate::front::door::{Door, Entrance};
use crate::observe::metrics::ConnectionMetrics;

/// Accepts a session and carries its calls until it ends.
pub(super) async fn serve(door: Arc<Door>, host: Arc<str>, request: SessionRequest, admitted: Admitted) {
    let draft = request.dialect.name;
    let session = match request.accept(admitted.subprotocol).await {
        Ok(session) => session,
        Err(error) => return log::debug!("{}: WebTransport: {error}", door.address),
    };
    let running = door.worker.running.clone();
    let _counted = running.metrics.session(draft);
    let has_datagrams = running.plan.routes.has_datagrams();
    let (mut calls, mut late) = (JoinSet::new(), JoinSet::new());
    let shared = Arc::new(Shared {
        streams: running.metrics.session_streams(draft),
        draining: Arc::default(),
        datagrams: Arc::new(Datagrams::new(running.metrics.datagrams.clone())),
        session: Arc::new(session),
        speaks_connect: door.listening.webtransport.as_ref().is_some_and(|webtransport| webtransport.connect),
        door,
        host,
        identity: admitted.identity,
    });
    let lifetime = shared.door.listening.tickets.as_ref().and_then(|tickets| tickets.session_lifetime());
    let (mut drained, mut expired) = (pin!(running.drain.begins()), pin!(passed(lifetime)));
    // What it is closed with, once it takes no new calls.
    let mut ending = None;
    // When the last call has ended, or the client was told that there should be no more.
    let mut last = Instant::now();
    let linger = shared.door.listening.limits.quic.linger;
    loop {
        tokio::select! {
            biased;
            // First, so that whatever comes later is refused.
            () = &mut drained, if ending.is_none() => {
                shared.drain();
                (ending, last) = (Some((close::DRAIN, "drain")), Instant::now());
            }
            () = &mut expired, if ending.is_none() => {
                shared.drain();
                (ending, last) = (Some((close::AUTH_EXPIRED, "expired")), Instant::now());
            }
            stream = shared.session.accept_bi() => match stream {
                Some((receive, transmit)) => {
                    // Calls that are refused do not keep the session open.
                    let calls = if ending.is_none() { &mut calls } else { &mut late };
                    calls.spawn(shared.clone().stream_call(receive, transmit));
                }
                None => break,
            },
            Some(_) = calls.join_next() => last = Instant::now(),
            Some(_) = late.join_next() => {}
            // Closing a session takes from some clients what they have not read of its streams, Chromium for one, and
            // from all what they were about to open.
            () = sleep_until(last + linger), if ending.is_some() && calls.is_empty() => {
                late.shutdown().await;
                // Only calls had the session too.
                let session = Arc::into_inner(shared).and_then(|shared| Arc::into_inner(shared.session));
                if let (Some(session), Some((code, reason))) = (session, ending) {
                    // A client that is not there any more does not take it.
                    let _ = timeout(linger, session.close(code, reason)).await;
                }
                return;
            }
            // Last, so that a flood of them hides nothing else.
            Some(datagram) = shared.session.read_datagram(), if has_datagrams => {
                shared.datagrams.arrived(datagram);
            }
        }
    }
    // The session's end has reset its streams, which ends their calls.
    while calls.join_next().await.is_some() {}
}

/// Waits for so long; for ever if it is not said for how long.
async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// What the calls of a session share.
struct Shared {
    door: Arc<Door>,
    host: Arc<str>,
    /// Whom a ticket has admitted.
    identity: Option<Arc<str>>,
    session: Arc<Session>,
    streams: ConnectionMetrics,
    draining: Arc<Draining>,
    datagrams: Arc<Datagrams>,
    /// Whether streams may speak Connect.
    speaks_connect: bool,
}

const TRANSPORT: Transport = Transport::WebTransport;

impl Shared {
    /// Tells the client that no new calls are taken.
    fn drain(&self) {
        self.session.drain();
        self.draining.begin();
    }

    /// Serves one stream: reads its headers and carries the call.
    async fn stream_call(self: Arc<Self>, mut receive: WtReceive, mut transmit: WtTransmit) {
        let _counted = self.streams.begin();
        let mut opening = Opening::new(self.speaks_connect);
        let read = timeout(self.door.listening.limits.header_timeout, read(&mut opening, &mut receive));
        let (head, leftover) = match read.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(NoCall::Gone)) => return,
            Ok(Err(NoCall::Ended)) => {
                return self.refuse_stream(opening.protocol(), opening.end(), receive, transmit).await;
            }
            Ok(Err(NoCall::Refused(refusal))) => {
                return self.refuse_stream(opening.protocol(), refusal, receive, transmit).await;
            }
            Err(_) => {
                transmit.reset_with(grpc_wt::stream::PROTOCOL_ERROR);
                return receive.stop_with(grpc_wt::stream::PROTOCOL_ERROR);
            }
        };
        let (protocol, path) = (opening.protocol(), head.path.clone());
        if self.draining.has_begun() {
            return self.refuse_late(protocol, path, receive, transmit).await;
        }
        let prefix = Some(leftover).filter(|bytes| !bytes.is_empty());
        match self.open(protocol, head) {
            // It has no frames that its client would skip.
            Ok((opened, _)) if protocol.name != grpc_wt::PROTOCOL.name => {
                let receive = Prefixed { prefix, receive };
                self.door.carry(protocol, opened, self.entrance(), receive, transmit).await;
            }
            Ok((opened, None)) => {
                self.carry(opened, Prefixed { prefix, receive }, transmit, None).await;
            }
            Ok((opened, Some(lane))) => {
                let receive = WithDatagrams::new(Prefixed { prefix, receive }, lane);
                let accepted = Bytes::from_static(datagram::ACCEPTED);
                self.carry(opened, receive, transmit, Some(accepted)).await;
            }
            Err(reply) => {
                self.refuse(protocol, reply, path, transmit).await;
                receive.stop();
            }
        }
    }

    /// Opens a call, and the way for its datagrams if its messages may travel so.
    fn open(&self, protocol: &'static Protocol, head: Head) -> Result<(Opened, Option<Lane>), Reply> {
        let schema = self.door.worker.running.schema.load();
        let offer = datagram::offer(&head.headers);
        let mut opened = (protocol.open)(head, &Services::everywhere(&schema))?;
        let offer = match offer {
            _ if protocol.name != grpc_wt::PROTOCOL.name => return Ok((opened, None)),
            Ok(None) => return Ok((opened, None)),
            Ok(Some(offer)) => offer,
            Err(status) => return Err(Reply::Status(status, opened.encoder)),
        };
        let route = self.door.worker.running.plan.routes.find(&self.host, &opened.path, &opened.metadata);
        let policy = route.and_then(|route| route.datagrams.as_ref()?.policy_of(&opened.path));
        // What is sent once is not sent unreliably.
        let kind = schema.method(&opened.path).map(|method| method.kind);
        let requests = policy.filter(|_| !kind.is_some_and(MethodKind::has_one_request));
        let has_responses = policy.is_some() && !kind.is_some_and(MethodKind::has_one_response);
        if requests.is_none() && !has_responses {
            return Ok((opened, None));
        }
        let Some(lane) = self.datagrams.open(offer, requests) else {
            return Err(Reply::Status(datagram::taken(), opened.encoder));
        };
        if has_responses {
            let to_client = ToClient { session: self.session.clone(), datagrams: self.datagrams.clone() };
            opened.encoder = Box::new(DatagramEncoder::new(opened.encoder, offer, to_client));
        }
        Ok((opened, Some(lane)))
    }

    fn entrance(&self) -> Entrance {
        Entrance { transport: TRANSPORT, host: self.host.clone(), identity: self.identity.clone() }
    }

    /// Carries a call of gRPC.
    async fn carry(&self, opened: Opened, receive: impl Receive, transmit: WtTransmit, first: Option<Bytes>) {
        let transmit = Announcing::new(transmit, first, self.draining.clone());
        let call = self.door.carry(&grpc_wt::PROTOCOL, opened, self.entrance(), receive, transmit);
        self.draining.watch(call).await;
    }

    /// Answers a stream whose headers are none, and stops what follows them.
    async fn refuse_stream(
        &self,
        protocol: &'static Protocol,
        refusal: Refusal,
        mut receive: WtReceive,
        transmit: WtTransmit,
    ) {
        self.refuse(protocol, refusal.reply, PathAndQuery::from_static("/"), transmit).await;
        receive.stop_with(refusal.stop);
    }

    /// Refuses a call that has come when the session was draining already, so that its client makes it in another.
    async fn refuse_late(
        &self,
        protocol: &'static Protocol,
        path: PathAndQuery,
        mut receive: WtReceive,
        mut transmit: WtTransmit,
    ) {
        if protocol.name != grpc_wt::PROTOCOL.name {
            // Connect has no word for it.
            transmit.reset(Reset::REFUSED);
            return receive.stop_with(grpc_wt::stream::REFUSED);
        }
        let status = Status::unavailable("the session takes no new calls").with_flag(Flag::Draining);
        self.refuse(protocol, grpc_wt::refuse(status), path, transmit).await;
        receive.stop();
    }

    /// Answers a stream that opens no call.
    async fn refuse(
        &self,
        protocol: &'static Protocol,
        reply: Reply,
        path: PathAndQuery,
        mut transmit: WtTransmit,
    ) {
        match reply {
            Reply::Status(status, encoder) => {
                let client = self.door.client(protocol, TRANSPORT);
                let asked = Asked { client, host: self.host.clone(), path };
                refuse(self.door.worker.clone(), status, encoder, asked, transmit).await;
            }
            // A stream has no HTTP status, so the protocols never ask for one.
            Reply::Http(..) => transmit.reset_with(grpc_wt::stream::PROTOCOL_ERROR),
        }
    }
}

enum NoCall {
    Gone,
    /// The stream has ended before its headers.
    Ended,
    Refused(Refusal),
}

/// Reads up to the end of the headers.
async fn read(opening: &mut Opening, receive: &mut WtReceive) -> Result<(Head, Bytes), NoCall> {
    loop {
        match poll_fn(|cx| receive.poll_data(cx)).await {
            Ok(Some(bytes)) => {
                let read = bytes.len();
                let opened = opening.data(bytes).map_err(NoCall::Refused)?;
                // What follows the frame is released when the upstream has taken it.
                receive.release(read - opened.as_ref().map_or(0, |(_, leftover)| leftover.len()));
                if let Some(opened) = opened {
                    return Ok(opened);
                }
            }
            Ok(None) => return Err(NoCall::Ended),
            Err(_) => return Err(NoCall::Gone),
        }
    }
}

/// A receiving half of which the first bytes were read already.
struct Prefixed<R> {
    prefix: Option<Bytes>,
    receive: R,
}

impl<R: Receive> Receive for Prefixed<R> {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        match self.prefix.take() {
            Some(prefix) => Poll::Ready(Ok(Some(prefix))),
            None => self.receive.poll_data(cx),
        }
    }

    fn is_ended(&self) -> bool {
        self.prefix.is_none() && self.receive.is_ended()
    }

    fn release(&mut self, bytes: usize) {
        self.receive.release(bytes);
    }

    fn stop(&mut self) {
        self.receive.stop();
    }
}
