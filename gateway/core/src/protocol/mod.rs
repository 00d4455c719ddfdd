//! Client protocols: how each turns its bytes into a call, and a call's events back into bytes.
//!
//! A protocol is one file here and one line in [`ALL`]. It is sans-IO: fed the same bytes whole, byte by byte or split
//! anywhere, it gives the same frames.
//!
//! ```text
//! client bytes ── Decoder ──► gRPC frames ──► upstream
//! client wire  ◄── Encoder ── head, gRPC frames, end ◄── upstream
//! ```
//!
//! An encoder's effects go into an [`Outbox`]. A streaming protocol pushes its head there at once; a unary one holds
//! it until the end, when it knows the HTTP status. So a protocol never asks "was the head sent already?".

pub(crate) mod connect;
pub mod connect_get;
pub mod connect_stream;
pub mod connect_unary;
pub mod connect_wt;
#[cfg(any(test, fuzzing))]
#[expect(clippy::unwrap_used, reason = "a fuzzer looks for what panics")]
pub(crate) mod fuzzing;
pub mod grpc;
pub mod grpc_web;
pub mod grpc_websockets;
pub mod grpc_ws;
pub mod grpc_wt;
mod header_block;
pub(crate) mod opening;
pub mod rest;
#[cfg(test)]
mod tests;
mod trailers;
pub mod websocket;
pub mod webtransport;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::call::{End, ResponseHead, Transport};
use crate::path::MethodPath;
use crate::schema::{Method as SchemaMethod, Schema};
use crate::status::{Code, Flag, Status};
use crate::wire::{Reset, ResponseHeaders};
pub(crate) use trailers::put_status;
pub use trailers::take_status;
use trailers::{append_all, append_renamed};

/// Every client protocol. The first whose `recognise` says yes gets the request.
pub const ALL: &[Protocol] = &[
    grpc::PROTOCOL,
    grpc_web::PROTOCOL,
    connect_stream::PROTOCOL,
    connect_get::PROTOCOL,
    connect_unary::PROTOCOL,
    connect_wt::PROTOCOL,
    grpc_wt::PROTOCOL,
    grpc_websockets::PROTOCOL,
    grpc_ws::PROTOCOL,
    rest::PROTOCOL,
];

/// One client protocol.
#[derive(Clone, Copy)]
pub struct Protocol {
    /// The name in logs and the `client_protocol` label.
    pub name: &'static str,
    /// Whether a client is held to the one message that its method takes, if it takes one. The others leave that to the
    /// upstream, or cannot send more.
    pub holds_to_one_request: bool,
    /// Whether this request speaks it.
    pub recognise: fn(&Head, &Services<'_>) -> bool,
    /// Opens the call, or says how to answer instead.
    pub open: fn(Head, &Services<'_>) -> Result<Opened, Reply>,
}

impl std::fmt::Debug for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The protocol this request speaks; `None` when it is not an RPC.
pub fn recognise(head: &Head, services: &Services<'_>) -> Option<&'static Protocol> {
    ALL.iter().find(|protocol| (protocol.recognise)(head, services))
}

/// What the gateway serves at the host that a request is for.
#[derive(Clone, Copy)]
pub struct Services<'a> {
    /// What is known of the services, wherever they are served.
    pub schema: &'a Schema,
    /// Whether some route takes calls with this path.
    pub has_route: &'a dyn Fn(&MethodPath) -> bool,
}

impl<'a> Services<'a> {
    /// Services that are served at every host.
    pub fn everywhere(schema: &'a Schema) -> Services<'a> {
        Services { schema, has_route: &|_| true }
    }

    /// The method with this path, if it is known and served here.
    pub fn method(&self, path: &MethodPath) -> Option<&'a Arc<SchemaMethod>> {
        self.schema.method(path).filter(|_| (self.has_route)(path))
    }
}

/// Whether a request that speaks none of the protocols is still meant as an RPC: native gRPC over HTTP/1.1, or a
/// content type of gRPC's family that nobody knows. HTTP's answer to it is 415.
pub fn looks_like_rpc(head: &Head) -> bool {
    let content_type = head.headers.get(http::header::CONTENT_TYPE);
    content_type.is_some_and(|value| strip_type(value.as_bytes(), "application/grpc").is_some())
}

/// The rest of a content type after this prefix, which is compared without regard to case.
pub(crate) fn strip_type<'a>(content_type: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = content_type.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

/// The `+codec` at the start of what follows a type, without parameters; empty when there is none.
pub(crate) fn codec_suffix(rest: &[u8]) -> &[u8] {
    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
    match rest.get(..end).unwrap_or_default().trim_ascii_end() {
        codec @ [b'+', _, ..] => codec,
        _ => &[],
    }
}

/// The head of a request, as its transport delivered it.
#[derive(Debug)]
pub struct Head {
    /// The HTTP method; `POST` on transports that have none.
    pub method: Method,
    /// Path and query, unchecked.
    pub path: PathAndQuery,
    /// The header fields.
    pub headers: HeaderMap,
    /// What carries the request.
    pub transport: Transport,
}

/// A call that may begin.
pub struct Opened {
    /// What is called.
    pub path: MethodPath,
    /// The request's metadata.
    pub metadata: HeaderMap,
    /// The codec of the messages, as a gRPC content type.
    pub content_type: HeaderValue,
    /// How the client's compressed messages are compressed.
    pub encoding: Option<HeaderValue>,
    /// What the client can decompress.
    pub accept_encoding: Option<HeaderValue>,
    /// How long the client gives the call.
    pub timeout: Option<Duration>,
    /// Turns the client's bytes into gRPC frames.
    pub decoder: Box<dyn Decoder>,
    /// Turns the response into the client's bytes.
    pub encoder: Box<dyn Encoder>,
}

/// The answer to a request that opens no call.
pub enum Reply {
    /// A status, rendered by the protocol's own encoder.
    Status(Status, Box<dyn Encoder>),
    /// An HTTP response without a body, where the protocol demands one (415 for an unknown codec).
    Http(StatusCode, HeaderMap),
}

/// Turns what the client sends into gRPC frames (5-byte prefix and payload, cut anywhere).
pub trait Decoder: Send {
    /// Says how large a message may be, in bytes, before anything else: whoever gathers one stops there.
    fn limit(&mut self, _max_message: u32) {}
    /// How many bytes to give it at a time. Where bytes are decompressed these are few: some may stand for a whole message
    /// each, and what they stand for is held at once.
    fn step(&self) -> usize {
        usize::MAX
    }
    /// Takes the client's next bytes.
    fn data(&mut self, bytes: Bytes, out: &mut Frames) -> Result<(), Status>;
    /// The client has ended its direction.
    fn end(&mut self, out: &mut Frames) -> Result<(), Status>;
    /// Whether the client has ended its direction within its bytes, before its transport says so.
    fn is_ended(&self) -> bool {
        false
    }
}

/// Turns a response into what the client's wire carries. Exactly one of `end`, `trailers_only` and `abort` is called,
/// last.
pub trait Encoder: Send {
    /// Says how large a message may be uncompressed, in bytes, before anything else: whoever decompresses one stops
    /// there. 0 means none is too large.
    fn limit(&mut self, _max_message: u32) {}
    /// The upstream's initial metadata.
    fn head(&mut self, head: ResponseHead, out: &mut Outbox);
    /// The next bytes of the upstream's gRPC frames, cut anywhere.
    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status>;
    /// The call ends after a head.
    fn end(&mut self, end: End, out: &mut Outbox);
    /// The call ends without a head or a message: refused by the gateway, or so by the upstream. `head` holds what
    /// filters add to a response of any kind, such as CORS headers.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox);
    /// What is sent between two messages when nothing else was sent for a while, so that nobody on the way takes the
    /// response for dead. `None` where the protocol has no such thing.
    fn keep_alive(&self) -> Option<&'static [u8]> {
        None
    }
    /// Whether an upstream's reset is passed on as a reset even before a head, code and all. Native gRPC clients know
    /// what it means; the others are told a status.
    fn passes_resets(&self) -> bool {
        false
    }
    /// The call broke off after a head. A protocol that can still write its end at this point does so; the others
    /// reset.
    fn abort(&mut self, abort: Abort, out: &mut Outbox) {
        if abort.mid_message {
            out.end(Ending::Reset(Reset { code: abort.end.status.code, ..abort.reset }));
        } else {
            self.end(abort.end, out);
        }
    }
}

/// How a response broke off.
#[derive(Debug)]
pub struct Abort {
    /// The status and trailers the client should be told of.
    pub end: End,
    /// The reset of the upstream's stream, or the one that fits the status.
    pub reset: Reset,
    /// Whether the client has received a part of a message.
    pub mid_message: bool,
    /// Whether the upstream reset its stream; a native client is then given the same code.
    pub by_upstream: bool,
}

/// gRPC frames on their way upstream. One chunk costs no allocation.
#[derive(Debug, Default)]
pub struct Frames {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Frames {
    /// Appends bytes; empty ones are dropped.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
        } else if self.first.is_none() {
            self.first = Some(bytes);
        } else {
            self.rest.push_back(bytes);
        }
    }

    /// The bytes that go next.
    pub fn front_mut(&mut self) -> Option<&mut Bytes> {
        self.first.as_mut()
    }

    /// Takes the bytes that go next.
    pub fn pop(&mut self) -> Option<Bytes> {
        let first = self.first.take();
        self.first = self.rest.pop_front();
        first
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Makes one chunk of several short ones, if they are no longer than `limit` together. Each chunk costs a frame on
    /// the wire and its share of bookkeeping; above about a kilobyte that is less than copying it.
    pub fn merge(&mut self, limit: usize) {
        const SHORT: usize = 1024;
        if self.rest.is_empty() {
            return;
        }
        let total: usize = self.iter().map(Bytes::len).sum();
        if total > limit || total > self.len() * SHORT {
            return;
        }
        let mut merged = BytesMut::with_capacity(total);
        self.iter().for_each(|chunk| merged.extend_from_slice(chunk));
        self.rest.clear();
        self.first = Some(merged.freeze());
    }

    /// How many chunks wait.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// The chunks that wait, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.first.iter().chain(&self.rest)
    }
}

/// What an encoder wants on the client's wire, in this order: head, data, ending.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The head, once.
    pub head: Option<Box<ResponseHeaders>>,
    /// Bytes of the body.
    pub data: Frames,
    /// How the response ends; after it nothing is pushed.
    pub ending: Option<Ending>,
}

impl Outbox {
    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.data.is_empty() && self.ending.is_none()
    }

    /// Sends the head.
    pub fn head(&mut self, status: StatusCode, headers: HeaderMap) {
        self.head = Some(Box::new(ResponseHeaders { status, headers }));
    }

    /// Sends bytes of the body.
    pub fn data(&mut self, bytes: Bytes) {
        self.data.push(bytes);
    }

    /// Ends the response.
    pub fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }
}

/// How a response ends on the client's wire.
#[derive(Debug)]
pub enum Ending {
    /// With the last byte.
    Clean,
    /// With HTTP trailers.
    Trailers(HeaderMap),
    /// Abruptly.
    Reset(Reset),
}
