//! Sluicegate: a gateway for gRPC calls, whatever protocol their clients speak.

pub mod config;
pub mod plan;
pub mod report;
pub mod route;
pub mod tls;
