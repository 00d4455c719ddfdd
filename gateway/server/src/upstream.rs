//! Where calls go: clusters of endpoints, the balancers that choose among them, and the connections to them.
//!
//! Each worker has its own connections to each endpoint, so that a call and everything of it stays on one core. What
//! workers share is only what balancing must see as a whole: the number of calls at each endpoint.

pub(crate) mod balance;
pub(crate) mod cluster;
pub(crate) mod connection;
pub(crate) mod endpoint;
pub(crate) mod pool;
pub(crate) mod quic;

pub(crate) use cluster::Cluster;
pub(crate) use endpoint::Endpoint;
pub(crate) use pool::{Acquire, Lease, NotConnected};
