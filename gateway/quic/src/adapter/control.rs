//! The control stream that `h3` writes, with our settings and our GOAWAY in place of its own.
//!
//! `h3` advertises a fixed set of settings, and computes GOAWAY only from the streams that it was shown: a session's
//! CONNECT is not among them.

use bytes::{BufMut, Bytes, BytesMut};

use crate::guard::{GOAWAY, SETTINGS};
use crate::settings;
use crate::shared::Shared;
use crate::varint;

/// The type of the control stream (RFC 9114, section 6.2.1).
pub(crate) const CONTROL_STREAM: u64 = 0x00;

/// What to write instead of `written`. `h3` writes whole frames, the first together with the stream's type.
pub(crate) fn rewrite(written: Bytes, shared: &Shared) -> Bytes {
    let mut rest = &written[..];
    match varint::take(&mut rest) {
        Some(CONTROL_STREAM) if varint::take(&mut rest) == Some(SETTINGS) => {
            let payload = settings::encode(&settings::ours(&shared.limits));
            let mut out = BytesMut::with_capacity(payload.len() + 8);
            varint::write(CONTROL_STREAM, &mut out);
            varint::write(SETTINGS, &mut out);
            varint::write(payload.len() as u64, &mut out);
            out.put(payload);
            out.freeze()
        }
        // The client's own GOAWAY made `h3` answer with one; it may have gone out already.
        Some(GOAWAY) => shared.begin_goaway().map(goaway).unwrap_or_default(),
        _ => written,
    }
}

/// A GOAWAY frame: requests from this stream on are not processed.
pub(crate) fn goaway(stream: u64) -> Bytes {
    let mut id = BytesMut::new();
    varint::write(stream, &mut id);
    let mut out = BytesMut::new();
    varint::write(GOAWAY, &mut out);
    varint::write(id.len() as u64, &mut out);
    out.put(id);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goaway_is_a_frame_with_one_integer() {
        assert_eq!(goaway(8)[..], [7, 1, 8]);
        assert_eq!(goaway(0x100)[..], [7, 2, 0x41, 0x00]);
    }
}
