//! REST with JSON: HTTP requests that `google.api.http` rules bind to methods.
//!
//! Source: <https://github.com/googleapis/googleapis/blob/master/google/api/http.proto>.

mod binding;
mod body;
mod decoder;
mod error;
mod http_body;
mod path;
mod query;
mod response;
mod rule;
mod split;
mod stream;
pub mod template;
#[cfg(test)]
mod tests;
mod trie;
mod unary;
mod value;

use http::header;

pub use self::binding::{BadRule, Binding, Bindings, Body, Verb};
use self::body::Mapping;
use self::error::bad_request;
use self::query::Settings;
use self::response::Messages;
use self::stream::Format;
use super::*;
use crate::compression::{BodyDecoder, Encoding};
use crate::deadline::parse_timeout;
use crate::metadata::{name, remove_names, strip_hop_by_hop};

pub(super) const PROTOCOL: Protocol = Protocol { name: "rest", holds_to_one_request: false, recognise, open };

/// The method that requests with this HTTP method and path call, if there is one and it is served here. A CORS
/// preflight asks so on behalf of the request to come.
pub fn target(verb: &Method, path: &str, services: &Services<'_>) -> Option<MethodPath> {
    match services.schema.bindings().find(verb, path, services.has_route)? {
        binding::Found::Binding(binding, _) => Some(binding.path.clone()),
        binding::Found::OtherVerbs(..) => None,
    }
}

fn recognise(head: &Head, services: &Services<'_>) -> bool {
    let carries_http = matches!(head.transport, Transport::Http1 | Transport::Http2 | Transport::Http3);
    let bindings = services.schema.bindings();
    if is_preflight(head) {
        // A preflight is not for the method, unless a binding says that it takes these requests too.
        return carries_http && target(&head.method, head.path.path(), services).is_some();
    }
    carries_http && bindings.take(head.path.path(), services.has_route)
}

/// Source: the Fetch standard, "CORS-preflight request".
fn is_preflight(head: &Head) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(header::ORIGIN)
        && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn open(mut head: Head, services: &Services<'_>) -> Result<Opened, Reply> {
    let found = services.schema.bindings().find(&head.method, head.path.path(), services.has_route);
    let (binding, variables) = match found {
        Some(binding::Found::Binding(binding, variables)) => (binding, variables),
        Some(binding::Found::OtherVerbs(allow)) => {
            let headers = HeaderMap::from_iter([(header::ALLOW, allow)]);
            return Err(Reply::Http(StatusCode::METHOD_NOT_ALLOWED, headers));
        }
        None => return Err(Reply::Http(StatusCode::NOT_FOUND, HeaderMap::new())),
    };
    let content_type = head.headers.remove(header::CONTENT_TYPE);
    let form = match body_form(&binding, content_type.as_ref(), &head.headers) {
        Some(form) => form,
        None => return Err(Reply::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, HeaderMap::new())),
    };
    let Ok(compressed) = BodyDecoder::for_request(&head.headers) else {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, Encoding::LIST)]);
        return Err(Reply::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, headers));
    };
    let encoder = encoder(&binding, &head);
    let settings = Settings::new(&binding, &variables, head.path.query().unwrap_or_default());
    let timeout = match head.headers.remove(name::GRPC_TIMEOUT) {
        None => Ok(None),
        Some(value) => parse_timeout(value.as_bytes()).map(Some).map_err(|bad| bad_request(bad.to_string())),
    };
    let (settings, timeout) = match (settings, timeout) {
        (Ok(settings), Ok(timeout)) => (settings, timeout),
        (Err(refused), _) | (_, Err(refused)) => return Err(Reply::Status(refused, encoder)),
    };
    let content_type = content_type.and_then(|value| value.to_str().ok().map(str::to_owned));
    let mapping = Mapping::new(binding.clone(), settings, content_type.unwrap_or_default(), &head.method);
    let mut decoder: Box<dyn Decoder> = match form {
        Form::One => Box::new(decoder::One::new(mapping)),
        Form::Many { takes_array } => Box::new(decoder::Many::new(mapping, takes_array)),
        Form::Raw => Box::new(decoder::Raw::new(mapping)),
    };
    if let Some(body) = compressed {
        decoder = Box::new(decoder::Compressed::new(body, decoder));
    }
    keep_metadata(&mut head.headers);
    Ok(Opened {
        path: binding.path.clone(),
        metadata: head.headers,
        content_type: HeaderValue::from_static("application/grpc+proto"),
        encoding: None,
        accept_encoding: None,
        timeout,
        decoder,
        encoder,
    })
}

/// How messages stand in the body of a request.
enum Form {
    /// All of it is one.
    One,
    /// JSON values, one after the other or in an array.
    Many { takes_array: bool },
    /// Bytes as they are, cut anywhere.
    Raw,
}

/// The form of a body of this content type. `None` means that the method cannot read it.
fn body_form(binding: &Binding, content_type: Option<&HeaderValue>, headers: &HeaderMap) -> Option<Form> {
    let has_one = binding.method.kind.has_one_request();
    let is_raw = match &binding.body {
        // A content type may stand there without a body.
        Body::None => return Some(Form::One),
        Body::Whole => http_body::is_http_body(&binding.method.input()),
        Body::Field(field) => http_body::holds_http_body(field),
    };
    if is_raw {
        return Some(if has_one { Form::One } else { Form::Raw });
    }
    let is_empty = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    let media_type = content_type.map(|value| {
        let name = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
        name.trim_ascii().to_ascii_lowercase()
    });
    match media_type.as_deref() {
        None if has_one => Some(Form::One),
        None => Some(Form::Many { takes_array: true }),
        Some(name) if !has_one && is_lines(name) => Some(Form::Many { takes_array: false }),
        Some(name) if is_empty || is_json(name) => {
            Some(if has_one { Form::One } else { Form::Many { takes_array: true } })
        }
        Some(_) => None,
    }
}

fn is_json(media_type: &[u8]) -> bool {
    media_type == b"application/json"
        || media_type.starts_with(b"application/") && media_type.ends_with(b"+json")
}

/// Whether it is one of the names of JSON values one after the other.
fn is_lines(media_type: &[u8]) -> bool {
    matches!(
        media_type,
        b"application/x-ndjson"
            | b"application/ndjson"
            | b"application/jsonl"
            | b"application/x-jsonlines"
            | b"application/jsonlines"
            | b"application/json-seq"
    )
}

fn encoder(binding: &Arc<Binding>, head: &Head) -> Box<dyn Encoder> {
    let messages = Messages::new(binding.clone());
    if binding.method.kind.has_one_response() {
        return Box::new(unary::Unary::new(messages));
    }
    let takes_trailers = head.transport != Transport::Http1
        && head.headers.get(header::TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    Box::new(stream::Stream::new(messages, Format::accepted(&head.headers), takes_trailers))
}

/// Takes out what describes the HTTP exchange and not the call, and the prefix that grpc-gateway's clients put before
/// metadata. `origin` stays for the CORS filter; the upstream is not sent it.
fn keep_metadata(headers: &mut HeaderMap) {
    const PREFIX: &str = "grpc-metadata-";
    strip_hop_by_hop(headers);
    let prefixed: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    for name in prefixed {
        let header::Entry::Occupied(entry) = headers.entry(&name) else { continue };
        let (_, values) = entry.remove_entry_mult();
        let values: Vec<HeaderValue> = values.collect();
        let bare = name.as_str().strip_prefix(PREFIX).and_then(|bare| bare.parse().ok());
        let bare = bare.filter(|bare| !crate::metadata::is_hop_by_hop(bare));
        for value in values {
            if let Some(bare) = &bare {
                headers.append(bare, value);
            }
        }
    }
    let is_of_http = |name: &http::HeaderName| {
        matches!(
            *name,
            header::ACCEPT
                | header::ACCEPT_CHARSET
                | header::ACCEPT_ENCODING
                | header::ACCEPT_LANGUAGE
                | header::CACHE_CONTROL
                | header::EXPECT
                | header::PRAGMA
                | header::RANGE
        ) || ["access-control-", "sec-", "grpc-", "content-", "if-"]
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix))
    };
    remove_names(headers, is_of_http);
}
