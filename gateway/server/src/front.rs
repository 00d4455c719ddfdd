//! Where clients come in. Each front turns its transport into exchanges, and hands them to the same [`door`].

mod announce;
mod buffered;
pub(crate) mod door;
mod enter;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod listener;
pub(crate) mod pipe;
pub(crate) mod plain;
pub(crate) mod quic;
pub(crate) mod tcp;
mod udp;
pub(crate) mod websocket;
pub(crate) mod webtransport;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use pingora_core::server::ShutdownWatch;

use crate::worker::{Dealt, Worker};
use listener::{Admitted, Listening};

/// A client's connection on its way to a worker.
pub(crate) struct Arrival {
    pub(crate) connection: NewConnection,
    pub(crate) address: SocketAddr,
    pub(crate) listener: Arc<Listening>,
    /// Its place under the listener's limits, and at its worker.
    pub(crate) place: (Admitted, Dealt),
}

/// A connection before its handshake.
pub(crate) enum NewConnection {
    /// TCP, with or without TLS.
    Tcp(TcpStream),
    /// QUIC.
    Quic(Box<sluicegate_quic::Incoming>),
}

/// Serves a connection to its end.
///
/// A future has room for all that it may ever wait for, and a connection has it for as long as it lives. So here and further
/// down what only some connections do, or only once, is boxed: most connections wait, and there may be many.
pub(crate) async fn serve(worker: Arc<Worker>, arrival: Arrival, shutdown: ShutdownWatch) {
    let Arrival { connection, address, listener, place } = arrival;
    match connection {
        NewConnection::Tcp(socket) => {
            Box::pin(tcp::serve(worker, socket, address, listener, shutdown)).await;
        }
        NewConnection::Quic(incoming) => {
            Box::pin(quic::serve(worker, incoming, address, listener, shutdown)).await;
        }
    }
    drop(place);
}
