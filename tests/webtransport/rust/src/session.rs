//! What the cases need of a client: one session, and the two halves of its streams.

use std::error::Error;
use std::fmt;

use crate::target::Target;

/// Why a case did not pass.
#[derive(Debug)]
pub struct Trouble {
    /// An error, and what caused it.
    pub text: String,
    /// Whether the client has no way to do what the case wants.
    pub is_inability: bool,
}

/// A case did not pass, because of this.
pub fn failed(text: impl Into<String>) -> Trouble {
    Trouble { text: text.into(), is_inability: false }
}

/// The client has no way to do what the case wants.
pub fn unable(text: &str) -> Trouble {
    Trouble { text: text.to_owned(), is_inability: true }
}

impl<E: Error> From<E> for Trouble {
    fn from(error: E) -> Trouble {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        failed(text)
    }
}

/// A session of one library.
#[allow(async_fn_in_trait)] // Nothing is spawned on these futures.
pub trait Session: Sized {
    /// The crate, which is the client's name in the table.
    const CLIENT: &str;
    /// A stream to the server.
    type Send: SendHalf;
    /// A stream from the server.
    type Receive: ReceiveHalf;

    /// Opens a session on a connection of its own, and offers these subprotocols.
    async fn connect(target: &Target, path: &str, protocols: &[&str]) -> Result<Self, Trouble>;
    /// The subprotocol that the server chose.
    fn protocol(&self) -> Result<Option<String>, Trouble>;
    /// Opens a stream in both directions.
    async fn open_bi(&self) -> Result<(Self::Send, Self::Receive), Trouble>;
    /// Opens a stream in one direction.
    async fn open_uni(&self) -> Result<Self::Send, Trouble>;
    /// Waits for a stream in both directions that the server opens.
    async fn accept_bi(&self) -> Result<(Self::Send, Self::Receive), Trouble>;
    /// Waits for a stream that the server opens.
    async fn accept_uni(&self) -> Result<Self::Receive, Trouble>;
    /// Sends a datagram.
    fn send_datagram(&self, payload: &[u8]) -> Result<(), Trouble>;
    /// Waits for a datagram.
    async fn receive_datagram(&self) -> Result<Vec<u8>, Trouble>;
    /// Closes the session.
    fn close(&self, code: u32, reason: &str);
    /// Waits for the server to close the session, and answers code and reason.
    async fn closed(&self) -> Result<(u32, String), Trouble>;
}

/// A stream to the server.
#[allow(async_fn_in_trait)]
pub trait SendHalf {
    /// Writes all of it.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble>;
    /// Ends the stream.
    async fn finish(&mut self) -> Result<(), Trouble>;
    /// Ends the stream before its time.
    fn reset(&mut self, code: u32) -> Result<(), Trouble>;
    /// Waits for the server to want no more, and answers its code.
    async fn stopped(&mut self) -> Result<u32, Trouble>;
}

/// A stream from the server.
#[allow(async_fn_in_trait)]
pub trait ReceiveHalf {
    /// The next bytes, or `None` at the end of the stream.
    async fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError>;
    /// Wants no more.
    fn stop(self, code: u32) -> Result<(), Trouble>;
}

/// Why nothing more can be read.
#[derive(Debug)]
pub enum ReadError {
    /// The server has reset the stream with a code of the application's.
    Reset(u32),
    /// Anything else.
    Other(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Reset(code) => write!(f, "the stream was reset with {code}"),
            ReadError::Other(error) => f.write_str(error),
        }
    }
}

impl Error for ReadError {}

/// The next bytes of a stream until it ends.
pub async fn read_to_end(stream: &mut impl ReceiveHalf) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    while let Some(more) = stream.read().await? {
        bytes.extend(more);
    }
    Ok(bytes)
}
