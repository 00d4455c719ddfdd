//! The other side's QPACK streams. `h3` takes them and never reads them.

use std::task::{Context, Poll};

use h3::error::Code;

use super::TURNS;
use super::arriving::Arriving;
use crate::qpack::Instructions;
use crate::shared::Shared;

/// At most one of each kind.
#[derive(Debug, Default)]
pub(crate) struct QpackStreams {
    open: Vec<(Instructions, Arriving)>,
}

impl QpackStreams {
    /// A stream of QPACK has been opened. There may be one of each kind.
    pub(crate) fn add(&mut self, kind: Instructions, stream: Arriving, shared: &Shared) {
        let same = std::mem::discriminant(&kind);
        if self.open.iter().any(|(open, _)| std::mem::discriminant(open) == same) {
            return shared.close(Code::H3_STREAM_CREATION_ERROR, "a second QPACK stream of one kind");
        }
        self.open.push((kind, stream));
    }

    /// Reads what has arrived.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) {
        for (kind, stream) in &mut self.open {
            let mut turns = 0;
            while let Poll::Ready(read) = stream.poll_read(cx) {
                let read = match read {
                    Ok(Some(bytes)) => kind.read(&bytes),
                    // RFC 9204, section 4.2: neither may end before its connection.
                    Ok(None) | Err(quinn::ReadError::Reset(_)) => Err(Code::H3_CLOSED_CRITICAL_STREAM),
                    Err(_) => return,
                };
                if let Err(code) = read {
                    return shared.close(code, "a QPACK stream broke the rules");
                }
                turns += 1;
                if turns == TURNS {
                    cx.waker().wake_by_ref();
                    break;
                }
            }
        }
    }
}
