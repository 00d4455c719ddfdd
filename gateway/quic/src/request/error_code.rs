//! HTTP/3's error codes and HTTP/2's, which the core speaks.

use h3::error::Code;
use sluicegate_core::wire::Reset;

/// HTTP/2 code and HTTP/3 code (RFC 9113, section 7; RFC 9114, section 8.1). Read from the top in both directions.
const CODES: [(u32, Code); 12] = [
    (0x0, Code::H3_NO_ERROR),
    (0x1, Code::H3_GENERAL_PROTOCOL_ERROR),
    (0x2, Code::H3_INTERNAL_ERROR),
    (0x7, Code::H3_REQUEST_REJECTED),
    (0x8, Code::H3_REQUEST_CANCELLED),
    (0xa, Code::H3_CONNECT_ERROR),
    (0xb, Code::H3_EXCESSIVE_LOAD),
    (0xd, Code::H3_VERSION_FALLBACK),
    (0x6, Code::H3_FRAME_ERROR),
    (0x1, Code::H3_MESSAGE_ERROR),
    (0x1, Code::H3_FRAME_UNEXPECTED),
    (0x8, Code::H3_REQUEST_INCOMPLETE),
];

/// The code to end a request's stream with.
pub(crate) fn to_http3(reset: Reset) -> u64 {
    let known = CODES.iter().find(|entry| entry.0 == reset.reason);
    known.map_or(Code::H3_INTERNAL_ERROR, |entry| entry.1).value()
}

/// What the client meant by ending a request's stream with this code. One that HTTP/3 does not know cancels.
pub(crate) fn from_http3(code: u64) -> Reset {
    let known = CODES.iter().find(|entry| entry.1.value() == code);
    known.map_or(Reset::CANCEL, |entry| Reset::from_h2(entry.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::status::Code as Status;

    #[test]
    fn the_codes_of_a_call_survive_both_ways() {
        for reset in [Reset::NO_ERROR, Reset::INTERNAL, Reset::REFUSED, Reset::CANCEL, Reset::from_h2(0xb)] {
            assert_eq!(from_http3(to_http3(reset)), reset);
        }
        assert_eq!(to_http3(Reset::CANCEL), 0x10c);
        assert_eq!(to_http3(Reset::REFUSED), 0x10b);
        assert_eq!(to_http3(Reset::NO_ERROR), 0x100);
    }

    #[test]
    fn strange_codes_have_a_meaning() {
        assert_eq!(to_http3(Reset::from_h2(0xffff_ffff)), 0x102);
        assert_eq!(from_http3(0), Reset::CANCEL);
        assert_eq!(from_http3(0x10e).code, Status::Internal);
    }
}
