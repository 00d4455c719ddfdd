//! UDP sockets: binding a port once or several times, and what the kernel does for them.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use quinn::udp::UdpSocketState;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// What the kernel is to keep for a socket in each direction at least, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Packets that were not read yet. When there is no room, packets are lost.
    pub receive: usize,
    /// Packets that were not sent yet. When there is no room, whoever sends waits.
    pub send: usize,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers { receive: 4 << 20, send: 1 << 20 }
    }
}

/// What the kernel does for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The buffers it gives.
    pub buffers: Buffers,
    /// Packets that it takes in one call and divides (GSO); 1 if it does not.
    pub send_batch: usize,
    /// Packets that it gives together in one buffer (GRO); 1 if it does not.
    pub receive_batch: usize,
}

/// Binds so many sockets to one port, one at least. Port 0 lets the system choose.
///
/// # Errors
/// If the port is taken, or a socket cannot be had. Buffers that the kernel does not give are no error: see [`offered`].
pub fn bind(address: SocketAddr, sockets: u8, buffers: Buffers) -> io::Result<Vec<UdpSocket>> {
    let mut address = address;
    let mut bound = Vec::new();
    for _ in 0..sockets.max(1) {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if sockets > 1 {
            socket.set_reuse_port(true)?;
        }
        let given = given(&SockRef::from(&socket))?;
        // Linux gives what it may and says nothing of the rest. What it gives by itself may be more.
        if given.receive < buffers.receive {
            socket.set_recv_buffer_size(buffers.receive)?;
        }
        if given.send < buffers.send {
            socket.set_send_buffer_size(buffers.send)?;
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        address = socket.local_addr()?;
        bound.push(socket);
    }
    Ok(bound)
}

/// What the kernel does for a socket.
///
/// # Errors
/// If it cannot be asked.
pub fn offered(socket: &UdpSocket) -> io::Result<Offered> {
    let buffers = given(&SockRef::from(socket))?;
    let udp = UdpSocketState::new(socket.into())?;
    Ok(Offered { buffers, send_batch: udp.max_gso_segments(), receive_batch: udp.gro_segments() })
}

fn given(socket: &SockRef<'_>) -> io::Result<Buffers> {
    // Linux shows twice what was asked for: half of it is for its own books. Source: socket(7), SO_RCVBUF. Of what it
    // gives by itself it shows all, and this is half of it then.
    Ok(Buffers { receive: socket.recv_buffer_size()? / 2, send: socket.send_buffer_size()? / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_a_port_only_if_it_is_asked_to() {
        let address = "127.0.0.1:0".parse().unwrap();
        let small = Buffers { receive: 64 << 10, send: 64 << 10 };
        let three = bind(address, 3, small).unwrap();
        let ports = three.iter().map(|socket| socket.local_addr().unwrap()).collect::<Vec<_>>();
        assert!(ports.len() == 3 && ports.iter().all(|port| *port == ports[0]));
        let one = bind(address, 1, small).unwrap();
        bind(one[0].local_addr().unwrap(), 2, small).unwrap_err();
        bind(ports[0], 1, small).unwrap_err();
    }

    #[test]
    fn tells_what_the_kernel_gives() {
        let with = |receive: usize, send: usize| {
            let sockets = bind("[::1]:0".parse().unwrap(), 1, Buffers { receive, send }).unwrap();
            offered(&sockets[0]).unwrap()
        };
        let default = with(1, 1);
        assert!(default.send_batch >= 1 && default.receive_batch >= 1);
        let Buffers { receive, send } = default.buffers;
        let more = with(receive + 4096, send + 8192).buffers;
        let allowed = |key: &str| -> usize {
            std::fs::read_to_string(format!("/proc/sys/net/core/{key}")).unwrap().trim().parse().unwrap()
        };
        assert_eq!(more.receive, (receive + 4096).min(allowed("rmem_max")));
        assert_eq!(more.send, (send + 8192).min(allowed("wmem_max")));
    }
}
