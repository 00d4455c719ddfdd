//! A gRPC server that does on the wire exactly what the called path names, and tells the test what it saw.

mod call;
mod methods;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificate::server_tls;
use crate::within;
use call::{Call, Events};
pub use methods::method;

/// A gRPC server on a port of its own. Dropping it closes its listener and its connections.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    scheme: &'static str,
    calls: mpsc::UnboundedReceiver<Seen>,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    // Tests make a few dozen calls, so this does not grow.
    calls: mpsc::UnboundedSender<Seen>,
    /// Permits for calls of `method::HOLD` to be answered.
    released: Semaphore,
    connections: AtomicUsize,
    accepted: AtomicUsize,
    /// Tells every connection to go away gracefully.
    going_away: Notify,
    options: Options,
}

/// How an upstream differs from the usual one.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Speak TLS.
    pub tls: bool,
    /// Reset every stream with `REFUSED_STREAM`.
    pub refusing: bool,
    /// The flow-control window of each stream, in bytes.
    pub stream_window: u32,
    /// The flow-control window of each connection, in bytes.
    pub connection_window: u32,
    /// Calls at once on each connection.
    pub max_streams: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tls: false,
            refusing: false,
            stream_window: 65_535,
            connection_window: 16 << 20,
            max_streams: 1000,
        }
    }
}

impl Upstream {
    /// An upstream that speaks plaintext HTTP/2.
    pub async fn start() -> Upstream {
        Upstream::start_with(Options::default()).await
    }

    /// An upstream with these options.
    pub async fn start_with(options: Options) -> Upstream {
        Upstream::start_at(&Reserved::new(), options).await
    }

    /// The same at a reserved address.
    pub async fn start_at(reserved: &Reserved, options: Options) -> Upstream {
        let address = reserved.address();
        let listener = bind(address).listen(1024).unwrap();
        let (sender, calls) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            calls: sender,
            released: Semaphore::new(0),
            connections: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            going_away: Notify::new(),
            options,
        });
        let tls = options.tls.then(|| TlsAcceptor::from(Arc::new(server_tls(&["h2"]))));
        let accepting = tokio::spawn(accept(listener, tls, shared.clone()));
        let scheme = if options.tls { "https" } else { "http" };
        Upstream { address, scheme, calls, shared, accepting }
    }

    /// Closes its listener and its connections, and waits until they are closed.
    pub async fn stop(mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as a cluster's endpoint is written.
    pub fn url(&self) -> String {
        match self.scheme {
            // The certificate names the host, so the endpoint does too.
            "https" => format!("https://localhost:{}", self.address.port()),
            scheme => format!("{scheme}://{}", self.address),
        }
    }

    /// The next call that arrived.
    pub async fn next_call(&mut self) -> Seen {
        within("a call to reach the upstream", self.calls.recv()).await.expect("the upstream runs")
    }

    /// A call that has arrived and was not yet taken.
    pub fn try_next_call(&mut self) -> Option<Seen> {
        self.calls.try_recv().ok()
    }

    /// How many calls have arrived so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Sends GOAWAY on every connection. Calls in progress go on.
    pub fn go_away(&self) {
        self.shared.going_away.notify_waiters();
    }

    /// Lets one call of [`method::HOLD`] be answered.
    pub fn release(&self) {
        self.shared.released.add_permits(1);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address that connections are refused at, unless an upstream was started there. While it is held nobody else gets
/// its port.
#[derive(Debug)]
pub struct Reserved(TcpSocket);

impl Reserved {
    /// Reserves an address.
    #[allow(clippy::new_without_default, reason = "it takes something from the system")]
    pub fn new() -> Reserved {
        Reserved(bind("127.0.0.1:0".parse().unwrap()))
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

/// A socket that shares its port with others of this process, and is not listening yet.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// A call as it arrived.
#[derive(Debug)]
pub struct Seen {
    /// `:path`.
    pub path: String,
    /// `:authority`.
    pub authority: Option<String>,
    /// `:scheme`.
    pub scheme: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    // One event per message, and a test that sends many drains them.
    events: mpsc::UnboundedReceiver<Event>,
}

/// What an upstream sees of a call after its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message of this many bytes.
    Message(usize),
    /// The client's direction ended, with these trailers if any.
    HalfClosed(Option<HeaderMap>),
    /// The client's direction ended inside a message, which the gateway must never let happen.
    Truncated,
    /// The gateway reset the stream with this HTTP/2 error code.
    Reset(u32),
    /// The gateway's connection ended.
    ConnectionLost,
    /// The whole response was handed to the transport.
    Answered,
}

impl Seen {
    /// What happened next.
    pub async fn next(&mut self) -> Event {
        let what = format!("the upstream to see something of {}", self.path);
        within(&what, self.events.recv()).await.expect("a call reports how it ended")
    }

    /// Skips messages and the half-close, and returns the code the stream was reset with.
    pub async fn until_reset(&mut self) -> u32 {
        loop {
            match self.next().await {
                Event::Message(_) | Event::HalfClosed(_) => {}
                Event::Reset(reason) => return reason,
                other => panic!("{}: {other:?} instead of a reset", self.path),
            }
        }
    }

    /// Skips messages, and returns the request's trailers at its end.
    pub async fn until_half_closed(&mut self) -> Option<HeaderMap> {
        loop {
            match self.next().await {
                Event::Message(_) => {}
                Event::HalfClosed(trailers) => return trailers,
                other => panic!("{}: {other:?} instead of a half-close", self.path),
            }
        }
    }

    /// What has been seen and not yet taken.
    pub fn drain(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// The values of a header, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        socket.set_nodelay(true).unwrap();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let (tls, shared) = (tls.clone(), shared.clone());
        connections.spawn(async move {
            match tls {
                None => serve(socket, shared).await,
                // A handshake that fails is the gateway's to report.
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin + Send, shared: Arc<Shared>) {
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(shared.options.max_streams)
        .initial_window_size(shared.options.stream_window)
        .initial_connection_window_size(shared.options.connection_window)
        .handshake::<_, Bytes>(socket)
        .await;
    let Ok(mut connection) = handshake else { return };
    let die = Arc::new(Notify::new());
    let ping = Arc::new(tokio::sync::Mutex::new(connection.ping_pong().expect("taken once")));
    let mut calls = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            () = die.notified() => None,
            () = shared.going_away.notified() => {
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else { break };
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let (events, seen) = mpsc::unbounded_channel();
        let seen = Seen {
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            authority: head.uri.authority().map(ToString::to_string),
            scheme: head.uri.scheme_str().map(str::to_owned),
            headers: head.headers.clone(),
            events: seen,
        };
        // The test may have dropped its end.
        let _ = shared.calls.send(seen);
        let call = Call::new(head, body, respond, Events::new(events), die.clone(), ping.clone());
        calls.spawn(methods::answer(call, shared.clone()));
        while calls.try_join_next().is_some() {}
    }
    // Closes the socket, at once and with no GOAWAY where the upstream dies. Its calls notice, and report it.
    drop(connection);
    while calls.join_next().await.is_some() {}
}
