//! A bounded queue that both ends may give up.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::shared::lock;

/// What waits for the application.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: Mutex<Items<T>>,
    capacity: usize,
    arrived: Notify,
}

#[derive(Debug)]
struct Items<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Queue<T> {
        let items = Items { waiting: VecDeque::new(), closed: false };
        Queue { items: Mutex::new(items), capacity, arrived: Notify::new() }
    }

    /// Appends an item, or gives it back when the queue is full or closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut items = lock(&self.items);
        if items.closed || items.waiting.len() >= self.capacity {
            return Err(item);
        }
        items.waiting.push_back(item);
        drop(items);
        self.arrived.notify_one();
        Ok(())
    }

    /// Appends an item; gives back the oldest one if there is no room for both.
    pub(crate) fn push_newest(&self, item: T) -> Option<T> {
        let mut items = lock(&self.items);
        if items.closed {
            return Some(item);
        }
        let oldest = if items.waiting.len() >= self.capacity { items.waiting.pop_front() } else { None };
        items.waiting.push_back(item);
        drop(items);
        self.arrived.notify_one();
        oldest
    }

    /// The next item; `None` once the queue is closed. Dropping the future loses nothing.
    pub(crate) async fn pop(&self) -> Option<T> {
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            {
                let mut items = lock(&self.items);
                if let Some(item) = items.waiting.pop_front() {
                    // Notifications are not counted, so whoever else waits is told of the rest.
                    if !items.waiting.is_empty() {
                        self.arrived.notify_one();
                    }
                    return Some(item);
                }
                if items.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Ends the queue. What waits is given back, to be dropped without the lock.
    pub(crate) fn close(&self) -> VecDeque<T> {
        let mut items = lock(&self.items);
        items.closed = true;
        let rest = std::mem::take(&mut items.waiting);
        drop(items);
        self.arrived.notify_waiters();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_bounded_and_ends() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(1), queue.push(2), queue.push(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!(queue.push_newest(4), Some(1));
        assert_eq!((queue.pop().await, queue.pop().await), (Some(2), Some(4)));
        let waiting = queue.pop();
        assert!(queue.close().is_empty());
        assert_eq!(waiting.await, None);
        assert_eq!(queue.push(5), Err(5));
    }
}
