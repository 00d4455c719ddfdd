//! Each behaviour of the gateway over each client protocol, through the real binary on real sockets.
//!
//! A module is a subject, a function in it is a behaviour, and `over!` makes a test of it for each protocol, named so
//! that `cargo test` says which protocol fails: `calls::unary::web_text_h1`.

// Behaviours are functions beside their tests, and fail as loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[macro_use]
mod stage;

mod balancing;
mod bombs;
mod calls;
mod cancellation;
mod client_certificates;
mod connections;
mod datagrams;
mod deadlines;
mod descriptors;
mod dev;
mod drain;
mod filters;
mod flow_control;
mod harness;
mod hostile_quic;
mod http1;
mod http2;
mod http3;
mod limits;
mod metadata;
mod migration;
mod observability;
mod plain_http;
mod quic_limits;
mod renewal;
mod routing;
mod session_proxy;
mod silence;
mod status;
mod tickets;
mod upstream_protocols;
mod websocket;
mod websocket_proxy;
mod websocket_windows;
mod webtransport;
mod wtransport_client;
