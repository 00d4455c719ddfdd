//! The gRPC service of [`demo.proto`](super::message::PROTO): a small HTTP/2 server with nothing between it and `h2`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Method, Request, Response, StatusCode, header};
use sluicegate_core::deadline::parse_timeout;
use sluicegate_core::metadata::name;
use sluicegate_core::status::{Code, Status};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::exchange::{Replies, Requests};
use super::message::{
    ChatReply, ChatRequest, CountReply, CountRequest, OpenReply, OpenRequest, SayReply, SayRequest, SumReply,
    SumRequest,
};
use super::reflection;

/// Connections at once. The gateway opens a few per worker; the next one waits in the listener's queue.
const CONNECTIONS: usize = 256;
/// Calls at once on one connection.
const CALLS: u32 = 256;
/// Credit that a client gets ahead, per call and per connection, in bytes.
const CALL_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What frames that wait unread may cost beside their bytes. h2 counts up to 256 bytes for a small one and ends the
/// whole connection when this is used up; a call whose window is full of the shortest messages costs 3.3 MB.
const FRAME_BUDGET: usize = 32 << 20;
const HEADER_LIMIT: u32 = 16 << 10;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

const COUNT_LIMIT: u32 = 1_000_000;
const INTERVAL_LIMIT: Duration = Duration::from_secs(60);

/// Serves the demo on cleartext HTTP/2 until `shutdown` is done and the calls in progress have ended.
///
/// `backend` is the name that every reply carries. Drop the future to end the calls too. It fails only if the
/// listener does.
pub async fn serve(
    listener: TcpListener,
    backend: impl Into<Arc<str>>,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let backend: Arc<str> = backend.into();
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => {
                let (socket, _) = accepted?;
                connections.spawn(connection(socket, backend.clone(), stopped.clone()));
            }
            Some(_ended) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(socket: TcpStream, backend: Arc<str>, mut stopped: watch::Receiver<bool>) {
    // Without this a small reply may wait for the acknowledgement of the one before; if it fails, it is only slower.
    let _ = socket.set_nodelay(true);
    let mut settings = h2::server::Builder::new();
    settings
        .max_concurrent_streams(CALLS)
        .initial_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(FRAME_BUDGET)
        .max_header_list_size(HEADER_LIMIT);
    let Ok(Ok(mut connection)) = tokio::time::timeout(HANDSHAKE_TIME, settings.handshake(socket)).await
    else {
        return;
    };
    let mut calls = JoinSet::new();
    let mut draining = false;
    loop {
        tokio::select! {
            // This also moves the bytes of every call; it ends when the connection does.
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                calls.spawn(answer(request, respond, backend.clone()));
            }
            Some(_ended) = calls.join_next() => {}
            _ = stopped.wait_for(|stopped| *stopped), if !draining => {
                draining = true;
                connection.graceful_shutdown();
            }
        }
    }
}

/// Answers one call, whatever comes of it.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, backend: Arc<str>) {
    if let Some(refusal) = not_grpc(&request) {
        let mut response = Response::new(());
        *response.status_mut() = refusal;
        // It fails only if the client has gone.
        let _ = respond.send_response(response, true);
        return;
    }
    let (head, body) = request.into_parts();
    let mut call = Call { requests: Requests::new(body), replies: Replies::new(respond), backend };
    let ended = match head.headers.get(name::GRPC_TIMEOUT).map(|value| parse_timeout(value.as_bytes())) {
        None => call.run(head.uri.path()).await,
        Some(Err(bad)) => Err(Status::internal(bad.to_string())),
        Some(Ok(timeout)) => tokio::time::timeout(timeout, call.run(head.uri.path()))
            .await
            .unwrap_or_else(|_elapsed| Err(Status::deadline_exceeded("the deadline passed"))),
    };
    call.replies.end(ended.err().unwrap_or(Status::OK));
}

/// The HTTP status for a request that is no gRPC call.
fn not_grpc(request: &Request<RecvStream>) -> Option<StatusCode> {
    if request.method() != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    match content_type {
        b"application/grpc" | b"application/grpc+proto" => None,
        _ => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

struct Call {
    requests: Requests,
    replies: Replies,
    backend: Arc<str>,
}

impl Call {
    async fn run(&mut self, path: &str) -> Result<(), Status> {
        match path {
            "/demo.v1.Demo/Say" => self.say().await,
            "/demo.v1.Demo/Count" => self.count().await,
            "/demo.v1.Demo/Sum" => self.sum().await,
            "/demo.v1.Demo/Chat" => self.chat().await,
            "/demo.v1.Vault/Open" => self.open().await,
            path if reflection::METHODS.contains(&path) => self.reflect().await,
            _ => Err(Status::unimplemented(format!("the demo has no method {path}"))),
        }
    }

    async fn say(&mut self) -> Result<(), Status> {
        let SayRequest { name } = self.requests.only().await?;
        let name = if name.is_empty() { "nobody" } else { &name };
        self.replies.send(&SayReply { text: format!("Hello, {name}"), backend: self.backend() }).await
    }

    async fn count(&mut self) -> Result<(), Status> {
        let CountRequest { up_to, interval_ms } = self.requests.only().await?;
        let interval = Duration::from_millis(interval_ms.into());
        if up_to > COUNT_LIMIT || interval > INTERVAL_LIMIT {
            return Err(Status::new(Code::InvalidArgument, "at most 1000000 numbers, at most 60 s apart"));
        }
        for number in 1..=up_to {
            if number > 1 && !interval.is_zero() {
                self.replies.pause(interval).await?;
            }
            self.replies.send(&CountReply { number, backend: self.backend() }).await?;
        }
        Ok(())
    }

    async fn sum(&mut self) -> Result<(), Status> {
        let (mut sum, mut count) = (0i64, 0);
        while let Some(SumRequest { number }) = self.requests.next().await? {
            sum = sum
                .checked_add(number)
                .ok_or_else(|| Status::new(Code::OutOfRange, "the sum does not fit an int64"))?;
            count += 1;
        }
        self.replies.send(&SumReply { sum, count, backend: self.backend() }).await
    }

    async fn chat(&mut self) -> Result<(), Status> {
        self.replies.begin()?;
        let mut sequence = 0;
        while let Some(ChatRequest { text }) = self.requests.next().await? {
            sequence += 1;
            self.replies.send(&ChatReply { text, sequence, backend: self.backend() }).await?;
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<(), Status> {
        let OpenRequest {} = self.requests.only().await?;
        let secret = "The sluice is open.".to_owned();
        self.replies.send(&OpenReply { secret, backend: self.backend() }).await
    }

    async fn reflect(&mut self) -> Result<(), Status> {
        while let Some(request) = self.requests.next().await? {
            self.replies.send(&reflection::answer(request)).await?;
        }
        Ok(())
    }

    fn backend(&self) -> String {
        self.backend.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::BytesMut;
    use h2::client::SendRequest;
    use h2::{Reason, SendStream};
    use http::HeaderMap;
    use prost::Message;
    use sluicegate_core::message::{Deframer, Message as Frame, Side};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::super::exchange::MESSAGE_LIMIT;
    use super::*;

    struct Server {
        client: SendRequest<Bytes>,
        shutdown: oneshot::Sender<()>,
        ended: JoinHandle<std::io::Result<()>>,
    }

    async fn server() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (shutdown, asked) = oneshot::channel::<()>();
        let ended = tokio::spawn(serve(listener, "backend-a", async { drop(asked.await) }));
        let mut settings = h2::client::Builder::new();
        settings.data_frame_budget(FRAME_BUDGET);
        let (client, connection) = settings.handshake(socket).await.unwrap();
        tokio::spawn(connection);
        Server { client, shutdown, ended }
    }

    impl Server {
        async fn call(&mut self, path: &str) -> Client {
            self.call_with(Request::post(format!("http://demo{path}")).header("te", "trailers")).await
        }

        async fn call_with(&mut self, request: http::request::Builder) -> Client {
            let request = request.header("content-type", "application/grpc").body(()).unwrap();
            let mut ready = self.client.clone().ready().await.unwrap();
            let (response, upload) = ready.send_request(request, false).unwrap();
            let deframer = Deframer::new(Side::Upstream, MESSAGE_LIMIT);
            Client { response: Some(response), upload, body: None, deframer, trailers: None }
        }
    }

    /// A call as its client sees it. Every wait is bounded, so that a server that hangs fails the test.
    struct Client {
        response: Option<h2::client::ResponseFuture>,
        upload: SendStream<Bytes>,
        body: Option<RecvStream>,
        deframer: Deframer,
        trailers: Option<HeaderMap>,
    }

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(10), what).await.expect("the server hangs")
    }

    impl Client {
        fn send(&mut self, request: &impl Message) {
            self.send_bytes(
                Frame { compressed: false, payload: request.encode_to_vec().into() }.to_frame(),
                false,
            );
        }

        fn send_bytes(&mut self, bytes: impl Into<Bytes>, end: bool) {
            self.upload.send_data(bytes.into(), end).unwrap();
        }

        fn half_close(&mut self) {
            self.send_bytes("", true);
        }

        async fn head(&mut self) {
            let Some(response) = self.response.take() else { return };
            let response = soon(response).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "application/grpc");
            if response.headers().contains_key("grpc-status") {
                assert!(response.body().is_end_stream(), "Trailers-Only has no body");
                self.trailers = Some(response.headers().clone());
            }
            self.body = Some(response.into_body());
        }

        async fn next<M: Message + Default>(&mut self) -> Option<M> {
            self.head().await;
            let body = self.body.as_mut().unwrap();
            loop {
                if let Some(frame) = self.deframer.next_message().unwrap() {
                    return Some(M::decode(frame.payload).unwrap());
                }
                let bytes = soon(body.data()).await?.unwrap();
                body.flow_control().release_capacity(bytes.len()).unwrap();
                self.deframer.push(&bytes);
            }
        }

        /// Whatever is left, then the status.
        async fn end(mut self) -> (Code, String) {
            while self.next::<OpenRequest>().await.is_some() {}
            let trailers = match self.trailers {
                Some(trailers) => trailers,
                None => soon(self.body.as_mut().unwrap().trailers()).await.unwrap().expect("no trailers"),
            };
            let message = trailers.get("grpc-message").map_or("", |message| message.to_str().unwrap());
            (Code::from_header(trailers["grpc-status"].as_bytes()), message.to_owned())
        }
    }

    #[tokio::test]
    async fn says_hello_and_which_backend_said_it() {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Say").await;
        call.send(&SayRequest { name: "Ada".into() });
        call.half_close();
        let reply: SayReply = call.next().await.unwrap();
        assert_eq!(reply, SayReply { text: "Hello, Ada".into(), backend: "backend-a".into() });
        assert_eq!(call.end().await, (Code::Ok, String::new()));
    }

    #[tokio::test]
    async fn counts_and_sums() {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Count").await;
        call.send(&CountRequest { up_to: 3, interval_ms: 1 });
        call.half_close();
        for number in 1..=3 {
            assert_eq!(call.next::<CountReply>().await.unwrap().number, number);
        }
        assert_eq!(call.end().await.0, Code::Ok);

        let mut call = server.call("/demo.v1.Demo/Sum").await;
        for number in [40, -1, 3] {
            call.send(&SumRequest { number });
        }
        call.half_close();
        let reply: SumReply = call.next().await.unwrap();
        assert_eq!((reply.sum, reply.count), (42, 3));

        let mut call = server.call("/demo.v1.Demo/Sum").await;
        call.send(&SumRequest { number: i64::MAX });
        call.send(&SumRequest { number: 1 });
        call.half_close();
        assert_eq!(call.end().await.0, Code::OutOfRange);
    }

    #[tokio::test]
    async fn chats_in_both_directions_at_once() {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Chat").await;
        // The head comes before any message was sent, or a client that waits for it would wait for ever.
        call.head().await;
        for (sequence, text) in [(1, "one"), (2, ""), (3, "three")] {
            call.send(&ChatRequest { text: text.into() });
            let reply: ChatReply = call.next().await.unwrap();
            assert_eq!((reply.sequence, reply.text.as_str()), (sequence, text));
        }
        call.half_close();
        assert_eq!(call.end().await.0, Code::Ok);
    }

    #[tokio::test]
    async fn refuses_what_it_does_not_serve() {
        let mut server = server().await;
        for path in ["/demo.v1.Demo/Nope", "/", "/demo.v1.Demo/Say/", "/demo.v1.Vault/Say"] {
            let call = server.call(path).await;
            let (code, message) = call.end().await;
            assert_eq!(code, Code::Unimplemented, "{path}");
            assert!(message.contains(path), "{message}");
        }
        for (request, want) in [
            (Request::get("http://demo/demo.v1.Demo/Say").header("content-type", "application/grpc"), 405),
            (Request::post("http://demo/demo.v1.Demo/Say").header("content-type", "text/plain"), 415),
            (Request::post("http://demo/demo.v1.Demo/Say"), 415),
        ] {
            let mut ready = server.client.clone().ready().await.unwrap();
            let (response, _upload) = ready.send_request(request.body(()).unwrap(), true).unwrap();
            assert_eq!(soon(response).await.unwrap().status(), want);
        }
    }

    #[tokio::test]
    async fn refuses_broken_messages() {
        let mut server = server().await;
        let mut two = BytesMut::new();
        for _ in 0..2 {
            two.extend_from_slice(&Frame { compressed: false, payload: Bytes::new() }.to_frame());
        }
        let too_long = [&[0][..], &(MESSAGE_LIMIT + 1).to_be_bytes()].concat();
        for (what, bytes, want) in [
            ("too long", too_long, Code::ResourceExhausted),
            ("compressed", vec![1, 0, 0, 0, 0], Code::Unimplemented),
            ("unknown flag", vec![2, 0, 0, 0, 0], Code::Internal),
            ("cut off", vec![0, 0, 0, 0, 9, 1], Code::Internal),
            ("no protobuf", vec![0, 0, 0, 0, 1, 0xff], Code::Internal),
            ("two messages", two.to_vec(), Code::Unimplemented),
            ("no message", vec![], Code::Unimplemented),
        ] {
            let mut call = server.call("/demo.v1.Demo/Say").await;
            call.send_bytes(bytes, true);
            assert_eq!(call.end().await.0, want, "{what}");
        }
    }

    #[tokio::test]
    async fn keeps_the_deadline() {
        let mut server = server().await;
        for (timeout, want) in
            [("30m", Code::DeadlineExceeded), ("0n", Code::DeadlineExceeded), ("x", Code::Internal)]
        {
            let request = Request::post("http://demo/demo.v1.Demo/Count").header("grpc-timeout", timeout);
            let mut call = server.call_with(request).await;
            call.send(&CountRequest { up_to: 2, interval_ms: 60_000 });
            call.half_close();
            assert_eq!(call.end().await.0, want, "{timeout}");
        }
    }

    #[tokio::test]
    async fn stops_when_the_client_resets() {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Count").await;
        call.send(&CountRequest { up_to: 9, interval_ms: 60_000 });
        call.half_close();
        call.next::<CountReply>().await.unwrap();
        call.upload.send_reset(Reason::CANCEL);
        // A drain waits for the calls in progress, so it ends only if the reset ended this one.
        server.shutdown.send(()).unwrap();
        soon(server.ended).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn lets_calls_finish_when_it_is_shut_down() {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Chat").await;
        call.head().await;
        server.shutdown.send(()).unwrap();
        call.send(&ChatRequest { text: "still here".into() });
        assert_eq!(call.next::<ChatReply>().await.unwrap().text, "still here");
        assert!(!server.ended.is_finished());
        call.half_close();
        assert_eq!(call.end().await.0, Code::Ok);
        soon(server.ended).await.unwrap().unwrap();
    }

    /// Sends `count` lines of `length` bytes without reading an echo until credit runs out, then reads them all.
    async fn check_back_pressure(length: usize, count: u64) {
        let mut server = server().await;
        let mut call = server.call("/demo.v1.Demo/Chat").await;
        let payload = Bytes::from(ChatRequest { text: "x".repeat(length) }.encode_to_vec());
        let frame = Frame { compressed: false, payload }.to_frame();
        // One DATA frame for each message, as a client sends them that has no more to say yet.
        let mut sent = 0;
        let mut response = call.response.take().unwrap();
        let mut body: Option<RecvStream> = None;
        let (mut echoes, mut stalled) = (0, false);
        call.upload.reserve_capacity(frame.len());
        while echoes < count {
            if call.upload.capacity() >= frame.len() && sent < count {
                sent += 1;
                call.upload.send_data(frame.clone(), sent == count).unwrap();
                call.upload.reserve_capacity(frame.len());
                continue;
            }
            let granted = poll_fn(|waker| call.upload.poll_capacity(waker));
            if !stalled {
                if let Ok(granted) = tokio::time::timeout(Duration::from_millis(300), granted).await {
                    granted.unwrap().unwrap();
                    continue;
                }
                stalled = true;
                // Ours and the server's windows, what it has in hand, and as much again for what is on its way.
                let most = 2 * (CALL_WINDOW as usize + 65_535 + 2 * frame.len());
                let taken = sent as usize * frame.len();
                assert!(taken < most, "the server took {taken} bytes without being read");
                assert!(sent < count, "{count} lines are too few to fill the windows");
                body = Some(soon(&mut response).await.unwrap().into_body());
                continue;
            }
            let body = body.as_mut().unwrap();
            tokio::select! {
                granted = granted, if sent < count => drop(granted.unwrap().unwrap()),
                data = soon(body.data()) => {
                    let data = data.unwrap().unwrap();
                    body.flow_control().release_capacity(data.len()).unwrap();
                    call.deframer.push(&data);
                    while let Some(frame) = call.deframer.next_message().unwrap() {
                        echoes += 1;
                        assert_eq!(ChatReply::decode(frame.payload).unwrap().sequence, echoes);
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn takes_no_more_than_the_client_reads() {
        check_back_pressure(10_000, 100).await;
    }

    #[tokio::test]
    async fn many_short_messages_do_not_cost_the_connection() {
        check_back_pressure(1, 40_000).await;
    }
}
