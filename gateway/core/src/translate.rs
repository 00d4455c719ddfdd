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

use crate::compression::{self, Encoding, MessageEncoding};
use crate::protocol::{Opened, grpc};
use crate::schema::Method;

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
    opened.encoder.limit(terms.max_response_message);
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
    let encoding = MessageEncoding::named(opened.encoding.as_ref());
    let json = request::Codec::JsonToProto(method.clone());
    let request = request::Rewriting::new(opened.decoder, encoding, json, terms.max_request_message);
    let accepted = compression::known(&opened.accept_encoding);
    let accept_encoding = compression::list(&accepted);
    let response = response::Rewriting::new(
        opened.encoder,
        method.clone(),
        opened.content_type,
        accepted,
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
    let encoding = MessageEncoding::named(opened.encoding.as_ref());
    match encoding {
        MessageEncoding::Known(known) if !terms.upstream_encodings.contains(&known) => {
            let same = request::Codec::Same;
            let request = request::Rewriting::new(opened.decoder, encoding, same, terms.max_request_message);
            Opened { encoding: None, decoder: Box::new(request), ..opened }
        }
        MessageEncoding::Known(known) if !matches!(terms.max_request_message, 0 | u32::MAX) => {
            let measured = measured::Measured::new(opened.decoder, known, terms.max_request_message);
            Opened { decoder: Box::new(measured), ..opened }
        }
        _ => opened,
    }
}

#[cfg(test)]
mod tests;
