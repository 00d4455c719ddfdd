//! Parts that most protocols need when they open a call.

use super::*;
use crate::deadline::parse_timeout;
use crate::metadata::{name, strip_hop_by_hop};

/// What gRPC-like request headers say, taken out of them. The rest is metadata.
pub(crate) struct GrpcHeaders {
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) timeout: Result<Option<Duration>, Status>,
    pub(crate) encoding: Option<HeaderValue>,
    pub(crate) accept_encoding: Option<HeaderValue>,
}

/// Takes the headers that `PROTOCOL-HTTP2.md` reserves out of `headers`, and those of the hop.
pub(crate) fn take_grpc_headers(headers: &mut HeaderMap) -> GrpcHeaders {
    let content_type = headers.remove(http::header::CONTENT_TYPE);
    strip_hop_by_hop(headers);
    let timeout = match headers.remove(name::GRPC_TIMEOUT) {
        None => Ok(None),
        Some(value) => parse_timeout(value.as_bytes())
            .map(Some)
            .map_err(|bad| Status::internal(bad.to_string()).with_flag(Flag::ClientProtocolError)),
    };
    GrpcHeaders {
        content_type,
        timeout,
        encoding: headers.remove(name::GRPC_ENCODING),
        accept_encoding: take_list(headers, name::GRPC_ACCEPT_ENCODING),
    }
}

/// Takes out a field that may stand on several lines, which mean the same as one.
fn take_list(headers: &mut HeaderMap, name: HeaderName) -> Option<HeaderValue> {
    let several = headers.get_all(&name).iter().nth(1).is_some();
    let joined = several.then(|| {
        let lines: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        // Values and commas are a valid value.
        HeaderValue::from_bytes(&lines.join(&b","[..])).ok()
    });
    let only = headers.remove(name);
    joined.flatten().or(only)
}

/// Opens a call whose headers were gRPC's; what is left of them in `head` is metadata. `content_type` stands in
/// when the client gave none.
pub(crate) fn call(
    head: Head,
    reserved: GrpcHeaders,
    content_type: HeaderValue,
    decoder: Box<dyn Decoder>,
    encoder: Box<dyn Encoder>,
) -> Result<Opened, Reply> {
    let (path, timeout) = match (method_path(head.path), reserved.timeout) {
        (Ok(path), Ok(timeout)) => (path, timeout),
        (Err(refused), _) | (_, Err(refused)) => return Err(Reply::Status(refused, encoder)),
    };
    Ok(Opened {
        path,
        metadata: head.headers,
        content_type: reserved.content_type.unwrap_or(content_type),
        encoding: reserved.encoding,
        accept_encoding: reserved.accept_encoding,
        timeout,
        decoder,
        encoder,
    })
}

/// The answer to any method but POST.
pub(crate) fn only_post() -> Reply {
    let allow = HeaderMap::from_iter([(http::header::ALLOW, HeaderValue::from_static("POST"))]);
    Reply::Http(StatusCode::METHOD_NOT_ALLOWED, allow)
}

/// Checks the path of a call.
pub(crate) fn method_path(path: PathAndQuery) -> Result<MethodPath, Status> {
    MethodPath::parse(path)
        .ok_or_else(|| Status::new(Code::Unimplemented, "the path names no method").with_flag(Flag::NoRoute))
}
