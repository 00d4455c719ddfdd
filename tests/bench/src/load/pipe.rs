//! Messages there and back over one stream, whatever the stream is.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::Turns;
use crate::failure::{During, Failure};
use crate::payload::{Payload, nanoseconds_since};

/// A stream whose other end answers each message with itself.
pub(super) trait Pipe {
    /// Sends a framed message.
    async fn send(&mut self, framed: Bytes) -> Result<(), Failure>;
    /// The next answer, without its frame.
    async fn receive(&mut self) -> Result<Bytes, Failure>;
}

/// Takes turns until there are none left, and is at most `ahead` messages ahead of their answers.
pub(super) async fn exchange(
    pipe: &mut impl Pipe,
    payload: &Payload,
    ahead: usize,
    turns: &Turns,
    latencies: &mut Vec<u64>,
) -> Result<(), Failure> {
    let mut sent = VecDeque::with_capacity(ahead);
    loop {
        while sent.len() < ahead
            && let Some(number) = turns.take()
        {
            sent.push_back((number, Instant::now()));
            pipe.send(payload.message(number)).await?;
        }
        let Some((number, start)) = sent.pop_front() else { return Ok(()) };
        let answer = pipe.receive().await.during(format_args!("message {number}"))?;
        payload.check(number, &answer)?;
        latencies.push(nanoseconds_since(start));
    }
}
