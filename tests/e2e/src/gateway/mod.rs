//! The gateway, in a process of its own.

mod config;
mod process;

pub use config::{Config, Route};
pub use process::Gateway;
