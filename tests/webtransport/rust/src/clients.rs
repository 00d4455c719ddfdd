//! The clients.

mod quinn_pair;
mod wtransport;

pub use self::quinn_pair::{WebTransportQuinn, WebtransQuinn};
pub use self::wtransport::Wtransport;
