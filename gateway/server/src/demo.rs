//! What `sluicegate demo` shows: a gRPC service to call through the gateway, and a page that calls it from a browser.
//!
//! The page speaks gRPC-Web and gRPC over WebTransport without any library; its source is meant to be read.

mod exchange;
pub mod message;
pub mod page;
mod reflection;
pub mod service;
