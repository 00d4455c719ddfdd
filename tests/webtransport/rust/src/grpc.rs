//! One call over WebTransport that streams in both directions, written from `docs/grpc-webtransport.md`.

use crate::cases::same;
use crate::session::{ReceiveHalf, SendHalf, Session, Trouble, failed};
use crate::target::Target;

const MESSAGE: u8 = 0x00;
const HEADERS: u8 = 0x40;
const TRAILERS: u8 = 0x80;
/// A `StreamingOutputCallRequest` for one response of five bytes.
const FIVE_BYTES: &[u8] = &[0x12, 2, 0x08, 5];

pub(crate) async fn call<S: Session>(target: &Target) -> Result<(), Trouble> {
    let session = S::connect(target, "/grpc-wt/v1", &[]).await?;
    let (mut send, receive) = session.open_bi().await?;
    let mut response = Frames { receive, read: Vec::new() };
    send.write(&frame(HEADERS, b":path: /grpc.testing.TestService/FullDuplexCall\r\n")).await?;
    for index in 0..3 {
        send.write(&frame(MESSAGE, FIVE_BYTES)).await?;
        if index == 0 {
            response.next(HEADERS).await?;
        }
        let message = response.next(MESSAGE).await?;
        if message.len() < 5 {
            return Err(failed(format!("the message is {message:?}")));
        }
    }
    send.write(&frame(TRAILERS, b"")).await?;
    send.finish().await?;
    let trailers = String::from_utf8(response.next(TRAILERS).await?)?;
    if !trailers.contains("grpc-status: 0\r\n") {
        return Err(failed(format!("the trailers are {trailers:?}")));
    }
    same(&response.receive.read().await?.unwrap_or_default(), b"")
}

fn frame(flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames of tests are small");
    [&[flags][..], &length.to_be_bytes(), payload].concat()
}

/// Cuts frames out of bytes that arrive cut anywhere.
struct Frames<R> {
    receive: R,
    read: Vec<u8>,
}

impl<R: ReceiveHalf> Frames<R> {
    /// The payload of the next frame, which must have these flags.
    async fn next(&mut self, flags: u8) -> Result<Vec<u8>, Trouble> {
        loop {
            if let Some((head, rest)) = self.read.split_first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if head[0] != flags {
                    return Err(failed(format!("a frame {:#x}, not {flags:#x}", head[0])));
                }
                if rest.len() >= length {
                    let payload = rest[..length].to_vec();
                    self.read.drain(..5 + length);
                    return Ok(payload);
                }
            }
            let more =
                self.receive.read().await?.ok_or_else(|| failed("the response ended inside of a frame"))?;
            self.read.extend(more);
        }
    }
}
