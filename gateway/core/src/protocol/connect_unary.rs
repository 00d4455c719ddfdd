//! Connect unary: one message as the body of a `POST`, and one as the body of its response.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Unary-Request".

use http::header;

use super::connect::{self, Codec, Unary};
use super::*;
use crate::message::Message;
use crate::schema::MethodKind;

/// Unary calls by `POST`. Those by `GET` are [`connect_get`]'s: they can be cached, which is worth telling apart.
pub(super) const PROTOCOL: Protocol =
    Protocol { name: "connect_unary", holds_to_one_request: false, recognise, open };

const TYPE: &str = "application/";

fn recognise(head: &Head, services: &Services<'_>) -> bool {
    if !connect::is_http(head) {
        return false;
    }
    head.headers.contains_key(connect::PROTOCOL_VERSION)
        || match Codec::of_request(&head.headers, TYPE) {
            Some(Codec::Proto) => true,
            // JSON is sent to whatever else a host serves, too.
            Some(Codec::Json) => {
                connect::path_of(&head.path).is_some_and(|path| services.method(&path).is_some())
            }
            None => false,
        }
}

fn open(mut head: Head, services: &Services<'_>) -> Result<Opened, Reply> {
    let path = connect::path_of(&head.path);
    let method = path.as_ref().and_then(|path| services.method(path));
    if head.method != Method::POST {
        return Err(match method {
            Some(method) if method.no_side_effects => connect_get::or_post(),
            _ => opening::only_post(),
        });
    }
    let kind = method.map(|method| method.kind);
    let fits = kind.is_none_or(|kind| kind == MethodKind::Unary);
    let Some(codec) = Codec::of_request(&head.headers, TYPE).filter(|_| fits) else {
        return Err(connect::unsupported(match kind {
            Some(MethodKind::Unary) | None => "application/proto, application/json",
            Some(_) => connect_stream::TYPES,
        }));
    };
    let encoder = Box::new(Unary::new(codec, path.as_ref(), services));
    let terms = || {
        let encoding = connect::encoding_of(&head.headers, &header::CONTENT_ENCODING)?;
        let timeout = connect::timeout(&head.headers)?;
        Ok((opening::method_path(head.path.clone())?, encoding, timeout))
    };
    let (path, encoding, timeout) = match terms() {
        Ok(terms) => terms,
        Err(status) => return Err(Reply::Status(status, encoder)),
    };
    let accept_encoding = connect::accepted(&head.headers, &header::ACCEPT_ENCODING, encoding);
    let decoder = Body::new(content_length(&head.headers), encoding.is_some());
    connect::keep_metadata(&mut head.headers);
    Ok(Opened {
        path,
        metadata: head.headers,
        content_type: codec.grpc_type(),
        encoding: encoding.map(|encoding| encoding.header_value()),
        accept_encoding,
        timeout,
        decoder: Box::new(decoder),
        encoder,
    })
}

/// The length of the body, if the client says it, and only one.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(length), None) = (values.next(), values.next()) else { return None };
    length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// Makes one gRPC frame of a body.
struct Body {
    is_compressed: bool,
    limit: u32,
    length: Length,
}

enum Length {
    /// Known from the start: the bytes pass as they come, after the prefix.
    Known { total: u64, left: u64, begun: bool },
    /// Known at the end, so the body is gathered.
    Unknown(BytesMut),
}

impl Body {
    fn new(length: Option<u64>, is_compressed: bool) -> Body {
        let length = match length {
            Some(total) => Length::Known { total, left: total, begun: false },
            None => Length::Unknown(BytesMut::new()),
        };
        Body { is_compressed, limit: u32::MAX, length }
    }
}

impl Decoder for Body {
    fn limit(&mut self, max_message: u32) {
        self.limit = if max_message == 0 { u32::MAX } else { max_message };
    }

    fn data(&mut self, mut bytes: Bytes, out: &mut Frames) -> Result<(), Status> {
        match &mut self.length {
            Length::Known { total, left, begun } => {
                begin(*total, self.limit, self.is_compressed, begun, out)?;
                let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= passed as u64;
                let surplus = bytes.split_off(passed);
                if !surplus.is_empty() {
                    out.push(bytes);
                    return Err(connect::invalid("the body is longer than its content-length"));
                }
                out.push(bytes);
            }
            Length::Unknown(body) => {
                let total = body.len() as u64 + bytes.len() as u64;
                if total > u64::from(self.limit) {
                    return Err(too_large(self.limit));
                }
                body.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        match &mut self.length {
            Length::Known { total, left, begun } => {
                begin(*total, self.limit, self.is_compressed, begun, out)?;
                if *left > 0 {
                    return Err(connect::invalid("the body is shorter than its content-length"));
                }
            }
            Length::Unknown(body) => {
                let payload = std::mem::take(body).freeze();
                let message = Message { compressed: self.is_compressed && !payload.is_empty(), payload };
                out.push(Bytes::copy_from_slice(&message.prefix()));
                out.push(message.payload);
            }
        }
        Ok(())
    }
}

/// Writes the prefix, once.
fn begin(
    total: u64,
    limit: u32,
    is_compressed: bool,
    begun: &mut bool,
    out: &mut Frames,
) -> Result<(), Status> {
    if std::mem::replace(begun, true) {
        return Ok(());
    }
    let length =
        u32::try_from(total).ok().filter(|length| *length <= limit).ok_or_else(|| too_large(limit))?;
    let [a, b, c, d] = length.to_be_bytes();
    // An empty body is never compressed.
    out.push(Bytes::copy_from_slice(&[u8::from(is_compressed && length > 0), a, b, c, d]));
    Ok(())
}

fn too_large(limit: u32) -> Status {
    Status::resource_exhausted(format!("the message is larger than the limit of {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{greeter, head};
    use super::*;
    use crate::testing::{Decoded, pieces};

    #[test]
    fn recognises_what_is_meant_as_connect() {
        #[track_caller]
        fn check(headers: &[(&'static str, &str)], path: &'static str, want: bool) {
            let head = Head { path: PathAndQuery::from_static(path), ..head(Transport::Http1, headers) };
            assert_eq!(recognise(&head, &Services::everywhere(greeter())), want, "{headers:?} {path}");
        }
        let (known, other) = ("/helloworld.Greeter/SayHello", "/other.Service/Do");
        for path in [known, other, "/", "/a?b=c"] {
            check(&[("content-type", "application/proto")], path, true);
            check(&[("content-type", "Application/Proto; v=1")], path, true);
            check(&[("content-type", "application/json"), ("connect-protocol-version", "1")], path, true);
            check(&[("content-type", "image/jpeg"), ("connect-protocol-version", "1")], path, true);
            check(&[("connect-protocol-version", "2")], path, true);
            for no in ["", "application/protobuf", "application/connect+proto", "text/json", "application/"] {
                check(&[("content-type", no)], path, false);
            }
        }
        check(&[("content-type", "application/json;charset=utf-8")], known, true);
        check(&[("content-type", "application/json")], other, false);
    }

    #[test]
    fn json_is_for_methods_that_are_served_here() {
        let mut json = head(Transport::Http2, &[("content-type", "application/json")]);
        json.path = PathAndQuery::from_static("/helloworld.Greeter/SayHello");
        assert!(recognise(&json, &Services::everywhere(greeter())));
        assert!(!recognise(&json, &Services { schema: greeter(), has_route: &|_| false }));
    }

    #[test]
    fn other_carriers_have_content_types_of_their_own() {
        for transport in [Transport::WebTransport, Transport::WebSocket] {
            let proto = head(transport, &[("content-type", "application/proto")]);
            assert!(!recognise(&proto, &Services::everywhere(greeter())));
        }
    }

    #[test]
    fn reads_one_length() {
        let check = |values: &[&str], want: Option<u64>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_LENGTH, value.parse().unwrap());
            }
            assert_eq!(content_length(&headers), want, "{values:?}");
        };
        check(&["0"], Some(0));
        check(&["18446744073709551615"], Some(u64::MAX));
        for none in [&[][..], &[""], &["-1"], &["+1"], &["1 1"], &["18446744073709551616"], &["1", "1"]] {
            check(none, None);
        }
    }

    #[test]
    fn a_body_of_known_length_is_passed_on_as_it_comes() {
        let input = Bytes::from_static(b"abc");
        let mut decoder = Body::new(Some(5), true);
        let mut frames = Frames::default();
        decoder.data(input.clone(), &mut frames).unwrap();
        assert_eq!(frames.pop().unwrap(), &[1, 0, 0, 0, 5][..]);
        assert_eq!(frames.pop().map(|bytes| (bytes.as_ptr(), bytes.len())), Some((input.as_ptr(), 3)));
    }

    proptest! {
        #[test]
        fn one_body_is_one_message(
            body in prop::collection::vec(any::<u8>(), 0..200),
            length in prop::option::of(0u64..200),
            is_right: bool,
            is_compressed: bool,
            limit in 0u32..300,
            cuts in prop::collection::vec(1usize..50, 0..10),
        ) {
            let total = body.len() as u64;
            let length = length.map(|length| if is_right { total } else { length });
            let body = Bytes::from(body);
            let decode = |pieces: Vec<Bytes>| {
                let mut decoder = Body::new(length, is_compressed);
                decoder.limit(limit);
                Decoded::from_pieces(&mut decoder, pieces, true)
            };
            let seen = decode(pieces(&body, &cuts));
            let refused = seen.refused.as_ref().map(|(code, _)| *code);
            if limit > 0 && length.unwrap_or(total) > u64::from(limit) {
                prop_assert_eq!(refused, Some(Code::ResourceExhausted));
            } else if length.is_some_and(|length| length != total) {
                prop_assert_eq!(refused, Some(Code::InvalidArgument));
            } else {
                let compressed = is_compressed && !body.is_empty();
                prop_assert_eq!(&seen.frames, &Message { compressed, payload: body.clone() }.to_frame());
                prop_assert!(seen.ended);
            }
            prop_assert_eq!(decode(pieces(&body, &[])), seen);
        }
    }
}
