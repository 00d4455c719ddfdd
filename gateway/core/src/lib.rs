//! What an RPC is, whatever its client speaks.
//!
//! Fronts turn every client's bytes into one thing, a gRPC [`call::Call`]; filters, the pump, balancing and errors see
//! nothing else. This crate holds that vocabulary, the client protocols ([`protocol`]) and the filter chain
//! ([`chain`]). It does no I/O, reads no clock and has no runtime: bytes and instants come in as arguments.

mod accept;
mod binary;
pub mod call;
pub mod chain;
pub mod compression;
pub mod deadline;
pub mod filter;
#[cfg(any(test, fuzzing))]
#[expect(clippy::unwrap_used, reason = "a fuzzer looks for what panics")]
pub mod fuzzing;
pub mod message;
pub mod metadata;
pub mod metrics;
pub mod path;
pub mod problem;
pub mod protocol;
pub mod registry;
pub mod schema;
pub mod session;
pub mod status;
pub mod testing;
pub mod translate;
pub mod upstream_protocol;
pub mod wire;

/// A future that may move between threads and owns its way to an answer.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
