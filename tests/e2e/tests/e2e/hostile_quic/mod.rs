//! Hostile clients on QUIC, HTTP/3 and WebTransport, each beside a canary whose calls go on.

mod siege;

mod control;
mod credit;
mod datagrams;
mod forged;
mod frames;
mod handshakes;
mod network;
mod noise;
mod packets;
mod proxied;
mod qpack;
mod session_credit;
mod sessions;
mod streams;
