//! Certificates that change while the gateway runs: new handshakes see them, and what is open goes on.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sluicegate_e2e::certificate::{Certificates, certificates, client_tls};
use sluicegate_e2e::client::{Client, Protocol, quic_endpoint};
use sluicegate_e2e::gateway::Gateway;
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::stage::Stage;

const RELOADS: &str = "sluicegate_tls_reloads_total";
const FAILURES: &str = "sluicegate_tls_reload_failures_total";

#[tokio::test]
async fn new_handshakes_see_a_new_certificate_and_old_calls_go_on() {
    let Stage { client: mut over_h2, upstream: _upstream, gateway } = Stage::new(Protocol::GrpcTls).await;
    let mut over_wt = Client::connect(Protocol::GrpcWt, gateway.target()).await;
    let mut calls = [over_h2.call(method::BIDI).open().await, over_wt.call(method::BIDI).open().await];
    for call in &mut calls {
        call.send(b"before").await.unwrap();
        assert_eq!(call.response.message().await, "before");
    }
    assert_shown(&gateway, &certificates().server_pem).await;

    put(&gateway, &certificates().renewed_pem, &certificates().renewed_key_pem);
    gateway.until_metric(RELOADS, &[], 1.0).await;
    assert_shown(&gateway, &certificates().renewed_pem).await;
    for call in &mut calls {
        call.send(b"after").await.unwrap();
        assert_eq!(call.response.message().await, "after");
        call.half_close().await.unwrap();
        assert_eq!(call.response.end().await.code, 0);
    }
    assert_eq!(over_h2.exchange(method::UNARY, &[b"again"]).await.code(), 0);
    assert_eq!(over_wt.exchange(method::UNARY, &[b"again"]).await.code(), 0);
    assert_eq!(gateway.metric(FAILURES, &[]).await, 0.0);
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let Stage { upstream: _upstream, gateway, .. } = Stage::new(Protocol::GrpcH2c).await;
    let expiration = "sluicegate_tls_certificate_expiration_unix_time_seconds";
    let before = gateway.metric(expiration, &[]).await;
    assert!(before > 1.7e9, "{before}");
    for (failures, key) in [(1.0, &*certificates().renewed_key_pem), (2.0, "no key")] {
        gateway.put("key.pem", key);
        gateway.until_metric(FAILURES, &[], failures).await;
        assert_shown(&gateway, &certificates().server_pem).await;
    }
    // Nobody has to mend the files if they are put back, and then nothing is new.
    gateway.put("key.pem", &certificates().key_pem);
    gateway.hang_up().await;
    gateway.until_said("the certificate in its files is in use already", 1).await;
    assert_eq!((gateway.metric(RELOADS, &[]).await, gateway.metric(FAILURES, &[]).await), (0.0, 2.0));
    // What it says later has come, so what it said before has, too.
    assert_eq!(gateway.said("the certificate stays as it was: the key does not belong"), 1);
    put(&gateway, &certificates().renewed_pem, &certificates().renewed_key_pem);
    gateway.until_metric(RELOADS, &[], 1.0).await;
    assert_shown(&gateway, &certificates().renewed_pem).await;
    assert_eq!(gateway.metric(expiration, &[]).await, before);
}

#[tokio::test]
async fn a_hangup_asks_for_another_look() {
    let Stage { mut client, upstream: _upstream, gateway } = Stage::new(Protocol::GrpcH2c).await;
    gateway.put("cert.pem", "no certificate");
    gateway.until_metric(FAILURES, &[], 1.0).await;
    gateway.hang_up().await;
    gateway.until_metric(FAILURES, &[], 2.0).await;
    gateway.until_said("the certificate stays as it was", 2).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

/// Files that change while they are read: what is shown belongs together, always.
#[tokio::test]
async fn certificates_and_keys_are_never_mixed() {
    let Stage { upstream: _upstream, gateway, .. } = Stage::new(Protocol::GrpcH2c).await;
    let Certificates { server_pem, key_pem, renewed_pem, renewed_key_pem, .. } = certificates();
    for _ in 0..40 {
        put(&gateway, renewed_pem, renewed_key_pem);
        // A certificate without its key would make this handshake fail.
        shown(&gateway).await;
        put(&gateway, server_pem, key_pem);
        shown(&gateway).await;
    }
    put(&gateway, renewed_pem, renewed_key_pem);
    let last = CertificateDer::from_pem_slice(renewed_pem.as_bytes()).unwrap();
    within("the last certificate", async { while shown(&gateway).await != [last.clone(), last.clone()] {} })
        .await;
}

/// A deployment: the certificate first, the key a moment later.
fn put(gateway: &Gateway, certificate: &str, key: &str) {
    gateway.put("cert.pem", certificate);
    gateway.put("key.pem", key);
}

/// Looks at the certificate that new handshakes show, over TCP and QUIC.
async fn assert_shown(gateway: &Gateway, pem: &str) {
    let expected = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let [over_tcp, over_quic] = shown(gateway).await;
    assert_eq!(over_tcp, expected, "over TCP");
    assert_eq!(over_quic, expected, "over QUIC");
}

/// The certificates that handshakes show now, over TCP and over QUIC.
async fn shown(gateway: &Gateway) -> [CertificateDer<'static>; 2] {
    let socket = TcpStream::connect(gateway.target().tls).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let shaking = TlsConnector::from(Arc::new(client_tls(&["h2"]))).connect(name, socket);
    let stream = within("a handshake over TCP", shaking).await.unwrap();
    let over_tcp = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let shaking = quic_endpoint().connect(gateway.target().tls, "localhost").unwrap();
    let connection = within("a handshake over QUIC", shaking).await.unwrap();
    let over_quic: Vec<CertificateDer<'static>> = *connection.peer_identity().unwrap().downcast().unwrap();
    [over_tcp, over_quic[0].clone()]
}
