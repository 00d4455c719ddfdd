//! A connection on which short writes wait for a flush.
//!
//! Pingora writes a response's head and its body apart and flushes where it matters. Without a buffer below, a short
//! response is two packets, and so twice the system calls; and a client may act on the first of them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};

/// Bytes that wait at most: what one packet holds, more or less. Longer writes go out at once.
const CAPACITY: usize = 1460;

/// A connection on which short writes wait for a flush.
#[derive(Debug)]
pub(super) struct Buffered<S: AsyncWrite>(BufWriter<S>);

impl<S: AsyncWrite> Buffered<S> {
    pub(super) fn new(io: S) -> Buffered<S> {
        Buffered(BufWriter::with_capacity(CAPACITY, io))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

#[async_trait]
impl<S: Shutdown + AsyncWrite + Unpin + Send> Shutdown for Buffered<S> {
    async fn shutdown(&mut self) {
        // An error means that the client is gone, and with it the need for what waits.
        let _ = self.0.flush().await;
        Shutdown::shutdown(self.0.get_mut()).await;
    }
}

impl<S: UniqueID + AsyncWrite> UniqueID for Buffered<S> {
    fn id(&self) -> UniqueIDType {
        self.0.get_ref().id()
    }
}

impl<S: Ssl + AsyncWrite> Ssl for Buffered<S> {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.0.get_ref().get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.0.get_ref().selected_alpn_proto()
    }
}

impl<S: GetTimingDigest + AsyncWrite> GetTimingDigest for Buffered<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.0.get_ref().get_timing_digest()
    }

    fn get_read_pending_time(&self) -> std::time::Duration {
        self.0.get_ref().get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> std::time::Duration {
        self.0.get_ref().get_write_pending_time()
    }
}

impl<S: GetProxyDigest + AsyncWrite> GetProxyDigest for Buffered<S> {
    fn get_proxy_digest(&self) -> Option<Arc<pingora_core::protocols::raw_connect::ProxyDigest>> {
        self.0.get_ref().get_proxy_digest()
    }
}

impl<S: GetSocketDigest + AsyncWrite> GetSocketDigest for Buffered<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.0.get_ref().get_socket_digest()
    }
}

impl<S: AsyncWrite> Peek for Buffered<S> {}
