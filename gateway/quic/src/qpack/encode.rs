//! Field sections, to bytes.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::integer::put_integer;
use super::static_table;
use crate::guard::HEADERS;
use crate::varint;

/// A HEADERS frame with the head of a response.
pub(crate) fn encode_response(status: StatusCode, headers: &HeaderMap) -> Bytes {
    let mut block = BytesMut::from(&[0, 0][..]);
    put_status(status, &mut block);
    frame(block, headers)
}

/// A HEADERS frame with an extended CONNECT (RFC 9220) to an `https` resource.
pub(crate) fn encode_connect(protocol: &str, authority: &str, path: &str, headers: &HeaderMap) -> Bytes {
    let mut block = BytesMut::from(&[0, 0][..]);
    // ":method: CONNECT" and ":scheme: https" stand in the table; ":authority" and ":path: /" lend their names.
    put_integer(15, 6, 0xc0, &mut block);
    put_integer(23, 6, 0xc0, &mut block);
    for (name, value) in [(0, authority), (1, path)] {
        put_integer(name, 4, 0x50, &mut block);
        put_literal(value.as_bytes(), 7, 0, &mut block);
    }
    put_literal(b":protocol", 3, 0x20, &mut block);
    put_literal(protocol.as_bytes(), 7, 0, &mut block);
    frame(block, headers)
}

/// The frame around what has been encoded, with the header fields behind it.
fn frame(mut block: BytesMut, headers: &HeaderMap) -> Bytes {
    for (name, value) in headers {
        put_literal(name.as_str().as_bytes(), 3, 0x20, &mut block);
        put_literal(value.as_bytes(), 7, 0, &mut block);
    }
    let mut frame = BytesMut::with_capacity(block.len() + 8);
    varint::write(HEADERS, &mut frame);
    varint::write(block.len() as u64, &mut frame);
    frame.put(block);
    frame.freeze()
}

/// A string as it is, behind its length with this prefix.
fn put_literal(string: &[u8], prefix: u8, pattern: u8, block: &mut BytesMut) {
    put_integer(string.len() as u64, prefix, pattern, block);
    block.put_slice(string);
}

fn put_status(status: StatusCode, block: &mut BytesMut) {
    let known = static_table::ENTRIES.iter().position(|entry| *entry == (":status", status.as_str()));
    match known {
        Some(index) => put_integer(index as u64, 6, 0xc0, block),
        None => {
            // ":status: 200" lends its name.
            put_integer(25, 4, 0x50, block);
            put_literal(status.as_str().as_bytes(), 7, 0, block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Guard, Piece};
    use crate::qpack::decode;

    /// What stands in the one frame.
    fn fields(frame: Bytes) -> Vec<(String, String)> {
        let mut guard = Guard::new(1 << 16);
        guard.push(frame);
        let Ok(Some(Piece::Frame { frame_type: HEADERS, bytes, header })) = guard.next() else {
            panic!("not one frame");
        };
        let fields = decode(&bytes[header..], 1 << 14).unwrap().into_iter();
        fields.map(|(name, value)| (name.into_owned(), String::from_utf8(value).unwrap())).collect()
    }

    fn check(frame: Bytes, expected: &[(&str, &str)]) {
        let fields = fields(frame);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let long = "y".repeat(300);
        let mut headers = HeaderMap::new();
        headers.append("wt-protocol", "\"grpc-wt-1\"".parse().unwrap());
        headers.append("x", long.parse().unwrap());
        let rest = [("wt-protocol", "\"grpc-wt-1\""), ("x", &long)];
        for status in ["200", "403", "404", "429", "501"] {
            let code = StatusCode::from_bytes(status.as_bytes()).unwrap();
            check(encode_response(code, &headers), &[&[(":status", status)][..], &rest].concat());
        }
        let head = [
            (":method", "CONNECT"),
            (":scheme", "https"),
            (":authority", "example.com:8443"),
            (":path", "/chat?room=1"),
            (":protocol", "webtransport-h3"),
        ];
        let frame = encode_connect("webtransport-h3", "example.com:8443", "/chat?room=1", &headers);
        check(frame, &[&head[..], &rest].concat());
    }
}
