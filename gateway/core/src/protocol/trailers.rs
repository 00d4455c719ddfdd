//! Trailing metadata, and the status among it.

use super::*;

/// Adds every entry of `from` after what `to` already holds.
pub(super) fn append_all(to: &mut HeaderMap, from: HeaderMap) {
    if to.is_empty() {
        *to = from;
        return;
    }
    let mut current = None;
    for (name, value) in from {
        // A map names only the first of several values.
        current = name.or(current);
        if let Some(name) = &current {
            to.append(name, value);
        }
    }
}

/// Adds trailing metadata to the headers of a response that has no trailers, under the names that `renamed` gives.
pub(super) fn append_renamed(
    trailers: HeaderMap,
    headers: &mut HeaderMap,
    renamed: impl Fn(&HeaderName) -> Option<HeaderName>,
) {
    let mut current = None;
    let mut exposed = String::new();
    for (name, value) in trailers {
        // A map names only the first of several values.
        if let Some(name) = name {
            let renamed = renamed(&name);
            if let Some(renamed) = &renamed {
                exposed.push(',');
                exposed.push_str(renamed.as_str());
            }
            current = renamed.map(|renamed| (name, renamed));
        }
        if let Some((name, renamed)) = &current {
            headers.append(renamed, connect::sent_value(name, value));
        }
    }
    // A page may read only the headers that CORS names, and the filter that named them did not know of these.
    if let Some(list) = headers.get_mut(http::header::ACCESS_CONTROL_EXPOSE_HEADERS)
        && let Ok(longer) = HeaderValue::from_bytes(&[list.as_bytes(), exposed.as_bytes()].concat())
    {
        *list = longer;
    }
}

/// Writes a status into trailers.
pub(crate) fn put_status(status: &Status, trailers: &mut HeaderMap) {
    use crate::metadata::{encode_message, name};
    trailers.insert(name::GRPC_STATUS, HeaderValue::from_static(status.code.as_str()));
    if !status.message.is_empty() {
        trailers.insert(name::GRPC_MESSAGE, encode_message(&status.message));
    }
    if let Some(details) = status.details.clone()
        && let Ok(details) = HeaderValue::from_maybe_shared(details)
    {
        trailers.insert(name::GRPC_STATUS_DETAILS, details);
    }
}

/// Takes a status out of trailers (or, for a trailers-only response, out of its headers). `None` when there is none.
pub fn take_status(trailers: &mut HeaderMap) -> Option<Status> {
    use crate::metadata::{decode_message, name};
    let code = Code::from_header(trailers.remove(name::GRPC_STATUS)?.as_bytes());
    let mut status = Status::new(code, "");
    if let Some(message) = trailers.remove(name::GRPC_MESSAGE) {
        status.message = decode_message(message.as_bytes()).into();
    }
    if let Some(details) = trailers.remove(name::GRPC_STATUS_DETAILS) {
        status.details = Some(Bytes::copy_from_slice(details.as_bytes()));
    }
    Some(status)
}
