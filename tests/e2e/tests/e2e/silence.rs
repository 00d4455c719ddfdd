//! Response streams on which nothing is said for long: they outlive every timeout of their connection, and a client that
//! leaves one is noticed although nothing is written to it.

use std::time::Duration;

use sluicegate_e2e::client::{Protocol, Transport};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::upstream::{Event, method};

use crate::stage::Stage;

over!(every protocol: outlives_the_timeouts_of_its_connection, leaving_is_seen_at_once);

/// What the gateway may take to notice. Its own probes, and everybody's timeouts, take longer.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Everything that times a connection and not a call.
fn impatient(config: Config) -> Config {
    let config = config.limit("header_timeout = \"500ms\"").limit("idle_timeout = \"500ms\"");
    config.limit("quic = { idle_timeout = \"1s\" }")
}

/// More than twice what of that concerns such a connection. It is how long a test sleeps: nothing happens in this time
/// that could be waited for.
fn long_silence(protocol: Protocol) -> Duration {
    match protocol.transport() {
        Transport::H3 | Transport::WebTransport => Duration::from_millis(2500),
        _ => Duration::from_millis(1250),
    }
}

async fn outlives_the_timeouts_of_its_connection(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::configured(protocol, impatient).await;
    let mut call = client.call(method::PAUSE).open().await;
    call.send(b"still here").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.response.message().await, "still here");
    let mut seen = upstream.next_call().await;
    seen.until_half_closed().await;
    let early = tokio::time::timeout(long_silence(protocol), seen.next()).await;
    assert!(early.is_err(), "the call ended in silence: {early:?}");
    upstream.release();
    assert_eq!(call.response.message().await, "still here");
    assert_eq!(call.response.end().await.code, 0);
}

async fn leaving_is_seen_at_once(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::PAUSE).open().await;
    call.send(b"").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.response.message().await, "");
    let mut seen = upstream.next_call().await;
    seen.until_half_closed().await;
    call.cancel();
    assert_eq!(tokio::time::timeout(AT_ONCE, seen.next()).await, Ok(Event::Reset(8)));
}
