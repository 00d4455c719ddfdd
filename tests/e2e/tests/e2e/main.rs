//! Each behaviour of the gateway over each client protocol, through the real binary on real sockets.

mod harness;
