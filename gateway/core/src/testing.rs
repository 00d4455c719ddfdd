//! For tests of filters and protocols: scripted calls, and input fed in every split.
//!
//! It is part of the library so that filters outside this repository can be tested the same way.

mod scripted;
mod split;

pub use scripted::*;
pub use split::*;
