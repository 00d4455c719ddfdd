//! Handshakes that are begun and not finished.

use sluicegate_e2e::raw_h3::RawH3;
use sluicegate_e2e::raw_quic::{RawQuic, parameters};

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
