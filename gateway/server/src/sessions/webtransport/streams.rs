//! The streams that one side of a session opens.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sluicegate_core::wire::{Receive, Transmit};
use sluicegate_quic::{Session, StreamError, WtReceive, WtTransmit};

use crate::sessions::moved::{From, Moved};

/// Carries every stream that one side opens, until the session ends.
///
/// A stream that cannot be opened on the other side yet waits, and no other waits for it. How many wait is bounded by
/// how many streams their opener may have open.
pub(super) async fn carry(from: &Session, to: &Session, side: From, moved: &Moved) {
    let mut bidi = FuturesUnordered::new();
    let mut uni = FuturesUnordered::new();
    loop {
        tokio::select! {
            stream = from.accept_bi() => match stream {
                Some(stream) => bidi.push(both(stream, to, side, moved)),
                None => return,
            },
            stream = from.accept_uni() => match stream {
                Some(stream) => uni.push(one(stream, to, side, moved)),
                None => return,
            },
            Some(()) = bidi.next() => {}
            Some(()) = uni.next() => {}
        }
    }
}

/// Carries a bidirectional stream. Its two directions do not wait for each other.
async fn both(opened: (WtReceive, WtTransmit), to: &Session, side: From, moved: &Moved) {
    let (receive, transmit) = opened;
    let Some((back, forth)) = to.open_bi().await else { return };
    moved.stream();
    let _counted = moved.metrics.streams.begin();
    tokio::join!(direction(receive, forth, side, moved), direction(back, transmit, side.other(), moved),);
}

/// Carries a unidirectional stream.
async fn one(opened: WtReceive, to: &Session, side: From, moved: &Moved) {
    let Some(forth) = to.open_uni().await else { return };
    moved.stream();
    let _counted = moved.metrics.streams.begin();
    direction(opened, forth, side, moved).await;
}

/// How a direction ended before its time.
enum Broken {
    /// Its sender reset it.
    Reset(Option<u32>),
    /// Its receiver wants no more of it.
    Stopped(Option<u32>),
    /// The session is over, and the direction with it.
    Gone,
}

/// Carries one direction of a stream to its end: bytes as bytes, the end as the end, a reset as a reset and a stop as a
/// stop, with the codes of the applications.
async fn direction(mut from: WtReceive, mut to: WtTransmit, side: From, moved: &Moved) {
    match pump(&mut from, &mut to, side, moved).await {
        Ok(()) | Err(Broken::Gone) => {}
        Err(Broken::Reset(code)) => to.forward_reset(code),
        Err(Broken::Stopped(code)) => {
            from.forward_stop(code);
            // RFC 9000, section 3.5: a stop is answered with a reset, and its code is best passed back.
            to.forward_reset(code);
        }
    }
}

async fn pump(from: &mut WtReceive, to: &mut WtTransmit, side: From, moved: &Moved) -> Result<(), Broken> {
    while let Some(mut chunk) = read(from, to).await? {
        let bytes = chunk.len();
        while !chunk.is_empty() {
            // Nothing more is read until this has been taken, and so the sender's window is the back-pressure.
            let credit = room(from, to, chunk.len()).await?;
            let part = chunk.split_to(credit.min(chunk.len()));
            if to.send_data(part, false).is_err() {
                return Err(why(to).await);
            }
        }
        from.release(bytes);
        moved.bytes(side, bytes);
        // QUIC does not count against a task's turn, and one fast stream is not to keep a worker from all others.
        tokio::task::coop::consume_budget().await;
    }
    if to.send_data(Bytes::new(), true).is_err() || poll_fn(|cx| to.poll_flushed(cx)).await.is_err() {
        return Err(why(to).await);
    }
    Ok(())
}

/// The next bytes, unless their receiver wants none any more.
async fn read(from: &mut WtReceive, to: &mut WtTransmit) -> Result<Option<Bytes>, Broken> {
    poll_fn(|cx| {
        if let Poll::Ready(error) = to.poll_stopped(cx) {
            return Poll::Ready(Err(stopped(error)));
        }
        from.poll_data(cx).map_err(|_| reset(from.error().unwrap_or(StreamError::SessionGone)))
    })
    .await
}

/// Waits until bytes may be sent, and says how many.
async fn room(from: &mut WtReceive, to: &mut WtTransmit, wanted: usize) -> Result<usize, Broken> {
    poll_fn(|cx| {
        if let Poll::Ready(error) = to.poll_stopped(cx) {
            return Poll::Ready(Err(stopped(error)));
        }
        // A reset overtakes what was sent before it, also what waits here.
        if let Poll::Ready(error) = from.poll_reset(cx) {
            return Poll::Ready(Err(reset(error)));
        }
        // What fails here has failed for the reason that is told above, as soon as it is known there.
        match to.poll_credit(cx, wanted) {
            Poll::Ready(Ok(credit)) => Poll::Ready(Ok(credit)),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Why nothing can be sent.
async fn why(to: &mut WtTransmit) -> Broken {
    stopped(poll_fn(|cx| to.poll_stopped(cx)).await)
}

fn reset(error: StreamError) -> Broken {
    match error {
        StreamError::Peer(code) => Broken::Reset(code),
        StreamError::SessionGone => Broken::Gone,
    }
}

fn stopped(error: StreamError) -> Broken {
    match error {
        StreamError::Peer(code) => Broken::Stopped(code),
        StreamError::SessionGone => Broken::Gone,
    }
}
