//! Streams on their way from the demultiplexer to `h3`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::shared::lock;

/// Makes both ends of a queue for so many items.
///
/// A channel of tokio has room for 32 items from the start, which are ten kilobytes of streams for every connection; most
/// connections have nothing on its way here most of the time.
pub(crate) fn handoff<T>(capacity: usize) -> (Giver<T>, Taker<T>) {
    let queue = Arc::new(Mutex::new(Queue { items: VecDeque::new(), capacity, closed: false, taker: None }));
    (Giver(Arc::clone(&queue)), Taker(queue))
}

struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// One of the ends has been dropped.
    closed: bool,
    taker: Option<Waker>,
}

/// The end of the demultiplexer.
pub(crate) struct Giver<T>(Arc<Mutex<Queue<T>>>);

/// The end of `h3`.
pub(crate) struct Taker<T>(Arc<Mutex<Queue<T>>>);

impl<T> Giver<T> {
    /// Hands an item over, or gives it back if there is no room or nobody to take it.
    pub(crate) fn give(&self, item: T) -> Result<(), T> {
        let mut queue = lock(&self.0);
        if queue.closed || queue.items.len() >= queue.capacity {
            return Err(item);
        }
        queue.items.push_back(item);
        let taker = queue.taker.take();
        drop(queue);
        if let Some(taker) = taker {
            taker.wake();
        }
        Ok(())
    }
}

impl<T> Taker<T> {
    /// The next item; `None` when there are no more and will be none.
    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut queue = lock(&self.0);
        if let Some(item) = queue.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        match &mut queue.taker {
            Some(taker) => taker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        queue.closed = true;
        let taker = queue.taker.take();
        drop(queue);
        if let Some(taker) = taker {
            taker.wake();
        }
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        queue.closed = true;
        let rest = std::mem::take(&mut queue.items);
        drop(queue);
        // What a stream does when it is dropped is not done with the lock held.
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn hands_over_in_order_up_to_the_end() {
        let (giver, mut taker) = handoff(2);
        assert_eq!((giver.give(1), giver.give(2), giver.give(3)), (Ok(()), Ok(()), Err(3)));
        let mut take = async || poll_fn(|cx| taker.poll_take(cx)).await;
        assert_eq!((take().await, take().await), (Some(1), Some(2)));
        assert_eq!(tokio::join!(take(), async { giver.give(4) }), (Some(4), Ok(())));
        assert_eq!(tokio::join!(take(), async { drop(giver) }), (None, ()));
    }

    #[test]
    fn gives_back_what_nobody_takes() {
        let (giver, taker) = handoff(2);
        let item = Arc::new(());
        giver.give(Arc::clone(&item)).unwrap();
        drop(taker);
        assert_eq!(Arc::strong_count(&item), 1);
        assert!(giver.give(item).is_err());
    }
}
