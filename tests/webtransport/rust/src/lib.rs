//! The cases of `tests/webtransport/README.md`, for clients and a server in Rust that nobody of this project wrote.

// A broken assumption ends the program, and so its suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod cases;
pub mod clients;
pub mod code;
pub mod grpc;
pub mod session;
pub mod target;
