//! Certificates and keys.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain, the server's own first, and the key to it.
#[derive(Debug)]
pub struct Certificate {
    /// The chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}
