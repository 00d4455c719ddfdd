//! The datagrams of a session, in one direction.

use sluicegate_quic::Session;

use crate::sessions::moved::{From, Moved};

/// Passes on the datagrams of one side until the session ends. One that cannot be sent at once is dropped: a datagram is
/// worth nothing when it is late, and whoever sends them reckons with loss.
pub(super) async fn carry(from: &Session, to: &Session, side: From, moved: &Moved) {
    while let Some(datagram) = from.read_datagram().await {
        moved.datagram(side, datagram.len(), to.send_datagram(&datagram));
    }
}
