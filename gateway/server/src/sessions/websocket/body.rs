//! The beginning of a body that an upstream refuses a WebSocket with.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What is read of a body: enough for what explains a refusal.
const MOST: usize = 16 << 10;

/// How the end of a body is known (RFC 9112, section 6.3).
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// The body, as far as it comes and is not too long. `bytes` is what was read of it already.
pub(super) async fn read<R: AsyncRead + Unpin>(
    io: &mut R,
    mut bytes: BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
) -> Bytes {
    let framing = framing(status, headers);
    let (most, is_chunked) = match framing {
        Framing::Length(length) => (length.min(MOST), false),
        Framing::Chunked => (MOST, true),
        Framing::UntilClose => (MOST, false),
    };
    let mut body = BytesMut::new();
    let mut chunk = Chunk::default();
    loop {
        let is_complete = match is_chunked {
            true => chunk.decode(&mut bytes, &mut body),
            false => {
                body.unsplit(bytes.split());
                body.len() >= most
            }
        };
        // A body that breaks off explains as much as has come of it.
        if is_complete || body.len() >= MOST || !matches!(io.read_buf(&mut bytes).await, Ok(1..)) {
            body.truncate(most);
            return body.freeze();
        }
    }
}

fn framing(status: StatusCode, headers: &HeaderMap) -> Framing {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Framing::Length(0);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Framing::Chunked;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.map_or(Framing::UntilClose, Framing::Length)
}

/// How far the chunked coding was followed.
#[derive(Default)]
struct Chunk {
    /// What is left of a chunk.
    left: usize,
    /// The line break behind a chunk is still to come.
    ends: bool,
}

impl Chunk {
    /// Moves what there is of chunks to `body`. True at the end, or where the coding is none.
    fn decode(&mut self, bytes: &mut BytesMut, body: &mut BytesMut) -> bool {
        loop {
            if self.left > 0 {
                let part = bytes.split_to(self.left.min(bytes.len()));
                self.left -= part.len();
                body.unsplit(part);
                if self.left > 0 {
                    return false;
                }
                self.ends = true;
            }
            if self.ends {
                if bytes.len() < 2 {
                    return false;
                }
                bytes.advance(2);
                self.ends = false;
            }
            match httparse::parse_chunk_size(bytes) {
                Ok(httparse::Status::Complete((_, 0))) | Err(_) => return true,
                Ok(httparse::Status::Complete((line, size))) => {
                    bytes.advance(line);
                    self.left = usize::try_from(size).unwrap_or(usize::MAX);
                }
                // No size has a line of this length.
                Ok(httparse::Status::Partial) => return bytes.len() > MOST,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn check(field: (&'static str, &'static str), sent: &[u8], ahead: usize, expected: &[u8]) {
        let (mut io, mut upstream) = duplex(1 << 20);
        upstream.write_all(&sent[ahead..]).await.unwrap();
        upstream.shutdown().await.unwrap();
        let headers = HeaderMap::from_iter([(
            field.0.parse::<header::HeaderName>().unwrap(),
            HeaderValue::from_static(field.1),
        )]);
        let body = read(&mut io, BytesMut::from(&sent[..ahead]), StatusCode::FORBIDDEN, &headers).await;
        assert_eq!(body, expected, "{field:?} {ahead}");
    }

    #[tokio::test]
    async fn reads_bodies_of_every_framing_in_every_split() {
        let chunked = b"4;x=y\r\nwiki\r\n6\r\npedia \r\n0\r\n\r\nnext";
        for ahead in 0..chunked.len() {
            check(("transfer-encoding", "chunked"), chunked, ahead, b"wikipedia ").await;
        }
        for ahead in 0..8 {
            check(("content-length", "5"), b"whole next", ahead, b"whole").await;
            check(("server", "x"), b"until the end", ahead, b"until the end").await;
        }
        check(("content-length", "50"), b"broken off", 0, b"broken off").await;
        check(("transfer-encoding", "chunked"), b"5\r\nbr", 0, b"br").await;
        check(("transfer-encoding", "chunked"), b"zz", 0, b"").await;
    }

    #[tokio::test]
    async fn reads_no_more_than_the_beginning() {
        let long = vec![b'x'; MOST + 100];
        check(("server", "x"), &long, 0, &long[..MOST]).await;
        let mut chunked = format!("{:x}\r\n", long.len()).into_bytes();
        chunked.extend_from_slice(&long);
        check(("transfer-encoding", "chunked"), &chunked, 0, &long[..MOST]).await;
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut chunk, mut bytes) = (Chunk::default(), BytesMut::from(&bytes[..]));
            let _ = chunk.decode(&mut bytes, &mut BytesMut::new());
        }
    }
}
