//! An HTTP/2 or HTTP/3 stream as a session of Pingora's.
//!
//! Pingora does not document the trait, which is why its version is pinned and why only this file implements it.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::HeaderMap;
use pingora_core::protocols::http::HttpTask;
use pingora_core::protocols::http::custom::CustomMessageWrite;
use pingora_core::protocols::http::custom::server::Session;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::{Digest, SocketDigest};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use sluicegate_core::metadata::strip_hop_by_hop;
use sluicegate_core::wire::{Gone, Receive, Reset, ResponseHeaders, Transmit};

/// Bytes of a request kept for another attempt.
const RETRY_BUFFER: usize = 64 << 10;

/// A client's stream as a session.
pub(super) struct PlainSession<R, T: Transmit> {
    request: RequestHeader,
    /// Sessions must be `Sync`, wires need not be. Nobody shares a session, so the lock is only looked through.
    wire: Mutex<Wire<R, T>>,
    /// Set once a read has said so, never earlier: Pingora stops reading when it is.
    request_ended: bool,
    response: Option<ResponseHeader>,
    received: usize,
    sent: usize,
    retry: Option<Retry>,
    digest: Digest,
}

struct Wire<R, T: Transmit> {
    receive: R,
    transmit: T,
    response_ended: bool,
}

#[derive(Default)]
struct Retry {
    bytes: BytesMut,
    truncated: bool,
}

impl<R, T: Transmit> Drop for Wire<R, T> {
    fn drop(&mut self) {
        // Pingora drops a session whose response broke off without telling it.
        if !self.response_ended {
            self.transmit.reset(Reset::INTERNAL);
        }
    }
}

fn client_gone(_: Gone) -> Box<Error> {
    Error::explain(ErrorType::H2Error, "the client is gone").into_down()
}

impl<R: Receive, T: Transmit> PlainSession<R, T> {
    /// A session for this request. `addresses` are the client's and ours.
    pub(super) fn new(
        request: RequestHeader,
        receive: R,
        transmit: T,
        addresses: (std::net::SocketAddr, std::net::SocketAddr),
    ) -> PlainSession<R, T> {
        // Many streams share a socket, so the digest has addresses but no descriptor.
        let socket = SocketDigest::from_raw_fd(-1);
        // A new digest knows no addresses yet, so setting them cannot fail.
        let _ = socket.peer_addr.set(Some(SocketAddr::Inet(addresses.0)));
        let _ = socket.local_addr.set(Some(SocketAddr::Inet(addresses.1)));
        let request_ended = receive.is_ended();
        PlainSession {
            request,
            wire: Mutex::new(Wire { receive, transmit, response_ended: false }),
            request_ended,
            response: None,
            received: 0,
            sent: 0,
            retry: None,
            digest: Digest { socket_digest: Some(Arc::new(socket)), ..Digest::default() },
        }
    }

    fn wire(&mut self) -> &mut Wire<R, T> {
        self.wire.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn send(&mut self, mut data: Bytes, end: bool) -> Result<()> {
        self.sent += data.len();
        let wire = self.wire();
        if wire.response_ended {
            return Ok(());
        }
        while !data.is_empty() {
            let credit =
                poll_fn(|cx| wire.transmit.poll_credit(cx, data.len())).await.map_err(client_gone)?;
            let part = data.split_to(credit.min(data.len()));
            let last = end && data.is_empty();
            wire.response_ended = last;
            wire.transmit.send_data(part, last).map_err(client_gone)?;
        }
        if end && !wire.response_ended {
            wire.response_ended = true;
            wire.transmit.send_data(Bytes::new(), true).map_err(client_gone)?;
        }
        Ok(())
    }

    async fn flushed(&mut self) -> Result<()> {
        let wire = self.wire();
        poll_fn(|cx| wire.transmit.poll_flushed(cx)).await.map_err(client_gone)
    }
}

#[async_trait]
impl<R: Receive, T: Transmit> Session for PlainSession<R, T> {
    fn req_header(&self) -> &RequestHeader {
        &self.request
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.request
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        if self.request_ended {
            return Ok(None);
        }
        let wire = self.wire();
        let Some(chunk) = poll_fn(|cx| wire.receive.poll_data(cx)).await.map_err(client_gone)? else {
            self.request_ended = true;
            return Ok(None);
        };
        // Pingora takes the next chunk only when this one has been passed on.
        wire.receive.release(chunk.len());
        self.received += chunk.len();
        if let Some(retry) = &mut self.retry {
            retry.truncated |= retry.bytes.len() + chunk.len() > RETRY_BUFFER;
            if !retry.truncated {
                retry.bytes.extend_from_slice(&chunk);
            }
        }
        Ok(Some(chunk))
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        while self.read_body_bytes().await?.is_some() {}
        Ok(())
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.write_response_header_ref(&head, end).await
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        if self.response.is_some() || head.status.is_informational() {
            return Ok(());
        }
        let mut headers = head.headers.clone();
        let length = headers.get(http::header::CONTENT_LENGTH).cloned();
        strip_hop_by_hop(&mut headers);
        if let Some(length) = length {
            headers.insert(http::header::CONTENT_LENGTH, length);
        }
        self.response = Some(head.clone());
        let wire = self.wire();
        wire.response_ended = end;
        wire.transmit
            .send_head(ResponseHeaders { status: head.status, headers }, end)
            .map_err(client_gone)?;
        if end { self.flushed().await } else { Ok(()) }
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.send(data, end).await?;
        if end { self.flushed().await } else { Ok(()) }
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        let wire = self.wire();
        if wire.response_ended {
            return Ok(());
        }
        wire.response_ended = true;
        wire.transmit.send_trailers(trailers).map_err(client_gone)?;
        self.flushed().await
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut ended = false;
        for task in tasks {
            ended |= match task {
                HttpTask::Header(head, end) => {
                    self.write_response_header(head, end).await?;
                    end
                }
                HttpTask::Body(data, end) => {
                    self.send(data.unwrap_or_default(), end).await?;
                    end
                }
                HttpTask::Trailer(Some(trailers)) => {
                    self.write_trailers(*trailers).await?;
                    true
                }
                HttpTask::Trailer(None) | HttpTask::Done => true,
                HttpTask::UpgradedBody(..) => {
                    return Error::e_explain(ErrorType::InternalError, "HTTP/2 and HTTP/3 have no upgrade");
                }
                HttpTask::Failed(error) => return Err(error),
            };
        }
        if ended {
            self.finish().await?;
        }
        Ok(ended)
    }

    fn set_read_timeout(&mut self, _: Option<Duration>) {}

    fn get_read_timeout(&self) -> Option<Duration> {
        None
    }

    fn set_write_timeout(&mut self, _: Option<Duration>) {}

    fn get_write_timeout(&self) -> Option<Duration> {
        None
    }

    fn set_total_drain_timeout(&mut self, _: Option<Duration>) {}

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        None
    }

    fn request_summary(&self) -> String {
        format!("{} {}", self.request.method, self.request.uri.path())
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.response.as_ref()
    }

    async fn shutdown(&mut self, code: u32, _: &str) {
        let wire = self.wire();
        if !wire.response_ended {
            wire.response_ended = true;
            wire.transmit.reset(Reset::from_h2(code));
        }
    }

    fn is_body_done(&mut self) -> bool {
        self.request_ended
    }

    async fn finish(&mut self) -> Result<()> {
        if self.response.is_some() {
            self.send(Bytes::new(), true).await?;
            self.flushed().await?;
            if !self.request_ended {
                self.wire().receive.stop();
            }
        }
        Ok(())
    }

    fn is_body_empty(&mut self) -> bool {
        self.request_ended && self.received == 0
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if no_body_expected || self.request_ended {
            let wire = self.wire();
            let gone = poll_fn(|cx| wire.transmit.poll_gone(cx)).await;
            return Err(client_gone(gone));
        }
        self.read_body_bytes().await
    }

    fn body_bytes_sent(&self) -> usize {
        self.sent
    }

    fn body_bytes_read(&self) -> usize {
        self.received
    }

    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        Some(&mut self.digest)
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.peer_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.local_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        Bytes::new()
    }

    fn enable_retry_buffering(&mut self) {
        self.retry.get_or_insert_default();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.retry.as_ref().is_some_and(|retry| retry.truncated)
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        let retry = self.retry.as_ref()?;
        (!retry.truncated && !retry.bytes.is_empty()).then(|| retry.bytes.clone().freeze())
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}
