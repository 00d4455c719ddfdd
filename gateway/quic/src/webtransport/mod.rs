//! WebTransport over HTTP/3, for all drafts in use at once.
//!
//! A session begins with an extended CONNECT, which the demultiplexer hands to [`connect`]; the application answers
//! the [`SessionRequest`](crate::SessionRequest). From then on the CONNECT stream carries capsules, which a
//! [`driver`] reads, and streams and datagrams that name the session reach it through the [`registry`].

pub(crate) mod capsule;
pub(crate) mod connect;
pub(crate) mod dialect;
pub(crate) mod driver;
pub mod error_code;
pub(crate) mod flow;
#[cfg(any(test, fuzzing))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fuzzer looks for what panics"
)]
pub(crate) mod fuzzing;
mod queue;
pub(crate) mod receive;
pub(crate) mod registry;
pub(crate) mod session;
pub(crate) mod state;
pub(crate) mod stream;
pub(crate) mod subprotocol;
pub(crate) mod transmit;
