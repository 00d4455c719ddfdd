//! How Connect writes the end of a stream, and on WebTransport its headers: as JSON, in a frame of its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::End;
use crate::frame::frame;

/// Connect's names of gRPC's codes, from 1.
const CODES: [&str; 16] = [
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// The flags of headers on a WebTransport stream.
pub(super) const HEADERS: u8 = 0x06;

/// The frame of headers that opens a call on a WebTransport stream.
pub(super) fn headers(path: &str, headers: &HeaderMap) -> Bytes {
    let mut metadata = serde_json::Map::new();
    metadata.insert(":path".to_owned(), json!([path]));
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        metadata.insert(name.to_string(), values.collect::<Vec<_>>().into());
    }
    frame(HEADERS, json!({ "metadata": metadata }).to_string().as_bytes())
}

/// Reads such a frame of a response.
pub(super) fn parse_headers(json: &[u8]) -> HeaderMap {
    let message: Value = serde_json::from_slice(json).expect("headers are JSON");
    metadata(&message)
}

/// Reads an `EndStreamResponse`.
pub(super) fn end_of_stream(json: &[u8]) -> End {
    let message: Value = serde_json::from_slice(json).expect("the end of a stream is JSON");
    let trailers = metadata(&message);
    let Some(error) = message.get("error") else {
        return End { code: 0, message: String::new(), details: None, trailers, trailers_only: false };
    };
    let name = error["code"].as_str().expect("an error has a code");
    let place = CODES.iter().position(|code| *code == name).unwrap_or_else(|| panic!("no code is {name:?}"));
    let code = place as u8 + 1;
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    let details = error["details"].as_array().map(|details| status(code, &message, details));
    End { code, message, details, trailers, trailers_only: false }
}

fn metadata(message: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in message["metadata"].as_object().into_iter().flatten() {
        assert_eq!(*name, name.to_ascii_lowercase(), "names are lower-case");
        for value in values.as_array().expect("each name has a list of values") {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
    }
    headers
}

/// The `google.rpc.Status` that these details came from, as `grpc-status-details-bin` has it.
fn status(code: u8, message: &str, details: &[Value]) -> String {
    let mut status = vec![0x08, code];
    put(&mut status, 0x12, message.as_bytes());
    for detail in details {
        let mut any = Vec::new();
        let name = format!("type.googleapis.com/{}", detail["type"].as_str().unwrap());
        put(&mut any, 0x0a, name.as_bytes());
        put(&mut any, 0x12, &STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap()).unwrap());
        put(&mut status, 0x1a, &any);
    }
    STANDARD_NO_PAD.encode(status)
}

/// A field with a length.
fn put(message: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    message.push(tag);
    message.push(u8::try_from(bytes.len()).ok().filter(|length| *length < 128).expect("tests are brief"));
    message.extend_from_slice(bytes);
}
