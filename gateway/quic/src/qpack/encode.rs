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
    for (name, value) in headers {
        put_integer(name.as_str().len() as u64, 3, 0x20, &mut block);
        block.put_slice(name.as_str().as_bytes());
        put_integer(value.len() as u64, 7, 0, &mut block);
        block.put_slice(value.as_bytes());
    }
    let mut frame = BytesMut::with_capacity(block.len() + 8);
    varint::write(HEADERS, &mut frame);
    varint::write(block.len() as u64, &mut frame);
    frame.put(block);
    frame.freeze()
}

fn put_status(status: StatusCode, block: &mut BytesMut) {
    let known = static_table::ENTRIES.iter().position(|entry| *entry == (":status", status.as_str()));
    match known {
        Some(index) => put_integer(index as u64, 6, 0xc0, block),
        None => {
            // ":status: 200" lends its name.
            put_integer(25, 4, 0x50, block);
            put_integer(3, 7, 0, block);
            block.put_slice(status.as_str().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Guard, Piece};
    use crate::qpack::decode;

    #[test]
    fn what_is_written_can_be_read() {
        for status in [200, 403, 404, 429, 501] {
            let status = StatusCode::from_u16(status).unwrap();
            let mut headers = HeaderMap::new();
            headers.append("wt-protocol", "\"grpc-wt-1\"".parse().unwrap());
            headers.append("x", "y".repeat(300).parse().unwrap());
            let mut guard = Guard::new(1 << 16);
            guard.push(encode_response(status, &headers));
            let Ok(Some(Piece::Frame { frame_type: HEADERS, bytes, header })) = guard.next() else {
                panic!("not one frame");
            };
            let fields = decode(&bytes[header..], 1 << 14).unwrap();
            assert_eq!(fields[0], (":status".into(), status.as_str().as_bytes().to_vec()));
            assert_eq!(fields[1], ("wt-protocol".into(), b"\"grpc-wt-1\"".to_vec()));
            assert_eq!(fields[2], ("x".into(), "y".repeat(300).into_bytes()));
        }
    }
}
