//! A sending half, for `h3`.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::quic::{self, StreamErrorIncoming, StreamId};
use quinn::WriteError;

use super::{connection_error, control, stream_id};
use crate::adapter::outgoing::Outgoing;
use crate::shared::{Shared, lock};

/// What `h3` writes to. A request's is shared with [`crate::H3Transmit`], which writes the body without `h3`.
pub(crate) struct SendHalf {
    stream: Arc<Mutex<Outgoing>>,
    id: StreamId,
    /// On the control stream: whose settings and GOAWAY are written in place of what `h3` knows.
    control: Option<Arc<Shared>>,
}

impl SendHalf {
    pub(crate) fn new(stream: Arc<Mutex<Outgoing>>, control: Option<Arc<Shared>>) -> SendHalf {
        let id = stream_id(lock(&stream).id());
        SendHalf { stream, id, control }
    }
}

impl quic::SendStream<Bytes> for SendHalf {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        lock(&self.stream).poll_flush(cx).map_err(write_error)
    }

    fn send_data<T: Into<quic::WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        let mut data: quic::WriteBuf<Bytes> = data.into();
        let bytes = data.copy_to_bytes(data.remaining());
        let bytes = match &self.control {
            Some(shared) => control::rewrite(bytes, shared),
            None => bytes,
        };
        lock(&self.stream).send(bytes);
        Ok(())
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let mut stream = lock(&self.stream);
        stream.finish();
        ready!(stream.poll_flush(cx)).map_err(write_error)?;
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self, code: u64) {
        lock(&self.stream).reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.id
    }
}

fn write_error(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        WriteError::ConnectionLost(error) => {
            StreamErrorIncoming::ConnectionErrorIncoming { connection_error: connection_error(error) }
        }
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}
