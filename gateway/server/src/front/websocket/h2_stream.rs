//! A stream of HTTP/2 as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both directions of a stream after its heads. Dropping it before both have ended resets the stream.
pub(super) struct H2Stream {
    send: SendStream<Bytes>,
    body: RecvStream,
    /// What was received and not read yet.
    received: Bytes,
}

impl H2Stream {
    pub(super) fn new(send: SendStream<Bytes>, body: RecvStream) -> H2Stream {
        H2Stream { send, body, received: Bytes::new() }
    }

    fn poll_capacity(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(wanted);
        match self.send.capacity() {
            0 => match ready!(self.send.poll_capacity(cx)) {
                Some(capacity) => Poll::Ready(capacity.map_err(io::Error::other)),
                // The stream is no longer sending: the client reset it.
                None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            },
            capacity => Poll::Ready(Ok(capacity)),
        }
    }
}

impl AsyncRead for H2Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.received.is_empty() {
            match ready!(this.body.poll_data(cx)) {
                Some(Ok(bytes)) => this.received = bytes,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let read = this.received.len().min(buf.remaining());
        buf.put_slice(this.received.get(..read).unwrap_or_default());
        this.received.advance(read);
        // Credit is given for what was read, so a reader that waits holds the client up. An error means that the stream is
        // over; there is nothing left to give credit for.
        let _ = this.body.flow_control().release_capacity(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for H2Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let written = ready!(this.poll_capacity(cx, bytes.len()))?.min(bytes.len());
        let part = Bytes::copy_from_slice(bytes.get(..written).unwrap_or_default());
        this.send.send_data(part, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection writes what it was given without being asked.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().send.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
