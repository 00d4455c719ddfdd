//! The head of the request for a session, and of its answer.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use quinn::ReadError;

use super::{OpenError, Opening};
use crate::adapter::TURNS;
use crate::adapter::arriving::Arriving;
use crate::guard::{Guard, HEADERS, Piece};
use crate::qpack::{self, Field};
use crate::shared::Shared;
use crate::webtransport::dialect::Dialect;
use crate::webtransport::subprotocol;

/// Fields that belong to one connection or one request (RFC 9114, section 4.2).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::ORIGIN,
];

/// How the names of the fields begin that drafts of WebTransport define.
const OF_WEBTRANSPORT: [&str; 3] = ["wt-", "sec-webtransport-", "webtransport-"];

/// The header fields of the request.
pub(super) fn request(dialect: &Dialect, opening: &Opening) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.extend(dialect.request_header());
    headers.extend(opening.origin.clone().map(|origin| (header::ORIGIN, origin)));
    headers.extend(subprotocol::offer(&opening.protocols));
    for (name, value) in &opening.headers {
        let is_ours = OF_WEBTRANSPORT.iter().any(|prefix| name.as_str().starts_with(prefix));
        if !is_ours && !HOP_BY_HOP.contains(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// The size of the request as RFC 9114, section 4.2.2, counts it.
pub(super) fn size(dialect: &Dialect, opening: &Opening, headers: &HeaderMap) -> u64 {
    let pseudo = [
        (":method", Method::CONNECT.as_str()),
        (":scheme", "https"),
        (":authority", opening.authority.as_str()),
        (":path", opening.path.as_str()),
        (":protocol", dialect.protocol),
    ];
    let pseudo = pseudo.iter().map(|(name, value)| name.len() + value.len());
    let regular = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    pseudo.chain(regular).map(|size| size as u64 + 32).sum()
}

/// Reads the answer off the CONNECT stream.
pub(super) struct Answer {
    /// What follows the head is left in these two.
    pub(super) stream: Arriving,
    pub(super) guard: Guard,
}

impl Answer {
    /// The final head. Interim responses are skipped.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
    ) -> Poll<Result<(StatusCode, HeaderMap), OpenError>> {
        for _ in 0..TURNS {
            let piece = match self.guard.next() {
                Ok(piece) => piece,
                Err(error) => return Poll::Ready(Err(broken(shared, error.code(), &error.to_string()))),
            };
            let head = match piece {
                Some(Piece::Frame { frame_type: HEADERS, bytes, header }) => {
                    decode(&bytes.slice(header..), shared)
                }
                Some(_) => {
                    Err(broken(shared, Code::H3_FRAME_UNEXPECTED, "another frame before the answer's head"))
                }
                None => match ready!(self.stream.poll_read(cx)) {
                    Ok(Some(bytes)) => {
                        self.guard.push(bytes);
                        continue;
                    }
                    Ok(None) => Err(match self.guard.end() {
                        Ok(()) => {
                            broken(shared, Code::H3_MESSAGE_ERROR, "no answer before the end of its stream")
                        }
                        Err(error) => broken(shared, error.code(), &error.to_string()),
                    }),
                    Err(ReadError::Reset(code)) => Err(OpenError::Rejected(code.into_inner())),
                    Err(ReadError::ConnectionLost(error)) => Err(error.into()),
                    Err(error) => Err(OpenError::Protocol(error.to_string())),
                },
            };
            match head {
                Ok((status, _)) if status.is_informational() => {}
                head => return Poll::Ready(head),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Reads a field section of the answer.
fn decode(block: &Bytes, shared: &Shared) -> Result<(StatusCode, HeaderMap), OpenError> {
    let limit = usize::try_from(shared.limits.max_field_section).unwrap_or(usize::MAX);
    let fields = qpack::decode(block, limit).map_err(|error| {
        let code = match error {
            qpack::QpackError::Malformed => Code::QPACK_DECOMPRESSION_FAILED,
            qpack::QpackError::TooLong => Code::H3_EXCESSIVE_LOAD,
        };
        broken(shared, code, "the answer's header fields cannot be read")
    })?;
    response(fields).ok_or_else(|| broken(shared, Code::H3_MESSAGE_ERROR, "a malformed answer"))
}

/// There is one request on the connection, so whatever is wrong with its answer ends both.
fn broken(shared: &Shared, code: Code, reason: &str) -> OpenError {
    shared.close(code, reason);
    OpenError::Protocol(reason.to_owned())
}

/// The status and the header fields; `None` when they are malformed (RFC 9114, section 4.3.2) or too many to be kept.
fn response(fields: Vec<Field>) -> Option<(StatusCode, HeaderMap)> {
    let mut fields = fields.into_iter();
    let (name, status) = fields.next()?;
    let status = StatusCode::from_bytes(&status).ok().filter(|_| name == ":status")?;
    // HTTP/3 has no upgrade (RFC 9114, section 4.5).
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return None;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        // Names are lower-case, and one with a colon is none.
        let name = HeaderName::from_lowercase(name.as_bytes()).ok()?;
        headers.try_append(name, HeaderValue::from_bytes(&value).ok()?).ok()?;
    }
    Some((status, headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webtransport::dialect;
    use proptest::prelude::*;

    fn opening() -> Opening {
        let headers = [
            ("cookie", "a=b"),
            ("cookie", "c=d"),
            ("origin", "https://other.example"),
            ("wt-available-protocols", "\"old\""),
            ("sec-webtransport-http3-draft02", "7"),
            ("webtransport-subprotocols-available", "old"),
            ("host", "other.example"),
            ("connection", "close"),
        ];
        let headers =
            headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Opening {
            authority: "up.example".parse().unwrap(),
            path: "/chat".parse().unwrap(),
            origin: Some(HeaderValue::from_static("https://app.example")),
            protocols: vec!["new".to_owned()],
            headers: headers.into_iter().collect(),
        }
    }

    #[test]
    fn a_request_has_the_fields_of_its_own_draft_only() {
        let check = |draft: &str, marker: &[&str]| {
            let dialect = dialect::ALL.iter().find(|dialect| dialect.name == draft).unwrap();
            let headers = request(dialect, &opening());
            let all =
                |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
            assert_eq!(all("sec-webtransport-http3-draft02"), marker);
            assert_eq!(all("origin"), ["https://app.example"]);
            assert_eq!(all("wt-available-protocols"), ["\"new\""]);
            assert_eq!(all("cookie"), ["a=b", "c=d"]);
            assert_eq!(headers.len(), 4 + marker.len());
        };
        check("draft-02", &["1"]);
        check("draft-07", &[]);
        check("draft-16", &[]);
    }

    #[test]
    fn counts_a_request_as_the_rfc_does() {
        let opening = Opening { headers: HeaderMap::new(), origin: None, protocols: vec![], ..opening() };
        let dialect = dialect::ALL.iter().find(|dialect| dialect.protocol == "webtransport-h3").unwrap();
        let fields = ":method".len()
            + "CONNECT".len()
            + ":scheme".len()
            + "https".len()
            + ":authority".len()
            + "up.example".len()
            + ":path".len()
            + "/chat".len()
            + ":protocol".len()
            + "webtransport-h3".len();
        assert_eq!(size(dialect, &opening, &HeaderMap::new()), fields as u64 + 5 * 32);
    }

    #[test]
    fn an_answer_has_one_status_in_front() {
        let check = |fields: &[(&'static str, &str)], status: Option<u16>| {
            let fields =
                fields.iter().map(|(name, value)| ((*name).into(), value.as_bytes().to_vec())).collect();
            assert_eq!(response(fields).map(|(status, _)| status.as_u16()), status);
        };
        check(&[(":status", "200"), ("server", "x")], Some(200));
        check(&[(":status", "103")], Some(103));
        for bad in [
            &[][..],
            &[("server", "x")],
            &[("server", "x"), (":status", "200")],
            &[(":status", "200"), (":status", "200")],
            &[(":status", "200"), (":path", "/")],
            &[(":status", "101")],
            &[(":status", "2x0")],
            &[(":status", "200"), ("Server", "x")],
            &[(":status", "200"), ("server", "x\n")],
        ] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(fields in prop::collection::vec((":?[a-zA-Z0-9 -]{0,8}", any::<Vec<u8>>()), 0..4)) {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
            if let Some((status, _)) = response(fields) {
                prop_assert!(status != StatusCode::SWITCHING_PROTOCOLS);
            }
        }

        #[test]
        fn reads_any_answer(status in 102u16..1000, fields in prop::collection::vec(("[a-z-]{1,8}", "[!-~]{0,8}"), 0..4)) {
            let head = [(":status".into(), status.to_string().into_bytes())];
            let regular = fields.iter().map(|(name, value)| (name.clone().into(), value.clone().into_bytes()));
            let (read, headers) = response(head.into_iter().chain(regular).collect()).unwrap();
            prop_assert_eq!((read.as_u16(), headers.len()), (status, fields.len()));
        }
    }
}
