//! The UDP sockets from which sessions at `webtransport` endpoints are opened.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use sluicegate_quic::{Client, Limits};

use crate::plan::ClusterSpec;

/// The sockets of all workers for one cluster, bound when first needed. A worker has its own, because what arrives at a
/// socket is received on the worker that bound it.
#[derive(Debug)]
pub(crate) struct QuicSockets {
    tls: Arc<rustls::ClientConfig>,
    limits: Limits,
    workers: Box<[Sockets]>,
}

/// For each version of IP a socket: one for both cannot be had everywhere.
#[derive(Debug, Default)]
struct Sockets {
    v4: OnceLock<Client>,
    v6: OnceLock<Client>,
}

impl QuicSockets {
    /// `None` for a cluster without TLS, which no such cluster is.
    pub(super) fn new(cluster: &ClusterSpec, workers: usize) -> Option<QuicSockets> {
        let limits = Limits { handshake_timeout: cluster.connect_timeout, ..Limits::default() };
        let workers = std::iter::repeat_with(Sockets::default).take(workers).collect();
        Some(QuicSockets { tls: cluster.tls.clone()?, limits, workers })
    }

    /// The socket of a worker from which this address can be reached. It must be asked for on that worker.
    pub(crate) fn client(&self, worker: usize, address: SocketAddr) -> io::Result<&Client> {
        let sockets = self.workers.get(worker).ok_or(io::ErrorKind::NotFound)?;
        let (socket, local): (_, SocketAddr) = match address {
            SocketAddr::V4(_) => (&sockets.v4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (&sockets.v6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        if let Some(client) = socket.get() {
            return Ok(client);
        }
        let client = Client::bind(local, self.tls.clone(), self.limits.clone())?;
        // A worker is one thread, so nobody was faster.
        Ok(socket.get_or_init(|| client))
    }
}
