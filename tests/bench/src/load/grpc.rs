//! Calls in gRPC over cleartext HTTP/2.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::Request;

use super::connection::{check_head, check_trailers, open, post, read};
use super::{Lane, Turns, one_by_one};
use crate::echo::{PING_PONG, REPEAT, UNARY};
use crate::failure::{During, Failure};
use crate::frame::{Frames, MESSAGE};
use crate::payload::{Payload, RepeatRequest, nanoseconds_since};
use crate::workload::{Shape, Workload};

pub(super) struct GrpcLane {
    requests: SendRequest<Bytes>,
    target: SocketAddr,
    shape: Shape,
    size: usize,
    payload: Payload,
}

pub(super) async fn connect(target: SocketAddr, workload: &Workload) -> Result<Vec<GrpcLane>, Failure> {
    let mut lanes = Vec::new();
    for _ in 0..workload.connections {
        let requests = open(target).await?;
        lanes.extend((0..workload.streams).map(|_| GrpcLane {
            requests: requests.clone(),
            target,
            shape: workload.shape,
            size: workload.message,
            payload: Payload::new(workload.message),
        }));
    }
    Ok(lanes)
}

impl Lane for GrpcLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        match self.shape {
            Shape::Unary => one_by_one(turns, latencies, async |turn| self.unary(turn).await).await,
            Shape::ServerStream(count) => {
                one_by_one(turns, latencies, async |_| self.server_stream(count).await).await
            }
            Shape::PingPong => self.ping_pong(turns, latencies).await.during("ping-pong"),
            Shape::Stream(_) => Err(Failure::new("native gRPC streams one way only")),
        }
    }
}

impl GrpcLane {
    async fn unary(&mut self, number: u64) -> Result<(), Failure> {
        let mut call = self.call(UNARY).await?;
        call.request.send_data(self.payload.message(number), true)?;
        call.receive_head().await?;
        let message = call.next_message().await?.ok_or_else(|| Failure::new("no message"))?;
        self.payload.check(number, &message)?;
        call.expect_end().await
    }

    async fn server_stream(&mut self, count: u32) -> Result<(), Failure> {
        let mut call = self.call(REPEAT).await?;
        // The sizes of the workloads are far below 4 GiB.
        let size = self.size as u32;
        call.request.send_data(RepeatRequest { count, size }.encode(), true)?;
        call.receive_head().await?;
        for number in 0..count {
            let message = call.next_message().await?;
            let message = message.ok_or_else(|| Failure::new(format!("ended after {number} messages")))?;
            self.payload.check(number.into(), &message)?;
        }
        call.expect_end().await
    }

    async fn ping_pong(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        let mut call = self.call(PING_PONG).await?;
        let mut head_seen = false;
        while let Some(number) = turns.take() {
            let start = Instant::now();
            call.request.send_data(self.payload.message(number), false)?;
            if !head_seen {
                call.receive_head().await?;
                head_seen = true;
            }
            let message = call.next_message().await?.ok_or_else(|| Failure::new("ended early"))?;
            self.payload.check(number, &message)?;
            latencies.push(nanoseconds_since(start));
        }
        call.request.send_data(Bytes::new(), true)?;
        if !head_seen {
            call.receive_head().await?;
        }
        call.expect_end().await
    }

    async fn call(&mut self, path: &str) -> Result<GrpcCall, Failure> {
        let request: Request<()> = post(self.target, path)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(())?;
        self.requests = self.requests.clone().ready().await?;
        let (response, request) = self.requests.send_request(request, false)?;
        Ok(GrpcCall { request, response: Response::Awaited(response), frames: Frames::default() })
    }
}

struct GrpcCall {
    request: SendStream<Bytes>,
    response: Response,
    frames: Frames,
}

enum Response {
    /// Nothing has come yet.
    Awaited(h2::client::ResponseFuture),
    /// The head has come.
    Begun(RecvStream),
}

impl GrpcCall {
    async fn receive_head(&mut self) -> Result<(), Failure> {
        if let Response::Awaited(response) = &mut self.response {
            let (head, body) = response.await?.into_parts();
            check_head(&head)?;
            self.response = Response::Begun(body);
        }
        Ok(())
    }

    /// The next message. `None` when there are no more.
    async fn next_message(&mut self) -> Result<Option<Bytes>, Failure> {
        let Response::Begun(body) = &mut self.response else {
            return Err(Failure::new("read before the head came"));
        };
        loop {
            match self.frames.next()? {
                Some(frame) if frame.flags == MESSAGE => return Ok(Some(frame.payload)),
                Some(frame) => return Err(Failure::new(format!("a frame with flags {:#x}", frame.flags))),
                None => match read(body).await? {
                    Some(bytes) => self.frames.push(&bytes),
                    None => return Ok(None),
                },
            }
        }
    }

    async fn expect_end(&mut self) -> Result<(), Failure> {
        if self.next_message().await?.is_some() {
            return Err(Failure::new("one message too many"));
        }
        self.frames.finish()?;
        match &mut self.response {
            Response::Begun(body) => check_trailers(body.trailers().await?.as_ref()),
            Response::Awaited(_) => Err(Failure::new("ended before the head came")),
        }
    }
}
