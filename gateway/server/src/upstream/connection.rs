//! Opening and keeping one HTTP/2 connection to an endpoint.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use http::uri::Authority;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::pool::{Load, Pool};
use crate::plan::ClusterSpec;

/// Flow-control windows that we grant the upstream. The connection's is far larger than a stream's, so that streams
/// whose clients do not read cannot use it up for the others.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// Largest header list accepted from an upstream.
const MAX_HEADER_LIST: u32 = 64 << 10;
/// Streams that we reset and whose late frames are expected for a while: a client that leaves takes all its calls with
/// it. Frames of streams that the `h2` crate has forgotten count as errors, and it ends the connection, with every call
/// on it, after too many of these.
const MAX_RESET_STREAMS: usize = 4096;
const MAX_FORGOTTEN_FRAMES: usize = 1 << 16;
/// Stands for the upstream's limit on streams until its SETTINGS arrive; no SETTINGS can say this.
const UNKNOWN_STREAMS: usize = usize::MAX - 1;
/// Read buffer: with large messages most of the cost is in system calls.
const READ_BUFFER: usize = 64 << 10;

type Opened = Result<(SendRequest<Bytes>, Arc<Load>), Arc<str>>;

/// Opens a connection in the background and hands it, or the reason why not, to the pool.
pub(super) fn open(
    pool: Arc<Pool>,
    authority: Authority,
    cluster: Arc<ClusterSpec>,
    done: fn(&Arc<Pool>, Opened),
) {
    tokio::spawn(async move {
        let limit = cluster.connect_timeout;
        let opened = match timeout(limit, dial(&authority, &cluster)).await {
            Ok(Ok(io)) => match timeout(limit, start(io, &pool, &cluster)).await {
                Ok(started) => started,
                Err(_) => Err(format!("the HTTP/2 handshake took longer than {limit:?}").into()),
            },
            Ok(Err(error)) => Err(error.to_string().into()),
            Err(_) => Err(format!("connecting took longer than {limit:?}").into()),
        };
        if let Err(error) = &opened {
            log::warn!("cluster {}: cannot connect to {authority}: {error}", cluster.name);
        }
        done(&pool, opened);
    });
}

async fn dial(authority: &Authority, cluster: &ClusterSpec) -> io::Result<Box<dyn Io>> {
    #[cfg(test)]
    if let Some(dialled) = seam::dial(authority) {
        return dialled;
    }
    let (io, alpn) = connect(authority, cluster).await?;
    if cluster.tls.is_some() && alpn.as_deref() != Some(b"h2") {
        return Err(io::Error::other("the upstream does not offer HTTP/2 (ALPN h2)"));
    }
    Ok(io)
}

/// Connects to an endpoint of a cluster over TCP, with TLS if the cluster has it. Also tells the protocol that was chosen
/// in its handshake.
pub(crate) async fn connect(
    authority: &Authority,
    cluster: &ClusterSpec,
) -> io::Result<(Box<dyn Io>, Option<Vec<u8>>)> {
    let (host, port) = host_and_port(authority, cluster);
    let tcp = TcpStream::connect((host, port)).await?;
    tcp.set_nodelay(true)?;
    let Some(tls) = &cluster.tls else { return Ok((Box::new(tcp), None)) };
    let name = cluster.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is no server name")))?;
    let tls = TlsConnector::from(tls.clone()).connect(name, tcp).await?;
    let alpn = tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((Box::new(tls), alpn))
}

/// Where an endpoint is. An IPv6 address stands in no brackets.
pub(crate) fn host_and_port<'a>(authority: &'a Authority, cluster: &ClusterSpec) -> (&'a str, u16) {
    let port = authority.port_u16().unwrap_or(if cluster.tls.is_some() { 443 } else { 80 });
    (authority.host().trim_start_matches('[').trim_end_matches(']'), port)
}

/// A byte stream to an upstream. One virtual call per read or write of many calls' frames is not worth a type
/// parameter.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

async fn start(io: Box<dyn Io>, pool: &Arc<Pool>, cluster: &Arc<ClusterSpec>) -> Opened {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_max_send_streams(UNKNOWN_STREAMS)
        .data_frame_budget(data_frame_budget(cluster.max_streams_per_connection))
        .max_concurrent_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(Some(MAX_FORGOTTEN_FRAMES));
    let (sender, mut connection) = builder
        .handshake::<_, Bytes>(BufReader::with_capacity(READ_BUFFER, io))
        .await
        .map_err(|error| Arc::<str>::from(error.to_string()))?;
    settings_known(&mut connection).await?;
    let load = Arc::new(Load::new());
    let pings = connection.ping_pong();
    let (pool, cluster, kept) = (pool.clone(), cluster.clone(), load.clone());
    tokio::spawn(async move {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    log::debug!("cluster {}: connection ended: {error}", cluster.name);
                }
            }
            reason = watch(pings, &kept, &cluster) => {
                pool.remove(&kept);
                match reason {
                    // The pool held the last handle that could open streams and there are no calls, so this only says
                    // goodbye, which an upstream that is gone would never take.
                    Leave::Idle => drop(timeout(cluster.ping_timeout, connection).await),
                    Leave::Dead => log::warn!("cluster {}: no answer to a ping, closing", cluster.name),
                }
            }
        }
        pool.remove(&kept);
    });
    Ok((sender, load))
}

/// Waits for the upstream's SETTINGS, without which its limit on streams is unknown: calls beyond it would be refused.
async fn settings_known<T>(connection: &mut Connection<T, Bytes>) -> Result<(), Arc<str>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|cx| {
        let ended = Pin::new(&mut *connection).poll(cx);
        if connection.max_concurrent_send_streams() != UNKNOWN_STREAMS {
            return Poll::Ready(Ok(()));
        }
        ended.map(|ended| {
            let error = ended.err().map(|error| error.to_string());
            Err(error.unwrap_or_else(|| "the upstream closed the connection at once".into()).into())
        })
    })
    .await
}

/// What the `h2` crate may charge for DATA frames that wait for clients to read, 256 for each small one, before it ends
/// the connection: enough for every stream's window full of messages of 16 bytes. Its default would let a few clients
/// that do not read such messages end the calls of all others.
fn data_frame_budget(streams: usize) -> usize {
    (STREAM_WINDOW as usize / 16 * 256).saturating_mul(streams)
}

enum Leave {
    /// No call for `idle_timeout`.
    Idle,
    /// No answer to a ping within `ping_timeout`.
    Dead,
}

/// Pings the upstream while calls are open, and notices when the connection is no longer needed.
async fn watch(pings: Option<PingPong>, load: &Load, cluster: &ClusterSpec) -> Leave {
    let Some(mut pings) = pings else { return std::future::pending().await };
    let (mut last_used, mut begun) = (Instant::now(), load.begun());
    let period = cluster.ping_interval.min(cluster.idle_timeout).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(period).await;
        // Short calls may all fall between two looks.
        if load.calls() > 0 || load.begun() != begun {
            (last_used, begun) = (Instant::now(), load.begun());
            match timeout(cluster.ping_timeout, pings.ping(Ping::opaque())).await {
                Ok(Ok(_)) => {}
                // The connection's own end says more than a failed ping.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) => return Leave::Dead,
            }
        } else if last_used.elapsed() >= cluster.idle_timeout {
            return Leave::Idle;
        }
    }
}

/// Lets a test be what is dialled, so that it needs neither sockets nor real time.
#[cfg(test)]
pub(crate) mod seam {
    use std::cell::RefCell;

    use super::*;

    type Dial = Box<dyn Fn(&Authority) -> io::Result<tokio::io::DuplexStream>>;

    thread_local! {
        static DIAL: RefCell<Option<Dial>> = const { RefCell::new(None) };
    }

    /// From now on connections of this thread are made by `dial`.
    pub(crate) fn answer(dial: impl Fn(&Authority) -> io::Result<tokio::io::DuplexStream> + 'static) {
        DIAL.set(Some(Box::new(dial)));
    }

    pub(super) fn dial(authority: &Authority) -> Option<io::Result<Box<dyn Io>>> {
        DIAL.with_borrow(|dial| {
            dial.as_ref().map(|dial| dial(authority).map(|io| Box::new(io) as Box<dyn Io>))
        })
    }
}
