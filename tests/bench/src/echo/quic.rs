//! A bare echo on QUIC: what comes on a stream goes back on it.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::failure::Failure;

/// What a client asks for.
pub(crate) const ALPN: &str = "echo";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// PEM.
    #[arg(long)]
    certificate: PathBuf,
    /// PEM.
    #[arg(long)]
    key: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    super::end_with_standard_input();
    // One thread does for a client that has one.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let endpoint = bind(&options.certificate, &options.key)?;
        println!("listening {}", endpoint.local_addr()?);
        std::io::stdout().flush()?;
        serve(endpoint).await;
        Ok(())
    })
}

pub(crate) fn bind(certificate: &Path, key: &Path) -> Result<quinn::Endpoint, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate)?],
            PrivateKeyDer::from_pem_file(key)?,
        )?;
    tls.alpn_protocols = vec![ALPN.as_bytes().to_vec()];
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    Ok(quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into())?)
}

pub(crate) async fn serve(endpoint: quinn::Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((send, receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    // A client sees a broken stream itself, and fails.
                    if let Err(failure) = answer(send, receive).await {
                        eprintln!("echo: {failure}");
                    }
                });
            }
        });
    }
}

async fn answer(mut send: quinn::SendStream, mut receive: quinn::RecvStream) -> Result<(), Failure> {
    while let Some(chunk) = receive.read_chunk(usize::MAX, true).await? {
        send.write_chunk(chunk.bytes).await?;
    }
    Ok(send.finish()?)
}
