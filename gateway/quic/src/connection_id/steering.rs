//! Giving packets to the socket that their connection belongs to, by a program that the kernel runs.
//!
//! Several sockets share a port (`SO_REUSEPORT`). By itself the kernel deals packets to them by addresses, and a client
//! that moves would meet a socket that knows nothing of it. The program goes by the connection id instead. One octet of
//! our ids says which socket it is, hidden from those who look on by four octets before it and a number that only this
//! process knows: an id gives nobody a hint of which ids belong together. The ids that clients choose give some number
//! in the same way, and a handshake that begins at one socket stays there.

use std::io;
use std::net::UdpSocket;

use nix::libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_B, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_MISC, BPF_MOD, BPF_MUL,
    BPF_RET, BPF_RSH, BPF_TAX, BPF_W, BPF_X, BPF_XOR, sock_filter, sock_fprog,
};
use nix::sys::socket::{setsockopt, sockopt};

use super::SHORTEST_CHOSEN;

/// Where the destination's id begins in a packet with a long header, behind flags, version and length, and in one with a
/// short header. Source: RFC 9000, section 17.
const LONG_HEADER: u32 = 6;
const SHORT_HEADER: u32 = 1;
/// Where a packet with a long header tells the length of that id.
const LENGTH: u32 = 5;
/// The octets before the one that says which socket it is.
const HIDING: usize = 4;

/// How packets find their socket.
#[derive(Clone, Debug)]
pub(crate) struct Steering {
    /// Where in our ids the octet is; it is their last.
    place: usize,
    sockets: u8,
    secret: u32,
}

impl Steering {
    /// `place` is at least seven: a handshake begins with an id of the client's, which need not be longer than eight.
    pub(crate) fn new(place: usize, sockets: u8, secret: u32) -> Steering {
        // Multiplying by an even number would lose bits.
        Steering { place, sockets, secret: secret | 1 }
    }

    /// Writes into an id of ours, random in this octet, which socket it belongs to.
    pub(crate) fn mark(&self, id: &mut [u8], socket: u8) {
        let Some(mask) = self.mask(id, self.place) else { return };
        if let Some(octet) = id.get_mut(self.place) {
            // Any number that leaves this rest when it is divided by the number of sockets.
            let rest = u16::from(socket % self.sockets);
            let choices = (u16::from(u8::MAX) - rest) / u16::from(self.sockets) + 1;
            let number = rest + u16::from(self.sockets) * (u16::from(*octet) % choices);
            *octet = number as u8 ^ mask;
        }
    }

    fn mask(&self, id: &[u8], place: usize) -> Option<u8> {
        let hiding: [u8; HIDING] = id.get(place.checked_sub(HIDING)?..place)?.try_into().ok()?;
        Some((u32::from_be_bytes(hiding).wrapping_mul(self.secret) >> 24) as u8)
    }

    /// Lets the kernel run the program for every packet to a port that this socket shares.
    pub(crate) fn attach(&self, socket: &UdpSocket) -> io::Result<()> {
        let mut program = self.program();
        let length = program.len() as u16;
        let program = sock_fprog { len: length, filter: program.as_mut_ptr() };
        Ok(setsockopt(socket, sockopt::AttachReusePortCbpf, &program)?)
    }

    /// The number of the socket for a packet. A packet that ends too early goes to the first, which drops it.
    fn program(&self) -> Vec<sock_filter> {
        let chosen = SHORTEST_CHOSEN - 1;
        let own = self.socket_of(LONG_HEADER, self.place);
        let clients = self.socket_of(LONG_HEADER, chosen);
        let short = self.socket_of(SHORT_HEADER, self.place);
        let own_length = self.place as u32 + 1;
        let header = [
            statement(BPF_LD | BPF_B | BPF_ABS, 0),
            // With a long header go on, else to the end.
            jump(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 2 + own.len() + clients.len()),
            statement(BPF_LD | BPF_B | BPF_ABS, LENGTH),
            // An id of a client may be as long as ours; then it is read as if it were one.
            jump(BPF_JMP | BPF_JEQ | BPF_K, own_length, 0, own.len()),
        ];
        [&header[..], &own, &clients, &short].concat()
    }

    /// Returns the number of the socket from an id that begins at `start`.
    fn socket_of(&self, start: u32, place: usize) -> [sock_filter; 8] {
        let place = start + place as u32;
        [
            statement(BPF_LD | BPF_W | BPF_ABS, place - HIDING as u32),
            statement(BPF_ALU | BPF_MUL | BPF_K, self.secret),
            statement(BPF_ALU | BPF_RSH | BPF_K, 24),
            statement(BPF_MISC | BPF_TAX, 0),
            statement(BPF_LD | BPF_B | BPF_ABS, place),
            statement(BPF_ALU | BPF_XOR | BPF_X, 0),
            statement(BPF_ALU | BPF_MOD | BPF_K, self.sockets.into()),
            statement(BPF_RET | BPF_A, 0),
        ]
    }
}

fn statement(code: u32, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

/// A jump over so many statements, which are few.
fn jump(code: u32, k: u32, if_true: usize, if_false: usize) -> sock_filter {
    sock_filter { code: code as u16, jt: if_true as u8, jf: if_false as u8, k }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quinn::ConnectionIdGenerator;

    use super::super::quic_lb::QuicLb;
    use super::super::{ConnectionIds, LONGEST};
    use crate::socket::{Buffers, bind};

    const SOCKETS: u8 = 3;

    /// Where packets with ids of each socket arrive, from addresses that change.
    fn check(quic_lb: Option<QuicLb>, length: usize) {
        let ids = ConnectionIds::new(quic_lb, SOCKETS).unwrap();
        let sockets = bind("127.0.0.1:0".parse().unwrap(), SOCKETS, Buffers::default()).unwrap();
        ids.steer(&sockets).unwrap();
        for socket in &sockets {
            socket.set_nonblocking(false).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        }
        let address = sockets[0].local_addr().unwrap();
        let send = |packet: &[u8]| {
            let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            client.send_to(packet, address).unwrap();
        };
        let arrives = |socket: usize, packet: &[u8]| {
            let mut buffer = [0; 64];
            let received = sockets[socket].recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..received], packet, "at {socket}");
        };
        for (number, socket) in (0..SOCKETS).cycle().take(60).enumerate() {
            let id = ids.generator(socket).unwrap().generate_cid();
            assert_eq!(id.len(), length);
            let short = [&[0x40][..], &id, &[number as u8; 20]].concat();
            let long = [&[0xc0, 0, 0, 0, 1, length as u8][..], &id, &[number as u8; 20]].concat();
            for packet in [short, long] {
                send(&packet);
                arrives(socket.into(), &packet);
            }
        }
        // A client's id of another length says one socket, whatever follows it.
        let of_client = |last: u8| [&[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8][..], &[last; 30]].concat();
        (0..20).for_each(|last| send(&of_client(last)));
        let found = (0..SOCKETS).map(usize::from).find(|socket| {
            sockets[*socket].set_nonblocking(true).unwrap();
            sockets[*socket].peek(&mut [0; 64]).is_ok()
        });
        let found = found.expect("packets on loopback are there at once");
        (0..20).for_each(|last| arrives(found, &of_client(last)));
        // Packets that end too early go somewhere.
        [&[0xc0][..], &[0x40, 1], &[], &[0xc0, 0, 0, 0, 1, 20]].into_iter().for_each(send);
    }

    #[test]
    fn packets_find_their_socket() {
        check(None, 8);
        check(Some(QuicLb::new(1, &[1, 2], 4, None).unwrap()), 8);
        check(Some(QuicLb::new(1, &[1, 2], 8, Some([7; 16])).unwrap()), 12);
        check(Some(QuicLb::new(1, &[1, 2], 16, Some([7; 16])).unwrap()), LONGEST);
    }

    #[test]
    fn ids_have_an_end() {
        let longest = QuicLb::new(1, &[1, 2, 3], 16, None).unwrap();
        assert!(ConnectionIds::new(Some(longest.clone()), 1).is_ok());
        ConnectionIds::new(Some(longest), 2).unwrap_err();
    }
}
