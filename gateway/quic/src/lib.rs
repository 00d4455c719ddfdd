//! HTTP/3 and WebTransport on QUIC, for Sluicegate.
//!
//! ```text
//! Endpoint ── accept ──► Incoming ── handshake ──► Connection ── next ──► Event::Request  (H3Receive, H3Transmit)
//!                                                                        Event::Session  ──► Session ── accept_bi ──►
//!                                                                                            (WtReceive, WtTransmit)
//! Client ── open ──► Opened ──► Session
//! ```
//!
//! quinn carries QUIC and `h3` speaks HTTP/3 for ordinary requests. Between the two stands an adapter of our own,
//! which bounds what a client can make `h3` do (module `guard`), and takes WebTransport out of the connection before
//! `h3` sees it, in every draft that clients speak ([`DIALECTS`]). Requests and sessions share a connection in any
//! number and order, and a stream that stays silent holds up no other.
//!
//! [`Client`] opens sessions to servers of others, one on each connection, through the same adapter, with the same
//! session layer and within the same limits.
//!
//! What is absent: 0-RTT; server push; the dynamic table of QPACK; `RESET_STREAM_AT`, which quinn does not have, so
//! that a stream reset right after it was opened may reach the peer without its session; CONNECT for anything but
//! WebTransport, which is answered with 501. quinn does not tell either how long a stream was that ended early: what a
//! peer has spent on it of its session's flow control is given back once the peer says that it is blocked.
//! `content-length` is not compared with the body. `h3` takes Huffman's code with any padding, where RFC 7541, section
//! 5.2, allows but one; in requests for sessions, and in the answers to ours, any other is refused.

mod adapter;
mod client;
mod connection;
mod connection_id;
mod endpoint;
#[cfg(any(test, fuzzing))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fuzzer looks for what panics"
)]
pub mod fuzzing;
mod guard;
mod limits;
mod qpack;
mod refusal;
mod request;
mod resets;
mod server;
mod settings;
mod shared;
mod socket;
mod varint;
mod webtransport;

pub use client::{Client, OpenError, Opened, Opening};
pub use connection::{Connection, Event};
pub use connection_id::quic_lb::{BadQuicLb, QuicLb};
pub use connection_id::{ConnectionIds, TooLong};
pub use endpoint::{ConnectError, Endpoint, Incoming};
pub use limits::Limits;
pub use refusal::{Observer, Refusal};
pub use request::Request;
pub use request::receive::H3Receive;
pub use request::transmit::H3Transmit;
pub use server::{Server, counted_as};
pub use socket::{Buffers, Offered, bind, offered};
pub use webtransport::connect::{SessionGone, SessionRequest};
pub use webtransport::dialect::{ALL as DIALECTS, Dialect};
pub use webtransport::error_code;
pub use webtransport::receive::WtReceive;
pub use webtransport::session::{Session, SessionEnd};
pub use webtransport::stream::StreamError;
pub use webtransport::transmit::WtTransmit;
