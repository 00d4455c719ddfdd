//! Carrying calls: one task and one small future per call, two directions that never wait for each other.

mod call;
mod download;
mod filtering;
mod ledger;
mod open;
mod refusal;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod timer;
mod upload;

pub(crate) use call::Carried;
pub(crate) use ledger::{Ledger, Routed};
pub(crate) use refusal::{Asked, refuse};
