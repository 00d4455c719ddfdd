//! Sluicegate: a gateway for gRPC calls, whatever protocol their clients speak.
//!
//! This is the only package that knows Pingora. [`cli`] starts it; `plan` turns a configuration into what runs, `front`
//! lets clients in, `carry` carries their calls, and `upstream` is where calls go.

mod admin;
mod carry;
pub mod certificate;
pub mod cli;
mod config;
pub mod demo;
mod descriptors;
mod drain;
mod front;
mod gateway;
mod observe;
pub mod plan;
mod renewal;
pub mod report;
pub mod route;
mod running;
mod sessions;
mod tickets;
pub mod tls;
mod upstream;
mod watch;
mod worker;
