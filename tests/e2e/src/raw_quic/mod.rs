//! QUIC frame by frame: a client that completes a handshake and then sends whatever a test gives it.
//!
//! It keeps no limit that the gateway sets, repeats nothing that is lost and acknowledges whatever arrives. On loopback
//! that suffices, and it is what `quinn` cannot be made to do.

pub mod frames;
pub mod packet;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::Side;
use rustls::quic::{ClientConnection, DirectionalKeys, KeyChange, Keys, Secrets, Version};
use tokio::net::UdpSocket;

use crate::certificate::client_tls;
use crate::raw_h3::varint;
use crate::{QUIET, within};
use frames::{Close, Frame};
use packet::Level;

/// The client's connection id, which its transport parameters repeat.
pub const SOURCE: [u8; 8] = *b"attacker";
/// Larger than any UDP datagram.
const LARGEST: usize = 64 << 10;

/// A client's connection.
pub struct RawQuic {
    socket: UdpSocket,
    tls: ClientConnection,
    initial: Space,
    handshake: Option<Space>,
    application: Option<Space>,
    /// The gateway's connection id.
    destination: Vec<u8>,
    closed: Option<Close>,
    /// How many bytes came on each stream.
    received: HashMap<u64, usize>,
    buffer: Vec<u8>,
    /// Packets of the handshake that wait to be sent.
    outbox: Vec<Vec<u8>>,
    /// From the address that the client has now.
    traffic: Traffic,
    /// What was sent since all was known to have arrived. A test that never asks for that sends little.
    unsettled: Vec<Vec<u8>>,
}

/// Bytes of UDP payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Those that the client has sent.
    pub sent: usize,
    /// Those that the gateway has.
    pub received: usize,
}

/// One packet number space.
struct Space {
    level: Level,
    keys: Keys,
    /// What the keys after these come from, and whether they were changed an odd number of times.
    secrets: Option<Secrets>,
    phase: bool,
    /// The number of the next packet.
    next: u64,
    /// Handshake bytes sent, and those taken.
    sent: u64,
    taken: u64,
    /// Handshake bytes that came too early.
    early: HashMap<u64, Vec<u8>>,
    /// The number of the packet that should arrive next.
    expected: u64,
    /// Packets to acknowledge.
    pending: Vec<u64>,
    /// The last packet that asked for an acknowledgement, and the last that got one.
    asked: u64,
    acknowledged: Option<u64>,
}

impl std::fmt::Debug for RawQuic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawQuic").field("closed", &self.closed).finish_non_exhaustive()
    }
}

/// The transport parameters of a usual client (RFC 9000, section 18.2).
pub fn parameters() -> Vec<(u64, Vec<u8>)> {
    let integer = |id: u64, value: u64| (id, varint(value));
    vec![
        integer(0x01, 60_000),
        integer(0x04, 16 << 20),
        integer(0x05, 1 << 20),
        integer(0x06, 1 << 20),
        integer(0x07, 1 << 20),
        integer(0x08, 100),
        integer(0x09, 100),
        (0x0f, SOURCE.to_vec()),
        integer(0x20, 65_535),
    ]
}

/// The bytes of a ClientHello with these transport parameters.
pub fn client_hello(parameters: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut hello = Vec::new();
    assert!(tls(parameters).write_hs(&mut hello).is_none(), "the first flight needs no other keys");
    hello
}

fn tls(parameters: &[(u64, Vec<u8>)]) -> ClientConnection {
    let mut encoded = Vec::new();
    for (id, value) in parameters {
        encoded.extend(varint(*id));
        encoded.extend(varint(value.len() as u64));
        encoded.extend(value);
    }
    let name = "localhost".try_into().unwrap();
    ClientConnection::new(Arc::new(client_tls(&["h3"])), Version::V1, name, encoded).unwrap()
}

impl RawQuic {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> RawQuic {
        let mut raw = RawQuic::begin(address, &parameters()).await;
        within("a QUIC handshake", async {
            while raw.application.is_none() || raw.tls.is_handshaking() {
                assert_eq!(raw.closed, None, "while shaking hands");
                raw.next().await;
            }
        })
        .await;
        raw
    }

    /// Sends a ClientHello with these transport parameters, and no more.
    pub async fn begin(address: SocketAddr, parameters: &[(u64, Vec<u8>)]) -> RawQuic {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(address).await.unwrap();
        // What the client addresses before the gateway has chosen an id; one that is known belongs to its connection.
        let first = fastrand::u64(..).to_be_bytes();
        let mut raw = RawQuic {
            socket,
            tls: tls(parameters),
            initial: Space::new(Level::Initial, packet::initial_keys(&first, Side::Client)),
            handshake: None,
            application: None,
            destination: first.to_vec(),
            closed: None,
            received: HashMap::new(),
            buffer: vec![0; LARGEST],
            outbox: Vec::new(),
            traffic: Traffic::default(),
            unsettled: Vec::new(),
        };
        raw.shake();
        raw.answer().await;
        raw
    }

    /// Sends frames in one packet.
    pub async fn send(&mut self, frames: &[u8]) {
        self.unsettled.push(frames.to_vec());
        self.send_once(frames).await;
    }

    async fn send_once(&mut self, frames: &[u8]) {
        let Some(application) = &mut self.application else { panic!("there is no connection yet") };
        application.asked = application.next;
        let packet = application.seal(&self.destination, frames);
        self.transmit(&packet).await;
    }

    /// Takes what has arrived and acknowledges it, without waiting. Whether the connection is still open.
    pub async fn pump(&mut self) -> bool {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Ok(length) = self.socket.try_recv(&mut buffer) {
            self.traffic.received += length;
            self.datagram(&mut buffer[..length]);
        }
        self.buffer = buffer;
        self.answer().await;
        self.closed.is_none()
    }

    /// The same, once something has arrived.
    pub async fn next(&mut self) -> bool {
        self.socket.readable().await.unwrap();
        self.pump().await
    }

    /// Waits until the gateway has acknowledged the last packet that was sent. Sockets without room lose some, so what was
    /// sent since the last time is sent again if nothing is acknowledged. Whether the connection is still open.
    pub async fn settled(&mut self) -> bool {
        within("an acknowledgement", async {
            while self.closed.is_none()
                && self.application.as_ref().is_some_and(|space| space.acknowledged < Some(space.asked))
            {
                if tokio::time::timeout(QUIET, self.next()).await.is_err() {
                    for frames in self.unsettled.clone() {
                        self.send_once(&frames).await;
                    }
                }
            }
        })
        .await;
        self.unsettled.clear();
        self.closed.is_none()
    }

    /// Takes what has arrived for good, and never acknowledges it.
    pub fn ignore(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Ok(length) = self.socket.try_recv(&mut buffer) {
            self.traffic.received += length;
            self.datagram(&mut buffer[..length]);
        }
        self.buffer = buffer;
        let later = [self.handshake.as_mut(), self.application.as_mut()];
        for space in [Some(&mut self.initial)].into_iter().chain(later).flatten() {
            space.pending.clear();
        }
    }

    /// Waits until the gateway has closed the connection.
    pub async fn closed(&mut self) -> Close {
        within("the gateway to close the connection", async {
            while self.closed.is_none() {
                self.next().await;
            }
        })
        .await;
        self.closed.clone().expect("it is closed")
    }

    /// How many bytes have come on a stream.
    pub fn received(&self, stream: u64) -> usize {
        self.received.get(&stream).copied().unwrap_or_default()
    }

    /// Uses another address from now on, as after a NAT's rebinding.
    pub async fn migrate(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.socket.peer_addr().unwrap()).await.unwrap();
        self.socket = socket;
        self.traffic = Traffic::default();
    }

    /// What was sent and received from the address that the client has now.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    async fn transmit(&mut self, packet: &[u8]) {
        // The socket is full, or the gateway's is: both are losses.
        let _ = self.socket.send(packet).await;
        self.traffic.sent += packet.len();
    }

    fn datagram(&mut self, mut datagram: &mut [u8]) {
        while let Some(mut arrived) = packet::take(&mut datagram, SOURCE.len()) {
            let space = match arrived.level {
                Some(Level::Initial) => {
                    self.destination.clone_from(&arrived.source);
                    Some(&mut self.initial)
                }
                Some(Level::Handshake) => self.handshake.as_mut(),
                Some(Level::Application) => self.application.as_mut(),
                None => None,
            };
            // Without keys it came too early, and is sent again.
            let Some(space) = space else { continue };
            let Some(phase) = arrived.uncover(&space.keys.remote) else { continue };
            if phase != space.phase {
                space.change_keys();
            }
            let Some((number, payload)) = arrived.open(&space.keys.remote, space.expected) else { continue };
            space.expected = space.expected.max(number + 1);
            let frames = frames::parse(&payload);
            if frames.iter().any(|frame| !matches!(frame, Frame::Quiet | Frame::Ack(_))) {
                space.pending.push(number);
            }
            for frame in frames {
                match frame {
                    Frame::Crypto { offset, data } => {
                        space.early.insert(offset, data);
                    }
                    Frame::Stream { stream, length } => *self.received.entry(stream).or_default() += length,
                    Frame::Close(close) => self.closed = Some(close),
                    Frame::Ack(largest) => space.acknowledged = space.acknowledged.max(Some(largest)),
                    Frame::Other | Frame::Quiet => {}
                }
            }
            // What came early may fit now.
            while let Some(data) = space.early.remove(&space.taken) {
                space.taken += data.len() as u64;
                self.tls.read_hs(&data).unwrap();
            }
            // The next packet of the datagram may need the next keys.
            self.shake();
        }
    }

    /// Sends what the handshake has to say, and acknowledges what has come.
    async fn answer(&mut self) {
        for packet in std::mem::take(&mut self.outbox) {
            self.transmit(&packet).await;
        }
        let destination = self.destination.clone();
        let later = [self.handshake.as_mut(), self.application.as_mut()];
        let mut packets = Vec::new();
        for space in [Some(&mut self.initial)].into_iter().chain(later).flatten() {
            // A packet holds some hundreds of them.
            for numbers in std::mem::take(&mut space.pending).chunks(100) {
                let acks: Vec<u8> = numbers.iter().flat_map(|number| frames::ack(*number, 0)).collect();
                packets.push(space.seal(&destination, &acks));
            }
        }
        for packet in packets {
            self.transmit(&packet).await;
        }
    }

    /// Takes the handshake on as far as it goes.
    fn shake(&mut self) {
        loop {
            let mut bytes = Vec::new();
            let change = self.tls.write_hs(&mut bytes);
            let space = self.application.as_mut().or(self.handshake.as_mut()).unwrap_or(&mut self.initial);
            if !bytes.is_empty() {
                let frames = frames::crypto(space.sent, &bytes);
                space.sent += bytes.len() as u64;
                let packet = space.seal(&self.destination, &frames);
                self.outbox.push(packet);
            }
            match change {
                Some(KeyChange::Handshake { keys }) => {
                    self.handshake = Some(Space::new(Level::Handshake, keys));
                }
                Some(KeyChange::OneRtt { keys, next }) => {
                    let space = Space::new(Level::Application, keys);
                    self.application = Some(Space { secrets: Some(next), ..space });
                }
                None => return,
            }
        }
    }
}

impl Space {
    fn new(level: Level, keys: Keys) -> Space {
        let (early, pending) = (HashMap::new(), Vec::new());
        let (asked, acknowledged) = (0, None);
        Space {
            level,
            keys,
            secrets: None,
            phase: false,
            next: 0,
            sent: 0,
            taken: 0,
            early,
            expected: 0,
            pending,
            asked,
            acknowledged,
        }
    }

    /// Follows the gateway to its next keys, as it must be followed (RFC 9001, section 6).
    fn change_keys(&mut self) {
        let Some(secrets) = &mut self.secrets else { return };
        let next = secrets.next_packet_keys();
        (self.keys.local.packet, self.keys.remote.packet) = (next.local, next.remote);
        self.phase = !self.phase;
    }

    fn seal(&mut self, destination: &[u8], frames: &[u8]) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        let keys: &DirectionalKeys = &self.keys.local;
        let ids = (destination, SOURCE.as_slice());
        match self.level {
            Level::Initial => packet::padded_initial(keys, ids, b"", number, frames),
            level => packet::seal(level, keys, ids, b"", (number, self.phase), frames),
        }
    }
}
