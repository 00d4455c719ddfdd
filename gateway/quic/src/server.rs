//! What the endpoints of one port have in common: certificate, keys and counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use quinn::crypto::rustls::QuicServerConfig;

use crate::connection_id::ConnectionIds;
use crate::endpoint::Endpoint;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// A server of HTTP/3, on one socket or on several that share a port.
///
/// Whatever packets need that can come to any of the sockets is here: the keys of Retry tokens and of stateless resets,
/// the certificate, and the counts that the limits are about.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) limits: Arc<Limits>,
    /// TLS aside.
    config: quinn::ServerConfig,
    endpoint: quinn::EndpointConfig,
    ids: ConnectionIds,
    tls: ArcSwap<QuicServerConfig>,
    handshakes: Mutex<Handshakes>,
    endpoints: Mutex<Vec<quinn::Endpoint>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Server {
    /// A server that listens nowhere yet.
    ///
    /// # Errors
    /// If `tls` does not offer TLS 1.3 with a cipher suite that QUIC needs.
    pub fn new(tls: &rustls::ServerConfig, limits: Limits, ids: ConnectionIds) -> io::Result<Server> {
        let (tls, limits) = (crypto(tls)?, limits.sound());
        let mut config = quinn::ServerConfig::with_crypto(tls.clone());
        config.transport_config(Arc::new(limits.transport()));
        config.max_incoming(limits.max_incoming);
        Ok(Server(Arc::new(Shared {
            limits: Arc::new(limits),
            config,
            endpoint: quinn::EndpointConfig::default(),
            ids,
            tls: ArcSwap::new(tls),
            handshakes: Mutex::default(),
            endpoints: Mutex::default(),
        })))
    }

    /// Serves on a bound socket too, which is the one with this number of those that share the port. Packets are received
    /// by a task on the current tokio runtime.
    ///
    /// # Errors
    /// If the socket cannot be used.
    pub fn listen(&self, socket: UdpSocket, number: u8) -> io::Result<Endpoint> {
        // Its key for stateless resets is one for all sockets.
        let mut config = self.0.endpoint.clone();
        if let Some(generator) = self.0.ids.generator(number) {
            config.cid_generator(move || Box::new(generator.clone()));
        }
        let quic =
            quinn::Endpoint::new(config, Some(self.0.config.clone()), socket, Arc::new(quinn::TokioRuntime))?;
        self.0.endpoints().push(quic.clone());
        Ok(Endpoint { quic, server: self.0.clone() })
    }

    /// Uses another certificate, and lets in the clients that it names, for the handshakes to come on all sockets.
    ///
    /// # Errors
    /// As [`Server::new`]; the certificate in use stays then.
    pub fn set_tls(&self, tls: &rustls::ServerConfig) -> io::Result<()> {
        self.0.tls.store(crypto(tls)?);
        Ok(())
    }
}

impl Shared {
    /// What a handshake that begins now is done with.
    pub(crate) fn handshake_config(&self) -> Arc<quinn::ServerConfig> {
        let mut config = self.config.clone();
        config.crypto = self.tls.load_full();
        Arc::new(config)
    }

    /// How many connections are open or shaking hands.
    pub(crate) fn connections(&self) -> usize {
        self.endpoints().iter().map(quinn::Endpoint::open_connections).sum()
    }

    /// Says that something was refused.
    pub(crate) fn refused(&self, what: Refusal) {
        self.limits.observer.refused(what);
    }

    fn handshakes(&self) -> MutexGuard<'_, Handshakes> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn endpoints(&self) -> MutexGuard<'_, Vec<quinn::Endpoint>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handshakes in progress.
#[derive(Default)]
struct Handshakes {
    total: usize,
    /// Addresses without any have no entry, so the map is bounded by the limit on all.
    by_ip: HashMap<IpAddr, usize>,
}

/// A place for a handshake while it lasts.
pub(crate) struct Handshake {
    server: Arc<Shared>,
    ip: IpAddr,
}

impl Handshake {
    /// Takes a place for a client, unless a limit says otherwise. Those that make it prove its address count as refusals
    /// too: it has to come again.
    pub(crate) fn begin(server: &Arc<Shared>, ip: IpAddr, is_proved: bool) -> Result<Handshake, Refusal> {
        let limits = &server.limits;
        let connections = server.connections();
        let ip = counted_as(ip);
        let mut handshakes = server.handshakes();
        let from_ip = handshakes.by_ip.get(&ip).copied().unwrap_or_default();
        let refusal = if handshakes.total >= limits.max_incoming {
            Some(Refusal::MaxIncoming)
        } else if connections >= limits.max_connections {
            Some(Refusal::MaxConnections)
        } else if from_ip >= limits.max_incoming_per_ip {
            Some(Refusal::MaxIncomingPerIp)
        } else if handshakes.total >= limits.retry_above && !is_proved {
            Some(Refusal::RetryAbove)
        } else if from_ip >= limits.retry_above_per_ip && !is_proved {
            Some(Refusal::RetryAbovePerIp)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            server.refused(refusal);
            return Err(refusal);
        }
        handshakes.total += 1;
        *handshakes.by_ip.entry(ip).or_default() += 1;
        Ok(Handshake { server: server.clone(), ip })
    }

    pub(crate) fn server(&self) -> &Shared {
        &self.server
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut handshakes = self.server.handshakes();
        handshakes.total -= 1;
        if let Entry::Occupied(mut from_ip) = handshakes.by_ip.entry(self.ip) {
            *from_ip.get_mut() -= 1;
            if *from_ip.get() == 0 {
                from_ip.remove();
            }
        }
    }
}

/// What an address counts as where clients are told apart by their addresses. One client of IPv6 usually has a whole /64
/// to choose from, and may change within it at will.
pub fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// The TLS part of the configuration. The ALPN is replaced by `h3`, and early data is turned off because a request in it
/// could be replayed.
fn crypto(tls: &rustls::ServerConfig) -> io::Result<Arc<QuicServerConfig>> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = 0;
    QuicServerConfig::try_from(tls)
        .map(Arc::new)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_clients_apart() {
        let check = |ip: &str, expected: &str| {
            assert_eq!(counted_as(ip.parse().unwrap()), expected.parse::<IpAddr>().unwrap(), "{ip}");
        };
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2:ffff::", "2001:db8:1:2::");
        check("2001:db8:1:3::", "2001:db8:1:3::");
    }

    fn server(limits: Limits) -> Arc<Shared> {
        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(identity.signing_key.serialize_der().into());
        let tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![identity.cert.der().clone()], key)
                .unwrap();
        Server::new(&tls, limits, ConnectionIds::default()).unwrap().0
    }

    #[test]
    fn gives_places_within_limits() {
        let limits = Limits {
            max_incoming: 6,
            max_incoming_per_ip: 3,
            retry_above: 5,
            retry_above_per_ip: 2,
            ..Limits::default()
        };
        let server = server(limits);
        let mut places = Vec::new();
        let mut check = |ip: &str, is_proved: bool, expected: Result<(), Refusal>| {
            let place = Handshake::begin(&server, ip.parse().unwrap(), is_proved);
            assert_eq!(place.as_ref().map(|_| ()).map_err(|refusal| *refusal), expected, "{ip}");
            places.extend(place);
        };
        check("2001:db8::1", false, Ok(()));
        check("2001:db8::2", false, Ok(()));
        // Whoever forges this address gets no further; its owner does.
        check("2001:db8::3", false, Err(Refusal::RetryAbovePerIp));
        check("2001:db8::3", true, Ok(()));
        check("2001:db8::3", true, Err(Refusal::MaxIncomingPerIp));
        check("192.0.2.1", false, Ok(()));
        check("192.0.2.2", false, Ok(()));
        check("192.0.2.3", false, Err(Refusal::RetryAbove));
        check("192.0.2.3", true, Ok(()));
        check("192.0.2.4", true, Err(Refusal::MaxIncoming));
        places.clear();
        assert!(server.handshakes().by_ip.is_empty());
        assert_eq!(server.handshakes().total, 0);
    }
}
