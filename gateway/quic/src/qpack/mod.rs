//! QPACK (RFC 9204) as far as a WebTransport CONNECT needs it: field sections that refer to the static table only.
//!
//! We advertise no dynamic table, so a client cannot use any other. Ordinary requests are left to `h3`.

mod decode;
mod encode;
mod integer;
mod static_table;

pub(crate) use decode::{QpackError, decode, is_connect};
pub(crate) use encode::encode_response;
