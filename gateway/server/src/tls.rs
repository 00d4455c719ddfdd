//! Certificates and keys: read from files, checked, and made into what rustls wants.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

pub(crate) use files::Fingerprint;
pub use files::TlsFiles;

/// A certificate chain, the server's own first, and the key to it.
#[derive(Debug)]
pub struct Certificate {
    /// The chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

/// Why there is no certificate, or no use for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCertificate {
    #[error("the certificate cannot be read from {path}: {reason}")]
    Chain { path: String, reason: String },
    #[error("the key cannot be read from {path}: {reason}")]
    Key { path: String, reason: String },
    #[error("the key does not belong to the certificate")]
    NotAPair,
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(rustls::Error),
    #[error("the certificate cannot be read: it is no X.509")]
    NoX509,
}

/// Which clients are let in, by the certificates that they show.
#[derive(Clone, Debug)]
pub(crate) struct Clients(Arc<dyn ClientCertVerifier>);

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: SystemTime,
    /// The last one.
    pub until: SystemTime,
}

/// TLS of a listener: one certificate, and the same clients let in, over every transport.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// For TCP: TLS 1.2 and 1.3, offering `h2` and `http/1.1`.
    pub tcp: Arc<ServerConfig>,
    /// For QUIC: TLS 1.3 only, offering `h3`; `None` when QUIC is off.
    pub quic: Option<Arc<ServerConfig>>,
    /// From when to when the certificate is valid.
    pub validity: Validity,
}

/// A certificate that belongs to its key.
#[derive(Debug)]
pub(crate) struct Checked {
    pair: Arc<CertifiedKey>,
    pub(crate) validity: Validity,
}

impl Certificate {
    /// Reads PEM files: the chain, the server's own certificate first, and the key.
    pub(crate) fn from_files(chain_path: &Path, key_path: &Path) -> Result<Certificate, BadCertificate> {
        let chain = read_certificates(chain_path)
            .map_err(|reason| BadCertificate::Chain { path: chain_path.display().to_string(), reason })?;
        let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| BadCertificate::Key {
            path: key_path.display().to_string(),
            reason: pem_reason(&error, "private key"),
        })?;
        Ok(Certificate { chain, key })
    }

    /// Checks that certificate and key belong together.
    pub(crate) fn check(&self) -> Result<Checked, BadCertificate> {
        let leaf = self.chain.first().ok_or(BadCertificate::NoX509)?;
        let validity = Validity::of(leaf).ok_or(BadCertificate::NoX509)?;
        let pair = CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &provider());
        match pair {
            Ok(pair) => Ok(Checked { pair: Arc::new(pair), validity }),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(BadCertificate::NotAPair)
            }
            Err(error) => Err(BadCertificate::Unusable(error)),
        }
    }
}

impl Clients {
    /// Every client; none is asked for a certificate.
    pub(crate) fn any() -> Clients {
        Clients(Arc::new(NoClientAuth))
    }

    /// Clients with a certificate for which one of the authorities vouches, and unless that is `required` also those
    /// without any. There must be an authority.
    pub(crate) fn vouched_for(authorities: RootCertStore, required: bool) -> Result<Clients, String> {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider());
        let builder = if required { builder } else { builder.allow_unauthenticated() };
        builder.build().map(Clients).map_err(|error| error.to_string())
    }
}

impl ServerTls {
    /// TLS with this certificate for these clients; for QUIC too if that is wanted.
    pub(crate) fn new(
        certificate: &Checked,
        clients: &Clients,
        quic: bool,
    ) -> Result<ServerTls, BadCertificate> {
        let unusable = BadCertificate::Unusable;
        Ok(ServerTls {
            tcp: certificate.for_tcp(clients).map_err(unusable)?,
            quic: quic.then(|| certificate.for_quic(clients)).transpose().map_err(unusable)?,
            validity: certificate.validity,
        })
    }
}

impl Checked {
    /// For TCP: TLS 1.2 and 1.3, offering HTTP/2 and HTTP/1.1.
    fn for_tcp(&self, clients: &Clients) -> Result<Arc<ServerConfig>, rustls::Error> {
        self.server_config(clients, rustls::ALL_VERSIONS, &[b"h2", b"http/1.1"])
    }

    /// For QUIC: TLS 1.3, offering HTTP/3. Without early data, which could be replayed.
    fn for_quic(&self, clients: &Clients) -> Result<Arc<ServerConfig>, rustls::Error> {
        self.server_config(clients, &[&rustls::version::TLS13], &[b"h3"])
    }

    fn server_config(
        &self,
        clients: &Clients,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(clients.0.clone())
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(self.pair.clone())));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl Validity {
    fn of(certificate: &CertificateDer<'_>) -> Option<Validity> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let time = |timestamp: i64| {
            let since_epoch = Duration::from_secs(timestamp.unsigned_abs());
            match timestamp {
                0.. => SystemTime::UNIX_EPOCH.checked_add(since_epoch),
                _ => SystemTime::UNIX_EPOCH.checked_sub(since_epoch),
            }
        };
        let validity = parsed.validity();
        Some(Validity {
            from: time(validity.not_before.timestamp())?,
            until: time(validity.not_after.timestamp())?,
        })
    }
}

/// The authorities that vouch for the other side: those in a PEM file, or else the ones browsers know.
pub(crate) fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in read_certificates(path)? {
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(roots)
}

/// TLS to an upstream that speaks these protocols.
pub(crate) fn client_config(
    roots: RootCertStore,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a PEM file; at least one.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| pem_reason(&error, "certificate"))?;
    match certificates.is_empty() {
        true => Err(pem_reason(&pem::Error::NoItemsFound, "certificate")),
        false => Ok(certificates),
    }
}

fn pem_reason(error: &pem::Error, noun: &str) -> String {
    match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            "there is no such file".to_owned()
        }
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("there is no {noun} in PEM in it"),
        error => format!("it is no PEM ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["gateway.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        Certificate { chain, key: PrivateKeyDer::Pkcs8(key.serialize_der().into()) }
    }

    fn current() -> Certificate {
        generate((2020, 1, 1), (2120, 1, 1))
    }

    /// What the server makes of a client, and the protocol that both agree on.
    fn shake_hands(
        client: Arc<ClientConfig>,
        name: &str,
        server: Arc<ServerConfig>,
    ) -> Result<Option<Vec<u8>>, rustls::Error> {
        let mut client = rustls::ClientConnection::new(client, name.to_owned().try_into().unwrap()).unwrap();
        let mut server = rustls::ServerConnection::new(server).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut flight = Vec::new();
            client.write_tls(&mut flight).unwrap();
            server.read_tls(&mut &*flight).unwrap();
            server.process_new_packets()?;
            flight.clear();
            server.write_tls(&mut flight).unwrap();
            client.read_tls(&mut &*flight).unwrap();
            client.process_new_packets()?;
        }
        Ok(client.alpn_protocol().map(<[u8]>::to_vec))
    }

    fn trusting(certificate: &Certificate) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.chain[0].clone()).unwrap();
        roots
    }

    #[test]
    fn client_and_server_agree_on_http_2() {
        let certificate = current();
        let agree = |server_name: &str, protocols: &[&[u8]]| {
            let server = certificate.check().unwrap().for_tcp(&Clients::any()).unwrap();
            shake_hands(client_config(trusting(&certificate), protocols).unwrap(), server_name, server)
        };
        assert_eq!(agree("gateway.example.com", &[b"h2"]), Ok(Some(b"h2".to_vec())));
        assert_eq!(agree("gateway.example.com", &[b"http/1.1"]), Ok(Some(b"http/1.1".to_vec())));
        assert_eq!(agree("gateway.example.com", &[b"h3"]), Err(rustls::Error::NoApplicationProtocol));
        assert!(matches!(agree("other.example.com", &[b"h2"]), Err(rustls::Error::InvalidCertificate(_))));
    }

    #[test]
    fn lets_in_clients_that_are_vouched_for() {
        let (gateway, known, stranger) = (current(), current(), current());
        let check = |required: bool, shown: Option<&Certificate>, let_in: bool| {
            let clients = Clients::vouched_for(trusting(&known), required).unwrap();
            let server = gateway.check().unwrap().for_tcp(&clients).unwrap();
            let client = ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(rustls::ALL_VERSIONS)
                .unwrap()
                .with_root_certificates(trusting(&gateway));
            let client = match shown {
                None => client.with_no_client_auth(),
                Some(shown) => {
                    client.with_client_auth_cert(shown.chain.clone(), shown.key.clone_key()).unwrap()
                }
            };
            let shaken = shake_hands(Arc::new(client), "gateway.example.com", server);
            assert_eq!(shaken.is_ok(), let_in, "required: {required}, {shaken:?}");
        };
        check(true, None, false);
        check(true, Some(&known), true);
        check(true, Some(&stranger), false);
        check(false, None, true);
        check(false, Some(&known), true);
        check(false, Some(&stranger), false);
        Clients::vouched_for(RootCertStore::empty(), true).unwrap_err();
    }

    #[test]
    fn reads_from_when_to_when() {
        let day = Duration::from_secs(24 * 60 * 60);
        let expected = Validity { from: SystemTime::UNIX_EPOCH - day, until: SystemTime::UNIX_EPOCH + day };
        assert_eq!(generate((1969, 12, 31), (1970, 1, 2)).check().unwrap().validity, expected);
    }

    #[test]
    fn offers_what_each_transport_speaks() {
        let checked = current().check().unwrap();
        let tcp = checked.for_tcp(&Clients::any()).unwrap();
        assert_eq!(tcp.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        let quic = checked.for_quic(&Clients::any()).unwrap();
        assert_eq!(quic.alpn_protocols, [b"h3".to_vec()]);
        assert_eq!(quic.max_early_data_size, 0);
    }

    #[test]
    fn refuses_what_is_no_pair() {
        let (one, other) = (current(), current());
        let mixed = Certificate { chain: one.chain, key: other.key };
        assert!(matches!(mixed.check(), Err(BadCertificate::NotAPair)));
        let empty = Certificate { chain: Vec::new(), key: mixed.key };
        assert!(matches!(empty.check(), Err(BadCertificate::NoX509)));
    }
}
