//! The protocols that give every call a stream of a WebTransport session. A stream's first byte tells them apart.

use bytes::Bytes;

use super::{Head, Protocol, Reply, connect_wt, grpc_wt};

/// Reads the first frame of a stream, fed in any pieces, in whichever protocol it is.
#[derive(Debug)]
pub struct Opening {
    speaks_connect: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first byte.
    Unknown,
    GrpcWt(grpc_wt::Opening),
    ConnectWt(connect_wt::Opening),
}

/// A stream that opens no call.
pub struct Refusal {
    /// What the client is told.
    pub reply: Reply,
    /// The code from [`grpc_wt::stream`] that stops what it still sends.
    pub stop: u32,
}

impl Opening {
    /// Starts before the first byte of a stream. `speaks_connect` says whether it may be Connect's.
    pub fn new(speaks_connect: bool) -> Opening {
        Opening { speaks_connect, state: State::Unknown }
    }

    /// The protocol, as far as is known.
    pub fn protocol(&self) -> &'static Protocol {
        match self.state {
            State::Unknown | State::GrpcWt(_) => &grpc_wt::PROTOCOL,
            State::ConnectWt(_) => &connect_wt::PROTOCOL,
        }
    }

    /// Takes the stream's next bytes. Once the frame is whole, it gives the head of the request and the bytes after the
    /// frame, and nothing more may be fed.
    pub fn data(&mut self, bytes: Bytes) -> Result<Option<(Head, Bytes)>, Refusal> {
        if let (State::Unknown, Some(&first)) = (&self.state, bytes.first()) {
            self.state = match self.speaks_connect && connect_wt::begins_with(first) {
                true => State::ConnectWt(connect_wt::Opening::default()),
                false => State::GrpcWt(grpc_wt::Opening::new()),
            };
        }
        match &mut self.state {
            State::Unknown => Ok(None),
            State::GrpcWt(opening) => opening.data(bytes).map_err(Refusal::from),
            State::ConnectWt(opening) => opening.data(bytes).map_err(Refusal::from),
        }
    }

    /// The stream has ended before the frame was whole.
    pub fn end(self) -> Refusal {
        match self.state {
            State::Unknown => grpc_wt::Opening::new().end().into(),
            State::GrpcWt(opening) => opening.end().into(),
            State::ConnectWt(opening) => opening.end().into(),
        }
    }
}

impl From<grpc_wt::Refusal> for Refusal {
    fn from(refusal: grpc_wt::Refusal) -> Refusal {
        Refusal { stop: refusal.stop, reply: refusal.into() }
    }
}

impl From<connect_wt::Refusal> for Refusal {
    fn from(refusal: connect_wt::Refusal) -> Refusal {
        Refusal { stop: refusal.stop, reply: refusal.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_decides() {
        let check = |speaks_connect, bytes: &'static [u8], want: &str| {
            let mut opening = Opening::new(speaks_connect);
            assert!(matches!(opening.data(Bytes::new()), Ok(None)));
            let _ = opening.data(Bytes::from_static(bytes));
            assert_eq!(opening.protocol().name, want, "{bytes:?}");
        };
        for first in [b"\x04", b"\x06", b"\x07"] {
            check(true, first, "connect_wt");
            check(false, first, "grpc_wt");
        }
        for first in [b"\x40", b"\x00", b"P", b"\x05"] {
            check(true, first, "grpc_wt");
        }
    }
}
