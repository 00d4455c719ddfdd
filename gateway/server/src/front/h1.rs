//! HTTP/1.1 connections, on Pingora's session.
//!
//! A session of HTTP/1.1 is one value that reads or writes. For a call it is driven by this connection's task, and the
//! call gets two halves of a small pipe to it: `drive` reads ahead by one chunk while nothing waits to be written.

mod head;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;
use sluicegate_core::call::Transport;
use sluicegate_core::protocol::Reply;
use sluicegate_core::wire::ResponseHeaders;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::door::{Admission, Door, Entrance, authority};
use super::pipe::{Driver, Write, pipe};
use super::websocket::proxy::Proxied;
use super::{plain, websocket};
use crate::carry::{Asked, refuse};
use head::{NoHead, Peeked};

/// How long a request body that nobody wants is read, so that the client gets the response and not a reset.
pub(in crate::front) const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves an HTTP/1.1 connection to its end.
pub(crate) async fn serve(door: Arc<Door>, mut io: Stream, shutdown: ShutdownWatch) {
    let limits = &door.listening.limits;
    let drain = &door.worker.running.drain;
    let mut patience = limits.header_timeout;
    // What came behind the last request: the beginning of the next.
    let mut ahead = BytesMut::new();
    loop {
        let head = head::read(&mut io, ahead, limits.max_header_bytes as usize);
        let read = tokio::select! {
            read = timeout(patience, head) => read,
            () = drain.begins() => return,
        };
        let peeked = match read {
            Ok(Ok(peeked)) => peeked,
            Ok(Err(NoHead::Closed)) => return,
            Ok(Err(NoHead::TooLarge)) => {
                return refuse_head(io, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).await;
            }
            Ok(Err(NoHead::Malformed)) => return refuse_head(io, StatusCode::BAD_REQUEST).await,
            Err(_) => return log::debug!("{}: the head of a request took too long", door.address),
        };
        let _hold = drain.hold();
        match request(&door, io, peeked, &shutdown).await {
            Some(reused) => (io, ahead) = reused,
            None => return,
        }
        patience = limits.idle_timeout + limits.header_timeout;
    }
}

/// Answers a head that nobody could make sense of.
async fn refuse_head(mut io: Stream, status: StatusCode) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let answer = async {
        io.write_all(head.as_bytes()).await?;
        io.shutdown().await?;
        // Closing with something unread would reset the connection, and the client could miss the answer.
        let mut rest = [0; 4096];
        while io.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // An error means that the client is gone, and with it the need to answer.
    let _ = timeout(DRAIN_TIMEOUT, answer).await;
}

/// A session that reads the head again.
fn session(door: &Door, io: Stream, bytes: BytesMut) -> ServerSession {
    let mut session = ServerSession::new_http1(io);
    session.set_pipelined_prefix(bytes);
    session.set_keepalive(keepalive(door));
    session
}

/// For how many seconds the connection may wait for another request.
fn keepalive(door: &Door) -> Option<u64> {
    let seconds = door.listening.limits.idle_timeout.as_secs().max(1);
    (!door.worker.running.drain.has_begun()).then_some(seconds)
}

/// A connection that is fit for another request, and what the client has sent of that already.
type Reused = (Stream, BytesMut);

/// Serves one request. Returns the connection for the next one, if it is fit for it.
async fn request(door: &Arc<Door>, io: Stream, peeked: Peeked, shutdown: &ShutdownWatch) -> Option<Reused> {
    let Peeked { head, authority: target, http_1_0, mut bytes, head_len } = peeked;
    // HTTP/1.0 clients may leave the host out, but no route could be chosen for them either.
    let Some(authority) = authority(target.as_deref(), &head.headers) else {
        refuse_head(io, StatusCode::BAD_REQUEST).await;
        return None;
    };
    let host = door.host(authority);
    let path = head.path.clone();
    let admission = match websocket::upgrade(door, &head, &host).filter(|_| !http_1_0) {
        Some(Ok(upgrade)) => {
            let ahead = bytes.split_off(head_len.min(bytes.len()));
            Box::pin(websocket::serve_h1(door, io, ahead, upgrade, host)).await;
            return None;
        }
        Some(Err(refusal)) => Admission::Reply(refusal),
        None => match Proxied::upgrade(door, &head, &host, authority).filter(|_| !http_1_0) {
            Some(proxied) => {
                let ahead = bytes.split_off(head_len.min(bytes.len()));
                Box::pin(proxied.serve_h1(door, io, ahead)).await;
                return None;
            }
            None => door.admit(head, &host),
        },
    };
    let mut session = session(door, io, bytes);
    if let Admission::Plain(_) = admission {
        let reused = plain::serve_session(door, session, shutdown).await?;
        return Some((reused.consume().0, BytesMut::new()));
    }
    // A client may send its next request before it has the response to this one (RFC 9112, section 9.3.2).
    session.set_pipelining_enabled(true);
    if !matches!(session.read_request().await, Ok(true)) {
        let _ = session.respond_error(400).await;
        return None;
    }
    let refusal = match admission {
        // Chunked coding, which a response of unknown length needs, came with HTTP/1.1.
        Admission::Call(..) if http_1_0 => {
            ResponseHeaders { status: StatusCode::HTTP_VERSION_NOT_SUPPORTED, headers: HeaderMap::new() }
        }
        Admission::Call(_, Err(Reply::Http(status, headers))) => ResponseHeaders { status, headers },
        Admission::Call(protocol, opened) => {
            let (driver, receive, transmit) = pipe();
            match opened {
                Ok(opened) => {
                    let entrance = Entrance { transport: Transport::Http1, host, identity: None };
                    let call = door.carry(protocol, *opened, entrance, receive, transmit);
                    drop(tokio::spawn(call));
                }
                Err(Reply::Status(status, encoder)) => {
                    let client = door.client(protocol, Transport::Http1);
                    let asked = Asked { client, host, path };
                    drop(tokio::spawn(refuse(door.worker.clone(), status, encoder, asked, transmit)));
                }
                Err(Reply::Http(..)) => return None,
            }
            return drive(session, driver, door).await;
        }
        Admission::Reply(head) => head,
        Admission::Plain(_) => return None,
    };
    reply(session, refusal, door).await
}

/// Sends a response that has only a head.
async fn reply(mut session: ServerSession, reply: ResponseHeaders, door: &Door) -> Option<Reused> {
    let mut head = ResponseHeader::build(reply.status, Some(reply.headers.len() + 1)).ok()?;
    for (name, value) in &reply.headers {
        head.append_header(name.clone(), value.clone()).ok()?;
    }
    if reply.status != StatusCode::NO_CONTENT {
        head.insert_header(header::CONTENT_LENGTH, 0).ok()?;
    }
    written(door, session.write_response_header(Box::new(head))).await?;
    finish(session, door).await
}

/// Moves one call between its pipe and the session until the response is complete.
async fn drive(mut session: ServerSession, driver: Driver, door: &Door) -> Option<Reused> {
    let alt_svc = door.listening.alt_svc.as_ref();
    // The call minds how long nothing moves. It cannot see a client that takes nothing, because the session is writing.
    session.set_read_timeout(None);
    session.set_write_timeout(Some(door.listening.limits.idle_timeout));
    let mut request_ended = session.is_body_empty();
    if request_ended {
        driver.request_ended();
    } else if session.req_header().headers.get(header::EXPECT).is_some_and(asks_to_continue) {
        written(door, session.write_continue_response()).await?;
        // Pingora takes this for a response, and one before the end of the request is to be the last.
        session.set_keepalive(keepalive(door));
    }
    loop {
        tokio::select! {
            biased;
            write = driver.next_write() => match write {
                Write::Head(head, whole) => {
                    let head = response_head(*head, whole, alt_svc)?;
                    written(door, session.write_response_header(Box::new(head))).await?;
                }
                Write::Data(data) => session.write_response_body(data, false).await.ok()?,
                Write::End => return finish(session, door).await,
                // The chunked body stays without its end, so the client sees that it broke off.
                Write::Reset(_) => {
                    let _ = timeout(door.listening.limits.idle_timeout, session.shutdown()).await;
                    return None;
                }
            },
            // After the end of the request this resolves only when the client closes the connection.
            read = session.read_body_or_idle(request_ended), if request_ended || driver.wants_data() => match read {
                Ok(Some(data)) => {
                    driver.push(data);
                    // Reading past the end would wait for the client to leave.
                    if session.is_body_done() {
                        request_ended = true;
                        driver.request_ended();
                    }
                }
                Ok(None) => {
                    request_ended = true;
                    driver.request_ended();
                }
                // Dropping the driver tells the call that its client is gone.
                Err(_) => return None,
            },
            () = driver.data_taken(), if !request_ended && !driver.wants_data() => {}
        }
    }
}

/// Waits for what Pingora writes without a timeout of its own, but not for ever for a client that takes nothing.
async fn written<T>(door: &Door, write: impl Future<Output = pingora_core::Result<T>>) -> Option<T> {
    timeout(door.listening.limits.idle_timeout, write).await.ok()?.ok()
}

/// Whether the client waits for a word before it sends the body (RFC 9110, section 10.1.1).
fn asks_to_continue(expect: &HeaderValue) -> bool {
    expect.as_bytes().eq_ignore_ascii_case(b"100-continue")
}

fn response_head(
    head: ResponseHeaders,
    whole: bool,
    alt_svc: Option<&HeaderValue>,
) -> Option<ResponseHeader> {
    let mut response = ResponseHeader::build(head.status, Some(head.headers.len() + 2)).ok()?;
    for (name, value) in &head.headers {
        response.append_header(name.clone(), value.clone()).ok()?;
    }
    if whole {
        // RFC 9110, section 8.6: no such response has one.
        if head.status != StatusCode::NO_CONTENT {
            response.insert_header(header::CONTENT_LENGTH, 0).ok()?;
        }
    } else if !head.headers.contains_key(header::CONTENT_LENGTH) {
        response.insert_header(header::TRANSFER_ENCODING, "chunked").ok()?;
    }
    if let Some(alt_svc) = alt_svc {
        response.insert_header(header::ALT_SVC, alt_svc.clone()).ok()?;
    }
    Some(response)
}

/// Ends the response, and makes the connection fit for the next request if it can be.
async fn finish(mut session: ServerSession, door: &Door) -> Option<Reused> {
    written(door, session.finish_body()).await?;
    if !matches!(timeout(DRAIN_TIMEOUT, session.drain_request_body()).await, Ok(Ok(()))) {
        return None;
    }
    let reused = session.finish().await.ok()??;
    let (io, ahead) = reused.into_parts();
    Some((io, ahead.unwrap_or_default()))
}
