//! Connect unary by `GET`: the message stands in the query, so that what has no side effects can be cached.
//!
//! Source: <https://connectrpc.com/docs/protocol>, "Unary-Get-Request".

use http::header;
use percent_encoding::percent_decode_str;

use super::connect::{self, Codec, Unary};
use super::*;
use crate::binary;
use crate::message::Message;

/// Unary calls by `GET`.
pub(super) const PROTOCOL: Protocol =
    Protocol { name: "connect_get", holds_to_one_request: false, recognise, open };

fn recognise(head: &Head, services: &Services<'_>) -> bool {
    if !connect::is_http(head) || head.method != Method::GET {
        return false;
    }
    let (Some(query), Some(path)) = (head.path.query(), connect::path_of(&head.path)) else { return false };
    // The version is optional. Without it, a page of some site could have parameters of these names.
    parameter(query, "connect").is_some_and(|version| version == b"v1")
        || (parameter(query, "encoding").is_some()
            && parameter(query, "message").is_some()
            && (services.has_route)(&path))
}

fn open(mut head: Head, services: &Services<'_>) -> Result<Opened, Reply> {
    let query = head.path.query().unwrap_or_default();
    let encoding = parameter(query, "encoding");
    let codec = match encoding.as_deref().map(Codec::named) {
        Some(None) => return Err(Reply::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, HeaderMap::new())),
        Some(Some(codec)) => codec,
        None => Codec::Proto,
    };
    let path = connect::path_of(&head.path);
    let encoder = Box::new(Unary::new(codec, path.as_ref(), services).cacheable());
    let Some(path) = path.filter(|path| (services.has_route)(path)) else {
        let nowhere = Status::unimplemented("no route matches this call").with_flag(Flag::NoRoute);
        return Err(Reply::Status(nowhere, encoder));
    };
    if !services.method(&path).is_some_and(|method| method.no_side_effects) {
        return Err(opening::only_post());
    }
    let terms = || {
        if parameter(query, "connect").is_some_and(|version| version != b"v1") {
            return Err(connect::invalid("the query's `connect` must be `v1`"));
        }
        if encoding.is_none() {
            return Err(connect::invalid("the query has no `encoding`"));
        }
        let compression = connect::encoding_named(parameter(query, "compression").as_deref())?;
        Ok((message(query)?, compression, connect::timeout(&head.headers)?))
    };
    let (message, compression, timeout) = match terms() {
        Ok(terms) => terms,
        Err(status) => return Err(Reply::Status(status, encoder)),
    };
    let accept_encoding = connect::accepted(&head.headers, &header::ACCEPT_ENCODING, compression);
    connect::keep_metadata(&mut head.headers);
    // An empty message is never compressed.
    let message = Message { compressed: compression.is_some() && !message.is_empty(), payload: message };
    Ok(Opened {
        path,
        metadata: head.headers,
        content_type: codec.grpc_type(),
        encoding: compression.map(|compression| compression.header_value()),
        accept_encoding,
        timeout,
        decoder: Box::new(InQuery(Some(message))),
        encoder,
    })
}

/// The answer to any method but GET and POST, where both would do.
pub(super) fn or_post() -> Reply {
    let allow = HeaderMap::from_iter([(header::ALLOW, HeaderValue::from_static("GET, POST"))]);
    Reply::Http(StatusCode::METHOD_NOT_ALLOWED, allow)
}

fn message(query: &str) -> Result<Bytes, Status> {
    let Some(message) = parameter(query, "message") else {
        return Err(connect::invalid("the query has no `message`"));
    };
    if parameter(query, "base64").is_none_or(|base64| base64 != b"1") {
        return Ok(message.into());
    }
    let decoded = binary::decode_url_safe(&message).map(Bytes::from);
    decoded.ok_or_else(|| connect::invalid("the query's `message` is not URL-safe base64"))
}

/// The first parameter with this name. It may be any bytes: a message need not be text.
fn parameter(query: &str, name: &str) -> Option<Vec<u8>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        // No name has a space in it, so a `+` makes no difference.
        percent_decode_str(key)
            .eq(name.bytes())
            .then(|| percent_decode_str(&value.replace('+', " ")).collect())
    })
}

/// Gives the message once the request has ended; its size is checked where all frames are. A body means nothing.
struct InQuery(Option<Message>);

impl Decoder for InQuery {
    fn data(&mut self, _bytes: Bytes, _out: &mut Frames) -> Result<(), Status> {
        Ok(())
    }

    fn end(&mut self, out: &mut Frames) -> Result<(), Status> {
        if let Some(message) = self.0.take() {
            out.push(message.to_frame());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    use super::super::tests::{decoded, greeter, head};
    use super::*;

    fn request(path: &str) -> Head {
        Head { method: Method::GET, path: path.parse().unwrap(), ..head(Transport::Http1, &[]) }
    }

    #[test]
    fn recognises_by_the_query() {
        #[track_caller]
        fn check(head: Head, has_route: bool, want: bool) {
            let services = Services { schema: greeter(), has_route: &|_| has_route };
            assert_eq!(recognise(&head, &services), want, "{head:?}");
        }
        for path in ["/a.B/C?connect=v1", "/a.B/C?x&connect=v%31", "/a.B/C?message=&encoding=&connect=v1"] {
            check(request(path), false, true);
            check(Head { method: Method::POST, ..request(path) }, true, false);
            check(Head { transport: Transport::WebSocket, ..request(path) }, true, false);
        }
        check(request("/a.B/C?message=&encoding=x"), true, true);
        check(request("/a.B/C?message=&encoding=x"), false, false);
        for path in [
            "/a.B/C",
            "/a.B/C?",
            "/a.B/C?connect=v2",
            "/a.B/C?message=",
            "/?connect=v1",
            "/a%2fB/C?connect=v1",
        ] {
            check(request(path), true, false);
        }
    }

    #[test]
    fn the_first_parameter_of_a_name_counts() {
        let check = |query: &str, want: Option<&[u8]>| {
            assert_eq!(parameter(query, "a").as_deref(), want, "{query:?}");
        };
        check("a=1&a=2", Some(b"1"));
        check("b=0&%61=x%3d+y%", Some(b"x= y%"));
        check("a", Some(b""));
        check("aa=1&=a&&A=2", None);
    }

    /// The frames of a call with this message and more parameters.
    fn frames(message: &str, parameters: &str) -> Bytes {
        let path = "/helloworld.Greeter/GetHello?connect=v1&encoding=proto";
        let head = request(&format!("{path}{parameters}&message={message}"));
        let opened = open(head, &Services::everywhere(greeter())).ok().unwrap();
        decoded(opened, vec![], true).frames
    }

    proptest! {
        #[test]
        fn any_message_survives_the_query(message in prop::collection::vec(any::<u8>(), 0..40), compressed: bool) {
            use base64::Engine;
            use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
            let escaped = percent_encode(&message, NON_ALPHANUMERIC).to_string();
            let encoded = [BASE64_URL_SAFE.encode(&message), BASE64_URL_SAFE_NO_PAD.encode(&message)];
            let compression = if compressed { "&compression=br" } else { "" };
            let want = Message { compressed: compressed && !message.is_empty(), payload: message.into() };
            prop_assert_eq!(frames(&escaped, compression), want.to_frame());
            for base64 in encoded {
                prop_assert_eq!(frames(&base64, &format!("{compression}&base64=1")), want.to_frame());
            }
        }

        #[test]
        fn never_panics(
            query in "((connect|encoding|message|base64|compression|[a-z%])=(v1|proto|json|1|gzip|[!$-~]{0,8})&?){0,6}",
        ) {
            if let Ok(path) = format!("/helloworld.Greeter/GetHello?{query}").parse() {
                let _ = open(Head { path, ..request("/") }, &Services::everywhere(greeter()));
            }
        }
    }
}
