//! The upstream half of a call: one HTTP/2 stream.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header, uri};
use sluicegate_core::call::Call;
use sluicegate_core::deadline::format_timeout;
use sluicegate_core::metadata::name;
use sluicegate_core::status::{Code, Flag, Status};
use sluicegate_core::upstream_protocol::RequestEncoder;
use sluicegate_core::wire::Reset;

use crate::upstream::endpoint::CallAtEndpoint;
use crate::upstream::{Endpoint, Lease};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// The upstream half of a call. Dropping it resets the stream unless both directions have ended.
pub(super) struct UpstreamStream {
    pub(super) send: SendStream<Bytes>,
    pub(super) response: ResponseFuture,
    pub(super) body: Option<RecvStream>,
    pub(super) lease: Lease,
    _at: CallAtEndpoint,
}

impl UpstreamStream {
    /// Opens a stream with the head of the call, in gRPC if there is no encoder. `end` says that the request has no
    /// body.
    pub(super) fn open(
        mut sender: SendRequest<Bytes>,
        lease: Lease,
        at: CallAtEndpoint,
        call: &Call,
        encoder: Option<&dyn RequestEncoder>,
        end: bool,
    ) -> Result<UpstreamStream, h2::Error> {
        let (response, send) = sender.send_request(request_head(call, encoder, at.endpoint()), end)?;
        Ok(UpstreamStream { send, response, body: None, lease, _at: at })
    }

    pub(super) fn reset(&mut self, reset: Reset) {
        self.send.send_reset(Reason::from(reset.reason));
    }
}

/// The head of the upstream request: the call's metadata, and what gRPC or the encoder's protocol demands.
fn request_head(call: &Call, encoder: Option<&dyn RequestEncoder>, endpoint: &Endpoint) -> Request<()> {
    let mut headers = HeaderMap::with_capacity(call.metadata.len() + 8);
    for (name, value) in &call.metadata {
        if crosses(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    let deadline = call.deadline.filter(|_| call.deadline_from_client);
    let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match encoder {
        None => put_grpc_fields(call, remaining, &mut headers),
        Some(encoder) => encoder.head(call, remaining, &mut headers),
    }
    headers.insert(X_FORWARDED_FOR, call.client.forwarded_for.clone());
    headers.insert(
        X_FORWARDED_PROTO,
        HeaderValue::from_static(if call.client.secure { "https" } else { "http" }),
    );
    if let Ok(host) = HeaderValue::from_str(&call.host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    let mut parts = uri::Parts::default();
    parts.scheme = Some(endpoint.scheme.clone());
    parts.authority = Some(endpoint.authority.clone());
    parts.path_and_query = Some(call.path.path_and_query().clone());
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    // Scheme, authority and path are all there, which is the only condition.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

/// Writes what gRPC itself says in a head.
fn put_grpc_fields(call: &Call, remaining: Option<Duration>, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, call.content_type.clone());
    headers.insert(header::TE, TRAILERS);
    if let Some(encoding) = &call.encoding {
        headers.insert(name::GRPC_ENCODING, encoding.clone());
    }
    if let Some(accept) = &call.accept_encoding {
        headers.insert(name::GRPC_ACCEPT_ENCODING, accept.clone());
    }
    if let Some(remaining) = remaining {
        headers.insert(name::GRPC_TIMEOUT, format_timeout(remaining));
    }
}

/// Whether a request's field reaches the upstream. Browsers' own fields do not, nor those of HTTP's own compression and
/// those that only responses have, and neither do those by which a gateway vouches for something: only the gateway
/// itself may write them.
fn crosses(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.as_bytes().first() {
        Some(b'x') => !(name.starts_with("x-envoy-") || name.starts_with("x-forwarded-")),
        Some(b'o') => name != "origin",
        Some(b'a') => !(name.starts_with("access-control-") || name == "accept-encoding"),
        Some(b'c') => name != "content-encoding",
        Some(b'g') => {
            !matches!(name, "grpc-status" | "grpc-message" | "grpc-status-details-bin" | "grpc-message-type")
        }
        Some(b's') => !name.starts_with("sec-"),
        Some(b'f') => name != "forwarded",
        _ => true,
    }
}

/// How an upstream stream failed.
pub(super) struct UpstreamFailure {
    /// What the client is told.
    pub(super) status: Status,
    /// The upstream's own reset.
    pub(super) reset: Option<Reset>,
    /// Whether the upstream has said that it processed nothing of the call.
    pub(super) unprocessed: bool,
}

impl UpstreamFailure {
    pub(super) fn new(error: &h2::Error) -> UpstreamFailure {
        let remote = error.is_remote();
        match error.reason() {
            Some(reason) if error.is_reset() && remote => {
                let reset = Reset::from_h2(reason.into());
                let status = Status::new(
                    reset.code,
                    format!("the upstream reset the stream: {}", reason.description()),
                );
                UpstreamFailure {
                    status: status.with_flag(Flag::UpstreamRemoteReset),
                    reset: Some(reset),
                    unprocessed: reason == Reason::REFUSED_STREAM,
                }
            }
            // Only the streams that a GOAWAY leaves out fail with it, and those were not processed whatever its reason is
            // (RFC 9113, section 6.8). The others go on until the connection ends.
            _ if error.is_go_away() && remote => UpstreamFailure {
                status: Status::unavailable("the upstream is going away")
                    .with_flag(Flag::UpstreamConnectionTermination),
                reset: None,
                unprocessed: true,
            },
            Some(reason) if !remote => UpstreamFailure {
                status: Status::new(
                    Code::Internal,
                    format!("the upstream broke HTTP/2: {}", reason.description()),
                )
                .with_flag(Flag::UpstreamProtocolError),
                reset: None,
                unprocessed: false,
            },
            _ => UpstreamFailure {
                status: Status::unavailable("the upstream's connection ended")
                    .with_flag(Flag::UpstreamConnectionTermination),
                reset: None,
                unprocessed: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gateway_vouches() {
        let check = |name: &'static str, want: bool| {
            assert_eq!(crosses(&HeaderName::from_static(name)), want, "{name}")
        };
        for kept in [
            "x-request-id",
            "authorization",
            "x-api-key",
            "accept-language",
            "signature",
            "from",
            "grpc-trace-bin",
            "grpc-previous-rpc-attempts",
            "cookie",
        ] {
            check(kept, true);
        }
        for dropped in [
            "origin",
            "sec-fetch-mode",
            "access-control-request-method",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-envoy-max-retries",
            "forwarded",
            "accept-encoding",
            "content-encoding",
            "grpc-status",
        ] {
            check(dropped, false);
        }
    }
}
