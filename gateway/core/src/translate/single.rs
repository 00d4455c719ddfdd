//! Holds a request to its one message.

use bytes::Bytes;

use crate::message::{Borders, Side};
use crate::protocol::{Decoder, Frames};
use crate::status::{Flag, Status};

/// Passes on a request that has exactly one message, and refuses every other.
///
/// The chunk that the message ends in waits for the end of the request: an upstream could answer the first message
/// before the second has come.
pub(super) struct Single {
    client: Box<dyn Decoder>,
    borders: Borders,
    last: Bytes,
    /// Whether what is said at the end was said.
    is_over: bool,
}

impl Single {
    pub(super) fn new(client: Box<dyn Decoder>) -> Single {
        // Whoever takes the frames knows the limit.
        Single { client, borders: Borders::new(Side::Client, 0), last: Bytes::new(), is_over: false }
    }

    fn pass(&mut self, mut frames: Frames, out: &mut Frames) -> Result<(), Status> {
        while let Some(chunk) = frames.pop() {
            self.borders.pass(&chunk)?;
            if self.borders.messages() > 1 {
                return Err(refused("the method takes one request message, and several came"));
            }
            if self.borders.messages() == 0 || self.borders.in_payload() {
                out.push(chunk);
            } else if self.last.is_empty() {
                self.last = chunk;
            }
            // Else it is a part of a second prefix, which is refused when it is whole or the request ends.
        }
        if self.client.is_ended() { self.finish(out) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut Frames) -> Result<(), Status> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(());
        }
        self.borders.end()?;
        if self.borders.messages() == 0 {
            return Err(refused("the method takes one request message, and none came"));
        }
        out.push(std::mem::take(&mut self.last));
        Ok(())
    }
}

/// Source: <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>, "Request cardinality violation".
fn refused(what: &'static str) -> Status {
    Status::unimplemented(what).with_flag(Flag::ClientProtocolError)
}

impl Decoder for Single {
    fn limit(&mut self, max_message: u32) {
        self.client.limit(max_message);
    }

    fn step(&self) -> usize {
        self.client.step()
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        let mut frames = Frames::default();
        self.client.data(bytes, &mut frames)?;
        self.pass(frames, out)
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        let mut frames = Frames::default();
        self.client.end(&mut frames)?;
        self.pass(frames, out)?;
        self.finish(out)
    }

    fn is_ended(&self) -> bool {
        self.client.is_ended()
    }
}
