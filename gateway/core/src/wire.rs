//! What a transport must do to carry one exchange with a client.
//!
//! An exchange is an HTTP/1.1, HTTP/2 or HTTP/3 request with its response, or one WebTransport stream. It splits into
//! a receiving and a sending half that move independently, so that a slow reader never holds up a sender. The pump is
//! generic over them: no call is boxed and no chunk is copied here.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::status::Code;

/// Why a stream ended before its time, in HTTP/2's error codes.
///
/// Calls are carried upstream over HTTP/2, so its codes are the common tongue; other transports map their own. Codes
/// pass through in both directions unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The HTTP/2 error code (RFC 9113, section 7).
    pub reason: u32,
    /// What it means for the call.
    pub code: Code,
}

impl Reset {
    /// `NO_ERROR`: the rest is not wanted, and nothing went wrong.
    pub const NO_ERROR: Reset = Reset { reason: 0x0, code: Code::Internal };
    /// `INTERNAL_ERROR`: the gateway or the upstream failed.
    pub const INTERNAL: Reset = Reset { reason: 0x2, code: Code::Internal };
    /// `REFUSED_STREAM`: nothing was processed, so the call may be tried again.
    pub const REFUSED: Reset = Reset { reason: 0x7, code: Code::Unavailable };
    /// `CANCEL`: the other side is gone or has lost interest.
    pub const CANCEL: Reset = Reset { reason: 0x8, code: Code::Cancelled };

    /// The reset with this HTTP/2 error code.
    pub fn from_h2(reason: u32) -> Reset {
        Reset { reason, code: Code::from_h2_reason(reason) }
    }

    /// The reset that tells a client of this status when no status can be written any more.
    pub fn from_code(code: Code) -> Reset {
        let reason = match code {
            Code::Cancelled => 0x8,
            Code::Unavailable | Code::DeadlineExceeded => 0x8,
            Code::ResourceExhausted => 0xb,
            Code::PermissionDenied => 0xc,
            _ => 0x2,
        };
        Reset { reason, code }
    }
}

/// Why the client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It reset its stream, or told us to stop sending.
    Reset(Reset),
    /// Its connection ended.
    Connection,
    /// It broke its transport's protocol.
    Protocol,
}

impl Gone {
    /// The reset that tells the upstream.
    pub fn reset(self) -> Reset {
        match self {
            Gone::Reset(reset) => reset,
            Gone::Connection | Gone::Protocol => Reset::CANCEL,
        }
    }
}

/// The receiving half: what the client sends.
pub trait Receive: Send + Unpin + 'static {
    /// Whether a pending `poll_data` also resolves when the client has left in a way that only concerns what it gets,
    /// such as STOP_SENDING. If so, nobody needs to ask [`Transmit::poll_gone`] at the same time.
    const TELLS_OF_LEAVING: bool = false;

    /// The next bytes; `None` once the client has ended its direction. Never an empty chunk before the end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>>;

    /// The request's trailers, asked for once after `poll_data` returned `None`.
    fn poll_trailers(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, Gone>> {
        Poll::Ready(Ok(None))
    }

    /// Whether it is already known that no bytes and no trailers follow, so that the end can ride on the last chunk.
    fn is_ended(&self) -> bool {
        false
    }

    /// Gives flow-control credit for bytes that have been passed on. Until then the client may not replace them.
    fn release(&mut self, bytes: usize);

    /// The response is complete: tells the client that the rest is not wanted, unless its direction has ended.
    fn stop(&mut self);
}

/// The sending half: what the client gets.
pub trait Transmit: Send + Unpin + 'static {
    /// Sends the head of the response. `end` makes it the whole response.
    fn send_head(&mut self, head: ResponseHeaders, end: bool) -> Result<(), Gone>;

    /// Waits until at least one byte may be sent and says how many of `wanted` may be. This is the back-pressure of
    /// the client: the pump reads nothing more from the upstream meanwhile.
    fn poll_credit(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Gone>>;

    /// Sends bytes within the credit. `end` ends the response with them.
    fn send_data(&mut self, bytes: Bytes, end: bool) -> Result<(), Gone>;

    /// Ends the response with trailers.
    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone>;

    /// Waits until what was sent has left this half; after it the half may be dropped.
    fn poll_flushed(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the response abruptly.
    fn reset(&mut self, reset: Reset);

    /// Resolves when the client is gone, *even if nothing is being written*: a half-closed client can cancel only so.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone>;

    /// What whoever accepted the exchange wants to say between two frames of the response, in the client's protocol; never
    /// empty. It is asked for while nothing else waits to be sent, until the end of the response is known, and what it
    /// gives is sent at the next border.
    fn poll_aside(&mut self, _cx: &mut Context<'_>) -> Poll<Bytes> {
        Poll::Pending
    }
}

/// Both halves of an exchange.
pub trait Exchange {
    /// The receiving half.
    type Receive: Receive;
    /// The sending half.
    type Transmit: Transmit;
    /// Takes the exchange apart.
    fn split(self) -> (Self::Receive, Self::Transmit);
}

impl<R: Receive, T: Transmit> Exchange for (R, T) {
    type Receive = R;
    type Transmit = T;
    fn split(self) -> (R, T) {
        self
    }
}

/// The head of an HTTP response. Transports without HTTP semantics ignore it.
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header fields, `content-type` included.
    pub headers: HeaderMap,
}
