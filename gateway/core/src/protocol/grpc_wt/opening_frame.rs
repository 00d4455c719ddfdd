//! The first frame of a stream, the request's headers, from which everything else follows.

use bytes::{Buf, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::super::{Head, Reply, header_block};
use super::{MAX_BLOCK, broken, encoder, flags, stream, too_large};
use crate::call::Transport;
use crate::message::PREFIX;
use crate::metadata::is_hop_by_hop;
use crate::status::Status;

/// Reads the headers frame of a stream, fed in any pieces. It keeps no more than that frame.
#[derive(Debug, Default)]
pub struct Opening {
    started: BytesMut,
}

/// A stream that opens no call.
#[derive(Debug)]
pub struct Refusal {
    /// What the client is told, in trailers.
    pub status: Status,
    /// The code from [`stream`] that stops what it still sends.
    pub stop: u32,
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        Reply::Status(refusal.status, Box::new(encoder::Encoder))
    }
}

impl Refusal {
    fn broken(what: &'static str) -> Refusal {
        Refusal { status: broken(what), stop: stream::PROTOCOL_ERROR }
    }

    fn too_large() -> Refusal {
        Refusal { status: too_large(), stop: stream::HEADERS_TOO_LARGE }
    }
}

impl Opening {
    /// Starts before the first byte of a stream.
    pub fn new() -> Opening {
        Opening::default()
    }

    /// Takes the stream's next bytes. Once the frame is whole, it gives the head of the request and the bytes after
    /// the frame, and nothing more may be fed.
    pub fn data(&mut self, mut bytes: Bytes) -> Result<Option<(Head, Bytes)>, Refusal> {
        if self.started.is_empty() {
            // The usual case: the frame has come in one piece and is read where it stands.
            let Some(frame) = frame_length(&bytes)?.filter(|&frame| bytes.len() >= frame) else {
                self.started.extend_from_slice(&bytes);
                return Ok(None);
            };
            let block = bytes.split_to(frame);
            return Ok(Some((read(block.get(PREFIX..).unwrap_or_default())?, bytes)));
        }
        self.fill(PREFIX, &mut bytes);
        let Some(frame) = frame_length(&self.started)? else { return Ok(None) };
        self.fill(frame, &mut bytes);
        if self.started.len() < frame {
            return Ok(None);
        }
        Ok(Some((read(self.started.get(PREFIX..).unwrap_or_default())?, bytes)))
    }

    /// The stream has ended before the frame was whole.
    pub fn end(self) -> Refusal {
        Refusal::broken("the stream ended before the headers of a call")
    }

    fn fill(&mut self, length: usize, bytes: &mut Bytes) {
        let missing = length.saturating_sub(self.started.len()).min(bytes.len());
        self.started.extend_from_slice(&bytes.split_to(missing));
    }
}

/// The length of the headers frame that starts here, prefix included, once its prefix shows it.
fn frame_length(mut start: &[u8]) -> Result<Option<usize>, Refusal> {
    if start.first().is_some_and(|&flags| flags != flags::HEADERS) {
        return Err(Refusal::broken("the first frame of a stream must be headers"));
    }
    if start.len() < PREFIX {
        return Ok(None);
    }
    start.advance(1);
    match start.get_u32() as usize {
        length if length > MAX_BLOCK => Err(Refusal::too_large()),
        length => Ok(Some(PREFIX + length)),
    }
}

fn read(block: &[u8]) -> Result<Head, Refusal> {
    let mut lines = header_block::lines(block);
    let path = match lines.next().flatten() {
        Some(line) if line.name == b":path" => path(line.value)?,
        _ => return Err(Refusal::broken("a call's headers must start with :path")),
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let line = line.ok_or_else(|| Refusal::broken("a line of the headers is malformed"))?;
        match line.name {
            // The session has named the host, and its origin was checked against that.
            b":authority" => {}
            [b':', ..] => return Err(Refusal::broken("an unknown pseudo header")),
            name => append(name, line.value, &mut headers)?,
        }
    }
    Ok(Head { method: Method::POST, path, headers, transport: Transport::WebTransport })
}

fn path(value: &[u8]) -> Result<PathAndQuery, Refusal> {
    // Parsing would drop a fragment, and what is matched would not be what was sent.
    let path = if value.contains(&b'#') { None } else { PathAndQuery::try_from(value).ok() };
    path.ok_or_else(|| Refusal::broken("the path is not one"))
}

fn append(name: &[u8], value: &[u8], headers: &mut HeaderMap) -> Result<(), Refusal> {
    let name = HeaderName::from_bytes(name).map_err(|_| Refusal::too_large())?;
    if is_hop_by_hop(&name) {
        return Ok(());
    }
    let value = HeaderValue::from_bytes(value)
        .map_err(|_| Refusal::broken("a value of the headers has control characters"))?;
    headers.try_append(name, value).map_err(|_| Refusal::too_large())?;
    Ok(())
}
