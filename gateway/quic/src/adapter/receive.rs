//! A receiving half, for `h3`.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId};
use quinn::ReadError;

use super::{TURNS, connection_error, stream_id};
use crate::adapter::arriving::Arriving;
use crate::guard::{GOAWAY, Guard, GuardError, Piece, SETTINGS};
use crate::settings::PeerSettings;
use crate::shared::{Role, Shared};
use crate::varint;

/// What `h3` reads from.
pub(crate) struct ReceiveHalf {
    stream: Arriving,
    id: StreamId,
    /// What was read to find out what the stream is, unless it has been read again.
    replay: Option<Bytes>,
    guard: Guard,
    shared: Arc<Shared>,
    stopped: bool,
    /// How much has been read since this stream last waited.
    turns: usize,
}

impl ReceiveHalf {
    /// A stream of frames, to be read from `replay` on.
    pub(crate) fn new(stream: Arriving, guard: Guard, replay: Bytes, shared: Arc<Shared>) -> ReceiveHalf {
        let id = stream_id(stream.id());
        ReceiveHalf { stream, id, replay: Some(replay), guard, shared, stopped: false, turns: 0 }
    }

    fn fail(&self, error: GuardError) -> StreamErrorIncoming {
        self.shared.refuse_frame(error);
        StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: ConnectionErrorIncoming::Undefined(Arc::new(error)),
        }
    }
}

impl quic::RecvStream for ReceiveHalf {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if let Some(bytes) = self.replay.take() {
            return Poll::Ready(Ok(Some(bytes)));
        }
        if self.stopped {
            return Poll::Ready(Ok(None));
        }
        loop {
            if self.turns == TURNS {
                self.turns = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.turns += 1;
            match self.guard.next() {
                Ok(Some(Piece::Frame { frame_type: SETTINGS, bytes, header })) => {
                    // A second one is refused by `h3`.
                    self.shared.peer_settings(PeerSettings::decode(bytes.get(header..).unwrap_or_default()));
                    return Poll::Ready(Ok(Some(bytes)));
                }
                // A client sends a GOAWAY about pushes, of which there are none. A broken one is refused by `h3`.
                Ok(Some(Piece::Frame { frame_type: GOAWAY, bytes, header }))
                    if self.shared.role == Role::Client =>
                {
                    if let Some((stream, _)) = varint::read(bytes.get(header..).unwrap_or_default()) {
                        self.shared.peer_goaway(stream);
                    }
                    return Poll::Ready(Ok(Some(bytes)));
                }
                Ok(Some(piece)) => return Poll::Ready(Ok(Some(piece.into_bytes()))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
            let Poll::Ready(read) = self.stream.poll_read(cx) else {
                self.turns = 0;
                return Poll::Pending;
            };
            match read.map_err(read_error)? {
                Some(bytes) => self.guard.push(bytes),
                None => {
                    let end = self.guard.end();
                    return Poll::Ready(end.map(|()| None).map_err(|error| self.fail(error)));
                }
            }
        }
    }

    fn stop_sending(&mut self, code: u64) {
        self.stopped = true;
        self.replay = None;
        self.stream.stop(code);
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

fn read_error(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        ReadError::ConnectionLost(error) => {
            StreamErrorIncoming::ConnectionErrorIncoming { connection_error: connection_error(error) }
        }
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}
