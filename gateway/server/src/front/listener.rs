//! Listening sockets: accepting connections within limits and dealing them out to the workers.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderValue;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use pingora_core::listeners::tls::Acceptor;
use prometheus::IntCounter;

use super::{Arrival, NewConnection, udp};
use crate::drain::Drain;
use crate::observe::metrics::{Active, ConnectionMetrics, Metrics};
use crate::plan::{Listener, ListenerLimits, Origins, WebSocket, WebTransport};
use crate::tickets::{Spent, Tickets};
use crate::tls::ServerTls;
use crate::worker::Dealer;

/// How long accepting pauses after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What is behind the path of sessions, or of WebSockets, where tickets for them are given out.
pub(crate) const TICKET: &str = "/ticket";

/// Sockets bound for one listener of the plan.
pub(crate) struct Bound {
    pub(crate) tcp: TcpListener,
    /// None without QUIC, else one or more on one port.
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) listening: Arc<Listening>,
}

/// Binds the sockets of a listener. With QUIC, TCP and UDP get the same port.
pub(crate) fn bind(listener: &Listener, metrics: &Metrics, spent: &Arc<Spent>) -> io::Result<Bound> {
    // With port 0 the system picks a TCP port whose UDP twin may be taken; another pick mends that.
    let mut attempts = if listener.address.port() == 0 { 20 } else { 1 };
    loop {
        attempts -= 1;
        let tcp = TcpListener::bind(listener.address)?;
        tcp.set_nonblocking(true)?;
        let address = tcp.local_addr()?;
        let udp = match &listener.quic {
            None => Vec::new(),
            Some(quic) => match udp::bind(address, quic, &listener.limits.quic) {
                Err(_) if attempts > 0 => continue,
                udp => udp?,
            },
        };
        let listening = Arc::new(Listening::new(listener, address, metrics, spent)?);
        return Ok(Bound { tcp, udp, listening });
    }
}

/// How many connections are open. Addresses without any have no entry, so the map is bounded by the limit.
#[derive(Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// What the connections of one listener share.
pub(crate) struct Listening {
    /// The address it is bound to.
    pub(crate) address: SocketAddr,
    pub(crate) limits: ListenerLimits,
    /// TLS over TCP; `None` for cleartext.
    pub(crate) tls: Option<ArcSwap<Acceptor>>,
    /// `None` without QUIC.
    pub(crate) quic: Option<sluicegate_quic::Server>,
    pub(crate) h2c: bool,
    pub(crate) webtransport: Option<WebTransport>,
    pub(crate) websocket: Option<WebSocket>,
    pub(crate) websocket_over_h2: bool,
    /// What admits to sessions and WebSockets; `None` if that needs nothing.
    pub(crate) tickets: Option<Tickets>,
    /// Where the REST interface is described.
    pub(crate) openapi: Option<Arc<str>>,
    /// What tells TLS clients that the same port speaks HTTP/3.
    pub(crate) alt_svc: Option<HeaderValue>,
    open: Mutex<Open>,
    tcp_connections: ConnectionMetrics,
    quic_connections: ConnectionMetrics,
    /// WebSockets that carry calls; each has a TCP connection, or a stream of one.
    pub(super) websockets: ConnectionMetrics,
    over_limit: IntCounter,
    over_limit_per_ip: IntCounter,
}

impl Listening {
    pub(crate) fn new(
        plan: &Listener,
        address: SocketAddr,
        metrics: &Metrics,
        spent: &Arc<Spent>,
    ) -> io::Result<Listening> {
        let name = plan.address.to_string();
        let alt_svc = plan.quic.as_ref().map(|_| format!("h3=\":{}\"; ma=86400", address.port()));
        let quic_tls = plan.tls.as_ref().and_then(|tls| tls.quic.as_ref());
        let quic = quic_tls.zip(plan.quic.as_ref()).map(|(tls, quic)| {
            sluicegate_quic::Server::new(tls, super::quic::limits(plan, metrics), quic.ids.clone())
        });
        Ok(Listening {
            address,
            limits: plan.limits.clone(),
            tls: plan.tls.as_ref().map(|tls| ArcSwap::from_pointee(acceptor(tls))),
            quic: quic.transpose()?,
            h2c: plan.h2c,
            webtransport: plan.webtransport.clone(),
            websocket: plan.websocket.clone(),
            websocket_over_h2: plan.websocket_over_h2,
            tickets: plan.tickets.as_ref().map(|spec| Tickets::new(spec, spent.clone(), &name, metrics)),
            openapi: plan.openapi.clone(),
            alt_svc: alt_svc.and_then(|value| HeaderValue::try_from(value).ok()),
            open: Mutex::default(),
            tcp_connections: metrics.connections(&name, "tcp"),
            quic_connections: metrics.connections(&name, "quic"),
            websockets: metrics.connections(&name, "websocket"),
            over_limit: metrics.refused(&name, "max_connections"),
            over_limit_per_ip: metrics.refused(&name, "max_connections_per_ip"),
        })
    }

    /// Which pages may ask for a ticket at this path; `None` if none is given out there.
    pub(crate) fn tickets_at(&self, path: &str) -> Option<&Origins> {
        self.tickets.as_ref()?;
        let place = path.strip_suffix(TICKET)?;
        let is_here = |path: &str| path.trim_end_matches('/') == place;
        let webtransport = self.webtransport.as_ref().filter(|webtransport| is_here(&webtransport.path));
        let websocket = self.websocket.as_ref().filter(|websocket| is_here(&websocket.path));
        webtransport
            .map(|webtransport| &webtransport.origins)
            .or(websocket.map(|websocket| &websocket.origins))
    }

    /// Uses this certificate, and lets these clients in, for handshakes that begin from now on, over every transport.
    pub(crate) fn set_tls(&self, tls: &ServerTls) -> io::Result<()> {
        if let (Some(quic), Some(tls)) = (&self.quic, &tls.quic) {
            quic.set_tls(tls)?;
        }
        if let Some(tcp) = &self.tls {
            tcp.store(Arc::new(acceptor(tls)));
        }
        Ok(())
    }

    /// Takes a place for a connection, unless a limit is reached.
    fn admit(self: &Arc<Self>, ip: IpAddr, quic: bool) -> Option<Admitted> {
        let ip = sluicegate_quic::counted_as(ip);
        let metrics = if quic { &self.quic_connections } else { &self.tcp_connections };
        let mut open = self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if open.total >= self.limits.max_connections {
            self.over_limit.inc();
            return None;
        }
        let from_ip = open.by_ip.entry(ip).or_default();
        if *from_ip >= self.limits.max_connections_per_ip {
            self.over_limit_per_ip.inc();
            return None;
        }
        *from_ip += 1;
        open.total += 1;
        Some(Admitted { listener: self.clone(), ip, _counted: metrics.begin() })
    }
}

fn acceptor(tls: &ServerTls) -> Acceptor {
    Acceptor::from_server_config(tls.tcp.clone())
}

/// A connection's place under the limits of its listener.
pub(crate) struct Admitted {
    listener: Arc<Listening>,
    ip: IpAddr,
    _counted: Active,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.listener.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        open.total -= 1;
        if let Some(from_ip) = open.by_ip.get_mut(&self.ip) {
            *from_ip -= 1;
            if *from_ip == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
    }
}

/// Accepts TCP connections.
pub(crate) struct TcpAccept {
    pub(crate) socket: Option<TcpListener>,
    pub(crate) listening: Arc<Listening>,
    pub(crate) dealer: Dealer,
    pub(crate) drain: Drain,
}

#[async_trait]
impl Service for TcpAccept {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let Some(socket) = self.socket.take() else { return };
        let socket = match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return log::error!("cannot listen on {}: {error}", self.listening.address),
        };
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                // Leaving drops the socket, so that new connections are refused at once.
                () = self.drain.begins() => return,
                _ = shutdown.changed() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    log::warn!("cannot accept on {}: {error}", self.listening.address);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(admitted) = self.listening.admit(address.ip(), false) else { continue };
            // The socket is registered anew with the reactor of the worker that serves it.
            let Ok(stream) = stream.into_std() else { continue };
            let listener = self.listening.clone();
            let connection = NewConnection::Tcp(stream);
            self.dealer
                .deal(|dealt| Arrival { connection, address, listener, place: (admitted, dealt) })
                .await;
        }
    }

    fn name(&self) -> &str {
        "tcp-accept"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}

/// Accepts QUIC connections on one of a listener's sockets.
pub(crate) struct QuicAccept {
    pub(crate) socket: Option<UdpSocket>,
    /// Which of the sockets it is.
    pub(crate) number: u8,
    pub(crate) listening: Arc<Listening>,
    pub(crate) dealer: Dealer,
    pub(crate) drain: Drain,
}

#[async_trait]
impl Service for QuicAccept {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let Some(socket) = self.socket.take() else { return };
        let Some(server) = &self.listening.quic else { return };
        let endpoint = match server.listen(socket, self.number) {
            Ok(endpoint) => endpoint,
            Err(error) => return log::error!("cannot listen on udp {}: {error}", self.listening.address),
        };
        // Connections are closed when their calls are done, but their clients must hear of it: the workers, which send
        // that, end with the process.
        let mut hold = Some(self.drain.hold_for_socket());
        let drained = async {
            self.drain.begins().await;
            endpoint.wait_idle().await;
        };
        tokio::pin!(drained);
        // While the gateway drains the endpoint stays, for the connections it carries; new ones are refused.
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                () = &mut drained, if hold.is_some() => {
                    hold = None;
                    continue;
                }
                _ = shutdown.changed() => None,
            };
            let Some(incoming) = incoming else { break };
            let address = incoming.remote_address();
            let admitted =
                if self.drain.has_begun() { None } else { self.listening.admit(address.ip(), true) };
            // Dropping the client refuses it.
            let Some(admitted) = admitted else { continue };
            let listener = self.listening.clone();
            let connection = NewConnection::Quic(Box::new(incoming));
            self.dealer
                .deal(|dealt| Arrival { connection, address, listener, place: (admitted, dealt) })
                .await;
        }
        endpoint.close();
        endpoint.wait_idle().await;
    }

    fn name(&self) -> &str {
        "quic-accept"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
