//! The UDP sockets of a listener: what is asked of the kernel, and what it gives.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use sluicegate_quic::{Buffers, offered};

use crate::plan::{Quic, QuicLimits};

/// Binds the sockets of a listener, and says what the kernel does for them.
pub(super) fn bind(address: SocketAddr, quic: &Quic, limits: &QuicLimits) -> io::Result<Vec<UdpSocket>> {
    let wanted =
        Buffers { receive: limits.socket_receive_buffer as usize, send: limits.socket_send_buffer as usize };
    let sockets = sluicegate_quic::bind(address, quic.endpoints, wanted)?;
    quic.ids.steer(&sockets)?;
    // All sockets of a port get the same.
    if let Some(socket) = sockets.first() {
        let offered = offered(socket)?;
        log::info!(
            "udp {address}: sockets {}, packets in a batch to send (GSO) {}, to receive (GRO) {}",
            sockets.len(),
            offered.send_batch,
            offered.receive_batch
        );
        for lack in lacks(wanted, offered.buffers) {
            log::warn!("udp {address}: {lack}");
        }
    }
    Ok(sockets)
}

/// What the kernel did not give, and what would make it give that.
fn lacks(wanted: Buffers, given: Buffers) -> impl Iterator<Item = String> {
    let both = [
        ("receive", "net.core.rmem_max", wanted.receive, given.receive),
        ("send", "net.core.wmem_max", wanted.send, given.send),
    ];
    both.into_iter().filter(|(_, _, wanted, given)| given < wanted).map(|(kind, key, wanted, given)| {
        format!(
            "the kernel gives a {kind} buffer of {} KiB, not {} KiB: run `sysctl -w {key}={wanted}`, then restart",
            given >> 10,
            wanted >> 10
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_to_get_what_is_lacking() {
        let check = |wanted: (usize, usize), given: (usize, usize), expected: &[&str]| {
            let buffers = |(receive, send)| Buffers { receive, send };
            assert_eq!(lacks(buffers(wanted), buffers(given)).collect::<Vec<_>>(), expected);
        };
        check((1 << 20, 1 << 20), (1 << 20, 2 << 20), &[]);
        let receive = "the kernel gives a receive buffer of 208 KiB, not 4096 KiB: run `sysctl -w net.core.rmem_max=4194304`, then restart";
        let send = "the kernel gives a send buffer of 208 KiB, not 1024 KiB: run `sysctl -w net.core.wmem_max=1048576`, then restart";
        check((4 << 20, 1 << 20), (208 << 10, 208 << 10), &[receive, send]);
        check((4 << 20, 64 << 10), (208 << 10, 208 << 10), &[receive]);
    }
}
