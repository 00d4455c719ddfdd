//! Unary calls in gRPC-Web over cleartext HTTP/2, and what gRPC-Web over HTTP/1.1 shares with them.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;

use super::connection::{check_head, open, post, read};
use super::{Lane, ORIGIN, Turns, one_by_one};
use crate::echo::UNARY;
use crate::failure::Failure;
use crate::frame::{self, Frame, Frames, MESSAGE, TRAILERS};
use crate::payload::Payload;
use crate::workload::Workload;

pub(super) const CONTENT_TYPE: &str = "application/grpc-web+proto";

pub(super) struct WebLane {
    requests: SendRequest<Bytes>,
    target: SocketAddr,
    payload: Payload,
}

pub(super) async fn connect(target: SocketAddr, workload: &Workload) -> Result<Vec<WebLane>, Failure> {
    let mut lanes = Vec::new();
    for _ in 0..workload.connections {
        let requests = open(target).await?;
        lanes.extend((0..workload.streams).map(|_| WebLane {
            requests: requests.clone(),
            target,
            payload: Payload::new(workload.message),
        }));
    }
    Ok(lanes)
}

impl Lane for WebLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        one_by_one(turns, latencies, async |turn| self.unary(turn).await).await
    }
}

impl WebLane {
    async fn unary(&mut self, number: u64) -> Result<(), Failure> {
        let request = post(self.target, UNARY)
            .header("content-type", CONTENT_TYPE)
            .header("x-grpc-web", "1")
            .header("origin", ORIGIN)
            .body(())?;
        self.requests = self.requests.clone().ready().await?;
        let (response, mut sending) = self.requests.send_request(request, false)?;
        sending.send_data(self.payload.message(number), true)?;
        let (head, mut body) = response.await?.into_parts();
        check_head(&head)?;
        let allowed = head.headers.get("access-control-allow-origin");
        check_allowed_origin(allowed.map(|value| value.as_bytes()))?;
        let mut frames = Frames::default();
        while let Some(bytes) = read(&mut body).await? {
            frames.push(&bytes);
        }
        check_body(frames, &self.payload, number)
    }
}

/// Checks that the `cors` filter was at work.
pub(super) fn check_allowed_origin(value: Option<&[u8]>) -> Result<(), Failure> {
    if value == Some(ORIGIN.as_bytes()) {
        return Ok(());
    }
    Err(Failure::new("the response does not allow the origin: the cors filter is not at work"))
}

/// Checks that a whole response holds the one message and a good end, and nothing more.
pub(super) fn check_body(mut frames: Frames, payload: &Payload, number: u64) -> Result<(), Failure> {
    match frames.next()? {
        Some(Frame { flags: MESSAGE, payload: message }) => payload.check(number, &message)?,
        Some(Frame { flags: TRAILERS, payload: trailers }) => {
            frame::check_status(&trailers)?;
            return Err(Failure::new("no message"));
        }
        other => return Err(Failure::new(format!("instead of a message came {other:?}"))),
    }
    match frames.next()? {
        Some(Frame { flags: TRAILERS, payload: trailers }) => frame::check_status(&trailers)?,
        other => return Err(Failure::new(format!("instead of trailers came {other:?}"))),
    }
    frames.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_one_message_and_a_good_end() {
        let payload = Payload::new(16);
        let good = frame::encode(TRAILERS, b"grpc-status: 0\r\n");
        let check = |parts: &[&[u8]]| {
            let mut frames = Frames::default();
            frames.push(&parts.concat());
            check_body(frames, &payload, 3).is_ok()
        };
        assert!(check(&[&payload.message(3), &good]));
        assert!(!check(&[&payload.message(4), &good]));
        assert!(!check(&[&good]));
        assert!(!check(&[&payload.message(3)]));
        assert!(!check(&[&payload.message(3), &payload.message(3), &good]));
        assert!(!check(&[&payload.message(3), &good, b"x"]));
        assert!(!check(&[&payload.message(3), &frame::encode(TRAILERS, b"grpc-status: 8\r\n")]));
    }
}
