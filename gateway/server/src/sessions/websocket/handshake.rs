//! Asking an upstream for a WebSocket, over HTTP/1.1.
//!
//! Source: RFC 6455, section 4.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sluicegate_core::session::SessionRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{Answer, body};
use crate::front::websocket::has_token;
use crate::observe::sessions::Refuser;
use crate::sessions::reach::{Failure, Unreached};
use crate::sessions::{Refusal, headers};
use crate::upstream::connection::Io;

/// The head of an answer, in bytes and in fields.
const MAX_HEAD: usize = 64 << 10;
const MAX_FIELDS: usize = 128;

/// Fields of the handshake itself, which each hop has its own of.
const OWN: [HeaderName; 3] =
    [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION, header::SEC_WEBSOCKET_ACCEPT];

/// A key that nobody can foresee.
pub(super) fn key() -> String {
    generate_key()
}

/// The request, written out.
pub(super) fn request(request: &SessionRequest, authority: &str, key: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(1024);
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        request.path
    );
    out.put_slice(head.as_bytes());
    let fields = headers::to_upstream(request);
    for (name, value) in &fields {
        // HTTP/2 may split this one into several, HTTP/1.1 may not (RFC 9113, section 8.2.3).
        if !OWN.contains(name) && name != header::COOKIE {
            put_field(&mut out, name, value.as_bytes());
        }
    }
    let cookies: Vec<&[u8]> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        put_field(&mut out, &header::COOKIE, &cookies.join(&b"; "[..]));
    }
    out.put_slice(b"\r\n");
    out.freeze()
}

fn put_field(out: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    out.put_slice(name.as_str().as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// Sends the request and reads the answer.
pub(super) async fn shake(mut io: Box<dyn Io>, request: &[u8], key: &str) -> Result<Answer, Failure> {
    let broken = |why: String| Failure::Broken(Unreached { why, late: false });
    let lost = |error: std::io::Error| broken(format!("the connection failed: {error}"));
    io.write_all(request).await.map_err(lost)?;
    io.flush().await.map_err(lost)?;
    let mut bytes = BytesMut::with_capacity(4096);
    let (status, headers) = loop {
        match parse(&bytes).map_err(broken)? {
            // Interim answers, such as 103, are not what was asked for.
            Some((status, _, len))
                if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS =>
            {
                bytes.advance(len);
            }
            Some((status, headers, len)) => {
                bytes.advance(len);
                break (status, headers);
            }
            None if bytes.len() >= MAX_HEAD => {
                return Err(broken("the answer's head is too large".to_owned()));
            }
            None => {
                if io.read_buf(&mut bytes).await.map_err(lost)? == 0 {
                    return Err(broken("the upstream closed the connection without an answer".to_owned()));
                }
            }
        }
    };
    if status == StatusCode::SWITCHING_PROTOCOLS {
        check(&headers, key).map_err(|why| broken(why.to_owned()))?;
        return Ok(Answer { io, headers: without_own(&headers), ahead: bytes });
    }
    // To clients on HTTP/2, which ask with CONNECT, a success would say that the WebSocket is open (RFC 8441, section 5).
    if status.is_success() {
        return Err(broken(format!("the upstream answered {status}, and not to a request for a WebSocket")));
    }
    let body = body::read(&mut io, bytes, status, &headers).await;
    Err(Failure::Refused(Box::new(Refusal {
        headers: without_own(&headers),
        body,
        ..Refusal::new(Refuser::Upstream, status)
    })))
}

/// What of an answer's fields is for the client.
fn without_own(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers::of_client(headers);
    for name in OWN {
        headers.remove(name);
    }
    headers
}

/// Whether the upstream has understood that it is asked for a WebSocket, and by whom.
fn check(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    let expected = derive_accept_key(key.as_bytes());
    if !has_token(headers, &header::UPGRADE, "websocket")
        || !has_token(headers, &header::CONNECTION, "upgrade")
    {
        return Err("the upstream switched to another protocol");
    }
    match headers.get(header::SEC_WEBSOCKET_ACCEPT) {
        Some(accept) if accept.as_bytes() == expected.as_bytes() => Ok(()),
        _ => Err("the upstream did not answer to the key"),
    }
}

/// The head at the front of `bytes` and its length, once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<(StatusCode, HeaderMap, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let len = match response.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is no HTTP: {error}")),
    };
    let malformed = || "the answer is no HTTP".to_owned();
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(malformed)?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| malformed())?;
        headers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| malformed())?);
    }
    Ok(Some((status, headers, len)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluicegate_core::call::{Client, Transport};
    use tokio::io::duplex;

    use super::*;

    /// What `shake` makes of an upstream that says this; `{accept}` stands for the right answer to the key.
    async fn check(answer: &str) -> Result<Answer, Failure> {
        let key = key();
        let (io, mut upstream) = duplex(1 << 16);
        let answer = answer.replace("{accept}", &derive_accept_key(key.as_bytes()));
        upstream.write_all(answer.as_bytes()).await.unwrap();
        upstream.shutdown().await.unwrap();
        shake(Box::new(io), b"GET / HTTP/1.1\r\n\r\n", &key).await
    }

    const AGREED: &str =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n";

    #[tokio::test]
    async fn takes_an_agreement_and_what_follows_it() {
        let answer = format!(
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{AGREED}sec-websocket-accept: {{accept}}\r\n\
             sec-websocket-protocol: chat\r\nset-cookie: a=1\r\n\r\nframes"
        );
        let answer = check(&answer).await.unwrap_or_else(|_| panic!("agreed"));
        assert_eq!(&answer.ahead[..], b"frames");
        assert_eq!(answer.headers["sec-websocket-protocol"], "chat");
        assert_eq!(answer.headers["set-cookie"], "a=1");
        assert_eq!(answer.headers.len(), 2);
    }

    #[tokio::test]
    async fn takes_nothing_else_for_one() {
        for wrong in [
            format!("{AGREED}\r\n"),
            format!("{AGREED}sec-websocket-accept: x\r\n\r\n"),
            AGREED.replace("WebSocket", "h2c") + "sec-websocket-accept: {accept}\r\n\r\n",
            AGREED.replace("Upgrade", "close") + "sec-websocket-accept: {accept}\r\n\r\n",
            AGREED.to_owned(),
            "SSH-2.0-OpenSSH\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            String::new(),
            format!("HTTP/1.1 101 x\r\na: {}", "b".repeat(MAX_HEAD - 200)),
        ] {
            assert!(matches!(check(&wrong).await, Err(Failure::Broken(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn passes_a_refusal_on() {
        let answer =
            "HTTP/1.1 401 No\r\nwww-authenticate: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\nwho?";
        let Err(Failure::Refused(refusal)) = check(answer).await else { panic!("refused") };
        assert_eq!((refusal.status.as_u16(), &refusal.body[..]), (401, &b"who?"[..]));
        assert_eq!(refusal.headers.keys().collect::<Vec<_>>(), ["www-authenticate"]);
    }

    #[test]
    fn asks_as_the_client_did_but_in_its_own_name() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("sec-websocket-key", "the client's"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "a, b"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "6.6.6.6"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let asked = SessionRequest {
            path: "/live?x=1".parse().unwrap(),
            host: "app.example.com".into(),
            headers,
            client: Client {
                address: "192.0.2.7:5000".parse().unwrap(),
                forwarded_for: HeaderValue::from_static("192.0.2.7"),
                protocol: "websocket",
                transport: Transport::Http2,
                secure: true,
            },
            identity: None,
        };
        let written = request(&asked, "app.example.com:8443", "our-key");
        let mut lines: Vec<_> = std::str::from_utf8(&written).unwrap().split("\r\n").collect();
        assert_eq!(lines.remove(0), "GET /live?x=1 HTTP/1.1");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "",
                "",
                "Connection: Upgrade",
                "Host: app.example.com:8443",
                "Sec-WebSocket-Key: our-key",
                "Sec-WebSocket-Version: 13",
                "Upgrade: websocket",
                "cookie: a=1; b=2",
                "sec-websocket-extensions: permessage-deflate",
                "sec-websocket-protocol: a, b",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: app.example.com",
                "x-forwarded-proto: https",
            ]
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
