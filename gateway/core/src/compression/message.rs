//! What the compressed flag of a message stands for.

use bytes::Bytes;
use http::HeaderValue;

use super::Encoding;
use crate::message::{Message, Side};
use crate::metadata::name;
use crate::status::{Code, Flag, Status};

/// How the messages of one direction are compressed, if their flag says that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageEncoding {
    /// Not at all: no message may have the flag.
    Identity,
    /// In this way.
    Known(Encoding),
    /// In a way that is not known here.
    Unknown,
}

impl MessageEncoding {
    /// What a `grpc-encoding`, or a field that means the same, says.
    pub(crate) fn named(field: Option<&HeaderValue>) -> MessageEncoding {
        match field.map(|value| value.as_bytes().trim_ascii()) {
            None | Some(b"") => MessageEncoding::Identity,
            Some(name) if name.eq_ignore_ascii_case(b"identity") => MessageEncoding::Identity,
            Some(name) => Encoding::named(name).map_or(MessageEncoding::Unknown, MessageEncoding::Known),
        }
    }

    /// The payload of a message from this side, uncompressed. It may have `limit` bytes then; 0 means any number.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when it is larger. Else INTERNAL when it cannot be decompressed; or, for an unknown encoding of
    /// a client's, UNIMPLEMENTED with a list of what is known.
    pub(crate) fn decompress(self, message: Message, limit: u32, side: Side) -> Result<Bytes, Status> {
        let payload = match (message.compressed, self) {
            (false, _) => message.payload,
            (true, MessageEncoding::Known(encoding)) => {
                encoding.decompress(&message.payload, limit).map_err(|status| match status.code {
                    Code::Internal => side.broken(status.message),
                    _ => status,
                })?
            }
            (true, MessageEncoding::Identity) => {
                return Err(side.broken("a message is compressed, but no encoding was named"));
            }
            (true, MessageEncoding::Unknown) => {
                return Err(match side {
                    Side::Client => unknown_encoding(),
                    Side::Upstream => side.broken("the upstream's encoding is not known"),
                });
            }
        };
        if limit != 0 && payload.len() > limit as usize {
            return Err(Status::resource_exhausted(format!(
                "a message of {} bytes is larger than the limit of {limit} bytes",
                payload.len()
            )));
        }
        Ok(payload)
    }

    /// How long a message may be as it comes, if it may have `limit` bytes uncompressed. What does not compress grows
    /// instead, by an eighth at most: the fixed codes of DEFLATE, which fast encoders use, have up to nine bits for a byte.
    pub(crate) fn limit_on_the_wire(self, limit: u32) -> u32 {
        match (self, limit) {
            (MessageEncoding::Identity, _) | (_, 0) => limit,
            _ => limit.saturating_add(limit / 8 + 1024),
        }
    }
}

/// Why a request in an unknown encoding is refused.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/compression.md>, "Test cases".
pub(crate) fn unknown_encoding() -> Status {
    Status::unimplemented("the request's encoding is not known")
        .with_flag(Flag::ClientProtocolError)
        .with_metadata(name::GRPC_ACCEPT_ENCODING, Encoding::LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_field() {
        let check = |value: &'static str, want| {
            assert_eq!(MessageEncoding::named(Some(&HeaderValue::from_static(value))), want, "{value:?}");
        };
        assert_eq!(MessageEncoding::named(None), MessageEncoding::Identity);
        check("", MessageEncoding::Identity);
        check("Identity", MessageEncoding::Identity);
        check(" gzip ", MessageEncoding::Known(Encoding::Gzip));
        check("gzip, gzip", MessageEncoding::Unknown);
        check("lz4", MessageEncoding::Unknown);
    }

    #[test]
    fn says_who_is_to_blame() {
        let check =
            |encoding: MessageEncoding, compressed, side, want: Result<&[u8], (Code, Option<Flag>)>| {
                let message = Message { compressed, payload: Bytes::from_static(b"plain") };
                let plain =
                    encoding.decompress(message, 5, side).map_err(|status| (status.code, status.flag));
                assert_eq!(plain.as_deref().map_err(|error| *error), want, "{encoding:?} {side:?}");
            };
        let gzip = MessageEncoding::Known(Encoding::Gzip);
        let sides =
            [(Side::Client, Flag::ClientProtocolError), (Side::Upstream, Flag::UpstreamProtocolError)];
        for (side, flag) in sides {
            for encoding in [MessageEncoding::Identity, gzip, MessageEncoding::Unknown] {
                check(encoding, false, side, Ok(b"plain"));
            }
            check(MessageEncoding::Identity, true, side, Err((Code::Internal, Some(flag))));
            check(gzip, true, side, Err((Code::Internal, Some(flag))));
            let code = if side == Side::Client { Code::Unimplemented } else { Code::Internal };
            check(MessageEncoding::Unknown, true, side, Err((code, Some(flag))));
        }
    }

    #[test]
    fn holds_messages_to_the_limit() {
        let check = |payload: Bytes, compressed, want: Option<Code>| {
            let message = Message { compressed, payload };
            let encoding = MessageEncoding::Known(Encoding::Gzip);
            let refused = encoding.decompress(message, 9, Side::Upstream).err();
            assert_eq!(refused.map(|status| (status.code, status.flag)), want.map(|code| (code, None)));
        };
        check(Bytes::from_static(&[0; 9]), false, None);
        check(Bytes::from_static(&[0; 10]), false, Some(Code::ResourceExhausted));
        check(Encoding::Gzip.compress(&[0; 9]), true, None);
        check(Encoding::Gzip.compress(&[0; 10]), true, Some(Code::ResourceExhausted));
    }
}
