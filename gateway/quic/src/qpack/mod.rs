//! QPACK (RFC 9204) as far as a WebTransport CONNECT needs it: field sections that refer to the static table only.
//!
//! We advertise no dynamic table, so a client cannot use any other. Ordinary requests are left to `h3`, once
//! [`inspect`](inspect::inspect) has looked at their pseudo-header fields.

mod decode;
mod encode;
#[cfg(any(test, fuzzing))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a fuzzer looks for what panics")]
pub(crate) mod fuzzing;
mod inspect;
mod integer;
mod static_table;
mod streams;

pub(crate) use decode::{Field, QpackError, decode};
pub(crate) use encode::{encode_connect, encode_response};
pub(crate) use inspect::{Inspected, inspect};
pub(crate) use streams::Instructions;
