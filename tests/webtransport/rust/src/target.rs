//! Where the cases are played, and the QUIC endpoint for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use crate::session::{Trouble, failed};

/// The server of a run.
#[derive(Debug)]
pub struct Target {
    /// Its address, without a path.
    pub url: Url,
    /// Where the application is.
    pub path: String,
    /// Trusts its certificate.
    pub tls: rustls::ClientConfig,
}

impl Target {
    /// A target whose certificate is in this file.
    pub fn new(url: &str, path: &str, certificate: &str) -> Result<Target, Trouble> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        Ok(Target { url: Url::parse(url)?, path: path.to_owned(), tls })
    }

    /// The address of a session.
    pub fn at(&self, path: &str) -> Result<Url, Trouble> {
        Ok(self.url.join(path)?)
    }

    /// A new connection, and the endpoint that it ends with.
    pub async fn connect(&self) -> Result<(quinn::Endpoint, quinn::Connection), Trouble> {
        let mut endpoint = quinn::Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(self.tls.clone())?;
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
        let port = self.url.port().ok_or_else(|| failed("the address names no port"))?;
        let quic = endpoint.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "localhost")?.await?;
        Ok((endpoint, quic))
    }
}
