//! SIGTERM: calls in progress end as they would have, and then the process does.

use sluicegate_e2e::client::Protocol;
use sluicegate_e2e::upstream::{Event, method};

use crate::stage::Stage;

over!(every protocol: calls_in_progress_finish, the_drain_timeout_ends_the_rest);

async fn calls_in_progress_finish(protocol: Protocol) {
    let Stage { mut client, mut upstream, mut gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::HOLD).open().await;
    call.send(b"held").await.unwrap();
    call.half_close().await.unwrap();
    upstream.next_call().await.until_half_closed().await;

    gateway.terminate().await;
    gateway.until_draining().await;
    assert!(gateway.is_running());
    upstream.release();
    assert_eq!(call.response.message().await, "held");
    assert_eq!(call.response.end().await.code, 0);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

async fn the_drain_timeout_ends_the_rest(protocol: Protocol) {
    let Stage { mut client, mut upstream, mut gateway } =
        Stage::configured(protocol, |config| config.top("drain_timeout = \"300ms\"")).await;
    let _call = client.call(method::SILENT).open().await;
    let mut seen = upstream.next_call().await;
    gateway.terminate().await;
    assert_eq!(gateway.ended().await.code(), Some(0));
    assert!(matches!(seen.next().await, Event::Reset(_) | Event::ConnectionLost));
}
