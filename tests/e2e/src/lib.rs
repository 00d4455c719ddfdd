//! Runs the `sluicegate` binary as operators do and talks to it as clients and upstreams do, over real sockets.
//!
//! A test has three actors: an [`upstream::Upstream`] that does on the wire whatever the called path names, a
//! [`gateway::Gateway`] in a process of its own, and a [`client::Client`] for one of the [`client::Protocol`]s.
//! Nothing is shared between tests but a throw-away certificate authority, every port is chosen by the system, and
//! every wait names what it waits for and ends after [`PATIENCE`].

// A harness that meets something unexpected must fail the test, loudly and at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// There is one value of each in a test.
#![allow(clippy::large_enum_variant)]

pub mod certificate;
pub mod client;
pub mod frame;
pub mod gateway;
pub mod raw_h2;
pub mod raw_h3;
pub mod raw_quic;
pub mod reflector;
pub mod relay;
pub mod upstream;
pub mod website;

use std::time::Duration;

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long something must not happen before a test believes that it will not.
pub const QUIET: Duration = Duration::from_millis(500);

/// Waits for `future`, or fails the test with what it waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
