//! Messages on bare QUIC streams: what WebTransport and HTTP/3 are measured against.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};

use super::pipe::{Pipe, exchange};
use super::webtransport::{quic_config, quic_connect};
use super::{Lane, Turns};
use crate::echo;
use crate::failure::Failure;
use crate::frame::{Frame, Frames, MESSAGE};
use crate::payload::Payload;
use crate::workload::Workload;

const CHUNK: usize = 16 << 10;

pub(super) struct QuicLane {
    connection: Connection,
    payload: Payload,
    ahead: usize,
}

pub(super) async fn connect(
    target: SocketAddr,
    certificate: &Path,
    workload: &Workload,
) -> Result<Vec<QuicLane>, Failure> {
    let config = quic_config(certificate, echo::quic::ALPN)?;
    let mut lanes = Vec::new();
    for _ in 0..workload.connections {
        let connection = quic_connect(&config, target).await?;
        lanes.extend((0..workload.streams).map(|_| QuicLane {
            connection: connection.clone(),
            payload: Payload::new(workload.message),
            ahead: workload.ahead(),
        }));
    }
    Ok(lanes)
}

impl Lane for QuicLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        let (request, response) = self.connection.open_bi().await?;
        let mut stream = Stream { request, response, frames: Frames::default(), chunk: vec![0; CHUNK] };
        exchange(&mut stream, &self.payload, self.ahead, turns, latencies).await?;
        stream.request.finish()?;
        match stream.response.read(&mut stream.chunk).await? {
            None => stream.frames.finish(),
            Some(length) => Err(Failure::new(format!("{length} bytes behind the last message"))),
        }
    }
}

struct Stream {
    request: SendStream,
    response: RecvStream,
    frames: Frames,
    chunk: Vec<u8>,
}

impl Pipe for Stream {
    async fn send(&mut self, framed: Bytes) -> Result<(), Failure> {
        Ok(self.request.write_all(&framed).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        loop {
            match self.frames.next()? {
                Some(Frame { flags: MESSAGE, payload }) => return Ok(payload),
                Some(other) => return Err(Failure::new(format!("unexpected {other:?}"))),
                None => {}
            }
            let length = self.response.read(&mut self.chunk).await?;
            let length = length.ok_or_else(|| Failure::new("the stream ended early"))?;
            self.frames.push(self.chunk.get(..length).unwrap_or_default());
        }
    }
}
