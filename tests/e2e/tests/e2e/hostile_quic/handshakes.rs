//! Handshakes that are begun and not finished, or that lead to nothing.

use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use sluicegate_e2e::certificate::client_tls;
use sluicegate_e2e::client::quic_endpoint;
use sluicegate_e2e::raw_h3::RawH3;
use sluicegate_e2e::raw_quic::{RawQuic, parameters};
use sluicegate_e2e::within;

use super::siege::Siege;

/// First packets of clients that then say nothing, all from one address, in sockets that are really theirs. Soon they have
/// to prove that address, which those that say nothing do not; clients that go on are served beside them.
#[tokio::test]
async fn handshakes_that_stop() {
    let mut siege = Siege::configured(|config| config.limit("handshake_timeout = \"1s\"")).await;
    let target = siege.target();
    let parameters = parameters();
    let mut silent = Vec::new();
    siege
        .storm(300, async |number| {
            silent.push(RawQuic::begin(target, &parameters).await);
            if number % 100 == 50 {
                RawH3::connect(target).await.works().await;
            }
        })
        .await;
    siege.refused("retry_above_per_ip", 200).await;
    siege.refused("handshake_timeout", 10).await;
    siege.withstood().await;
}

/// Connections on which nothing happens, all that an address may have. Those there are go on.
#[tokio::test]
async fn connections_without_a_use() {
    let mut siege = Siege::configured(|config| config.limit("max_connections_per_ip = 50")).await;
    let target = siege.target();
    let (endpoint, mut open, mut refused) = (quic_endpoint(), Vec::new(), 0);
    siege
        .storm(200, async |_| {
            match within("an answer", endpoint.connect(target, "localhost").unwrap()).await {
                Ok(connection) => open.push(connection),
                Err(_) => refused += 1,
            }
        })
        .await;
    // The canary has two.
    assert_eq!(open.len(), 48);
    let labels = [("limit", "max_connections_per_ip")];
    siege.gateway.until_metric("sluicegate_downstream_cx_refused", &labels, f64::from(refused)).await;
    siege.withstood().await;
}

/// What a client sends before the handshake is done could be sent again by others, so nothing is taken from it.
#[tokio::test]
async fn early_data_is_not_taken() {
    let siege = Siege::begin().await;
    let mut tls = client_tls(&["h3"]);
    tls.enable_early_data = true;
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = quic_endpoint();
    let connect = || endpoint.connect_with(config.clone(), siege.target(), "localhost").unwrap();
    let first = within("a handshake", connect()).await.unwrap();
    // The gateway's settings come with or behind the ticket that early data would need.
    let mut control = within("the control stream", first.accept_uni()).await.unwrap();
    within("settings", control.read_exact(&mut [0; 2])).await.unwrap();
    siege.step();
    assert!(connect().into_0rtt().is_err(), "early data was offered");
    siege.withstood().await;
}
