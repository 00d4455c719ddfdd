//! `google.rpc.Status`: what `grpc-status-details-bin` holds.
//!
//! Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>.

use prost::Message;
use prost_reflect::prost_types::Any;

use super::Status;
use crate::binary;

/// The message. Of one that is read only the details count: code and message stand in header fields of their own.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// The details of a status. Those that cannot be read are none: code and message still count.
pub(crate) fn read(status: &Status) -> Vec<Any> {
    let bytes = status.details.as_deref().and_then(binary::decode);
    bytes.and_then(|bytes| RpcStatus::decode(&*bytes).ok()).unwrap_or_default().details
}

/// Gives a status these details.
pub(crate) fn write(details: Vec<Any>, status: &mut Status) {
    status.details = (!details.is_empty()).then(|| {
        let message = status.message.clone().into_owned();
        let rpc_status = RpcStatus { code: i32::from(status.code.number()), message, details };
        binary::encode(&rpc_status.encode_to_vec()).into()
    });
}

/// The name of the type that an `Any` holds. What stands before the last slash is where it may be looked up.
pub(crate) fn type_name(detail: &Any) -> &str {
    detail.type_url.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::status::Code;

    fn status() -> Status {
        Status::new(Code::NotFound, "gone ☺")
    }

    #[test]
    fn reads_what_it_writes() {
        let any = |type_url: &str, value: &[u8]| Any { type_url: type_url.into(), value: value.into() };
        let details = vec![any("type.googleapis.com/test.v1.Why", &[1, 2, 3]), any("", &[])];
        let mut status = status();
        write(details.clone(), &mut status);
        assert_eq!(read(&status), details);
        let text = status.details.unwrap();
        assert!(!text.contains(&b'='), "{text:?}");
        let whole = RpcStatus::decode(&*binary::decode(&text).unwrap()).unwrap();
        assert_eq!((whole.code, &*whole.message), (5, "gone ☺"));
    }

    #[test]
    fn none_are_left_out() {
        let mut status = status();
        write(vec![], &mut status);
        assert_eq!(status.details, None);
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        for broken in ["", "%", "AAAA", "GgI"] {
            let status = Status { details: Some(broken.into()), ..status() };
            assert_eq!(read(&status), [], "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text: Vec<u8>) {
            read(&Status { details: Some(text.into()), ..status() });
        }
    }
}
