//! Counts the streams that a client takes back.
//!
//! Opening streams and resetting them at once costs a client nothing and the gateway and its upstreams a call each
//! ("rapid reset", CVE-2023-44487). QUIC's limit on open streams does not help: each reset makes room for another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use h3::error::Code;
use tokio::time::Instant;

use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::shared::lock;
use crate::varint;

const WINDOW: Duration = Duration::from_secs(1);

/// One per connection.
#[derive(Debug)]
pub(crate) struct Resets {
    quic: quinn::Connection,
    limits: Arc<Limits>,
    /// When the window began, and how many there were since.
    window: Mutex<(Instant, u32)>,
}

impl Resets {
    /// Closes the connection when there are more than [`Limits::max_resets_per_second`].
    pub(crate) fn new(quic: quinn::Connection, limits: Arc<Limits>) -> Resets {
        Resets { quic, limits, window: Mutex::new((Instant::now(), 0)) }
    }

    /// The client has reset a stream, or told us to stop sending on it.
    pub(crate) fn count(&self) {
        let mut window = lock(&self.window);
        let now = Instant::now();
        if now.duration_since(window.0) >= WINDOW {
            *window = (now, 0);
        }
        window.1 = window.1.saturating_add(1);
        let most = self.limits.max_resets_per_second;
        if window.1 > most {
            // Those that were under way are counted too, but the connection is refused once.
            let is_first = window.1 == most.saturating_add(1);
            drop(window);
            if is_first {
                self.limits.observer.refused(Refusal::MaxResetsPerSecond);
            }
            log::debug!("closing the connection of {}: too many resets", self.quic.remote_address());
            self.quic.close(varint::quic(Code::H3_EXCESSIVE_LOAD.value()), b"too many resets");
        }
    }
}
