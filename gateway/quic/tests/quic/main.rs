//! The crate on real sockets, against clients that others wrote and against hostile ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod client;
mod client_foreign;
mod client_hostile;
mod client_sessions;
mod foreign;
mod hostile;
mod requests;
mod server;
mod sessions;
mod sessions_broken;
mod sessions_flow;
mod sessions_host;
mod sessions_life;
mod sessions_share;
mod shared_connection;
mod wire;
