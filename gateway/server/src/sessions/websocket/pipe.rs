//! Bytes from one connection to another.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::sessions::moved::{From, Moved};

/// Bytes read at once, and so what a direction holds at most.
const CHUNK: usize = 16 << 10;

/// Carries one direction to its end, and then ends it on the other side. `ahead` is what was read of it already. The error
/// says whose connection broke.
pub(super) async fn direction<R, W>(
    from: &mut R,
    to: &mut W,
    ahead: Bytes,
    side: From,
    moved: &Moved,
) -> Result<(), From>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = ahead;
    loop {
        if !chunk.is_empty() {
            // Nothing is read meanwhile: that is the back-pressure.
            to.write_all(&chunk).await.map_err(|_| side.other())?;
            to.flush().await.map_err(|_| side.other())?;
            moved.bytes(side, chunk.len());
        }
        chunk = read(from).await.map_err(|_| side)?;
        if chunk.is_empty() {
            return to.shutdown().await.map_err(|_| side.other());
        }
    }
}

/// The next bytes; none at the end. A WebSocket that waits for some holds no buffer for them.
async fn read<R: AsyncRead + Unpin>(from: &mut R) -> std::io::Result<Bytes> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::uninit(); CHUNK];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *from).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled())))
    })
    .await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;
    use crate::observe::metrics::Metrics;

    fn moved() -> Moved {
        Moved::new(Metrics::new().unwrap().proxied.of("r", "c", "websocket"))
    }

    #[tokio::test]
    async fn carries_everything_and_the_end() {
        let (mut client, mut from) = duplex(64);
        let (mut to, mut upstream) = duplex(64);
        let moved = moved();
        let carried = direction(&mut from, &mut to, Bytes::from_static(b"ahead,"), From::Client, &moved);
        let bytes = vec![7; 100_000];
        let send = async {
            client.write_all(&bytes).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let receive = async {
            let mut received = Vec::new();
            upstream.read_to_end(&mut received).await.unwrap();
            received
        };
        let (carried, (), received) = tokio::join!(carried, send, receive);
        carried.unwrap();
        assert_eq!(received, [b"ahead,".as_slice(), &bytes].concat());
        assert_eq!(moved.received(), received.len() as u64);
    }

    #[tokio::test]
    async fn a_reader_that_stalls_stops_the_writer() {
        let (mut client, mut from) = duplex(64);
        let (mut to, upstream) = duplex(64);
        let moved = moved();
        let sent = std::cell::Cell::new(0);
        let endless = async {
            while client.write_all(&[0; 64]).await.is_ok() {
                sent.set(sent.get() + 64);
            }
        };
        let carried = direction(&mut from, &mut to, Bytes::new(), From::Client, &moved);
        let mut both = std::pin::pin!(async {
            tokio::select! {
                () = endless => panic!("the reader is there"),
                carried = carried => carried,
            }
        });
        // Nothing moves any more once every buffer is full.
        for _ in 0..1000 {
            assert!(futures_util::poll!(both.as_mut()).is_pending());
        }
        assert!(sent.get() <= 3 * 64 + CHUNK, "{}", sent.get());
        drop(upstream);
        assert_eq!(both.await, Err(From::Upstream));
    }
}
