//! HTTP/2 frame by frame, for what a well-behaved library neither sends nor shows.
//!
//! Source: RFC 9113, sections 3.4, 4.1 and 6; RFC 7541, section 6.2.2.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::within;

/// Frame types.
pub mod kind {
    #![allow(missing_docs, reason = "the names are the specification's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// `END_STREAM` on HEADERS and DATA; `ACK` on SETTINGS and PING.
pub const END_STREAM: u8 = 1;
/// `END_HEADERS` on HEADERS.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The stream it belongs to.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A plaintext connection after the preface and an empty SETTINGS frame.
#[derive(Debug)]
pub struct RawH2 {
    reading: Reading,
    writing: Writing,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Reading(OwnedReadHalf);

/// The sending half of a connection.
#[derive(Debug)]
pub struct Writing(OwnedWriteHalf);

impl RawH2 {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> RawH2 {
        let (reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        writing.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut raw = RawH2 { reading: Reading(reading), writing: Writing(writing) };
        raw.send(kind::SETTINGS, 0, 0, &[]).await.unwrap();
        raw
    }

    /// Takes the connection apart.
    pub fn split(self) -> (Reading, Writing) {
        (self.reading, self.writing)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the gateway has closed the connection.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        self.writing.send(kind, flags, stream, payload).await
    }

    /// The next frame; `None` once the gateway has closed the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        within("a frame", self.reading.next()).await
    }

    /// Skips frames until one is wanted; `None` once the gateway has closed the connection.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }
}

impl Writing {
    /// Sends a frame.
    ///
    /// # Errors
    /// When the gateway has closed the connection.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = Vec::with_capacity(9 + payload.len());
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        within("the gateway to take a frame", self.0.write_all(&frame)).await
    }
}

impl Reading {
    /// The next frame; `None` once the gateway has closed the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        // A reset connection is closed too.
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }
}

/// A header block of literals without indexing and without Huffman coding.
pub fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "lengths of one byte suffice here");
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The fields of a gRPC request with this path.
pub fn grpc_request(path: &str) -> Vec<u8> {
    header_block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}
