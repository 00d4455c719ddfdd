//! A UDP relay between clients and a gateway: a network that can lose, duplicate and reorder packets, and a NAT that can
//! forget what it knew.
//!
//! Nothing in it depends on time. What becomes of a packet is decided by its number in its direction and by the seed, and
//! a packet that is held back leaves after one that came later.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Target;

/// Larger than any UDP datagram.
const LARGEST: usize = 64 << 10;

/// What becomes of packets, in both directions alike: shares of all packets, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Packets that never arrive.
    pub lose: f64,
    /// Packets that arrive twice.
    pub duplicate: f64,
    /// Packets that are overtaken by the packet after them. The last packet of all is one that never arrives then.
    pub reorder: f64,
}

/// A relay for any number of clients. Dropping it ends it, and every packet in it is lost.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    inside: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    inside: UdpSocket,
    gateway: SocketAddr,
    seed: u64,
    faults: Mutex<Faults>,
    /// The largest packet that fits through.
    largest: AtomicUsize,
    clients: Mutex<Clients>,
    counts: Counts,
    /// The first packet from the gateway.
    answer: OnceLock<Bytes>,
}

#[derive(Debug, Default)]
struct Clients {
    by_address: HashMap<SocketAddr, Client>,
    /// One task for each socket on the gateway's side, and for each that was before a rebinding.
    tasks: JoinSet<()>,
}

/// What the relay knows of one client.
#[derive(Debug)]
struct Client {
    outside: Arc<UdpSocket>,
    receiving: tokio::task::AbortHandle,
    up: Arc<Mutex<Direction>>,
    down: Arc<Mutex<Direction>>,
}

/// One direction of one client.
#[derive(Debug)]
struct Direction {
    random: fastrand::Rng,
    held: Option<Bytes>,
}

#[derive(Debug, Default)]
struct Counts {
    arrived: AtomicU64,
    lost: AtomicU64,
    duplicated: AtomicU64,
    reordered: AtomicU64,
}

/// What has happened to packets so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Packets that came to the relay.
    pub arrived: u64,
    /// Those of them that it lost.
    pub lost: u64,
    /// Those of them that it sent twice.
    pub duplicated: u64,
    /// Those of them that it sent after a later one.
    pub reordered: u64,
}

impl Relay {
    /// A relay to a gateway that does nothing to packets.
    pub async fn to(gateway: SocketAddr) -> Relay {
        Relay::with(gateway, 0, Faults::default()).await
    }

    /// A relay to a gateway that does this to packets.
    pub async fn with(gateway: SocketAddr, seed: u64, faults: Faults) -> Relay {
        let inside = UdpSocket::bind(any(gateway)).await.unwrap();
        let address = inside.local_addr().unwrap();
        let shared = Arc::new(Shared {
            inside,
            gateway,
            seed,
            faults: Mutex::new(faults),
            largest: AtomicUsize::new(LARGEST),
            clients: Mutex::default(),
            counts: Counts::default(),
            answer: OnceLock::new(),
        });
        let inside = tokio::spawn(shared.clone().up());
        Relay { address, shared, inside }
    }

    /// Where clients send their packets.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway behind the relay, for clients that use QUIC.
    pub fn target(&self, gateway: Target) -> Target {
        Target { tls: self.address, ..gateway }
    }

    /// Does this to packets from now on.
    pub fn set(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Loses every packet that is larger, in bytes of UDP payload, as a path does that nobody may fragment packets on.
    pub fn set_largest(&self, bytes: usize) {
        self.shared.largest.store(bytes, Ordering::Relaxed);
    }

    /// Gives every client another address in the gateway's eyes, as a NAT does that has forgotten its mapping. What the
    /// gateway still sends to the old addresses is lost. Returns the new addresses.
    pub async fn rebind(&self) -> Vec<SocketAddr> {
        let addresses: Vec<SocketAddr> =
            self.shared.clients.lock().unwrap().by_address.keys().copied().collect();
        let mut new = Vec::new();
        for client in addresses {
            // The old socket is open until the new one is, so that it gets another port.
            let outside = self.shared.outside().await;
            new.push(outside.local_addr().unwrap());
            let mut clients = self.shared.clients.lock().unwrap();
            let Clients { by_address, tasks } = &mut *clients;
            if let Some(known) = by_address.get_mut(&client) {
                known.receiving.abort();
                let down = self.shared.clone().down(outside.clone(), client, known.down.clone());
                known.receiving = tasks.spawn(down);
                known.outside = outside;
            }
        }
        new
    }

    /// The id that the gateway chose for itself in its first packet, which has a long header: RFC 8999, section 5.1.
    pub fn chosen_id(&self) -> Option<Bytes> {
        let packet = self.shared.answer.get()?;
        let source = 6 + usize::from(packet[5]);
        Some(packet.slice(source + 1..source + 1 + usize::from(packet[source])))
    }

    /// What has happened so far.
    pub fn seen(&self) -> Seen {
        let Counts { arrived, lost, duplicated, reordered } = &self.shared.counts;
        let [arrived, lost, duplicated, reordered] =
            [arrived, lost, duplicated, reordered].map(|count| count.load(Ordering::Relaxed));
        Seen { arrived, lost, duplicated, reordered }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.inside.abort();
        self.shared.clients.lock().unwrap().tasks.abort_all();
    }
}

impl Shared {
    /// Carries packets of clients to the gateway.
    async fn up(self: Arc<Self>) {
        let mut buffer = vec![0; LARGEST];
        loop {
            // An error is about a client that has gone.
            let Ok((length, client)) = self.inside.recv_from(&mut buffer).await else { continue };
            let known = self.clients.lock().unwrap().by_address.get(&client).map(Client::way_up);
            let (outside, up) = match known {
                Some(way) => way,
                None => self.begin(client).await,
            };
            for packet in self.pass(&up, &buffer[..length]) {
                let _ = outside.send(&packet).await;
            }
        }
    }

    /// Carries packets of the gateway to a client.
    async fn down(self: Arc<Self>, outside: Arc<UdpSocket>, client: SocketAddr, down: Arc<Mutex<Direction>>) {
        let mut buffer = vec![0; LARGEST];
        loop {
            // An error is about a gateway that has gone, or not come yet.
            let Ok(length) = outside.recv(&mut buffer).await else { continue };
            self.answer.get_or_init(|| Bytes::copy_from_slice(&buffer[..length]));
            for packet in self.pass(&down, &buffer[..length]) {
                let _ = self.inside.send_to(&packet, client).await;
            }
        }
    }

    async fn begin(self: &Arc<Self>, client: SocketAddr) -> (Arc<UdpSocket>, Arc<Mutex<Direction>>) {
        let outside = self.outside().await;
        let mut clients = self.clients.lock().unwrap();
        let number = 2 * clients.by_address.len() as u64;
        let [up, down] =
            [number, number + 1].map(|number| Arc::new(Mutex::new(Direction::new(self.seed, number))));
        let receiving = clients.tasks.spawn(self.clone().down(outside.clone(), client, down.clone()));
        let known = Client { outside, receiving, up, down };
        let way = known.way_up();
        clients.by_address.insert(client, known);
        way
    }

    async fn outside(&self) -> Arc<UdpSocket> {
        let socket = UdpSocket::bind(any(self.gateway)).await.unwrap();
        socket.connect(self.gateway).await.unwrap();
        Arc::new(socket)
    }

    /// What leaves now that this packet has come.
    fn pass(&self, direction: &Mutex<Direction>, packet: &[u8]) -> Vec<Bytes> {
        let mut faults = *self.faults.lock().unwrap();
        if packet.len() > self.largest.load(Ordering::Relaxed) {
            faults.lose = 1.0;
        }
        direction.lock().unwrap().pass(packet, faults, &self.counts)
    }
}

impl Client {
    fn way_up(&self) -> (Arc<UdpSocket>, Arc<Mutex<Direction>>) {
        (self.outside.clone(), self.up.clone())
    }
}

impl Direction {
    fn new(seed: u64, number: u64) -> Direction {
        // Neighbouring seeds must not give related numbers, so the number of the direction goes through the generator.
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..number {
            drop(random.fork());
        }
        Direction { random: random.fork(), held: None }
    }

    fn pass(&mut self, packet: &[u8], faults: Faults, counts: &Counts) -> Vec<Bytes> {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        count(&counts.arrived);
        // Three numbers for each packet, so that no knob changes what the others do.
        let [lost, duplicated, reordered] =
            [faults.lose, faults.duplicate, faults.reorder].map(|share| self.random.f64() < share);
        let mut leaving = Vec::new();
        let packet = Bytes::copy_from_slice(packet);
        if lost {
            count(&counts.lost);
        } else if reordered && self.held.is_none() {
            count(&counts.reordered);
            self.held = Some(packet);
            return leaving;
        } else {
            if duplicated {
                count(&counts.duplicated);
                leaving.push(packet.clone());
            }
            leaving.push(packet);
        }
        leaving.extend(self.held.take());
        leaving
    }
}

/// A free port of the address family of `peer`, on loopback.
fn any(peer: SocketAddr) -> SocketAddr {
    let mut any = peer;
    any.set_port(0);
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::within;

    /// What leaves, by packet, when twelve packets arrive.
    fn pass(seed: u64, faults: Faults) -> Vec<Vec<u8>> {
        let mut direction = Direction::new(seed, 0);
        let counts = Counts::default();
        let numbers = |packets: Vec<Bytes>| packets.iter().map(|packet| packet[0]).collect();
        (0..12).map(|number| numbers(direction.pass(&[number], faults, &counts))).collect()
    }

    #[test]
    fn does_what_it_is_told() {
        let none = Faults::default();
        let each = |number: u8| vec![number];
        assert_eq!(pass(1, none), (0..12).map(each).collect::<Vec<_>>());
        assert_eq!(pass(1, Faults { lose: 1.0, ..none }), vec![Vec::<u8>::new(); 12]);
        let twice = |number: u8| vec![number, number];
        assert_eq!(pass(1, Faults { duplicate: 1.0, ..none }), (0..12).map(twice).collect::<Vec<_>>());
        let swapped = |number: u8| if number.is_multiple_of(2) { vec![] } else { vec![number, number - 1] };
        assert_eq!(pass(1, Faults { reorder: 1.0, ..none }), (0..12).map(swapped).collect::<Vec<_>>());
    }

    #[test]
    fn a_seed_always_does_the_same() {
        let faults = Faults { lose: 0.3, duplicate: 0.3, reorder: 0.3 };
        assert_eq!(pass(7, faults), pass(7, faults));
        assert!((0..10).any(|seed| pass(seed, faults) != pass(7, faults)));
    }

    #[tokio::test]
    async fn carries_packets_and_rebinds() {
        let gateway = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay::to(gateway.local_addr().unwrap()).await;
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(relay.address()).await.unwrap();
        let mut buffer = [0; 16];
        let mut exchange = async || {
            client.send(b"ping").await.unwrap();
            let (length, from) = within("a ping", gateway.recv_from(&mut buffer)).await.unwrap();
            assert_eq!(&buffer[..length], b"ping");
            gateway.send_to(b"pong", from).await.unwrap();
            let length = within("a pong", client.recv(&mut buffer)).await.unwrap();
            assert_eq!(&buffer[..length], b"pong");
            from
        };
        let before = exchange().await;
        assert_eq!(exchange().await, before);
        let new = relay.rebind().await;
        let after = exchange().await;
        assert_eq!(new, [after]);
        assert_ne!(before, after);
        assert_eq!(relay.seen(), Seen { arrived: 6, lost: 0, duplicated: 0, reordered: 0 });
    }
}
