//! Futures over the core's wire, as the server uses it.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use sluicegate_core::wire::{Gone, Receive, ResponseHeaders, Transmit};

/// Waits for something that must happen, and fails the test when it does not.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it does not happen")
}

pub(crate) async fn data(receive: &mut impl Receive) -> Result<Option<Bytes>, Gone> {
    let read = poll_fn(|cx| receive.poll_data(cx)).await;
    if let Ok(Some(bytes)) = &read {
        assert!(!bytes.is_empty(), "never an empty chunk");
        receive.release(bytes.len());
    }
    read
}

pub(crate) async fn trailers(receive: &mut impl Receive) -> Result<Option<HeaderMap>, Gone> {
    poll_fn(|cx| receive.poll_trailers(cx)).await
}

/// Sends all of it, within the credit.
pub(crate) async fn send(transmit: &mut impl Transmit, mut bytes: Bytes) -> Result<(), Gone> {
    while !bytes.is_empty() {
        let credit = poll_fn(|cx| transmit.poll_credit(cx, bytes.len())).await?;
        assert!((1..=bytes.len()).contains(&credit));
        transmit.send_data(bytes.split_to(credit), false)?;
    }
    Ok(())
}

pub(crate) async fn finish(transmit: &mut impl Transmit, trailers: Option<HeaderMap>) -> Result<(), Gone> {
    match trailers {
        Some(trailers) => transmit.send_trailers(trailers)?,
        None => transmit.send_data(Bytes::new(), true)?,
    }
    flushed(transmit).await
}

pub(crate) async fn flushed(transmit: &mut impl Transmit) -> Result<(), Gone> {
    poll_fn(|cx| transmit.poll_flushed(cx)).await
}

pub(crate) async fn gone(transmit: &mut impl Transmit) -> Gone {
    poll_fn(|cx| transmit.poll_gone(cx)).await
}

pub(crate) fn ok() -> ResponseHeaders {
    ResponseHeaders { status: StatusCode::OK, headers: HeaderMap::new() }
}

/// Sends back what comes, and the trailers.
pub(crate) async fn echo(receive: &mut impl Receive, transmit: &mut impl Transmit) -> Result<(), Gone> {
    transmit.send_head(ok(), false)?;
    while let Some(bytes) = data(receive).await? {
        send(transmit, bytes).await?;
    }
    let trailers = trailers(receive).await?;
    finish(transmit, trailers).await
}
