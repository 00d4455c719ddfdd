//! The numbers that streams and sessions are ended with. All of a stream's are below 0x100, which every browser can
//! send.

use crate::wire::Reset;

/// Codes of `RESET_STREAM` and `STOP_SENDING`. 0x01 to 0x10 are the gRPC statuses of these numbers.
pub mod stream {
    /// Nothing is wrong: stop writing and read the response. Only ever in `STOP_SENDING`.
    pub const NO_ERROR: u32 = 0x00;
    /// The call was not processed; trying it again on a new session is safe.
    pub const REFUSED: u32 = 0x20;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u32 = 0x21;
    /// The stream is of a kind that is reserved.
    pub const STREAM_TYPE: u32 = 0x22;
    /// A block of headers is too large.
    pub const HEADERS_TOO_LARGE: u32 = 0x23;
}

/// Codes that a session is closed with.
pub mod close {
    /// All is done.
    pub const NORMAL: u32 = 0;
    /// The server is going away; open another session.
    pub const DRAIN: u32 = 1;
    /// What the session was admitted with has expired.
    pub const AUTH_EXPIRED: u32 = 2;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u32 = 3;
    /// The server has too much to do.
    pub const OVERLOAD: u32 = 4;
}

/// The code that ends a response abruptly, when its trailers can no longer be written.
pub fn reset_code(reset: Reset) -> u32 {
    match reset.code.number() {
        // A broken response is no success, whatever broke it.
        0 => u32::from(crate::status::Code::Internal.number()),
        number => u32::from(number),
    }
}
