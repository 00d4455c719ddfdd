//! Application's error codes as HTTP/3 carries them (draft-ietf-webtrans-http3, section 4.4), which wtransport leaves to
//! applications.

use wtransport::VarInt;

const FIRST: u64 = 0x52e4_a40f_a8db;

/// What an application's code is on the wire.
pub fn on_wire(code: u32) -> VarInt {
    let code = u64::from(code);
    VarInt::try_from(FIRST + code + code / 0x1e).expect("it fits in 62 bits")
}

/// What a code on the wire is to applications, if it is one of theirs.
pub fn of_wire(code: VarInt) -> Option<u32> {
    let shifted = code.into_inner().checked_sub(FIRST)?;
    u32::try_from(shifted - shifted / 0x1f).ok()
}
