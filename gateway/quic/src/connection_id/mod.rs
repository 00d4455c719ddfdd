//! Connection ids: which server, and which of its sockets, the packets of a connection belong to.
//!
//! The address of a client may change, its connection ids are ours. So what forwards packets goes by them: a load
//! balancer finds the server ([`QuicLb`]), and the kernel finds the socket (module `steering`).
//!
//! ```text
//! without a balancer        random (7)                          [ socket (1) ]
//! with one                  first octet (1)  server id, nonce    [ socket (1) ]
//! ```
//!
//! The octet for the socket is there only if several share the port. One socket without a balancer has ids of quinn's own.

pub(crate) mod quic_lb;
pub(crate) mod steering;

use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use quinn::{ConnectionId, ConnectionIdGenerator};
use ring::rand::{SecureRandom, SystemRandom};

use self::quic_lb::{Nonces, QuicLb};
use self::steering::Steering;

/// The longest id that QUIC has. Source: RFC 9000, section 17.2.
pub(crate) const LONGEST: usize = 20;
/// The shortest id that a client may choose for a server. Source: RFC 9000, section 7.2.
pub(crate) const SHORTEST_CHOSEN: usize = 8;

/// How the connection ids of a server are made.
#[derive(Clone, Debug, Default)]
pub struct ConnectionIds {
    quic_lb: Option<Arc<(QuicLb, Mutex<Nonces>)>>,
    steering: Option<Steering>,
}

/// A connection id would be longer than QUIC's are.
#[derive(Debug, thiserror::Error)]
#[error("a connection id would take {0} octets; QUIC has 20")]
pub struct TooLong(usize);

impl ConnectionIds {
    /// Ids for a server with this many sockets on one port, one at least, which a load balancer can route or need not.
    ///
    /// # Errors
    /// If there is no room for the octet that tells sockets apart.
    pub fn new(quic_lb: Option<QuicLb>, sockets: u8) -> Result<ConnectionIds, TooLong> {
        // Without a balancer a steered id has as many octets as quinn's own.
        let place = quic_lb.as_ref().map_or(SHORTEST_CHOSEN - 1, QuicLb::len);
        let length = if sockets > 1 { place + 1 } else { place };
        if length > LONGEST {
            return Err(TooLong(length));
        }
        let nonces = |quic_lb: QuicLb| {
            let mut start = [0; 16];
            random(&mut start);
            let nonces = Nonces::starting_at(u128::from_be_bytes(start), &quic_lb);
            Arc::new((quic_lb, Mutex::new(nonces)))
        };
        let mut secret = [0; 4];
        random(&mut secret);
        let steering = (sockets > 1).then(|| Steering::new(place, sockets, u32::from_be_bytes(secret)));
        Ok(ConnectionIds { quic_lb: quic_lb.map(nonces), steering })
    }

    /// Tells the kernel to give packets to the one of these sockets that their connection belongs to. They share a port,
    /// and were bound in this order.
    ///
    /// # Errors
    /// If the kernel cannot be told.
    pub fn steer(&self, sockets: &[UdpSocket]) -> io::Result<()> {
        match (&self.steering, sockets.first()) {
            (Some(steering), Some(socket)) => steering.attach(socket),
            _ => Ok(()),
        }
    }

    /// What makes the ids of one socket; `None` lets quinn do it.
    pub(crate) fn generator(&self, socket: u8) -> Option<Generator> {
        (self.quic_lb.is_some() || self.steering.is_some()).then(|| Generator {
            ids: self.clone(),
            socket,
            random: SystemRandom::new(),
        })
    }

    fn length(&self) -> usize {
        let encoded = self.quic_lb.as_ref().map(|quic_lb| quic_lb.0.len());
        let steered = usize::from(self.steering.is_some());
        encoded.unwrap_or(SHORTEST_CHOSEN - 1) + steered
    }
}

/// Makes the connection ids of one socket.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    ids: ConnectionIds,
    socket: u8,
    random: SystemRandom,
}

impl ConnectionIdGenerator for Generator {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LONGEST];
        // What is not written below stays random.
        random_from(&self.random, &mut id);
        let length = self.cid_len();
        if let Some(quic_lb) = &self.ids.quic_lb {
            let (quic_lb, nonces) = &**quic_lb;
            let nonce = nonces.lock().unwrap_or_else(PoisonError::into_inner).next();
            quic_lb.write(&mut id, length, nonce);
        }
        if let Some(steering) = &self.ids.steering {
            steering.mark(&mut id, self.socket);
        }
        ConnectionId::new(id.get(..length).unwrap_or_default())
    }

    fn cid_len(&self) -> usize {
        self.ids.length()
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

fn random(bytes: &mut [u8]) {
    random_from(&SystemRandom::new(), bytes);
}

/// Fills these octets.
#[allow(clippy::expect_used, reason = "a system without random numbers cannot do TLS either")]
fn random_from(random: &SystemRandom, bytes: &mut [u8]) {
    random.fill(bytes).expect("random numbers");
}
