//! Fits an opened call to its upstream: where client and upstream differ in codec or compression, messages are changed
//! on the way.
//!
//! Protocols leave the messages alone; whatever a client speaks, this is the one place where they are changed. Filters
//! stand between here and the upstream and see what the upstream sees. Where nothing differs nothing is wrapped, and
//! bytes pass untouched.

mod measured;
mod request;
mod response;
mod single;

use std::sync::Arc;

use http::HeaderValue;

use crate::compression::Encoding;
use crate::metadata::name;
use crate::protocol::{Opened, grpc};
use crate::schema::Method;
use crate::status::{Flag, Status};

/// What is known of the upstream and the method when a call has found its route.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The method, if the schema knows it. Without it messages keep their codec.
    pub method: Option<&'a Arc<Method>>,
    /// What the upstream can decompress. Requests in other encodings that are known are sent uncompressed.
    pub upstream_encodings: &'a [Encoding],
    /// The largest request message in bytes, uncompressed; 0 means none is too large.
    pub max_request_message: u32,
    /// The largest response message in bytes, uncompressed; 0 means none is too large.
    pub max_response_message: u32,
    /// Whether a request of a known method is refused when it has no message or several, but must have one. Native gRPC
    /// leaves that to the upstream.
    pub holds_to_one_request: bool,
}

/// Makes an opened call one that its upstream understands.
///
/// - A client that speaks JSON calls a known method in binary, and is answered in JSON. Its messages go uncompressed;
///   those of the response are compressed as the upstream did if the client takes it.
/// - A request in a known encoding that is not one of the upstream's goes uncompressed.
/// - A compressed request that passes as it is is held to the limit for what it stands for.
/// - With [`Terms::holds_to_one_request`], a method that takes one request message is given exactly one.
///
/// What a wrapped request gets wrong ends the call: INTERNAL for a compressed message without an encoding,
/// UNIMPLEMENTED with a list of what is known for an unknown one, RESOURCE_EXHAUSTED for a message that is too large
/// when decompressed.
#[must_use]
pub fn fit(mut opened: Opened, terms: &Terms<'_>) -> Opened {
    let one_request =
        terms.method.filter(|method| terms.holds_to_one_request && method.kind.has_one_request());
    if one_request.is_some() {
        opened.decoder = Box::new(single::Single::new(opened.decoder));
    }
    let is_json = || grpc::codec(&opened.content_type).eq_ignore_ascii_case(b"+json");
    match terms.method.filter(|_| is_json()) {
        Some(method) => as_proto(opened, method, terms),
        None => mind_compression(opened, terms),
    }
}

/// A call in JSON as one in binary.
fn as_proto(opened: Opened, method: &Arc<Method>, terms: &Terms<'_>) -> Opened {
    let compression = Compression::named(opened.encoding.as_ref());
    let json = request::Codec::JsonToProto(method.clone());
    let request = request::Rewriting::new(opened.decoder, compression, json, terms.max_request_message);
    let accept_encoding = known_of(opened.accept_encoding.as_ref());
    let response = response::Rewriting::new(
        opened.encoder,
        method.clone(),
        opened.content_type,
        accept_encoding.clone(),
        terms.max_response_message,
    );
    Opened {
        content_type: HeaderValue::from_static("application/grpc+proto"),
        encoding: None,
        accept_encoding,
        decoder: Box::new(request),
        encoder: Box::new(response),
        ..opened
    }
}

fn mind_compression(opened: Opened, terms: &Terms<'_>) -> Opened {
    let compression = Compression::named(opened.encoding.as_ref());
    match compression {
        Compression::Known(encoding) if !terms.upstream_encodings.contains(&encoding) => {
            let same = request::Codec::Same;
            let request =
                request::Rewriting::new(opened.decoder, compression, same, terms.max_request_message);
            Opened { encoding: None, decoder: Box::new(request), ..opened }
        }
        Compression::Known(encoding) if !matches!(terms.max_request_message, 0 | u32::MAX) => {
            let measured = measured::Measured::new(opened.decoder, encoding, terms.max_request_message);
            Opened { decoder: Box::new(measured), ..opened }
        }
        _ => opened,
    }
}

/// What the compressed flag of a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    /// Nothing: no message may have it.
    None,
    /// This.
    Known(Encoding),
    /// Something that is not known here.
    Unknown,
}

impl Compression {
    /// What a `grpc-encoding` says.
    fn named(header: Option<&HeaderValue>) -> Compression {
        match header.map(|value| value.as_bytes().trim_ascii()) {
            None | Some(b"") => Compression::None,
            Some(value) if value.eq_ignore_ascii_case(b"identity") => Compression::None,
            Some(value) => Encoding::named(value).map_or(Compression::Unknown, Compression::Known),
        }
    }
}

/// What is known here of a list of encodings, in the same order; `None` when that is nothing.
fn known_of(list: Option<&HeaderValue>) -> Option<HeaderValue> {
    let mut known: Vec<&str> = Vec::new();
    for item in list?.as_bytes().split(|&byte| byte == b',') {
        let name = item.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if let Some(encoding) = Encoding::named(name)
            && crate::compression::accepts(list, encoding)
            && !known.contains(&encoding.as_str())
        {
            known.push(encoding.as_str());
        }
    }
    if known.is_empty() { None } else { HeaderValue::try_from(known.join(",")).ok() }
}

/// Why a request in an unknown encoding is refused.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/compression.md>, "Test cases".
fn unknown_encoding() -> Status {
    Status::unimplemented("the request's encoding is not known")
        .with_flag(Flag::ClientProtocolError)
        .with_metadata(name::GRPC_ACCEPT_ENCODING, Encoding::LIST)
}

#[cfg(test)]
mod tests;
