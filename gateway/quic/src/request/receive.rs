//! The body and the trailers of a request.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::{Code, StreamError};
use h3::server::RequestStream;
use http::HeaderMap;
use sluicegate_core::wire::{Gone, Receive};

use super::error_code;
use crate::adapter::ReceiveHalf;
use crate::resets::Resets;
use crate::shared::LiveGuard;

/// What a client sends with its request. Dropping it refuses the rest.
pub struct H3Receive {
    stream: RequestStream<ReceiveHalf, Bytes>,
    body: Body,
    resets: Arc<Resets>,
    _live: LiveGuard,
}

/// What `h3` may be asked for. It panics when it is asked for trailers in the middle of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// More data.
    Open,
    /// Trailers.
    Ended,
    /// Nothing more, because the rest was refused.
    Stopped,
}

impl std::fmt::Debug for H3Receive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H3Receive").field("stream", &self.stream.id()).finish_non_exhaustive()
    }
}

impl H3Receive {
    pub(crate) fn new(
        stream: RequestStream<ReceiveHalf, Bytes>,
        resets: Arc<Resets>,
        live: LiveGuard,
    ) -> H3Receive {
        H3Receive { stream, body: Body::Open, resets, _live: live }
    }
}

impl Receive for H3Receive {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        while self.body == Body::Open {
            match ready!(self.stream.poll_recv_data(cx)) {
                Ok(Some(mut data)) => {
                    // `h3` hands out the chunk that it was given, so this does not copy.
                    let bytes = data.copy_to_bytes(data.remaining());
                    if !bytes.is_empty() {
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                }
                Ok(None) => self.body = Body::Ended,
                Err(error) => {
                    let gone = gone(&error);
                    if let Gone::Reset(_) = gone {
                        self.resets.count();
                    }
                    return Poll::Ready(Err(gone));
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, Gone>> {
        if self.body != Body::Ended {
            return Poll::Ready(Ok(None));
        }
        self.stream.poll_recv_trailers(cx).map_err(|error| gone(&error))
    }

    /// QUIC gives credit when bytes are read, and these are read one chunk at a time.
    fn release(&mut self, _bytes: usize) {}

    fn stop(&mut self) {
        self.body = Body::Stopped;
        // RFC 9114, section 4.1: the response is complete, the rest of the request is not needed.
        self.stream.stop_sending(Code::H3_NO_ERROR);
    }
}

/// Why nothing more comes.
#[allow(
    clippy::unneeded_struct_pattern,
    reason = "`h3` says whether it may have fields by a feature that tests turn on"
)]
pub(super) fn gone(error: &StreamError) -> Gone {
    match error {
        StreamError::RemoteTerminate { code, .. } => Gone::Reset(error_code::from_http3(code.value())),
        StreamError::ConnectionError { .. }
        | StreamError::RemoteClosing { .. }
        | StreamError::Undefined { .. } => Gone::Connection,
        _ => Gone::Protocol,
    }
}
