//! What is wrong with a request and only shows where messages still have borders.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sluicegate_core::protocol::{Decoder, Frames};
use sluicegate_core::status::Status;

/// The status that a request is to be refused with, once its connection has found out.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Status>>>);

impl Fault {
    /// Refuses the request. The request must be ended next, which is when this is looked at.
    pub(super) fn set(&self, status: Status) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(status);
    }

    fn take(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

/// A decoder whose request may end in a fault.
pub(super) struct Watched {
    decoder: Box<dyn Decoder>,
    fault: Fault,
}

impl Watched {
    pub(super) fn new(decoder: Box<dyn Decoder>, fault: Fault) -> Watched {
        Watched { decoder, fault }
    }
}

impl Decoder for Watched {
    fn limit(&mut self, max_message: u32) {
        self.decoder.limit(max_message);
    }

    fn step(&self) -> usize {
        self.decoder.step()
    }

    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        self.decoder.data(bytes, out)
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        match self.fault.take() {
            Some(status) => Err(status),
            None => self.decoder.end(out),
        }
    }

    fn is_ended(&self) -> bool {
        self.decoder.is_ended()
    }
}
