//! First packets from addresses that are not the sender's, in a network of the test's own.
//!
//! The test runs itself again inside a network namespace. There, everything that the gateway sends to the forged
//! addresses leaves through an interface that leads nowhere, whose counters say how much that was.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use sluicegate_e2e::raw_h3::RawH3;
use sluicegate_e2e::raw_quic::packet::{INITIAL_DATAGRAM, initial};
use sluicegate_e2e::raw_quic::{SOURCE, client_hello, frames, parameters};
use sluicegate_e2e::within;
use socket2::{Domain, Protocol, Socket, Type};

use super::siege::Siege;

/// Set inside the namespace.
const INSIDE: &str = "SLUICEGATE_E2E_NAMESPACE";
/// Where the gateway listens there.
const GATEWAY: &str = "192.0.2.1";
/// Handshakes in progress above which clients have to prove their address.
const RETRY_ABOVE: usize = 64;
/// Initial packets with forged addresses.
const FORGED: usize = 20_000;
/// How many of them may be without an answer: those in sockets, those lost there, and those that got a handshake.
const SLACK: usize = 1000;
/// What a counted frame has around the payload of UDP: the heads of Ethernet, IP and UDP.
const AROUND: u64 = 14 + 20 + 8;

/// What makes the network: 198.18.0.0/15, of which the forged addresses are, is behind `away`.
const NETWORK: &str = "ip link set lo up && ip address add 192.0.2.1/32 dev lo \
    && ip link add away type veth peer name nowhere && ip link set away arp off addrgenmode none \
    && ip link set away up && ip link set nowhere up && ip route add 198.18.0.0/15 dev away";

#[tokio::test]
async fn initials_from_forged_addresses() {
    if std::env::var_os(INSIDE).is_none() {
        return run_inside("hostile_quic::forged::initials_from_forged_addresses");
    }
    let limits = format!("quic = {{ retry_above = {RETRY_ABOVE} }}");
    let mut siege = Siege::configured(move |config| config.alone_at(GATEWAY).limit(&limits)).await;
    let forger = Forger::new(siege.target());
    // So many get a handshake, of which the gateway sends the beginning and then waits.
    for _ in 0..RETRY_ABOVE {
        forger.send();
    }
    let begun = within("the gateway to answer", async {
        while away().packets < RETRY_ABOVE as u64 {
            tokio::task::yield_now().await;
        }
    });
    begun.await;
    siege.stand().await;
    let received = (RETRY_ABOVE * INITIAL_DATAGRAM) as u64;
    assert!(away().bytes() <= 3 * received, "{:?} for {received} bytes", away());
    // The others have to prove their address first. They never do.
    let before = away();
    let mut sent = 0;
    let mut honest = 0;
    while sent < FORGED {
        for _ in 0..50 {
            forger.send();
            sent += 1;
        }
        siege.step();
        // At most a burst waits in the socket, so that none is lost for want of room.
        within("the gateway to answer", async {
            while ((away().packets - before.packets) as usize) < sent.saturating_sub(SLACK) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        if sent % (FORGED / 10) == 0 {
            // Whoever has an address can connect, beside all the others.
            RawH3::connect(siege.target()).await.works().await;
            honest += 1;
        }
    }
    assert_eq!(honest, 10);
    // A Retry is a tenth of what it answers.
    let (answered, received) = (away().bytes() - before.bytes(), (sent * INITIAL_DATAGRAM) as u64);
    assert!(answered <= received / 5, "{answered} bytes for {received}");
    siege.refused("retry_above", (FORGED - SLACK) as u32).await;
    siege.withstood().await;
}

/// Runs a test again in a namespace, if that is permitted here.
fn run_inside(test: &str) {
    let permitted = [&["--net"][..], &["--user", "--map-root-user", "--net"]].into_iter().find(|how| {
        let probe = Command::new("unshare").args(*how).args(["sh", "-c", NETWORK]).output();
        probe.is_ok_and(|probe| probe.status.success())
    });
    let Some(how) = permitted else {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: it needs `unshare` and `ip`, and the right to make a network namespace");
        }
        return;
    };
    let script = format!("{NETWORK} && exec \"$0\" --exact \"$1\" --nocapture");
    let output = Command::new("unshare")
        .args(how)
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// What the gateway has sent to the forged addresses.
#[derive(Clone, Copy, Debug)]
struct Away {
    packets: u64,
    frames: u64,
}

impl Away {
    /// The payload of UDP.
    fn bytes(self) -> u64 {
        self.frames - AROUND * self.packets
    }
}

fn away() -> Away {
    let devices = std::fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = devices.lines().find_map(|line| line.trim().strip_prefix("away:")).expect("the interface");
    let counts: Vec<u64> = line.split_whitespace().map(|count| count.parse().unwrap()).collect();
    // Eight counters of what was received, and then those of what was sent.
    Away { frames: counts[8], packets: counts[9] }
}

/// Sends first packets of clients, each from another address.
struct Forger {
    socket: Socket,
    gateway: SocketAddr,
    hello: Vec<u8>,
}

impl Forger {
    fn new(gateway: SocketAddr) -> Forger {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).unwrap();
        socket.set_header_included_v4(true).unwrap();
        Forger { socket, gateway, hello: frames::crypto(0, &client_hello(&parameters())) }
    }

    fn send(&self) {
        let destination = fastrand::u64(..).to_be_bytes();
        let datagram = initial((&destination, &SOURCE), b"", 0, &self.hello);
        assert_eq!(datagram.len(), INITIAL_DATAGRAM);
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + fastrand::u32(1..1 << 17));
        let packet = self.packet(source, fastrand::u16(1024..), &datagram);
        let sent = self.socket.send_to(&packet, &self.gateway.into()).unwrap();
        assert_eq!(sent, packet.len());
    }

    /// The heads of IPv4 (RFC 791), whose checksum the system adds, and of UDP (RFC 768), which needs none.
    fn packet(&self, source: Ipv4Addr, port: u16, datagram: &[u8]) -> Vec<u8> {
        let SocketAddr::V4(gateway) = self.gateway else { panic!("the gateway listens on IPv4") };
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend(source.octets());
        packet.extend(gateway.ip().octets());
        packet.extend(port.to_be_bytes());
        packet.extend(gateway.port().to_be_bytes());
        packet.extend((8 + datagram.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend_from_slice(datagram);
        let length = (packet.len() as u16).to_be_bytes();
        packet[2..4].copy_from_slice(&length);
        packet
    }
}
