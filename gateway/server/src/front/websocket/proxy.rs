//! WebSockets that are carried whole: how clients are answered over HTTP/1.1 and on a stream of HTTP/2.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use pingora_core::protocols::Stream;
use sluicegate_core::protocol::Head;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::wire::ResponseHeaders;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::h2_stream::H2Stream;
use super::{accept_key, check_no_body, check_version, has_token};
use crate::front::door::Door;
use crate::front::h1::DRAIN_TIMEOUT;
use crate::plan::Traffic;
use crate::route::Route;
use crate::sessions::websocket::{Agreed, Refused, open};

/// A request for a WebSocket that has taken a route.
pub(in crate::front) struct Proxied {
    route: Arc<Route>,
    request: SessionRequest,
    authority: String,
}

impl Proxied {
    /// What a request of HTTP/1.1 asks for; `None` if it is no WebSocket of a route's.
    pub(in crate::front) fn upgrade(
        door: &Door,
        head: &Head,
        host: &Arc<str>,
        authority: &str,
    ) -> Option<Proxied> {
        let asks = head.method == Method::GET
            && has_token(&head.headers, &header::CONNECTION, "upgrade")
            && has_token(&head.headers, &header::UPGRADE, "websocket");
        if asks { Proxied::find(door, head, host, authority) } else { None }
    }

    /// The same for an extended CONNECT of HTTP/2 whose `:protocol` is `websocket`.
    pub(in crate::front) fn extended_connect(
        door: &Door,
        head: &Head,
        host: &Arc<str>,
        authority: &str,
    ) -> Option<Proxied> {
        if door.listening.websocket_over_h2 { Proxied::find(door, head, host, authority) } else { None }
    }

    fn find(door: &Door, head: &Head, host: &Arc<str>, authority: &str) -> Option<Proxied> {
        let routes = &door.worker.running.plan.routes;
        let route = routes.find_session(Traffic::WebSockets, host, head.path.path(), &head.headers)?.clone();
        let request = SessionRequest {
            path: head.path.clone(),
            host: host.clone(),
            headers: head.headers.clone(),
            client: door.session_client("websocket", head.transport),
            identity: None,
        };
        Some(Proxied { route, request, authority: authority.to_owned() })
    }

    async fn open(self, door: &Door) -> Result<Agreed, Refused> {
        open(&door.worker, self.route, self.request, &self.authority).await
    }

    /// Answers the request of an HTTP/1.1 connection, and carries the WebSocket that it becomes. `ahead` is what was read
    /// behind the request.
    pub(in crate::front) async fn serve_h1(self, door: &Door, mut io: Stream, ahead: BytesMut) {
        let headers = &self.request.headers;
        let key = match check_no_body(headers).and_then(|()| accept_key(headers)) {
            Ok(key) => key,
            Err(refusal) => return refuse_h1(io, malformed(refusal)).await,
        };
        let agreed = match self.open(door).await {
            Ok(agreed) => agreed,
            Err(refused) => return refuse_h1(io, refused).await,
        };
        let mut head = BytesMut::from(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        );
        head.put_slice(format!("Sec-WebSocket-Accept: {key}\r\n").as_bytes());
        put_fields(&mut head, agreed.headers());
        let answer = async {
            io.write_all(&head).await?;
            io.flush().await
        };
        if matches!(timeout(door.listening.limits.header_timeout, answer).await, Ok(Ok(()))) {
            agreed.carry(StatusCode::SWITCHING_PROTOCOLS, io, ahead.freeze()).await;
        }
    }

    /// Answers an extended CONNECT, and carries the WebSocket on its stream.
    pub(in crate::front) async fn serve_h2(
        self,
        door: Arc<Door>,
        mut respond: SendResponse<Bytes>,
        body: RecvStream,
    ) {
        if let Err(refusal) = check_version(&self.request.headers, StatusCode::BAD_REQUEST) {
            return refuse_h2(respond, malformed(refusal));
        }
        let agreed = match self.open(&door).await {
            Ok(agreed) => agreed,
            Err(refused) => return refuse_h2(respond, refused),
        };
        let mut response = http::Response::new(());
        *response.headers_mut() = agreed.headers().clone();
        // An error means that the client is gone.
        if let Ok(send) = respond.send_response(response, false) {
            agreed.carry(StatusCode::OK, H2Stream::new(send, body), Bytes::new()).await;
        }
    }
}

fn malformed(refusal: ResponseHeaders) -> Refused {
    Refused { status: refusal.status, headers: refusal.headers, body: Bytes::new() }
}

fn put_fields(head: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
    head.put_slice(b"\r\n");
}

/// Refuses, and ends the connection: what the client has sent behind its request is no request.
async fn refuse_h1(mut io: Stream, refused: Refused) {
    let Refused { status, headers, body } = refused;
    let mut head = BytesMut::from(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes());
    if status != StatusCode::NO_CONTENT {
        head.put_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    put_fields(&mut head, &headers);
    let answer = async {
        io.write_all(&head).await?;
        io.write_all(&body).await?;
        io.shutdown().await?;
        // Closing with something unread would reset the connection, and the client could miss the answer.
        let mut rest = [0; 4096];
        while io.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // An error means that the client is gone, and with it the need to answer.
    let _ = timeout(DRAIN_TIMEOUT, answer).await;
}

fn refuse_h2(mut respond: SendResponse<Bytes>, refused: Refused) {
    let mut response = http::Response::new(());
    *response.status_mut() = refused.status;
    *response.headers_mut() = refused.headers;
    if refused.status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(refused.body.len()));
    }
    // An error means that the client is gone, and with it the need to answer.
    if let Ok(mut send) = respond.send_response(response, refused.body.is_empty())
        && !refused.body.is_empty()
    {
        let _ = send.send_data(refused.body, true);
    }
}
