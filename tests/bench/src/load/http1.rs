//! Unary calls in gRPC-Web over HTTP/1.1, one after the other on connections that are kept alive.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::grpc_web::{CONTENT_TYPE, check_allowed_origin, check_body};
use super::{API_KEY, Lane, ORIGIN, Turns, one_by_one};
use crate::echo::UNARY;
use crate::failure::{During, Failure};
use crate::frame::Frames;
use crate::payload::Payload;
use crate::workload::Workload;

/// Longer lines than any proxy here writes.
const LONGEST_LINE: usize = 16 << 10;

pub(super) struct Http1Lane {
    connection: Reader<TcpStream>,
    /// The request up to its body; the same each time, as all messages have the same length.
    head: String,
    payload: Payload,
}

pub(super) async fn connect(target: SocketAddr, workload: &Workload) -> Result<Vec<Http1Lane>, Failure> {
    let payload = Payload::new(workload.message);
    let length = payload.message(0).len();
    let head = format!(
        "POST {UNARY} HTTP/1.1\r\nhost: {target}\r\ncontent-type: {CONTENT_TYPE}\r\nx-grpc-web: 1\r\n\
         origin: {ORIGIN}\r\nx-api-key: {API_KEY}\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut lanes = Vec::new();
    for _ in 0..workload.connections * workload.streams {
        let socket = TcpStream::connect(target).await.during(format_args!("connecting to {target}"))?;
        socket.set_nodelay(true)?;
        lanes.push(Http1Lane {
            connection: Reader::new(socket),
            head: head.clone(),
            payload: payload.clone(),
        });
    }
    Ok(lanes)
}

impl Lane for Http1Lane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        one_by_one(turns, latencies, async |turn| self.unary(turn).await).await
    }
}

impl Http1Lane {
    async fn unary(&mut self, number: u64) -> Result<(), Failure> {
        // One write: a browser, too, sends head and body of a small request in one packet.
        let request = [self.head.as_bytes(), &self.payload.message(number)].concat();
        self.connection.source.write_all(&request).await?;
        let response = self.connection.response().await?;
        check_allowed_origin(response.allowed_origin.as_deref().map(str::as_bytes))?;
        check_body(response.body, &self.payload, number)
    }
}

/// Reads responses, one after the other.
struct Reader<S> {
    source: S,
    buffered: BytesMut,
}

struct Response {
    allowed_origin: Option<String>,
    body: Frames,
}

/// How the end of a body is found. A body that ends with the connection is refused: the connection must stay.
#[derive(Clone, Copy)]
enum Length {
    Unknown,
    Known(usize),
    Chunked,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    fn new(source: S) -> Reader<S> {
        Reader { source, buffered: BytesMut::with_capacity(64 << 10) }
    }

    async fn response(&mut self) -> Result<Response, Failure> {
        let status = self.line().await?;
        let mut allowed_origin = None;
        let mut length = Length::Unknown;
        let mut refusal = None;
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Length::Known(value.parse()?),
                "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => length = Length::Chunked,
                "access-control-allow-origin" => allowed_origin = Some(value.to_owned()),
                "grpc-status" | "grpc-message" => refusal = Some(line.clone()),
                _ => {}
            }
        }
        let body = self.body(length).await?;
        if !status.starts_with("HTTP/1.1 200") || refusal.is_some() {
            return Err(Failure::new(format!("answered {status} {}", refusal.unwrap_or_default())));
        }
        Ok(Response { allowed_origin, body })
    }

    async fn body(&mut self, length: Length) -> Result<Frames, Failure> {
        let mut body = Frames::default();
        match length {
            Length::Unknown => return Err(Failure::new("a response without a length")),
            Length::Known(length) => body.push(&self.exactly(length).await?),
            Length::Chunked => loop {
                let line = self.line().await?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).during("a chunk's size")?;
                if size == 0 {
                    // Trailer fields, if any, and the empty line that ends them.
                    while !self.line().await?.is_empty() {}
                    break;
                }
                body.push(&self.exactly(size).await?);
                if !self.line().await?.is_empty() {
                    return Err(Failure::new("a chunk longer than its size"));
                }
            },
        }
        Ok(body)
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Result<String, Failure> {
        let mut searched = 0;
        loop {
            let found = self.buffered.iter().skip(searched).position(|byte| *byte == b'\n');
            if let Some(position) = found {
                let line = self.buffered.split_to(searched + position + 1);
                return Ok(std::str::from_utf8(&line)?.trim_end_matches(['\r', '\n']).to_owned());
            }
            searched = self.buffered.len();
            if searched > LONGEST_LINE {
                return Err(Failure::new("an endless line"));
            }
            self.fill().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes, Failure> {
        while self.buffered.remaining() < length {
            self.fill().await?;
        }
        Ok(self.buffered.split_to(length).freeze())
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        match self.source.read_buf(&mut self.buffered).await? {
            0 => Err(Failure::new("the connection was closed")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{TRAILERS, encode};

    fn check(head: &str, body: &[u8], good: bool) {
        let payload = Payload::new(16);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // Twice, because the next response begins where the first one ends.
        let text = [head.as_bytes(), body, head.as_bytes(), body].concat();
        let mut reader = Reader::new(&text[..]);
        for _ in 0..2 {
            let done = runtime.block_on(reader.response()).and_then(|response| {
                check_allowed_origin(response.allowed_origin.as_deref().map(str::as_bytes))?;
                check_body(response.body, &payload, 1)
            });
            assert_eq!(done.is_ok(), good, "{head:?} {done:?}");
        }
    }

    #[test]
    fn reads_bodies_of_known_length_and_in_chunks() {
        let message = Payload::new(16).message(1);
        let trailers = encode(TRAILERS, b"grpc-status: 0\r\n");
        let whole = [&message[..], &trailers[..]].concat();
        let head = |rest: &str| {
            format!("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: {ORIGIN}\r\n{rest}\r\n\r\n")
        };
        check(&head(&format!("content-length: {}", whole.len())), &whole, true);

        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        let chunked = [chunk(&message), chunk(&trailers), b"0\r\n\r\n".to_vec()].concat();
        check(&head("transfer-encoding: chunked"), &chunked, true);
        let with_trailer = [chunk(&whole), b"0\r\nx: y\r\n\r\n".to_vec()].concat();
        check(&head("transfer-encoding: chunked"), &with_trailer, true);
    }

    #[test]
    fn refuses_what_is_no_success() {
        let allow = format!("access-control-allow-origin: {ORIGIN}\r\n");
        check(&format!("HTTP/1.1 401 Unauthorized\r\n{allow}content-length: 0\r\n\r\n"), b"", false);
        check(&format!("HTTP/1.1 200 OK\r\n{allow}grpc-status: 7\r\ncontent-length: 0\r\n\r\n"), b"", false);
        check(&format!("HTTP/1.1 200 OK\r\n{allow}\r\n"), b"", false);
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"zz\r\n", false);
    }
}
