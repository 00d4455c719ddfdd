//! The first frame of a stream, the request's headers.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;

use super::super::connect::{self, Codec};
use super::super::connect_stream::Stream;
use super::super::grpc_wt::{self, MAX_BLOCK, stream};
use super::super::{Head, Reply};
use super::{Encoder, HEADERS_FLAGS};
use crate::call::Transport;
use crate::message::PREFIX;
use crate::metadata::is_hop_by_hop;
use crate::status::Status;

/// The flags of headers, in the current version.
pub(super) const FLAGS: u8 = 0x06;

/// Reads the headers frame of a stream, fed in any pieces. It keeps no more than that frame.
#[derive(Debug, Default)]
pub struct Opening {
    started: BytesMut,
}

/// A stream that opens no call.
#[derive(Debug)]
pub struct Refusal {
    /// What the client is told, in the frame that ends the response.
    pub status: Status,
    /// The code from [`grpc_wt::stream`] that stops what it still sends.
    pub stop: u32,
    flags: u8,
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        let stream = Stream::new(Codec::Proto, None);
        Reply::Status(refusal.status, Box::new(Encoder { flags: refusal.flags, stream }))
    }
}

/// `{"metadata":{":path":["/package.Service/Method"],…}}`. Other members mean nothing.
#[derive(Deserialize)]
struct Headers {
    #[serde(default)]
    metadata: HashMap<String, Option<Values>>,
}

/// The values of a name: a list, or one alone, which the clients' own code takes as well.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    Several(Vec<String>),
    One(String),
}

impl Values {
    fn as_slice(&self) -> &[String] {
        match self {
            Values::Several(values) => values,
            Values::One(value) => std::slice::from_ref(value),
        }
    }
}

impl Opening {
    /// Takes the stream's next bytes, the first of which [`begins_with`](super::begins_with) has looked at. Once the frame
    /// is whole, it gives the head of the request and the bytes after the frame, and nothing more may be fed.
    pub fn data(&mut self, mut bytes: Bytes) -> Result<Option<(Head, Bytes)>, Refusal> {
        self.fill(PREFIX, &mut bytes);
        let Some(&[flags, a, b, c, d]) = self.started.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > MAX_BLOCK {
            let (status, stop) = (grpc_wt::too_large(), stream::HEADERS_TOO_LARGE);
            return Err(Refusal { status, stop, flags });
        }
        self.fill(PREFIX + length, &mut bytes);
        if self.started.len() < PREFIX + length {
            return Ok(None);
        }
        match read(flags, self.started.get(PREFIX..).unwrap_or_default()) {
            Ok(head) => Ok(Some((head, bytes))),
            Err(what) => Err(self.broken(what)),
        }
    }

    /// The stream has ended before the frame was whole.
    pub fn end(self) -> Refusal {
        self.broken("the stream ended before the headers of a call")
    }

    fn broken(&self, what: &'static str) -> Refusal {
        let flags = self.started.first().copied().unwrap_or(FLAGS);
        Refusal { status: connect::invalid(what), stop: stream::PROTOCOL_ERROR, flags }
    }

    fn fill(&mut self, length: usize, bytes: &mut Bytes) {
        let missing = length.saturating_sub(self.started.len()).min(bytes.len());
        self.started.extend_from_slice(&bytes.split_to(missing));
    }
}

fn read(flags: u8, json: &[u8]) -> Result<Head, &'static str> {
    let Headers { metadata } =
        serde_json::from_slice(json).map_err(|_| "the headers are not the JSON that they should be")?;
    let mut headers = HeaderMap::new();
    for (name, values) in &metadata {
        let Some(values) = values.as_ref().filter(|_| !name.starts_with(':')) else { continue };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a name of the headers is none")?;
        if is_hop_by_hop(&name) {
            continue;
        }
        for value in values.as_slice() {
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| "a value of the headers has control characters")?;
            headers.try_append(&name, value).map_err(|_| "there are too many headers")?;
        }
    }
    headers.insert(HEADERS_FLAGS, u16::from(flags).into());
    let path = match metadata.get(":path").and_then(Option::as_ref).map(Values::as_slice) {
        // Parsing would drop a fragment, and what is matched would not be what was sent.
        Some([path]) if !path.contains('#') => PathAndQuery::try_from(path.as_str()).ok(),
        _ => None,
    };
    let path = path.ok_or("the headers of a call must have one :path")?;
    Ok(Head { method: Method::POST, path, headers, transport: Transport::WebTransport })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::tests::map;
    use super::*;
    use crate::status::Code;
    use crate::testing::{feed_in_every_split, pieces};

    #[derive(Debug, PartialEq)]
    enum Seen {
        /// The path, the headers, the bytes after them.
        Head(String, HeaderMap, Bytes),
        Refused(Code, u32),
    }

    fn open(pieces: Vec<Bytes>) -> Seen {
        let refused = |refusal: Refusal| Seen::Refused(refusal.status.code, refusal.stop);
        let mut opening = Opening::default();
        let mut pieces = pieces.into_iter();
        while let Some(piece) = pieces.next() {
            match opening.data(piece) {
                Ok(None) => {}
                Ok(Some((head, rest))) => {
                    let after = std::iter::once(rest).chain(pieces).flatten().collect();
                    return Seen::Head(head.path.to_string(), head.headers, after);
                }
                Err(refusal) => return refused(refusal),
            }
        }
        refused(opening.end())
    }

    fn stream(json: &str) -> Vec<u8> {
        [&[FLAGS][..], &(json.len() as u32).to_be_bytes(), json.as_bytes(), b"after"].concat()
    }

    fn check(json: &str, headers: &[(&'static str, &str)]) {
        let mut want = map(headers);
        want.insert(HEADERS_FLAGS, HeaderValue::from_static("6"));
        let want = Seen::Head("/s.S/M".into(), want, Bytes::from_static(b"after"));
        assert_eq!(feed_in_every_split(&stream(json), open), want, "{json}");
    }

    #[test]
    fn reads_a_head() {
        check(r#"{"metadata":{":path":["/s.S/M"]}}"#, &[]);
        check(r#"{"metadata":{":path":"/s.S/M",":authority":["a"],"x":"1"},"y":{}}"#, &[("x", "1")]);
        check(
            r#" {"metadata":{"X-A":["1","2"],"Connection":["x-a"],"x-b":null,"x-c":[],":path":["/s.S/M"]}} "#,
            &[("x-a", "1"), ("x-a", "2")],
        );
        // Nobody passes for the gateway.
        check(r#"{"metadata":{":path":["/s.S/M"],"connect-headers-flags":["z"]}}"#, &[]);
    }

    #[test]
    fn refuses_the_rest() {
        let broken = Seen::Refused(Code::InvalidArgument, stream::PROTOCOL_ERROR);
        for json in [
            "",
            "{}",
            "[]",
            r#"{"metadata":{}}"#,
            r#"{"metadata":{":path":[]}}"#,
            r#"{"metadata":{":path":["/s.S/M","/s.S/N"]}}"#,
            r#"{"metadata":{":path":["/s.S/M#f"]}}"#,
            r#"{"metadata":{":path":["/s.S/M M"]}}"#,
            r#"{"metadata":{":path":["/s.S/M"],"a b":["1"]}}"#,
            r#"{"metadata":{":path":["/s.S/M"],"a":["\n"]}}"#,
            r#"{"metadata":{":path":["/s.S/M"],"a":[1]}}"#,
            r#"{"metadata":{":path":["/s.S/M"]}} {}"#,
        ] {
            assert_eq!(feed_in_every_split(&stream(json), open), broken, "{json}");
        }
        let whole = stream(r#"{"metadata":{":path":["/s.S/M"]}}"#);
        for length in 0..whole.len() - 5 {
            assert_eq!(open(vec![Bytes::copy_from_slice(&whole[..length])]), broken, "{length} bytes");
        }
        let too_large = Seen::Refused(Code::ResourceExhausted, stream::HEADERS_TOO_LARGE);
        assert_eq!(feed_in_every_split(&[FLAGS, 0, 0, 0x40, 1], open), too_large);
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            json in "(\\{\"metadata\":)?[{}\\[\\]:,\"a/ .\\\\n]{0,40}",
            cuts in prop::collection::vec(1usize..30, 0..20),
        ) {
            open(pieces(&bytes.into(), &cuts));
            let stream = Bytes::from(stream(&json));
            prop_assert_eq!(open(pieces(&stream, &cuts)), open(pieces(&stream, &[])));
        }
    }
}
