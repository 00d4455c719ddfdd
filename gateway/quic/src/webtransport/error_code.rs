//! Error codes of WebTransport streams: an application's 32 bits within HTTP/3's code space, and what gRPC over
//! WebTransport means by them.

use sluicegate_core::status::Code;
use sluicegate_core::wire::Reset;

/// The HTTP/3 code of application error 0 (draft-ietf-webtrans-http3, section 4.4).
const FIRST: u64 = 0x52e4_a40f_a8db;
/// The HTTP/3 code of application error 2^32 - 1.
const LAST: u64 = 0x52e5_ac98_3162;

/// `WT_BUFFERED_STREAM_REJECTED`: too many streams wait for their session.
pub(crate) const BUFFERED_STREAM_REJECTED: u64 = 0x3994_bd84;
/// `WT_FLOW_CONTROL_ERROR`: a session has ended because its peer did not keep to the limits.
pub(crate) const FLOW_CONTROL_ERROR: u64 = 0x045d_4487;
/// `WT_SESSION_GONE`: the session of a stream has ended.
pub(crate) const SESSION_GONE: u64 = 0x170d_7b68;

/// No error; tells a client to stop sending because the response is complete.
pub const NO_ERROR: u32 = 0x00;
/// The call was not processed and may be tried again on another session.
pub const REFUSED: u32 = 0x20;
/// The client broke the protocol.
pub const PROTOCOL_ERROR: u32 = 0x21;
/// A stream of a kind that the protocol reserves.
pub const STREAM_TYPE: u32 = 0x22;
/// The header block is too large.
pub const HEADERS_TOO_LARGE: u32 = 0x23;

/// The HTTP/3 code of an application error. Every 31st code is left out, as reserved (RFC 9114, section 8.1).
pub(crate) fn to_http3(code: u32) -> u64 {
    let code = u64::from(code);
    FIRST + code + code / 0x1e
}

/// The application error in an HTTP/3 code, if it holds one.
pub(crate) fn from_http3(code: u64) -> Option<u32> {
    if !(FIRST..=LAST).contains(&code) || (code - 0x21).is_multiple_of(0x1f) {
        return None;
    }
    let shifted = code - FIRST;
    u32::try_from(shifted - shifted / 0x1f).ok()
}

/// The application error that tells a client of a reset. Below 0x100, because old browsers have but eight bits.
pub(crate) fn from_reset(reset: Reset) -> u32 {
    match reset {
        Reset::NO_ERROR => NO_ERROR,
        Reset { reason: 0x7, .. } => REFUSED,
        Reset { reason: 0x1, .. } => PROTOCOL_ERROR,
        Reset { code: Code::Ok, .. } => u32::from(Code::Internal.number()),
        Reset { code, .. } => u32::from(code.number()),
    }
}

/// What a client means by ending a direction of a stream early. Whatever the code, it cancels the call; a status in
/// the code is kept for the log.
pub(crate) fn to_reset(code: Option<u32>) -> Reset {
    let status = code.and_then(|code| Code::from_number(u64::from(code)));
    match status {
        None | Some(Code::Ok) => Reset::CANCEL,
        Some(code) => Reset { code, ..Reset::CANCEL },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn maps_as_the_draft_does() {
        assert_eq!(to_http3(0), FIRST);
        assert_eq!(to_http3(0x1d), FIRST + 0x1d);
        assert_eq!(to_http3(0x1e), FIRST + 0x1f);
        assert_eq!(to_http3(u32::MAX), LAST);
        for outside in [0, 0x10c, FIRST - 1, FIRST + 0x1e, LAST + 1, u64::MAX] {
            assert_eq!(from_http3(outside), None, "{outside:#x}");
        }
    }

    #[test]
    fn tells_of_a_reset_as_grpc_over_webtransport_does() {
        let check = |reset, code| assert_eq!(from_reset(reset), code);
        check(Reset::NO_ERROR, 0x00);
        check(Reset::CANCEL, 0x01);
        check(Reset::INTERNAL, 0x0d);
        check(Reset::REFUSED, 0x20);
        check(Reset::from_code(Code::DeadlineExceeded), 0x04);
        check(Reset::from_code(Code::Unavailable), 0x0e);
        check(Reset::from_h2(0x1), 0x21);
    }

    #[test]
    fn a_client_always_cancels() {
        assert_eq!(to_reset(Some(4)), Reset { code: Code::DeadlineExceeded, ..Reset::CANCEL });
        for code in [Some(0), Some(0x20), Some(999), None] {
            assert_eq!(to_reset(code), Reset::CANCEL, "{code:x?}");
        }
    }

    proptest! {
        #[test]
        fn survives_the_wire(code in any::<u32>()) {
            prop_assert_eq!(from_http3(to_http3(code)), Some(code));
            prop_assert!(!(to_http3(code) - 0x21).is_multiple_of(0x1f));
        }

        #[test]
        fn is_the_inverse_where_there_is_one(code in FIRST - 100..=LAST + 100) {
            if let Some(application) = from_http3(code) {
                prop_assert_eq!(to_http3(application), code);
            }
        }

        #[test]
        fn never_panics(code in any::<u64>()) {
            let _ = to_reset(from_http3(code));
        }
    }
}
