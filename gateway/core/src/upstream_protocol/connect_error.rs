//! What Connect says in JSON: errors, and the metadata at the end of streams.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Error Codes" and "Error End Stream".

use prost_reflect::prost_types::Any;
use serde_json::{Map, Value};

use super::*;
use crate::binary;
use crate::protocol::connect::code_named;
use crate::status::details;

/// The status that an error in JSON stands for. `otherwise` is the code where it names none, or one that there is not.
pub(super) fn read_error(error: &Map<String, Value>, otherwise: Code) -> Status {
    let code = error.get("code").and_then(Value::as_str).and_then(code_named).unwrap_or(otherwise);
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_error = error.get("details").and_then(Value::as_array);
    let mut status = Status::new(code, message);
    details::write(of_error.into_iter().flatten().filter_map(read_detail).collect(), &mut status);
    status
}

/// A detail; `None` for one that cannot be read, which leaves the error none the less an error.
fn read_detail(detail: &Value) -> Option<Any> {
    let name = detail.get("type")?.as_str()?;
    let value = binary::decode(detail.get("value")?.as_str()?.as_bytes())?;
    let type_url = if name.contains('/') { name.to_owned() } else { format!("type.googleapis.com/{name}") };
    Some(Any { type_url, value })
}

/// The payload of the frame that ends a stream.
pub(super) fn read_end_stream(payload: &[u8]) -> Result<End, Status> {
    let Ok(Value::Object(end)) = serde_json::from_slice(payload) else {
        return Err(broken("the end of the upstream's stream is no JSON object"));
    };
    let status = match end.get("error") {
        None | Some(Value::Null) => Status::OK,
        Some(Value::Object(error)) => read_error(error, Code::Unknown),
        Some(_) => return Err(broken("the error at the end of the upstream's stream is no JSON object")),
    };
    let mut trailers = HeaderMap::new();
    match end.get("metadata") {
        None | Some(Value::Null) => {}
        Some(Value::Object(metadata)) => {
            for (name, values) in metadata {
                read_metadata(name, values, &mut trailers)?;
            }
        }
        Some(_) => return Err(broken("the metadata at the end of the upstream's stream is no JSON object")),
    }
    keep_metadata(&mut trailers);
    Ok(End { status, trailers })
}

/// Adds the values of one name. What no header field could be is left out.
fn read_metadata(name: &str, values: &Value, trailers: &mut HeaderMap) -> Result<(), Status> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return Ok(()) };
    for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            trailers.try_append(&name, value).map_err(|_| broken("the upstream sent too many trailers"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<End, Status> {
        read_end_stream(json.as_bytes())
    }

    #[track_caller]
    fn check(json: &str, want: &str) {
        assert_eq!(read(json).unwrap().status.to_string(), want, "{json}");
    }

    #[test]
    fn knows_every_code_by_its_name() {
        for code in Code::ALL.into_iter().filter(|code| *code != Code::Ok) {
            let name = if code == Code::Cancelled { "canceled".into() } else { code.name().to_lowercase() };
            check(&format!(r#"{{"error":{{"code":"{name}"}}}}"#), code.name());
        }
    }

    #[test]
    fn an_error_is_never_ok() {
        for error in
            ["{}", r#"{"code":"ok"}"#, r#"{"code":"OK"}"#, r#"{"code":0}"#, r#"{"code":"cancelled"}"#]
        {
            check(&format!(r#"{{"error":{error}}}"#), "UNKNOWN");
        }
        for bad in ["", "{", "[]", "null", "{}x", r#"{"error":"not_found"}"#, r#"{"metadata":[]}"#] {
            assert_eq!(read(bad).unwrap_err().code, Code::Internal, "{bad}");
        }
    }

    #[test]
    fn what_is_left_out_is_nothing() {
        for json in ["{}", r#"{"error":null}"#, r#"{"error":null,"metadata":null,"more":1}"#] {
            let end = read(json).unwrap();
            assert_eq!((end.status.code, end.trailers.len()), (Code::Ok, 0), "{json}");
        }
    }

    #[test]
    fn metadata_becomes_trailers() {
        let json = r#"{"metadata":{"X-A":["1","2"],"x-bin":["YQ"],"grpc-status":["0"],"te":["x"],"a b":["1"],
            "x-b":["a\nb","c"],"x-c":"1","x-d":[1]}}"#;
        let trailers = read(json).unwrap().trailers;
        let of =
            |name| trailers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!((of("x-a"), of("x-bin"), of("x-b")), (vec!["1", "2"], vec!["YQ"], vec!["c"]));
        assert_eq!(trailers.len(), 4, "{trailers:?}");
    }

    #[test]
    fn details_become_a_google_rpc_status() {
        let json = r#"{"error":{"code":"not_found","message":"gone ☺","details":[
            {"type":"test.v1.Why","value":"AQIDBA","debug":{"a":1}}, {"type":"test.v1.Padded","value":"AQ=="},
            {"type":"test.v1.Broken","value":"%"}, {"value":"AQ"}, 7]}}"#;
        let status = read(json).unwrap().status;
        assert_eq!((status.code, &*status.message), (Code::NotFound, "gone ☺"));
        let any = |name: &str, value: &[u8]| Any {
            type_url: format!("type.googleapis.com/test.v1.{name}"),
            value: value.to_vec(),
        };
        assert_eq!(details::read(&status), [any("Why", &[1, 2, 3, 4]), any("Padded", &[1])]);
    }
}
