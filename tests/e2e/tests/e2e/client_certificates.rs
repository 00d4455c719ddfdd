//! Listeners that ask their clients for certificates.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{Request, StatusCode};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sluicegate_e2e::certificate::certificates;
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What a client shows when it is asked for a certificate.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    /// A certificate from the authority that the gateway trusts.
    Signed,
    /// One that nobody else signed.
    SelfSigned,
}

/// A gRPC-Web call with one empty message, which the upstream echoes.
const MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

#[tokio::test]
async fn a_required_certificate_must_be_there_and_signed() {
    let (_upstream, gateway) = gateway("client_ca = \"authority.pem\"").await;
    check(&gateway, Shown::Signed, true).await;
    check(&gateway, Shown::Nothing, false).await;
    check(&gateway, Shown::SelfSigned, false).await;
}

#[tokio::test]
async fn an_optional_certificate_must_be_signed_if_it_is_there() {
    let (_upstream, gateway) = gateway("client_ca = \"authority.pem\", client_auth = \"optional\"").await;
    check(&gateway, Shown::Signed, true).await;
    check(&gateway, Shown::Nothing, true).await;
    check(&gateway, Shown::SelfSigned, false).await;
}

#[tokio::test]
async fn the_authorities_can_be_replaced() {
    let (_upstream, gateway) = gateway("client_ca = \"authority.pem\"").await;
    check(&gateway, Shown::Signed, true).await;
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&KeyPair::generate().unwrap()).unwrap();
    gateway.put("authority.pem", &authority.pem());
    gateway.until_metric("sluicegate_tls_reloads_total", &[], 1.0).await;
    check(&gateway, Shown::Signed, false).await;
    gateway.put("authority.pem", &certificates().authority_pem);
    gateway.until_metric("sluicegate_tls_reloads_total", &[], 2.0).await;
    check(&gateway, Shown::Signed, true).await;
}

async fn gateway(tls: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).tls(tls).start().await;
    (upstream, gateway)
}

/// Makes a call over TCP and one over QUIC.
async fn check(gateway: &Gateway, shown: Shown, served: bool) {
    let over_tcp = within("a call over TCP", over_tcp(gateway, shown)).await;
    assert_eq!(over_tcp.is_ok(), served, "{shown:?} over TCP: {over_tcp:?}");
    let over_quic = within("a call over QUIC", over_quic(gateway, shown)).await;
    assert_eq!(over_quic.is_ok(), served, "{shown:?} over QUIC: {over_quic:?}");
    for response in [over_tcp, over_quic].into_iter().flatten() {
        assert!(response.starts_with(MESSAGE), "{response:?}");
    }
}

/// The body of the response, or how the connection was refused. A client learns only after its part of the handshake
/// that its certificate was not wanted.
async fn over_tcp(gateway: &Gateway, shown: Shown) -> Result<Vec<u8>, String> {
    let socket = TcpStream::connect(gateway.target().tls).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client_tls("http/1.1", shown)));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, socket).await.map_err(|error| error.to_string())?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        method::UNARY,
        MESSAGE.len(),
    );
    let mut response = Vec::new();
    let exchange = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(MESSAGE).await?;
        stream.read_to_end(&mut response).await
    };
    exchange.await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&response);
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let body = text.split_once("\r\n\r\n").unwrap().1;
    // It comes in chunks, and the first is the message.
    let (size, rest) = body.split_once("\r\n").unwrap();
    assert_eq!(usize::from_str_radix(size, 16).unwrap(), MESSAGE.len(), "{text}");
    Ok(rest.as_bytes().to_vec())
}

/// The same over HTTP/3.
async fn over_quic(gateway: &Gateway, shown: Shown) -> Result<Vec<u8>, String> {
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let tls = QuicClientConfig::try_from(client_tls("h3", shown)).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
    let connecting = endpoint.connect(gateway.target().tls, "localhost").unwrap();
    let connection = connecting.await.map_err(|error| error.to_string())?;
    let exchange = async {
        let (mut driver, mut requests) = h3::client::new(h3_quinn::Connection::new(connection)).await.ok()?;
        let driver = tokio::spawn(async move { drop(driver.wait_idle().await) });
        let request = Request::post(format!("https://localhost{}", method::UNARY));
        let request = request.header("content-type", "application/grpc-web").body(()).unwrap();
        let mut stream = requests.send_request(request).await.ok()?;
        stream.send_data(Bytes::from_static(MESSAGE)).await.ok()?;
        stream.finish().await.ok()?;
        assert_eq!(stream.recv_response().await.ok()?.status(), StatusCode::OK);
        let mut body = Vec::new();
        while let Some(mut data) = stream.recv_data().await.ok()? {
            body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
        driver.abort();
        Some(body)
    };
    exchange.await.ok_or_else(|| "the connection was closed".to_owned())
}

fn client_tls(alpn: &str, shown: Shown) -> rustls::ClientConfig {
    let certificates = certificates();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.authority_pem.as_bytes()).unwrap()).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let (certificate, key) = match shown {
        Shown::Nothing => {
            let mut tls = tls.with_no_client_auth();
            tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
            return tls;
        }
        Shown::Signed => (certificates.client_pem.clone(), certificates.client_key_pem.clone()),
        Shown::SelfSigned => {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
            (certificate.pem(), key.serialize_pem())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let mut tls =
        tls.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    tls
}
