//! One certificate authority for the process, and the certificates that it signed.

use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The authority's certificate, and the certificates and keys of a server and a client.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate, for whoever checks the server's.
    pub authority_pem: String,
    /// The server's certificate, valid for `localhost` and `127.0.0.1`.
    pub server_pem: String,
    /// The server's key.
    pub key_pem: String,
    /// Another certificate for the same names, with a key of its own.
    pub renewed_pem: String,
    /// The key to it.
    pub renewed_key_pem: String,
    /// A client's certificate.
    pub client_pem: String,
    /// The client's key.
    pub client_key_pem: String,
}

/// The certificates of this process.
pub fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names.clone()).unwrap().signed_by(&key, &authority).unwrap();
        let renewed_key = KeyPair::generate().unwrap();
        let renewed = CertificateParams::new(names).unwrap().signed_by(&renewed_key, &authority).unwrap();
        let client_key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&client_key, &authority).unwrap();
        Certificates {
            authority_pem: authority.pem(),
            server_pem: server.pem(),
            key_pem: key.serialize_pem(),
            renewed_pem: renewed.pem(),
            renewed_key_pem: renewed_key.serialize_pem(),
            client_pem: client.pem(),
            client_key_pem: client_key.serialize_pem(),
        }
    })
}

/// A TLS client that trusts the authority and offers these protocols.
pub fn client_tls(alpn: &[&str]) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates().authority_pem.as_bytes()).unwrap()).unwrap();
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    tls
}

/// A TLS server with the server's certificate that accepts these protocols.
pub fn server_tls(alpn: &[&str]) -> rustls::ServerConfig {
    let chain = vec![CertificateDer::from_pem_slice(certificates().server_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificates().key_pem.as_bytes()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    tls
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
