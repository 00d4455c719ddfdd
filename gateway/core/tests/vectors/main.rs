//! Runs the golden vectors in `tests/vectors` against the client protocols.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says where it was"
)]

mod format;

use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prost_reflect::DescriptorPool;
use sluicegate_core::call::{End, ResponseHead, Transport};
use sluicegate_core::protocol::grpc_wt::reset_code;
use sluicegate_core::protocol::websocket::{OnWebSocket, Received};
use sluicegate_core::protocol::webtransport::{Opening, Refusal};
use sluicegate_core::protocol::{
    self, Abort, Encoder, Ending, Head, Opened, Outbox, Reply, Services, grpc_websockets, grpc_ws, grpc_wt,
    take_status,
};
use sluicegate_core::schema::{Schema, Source};
use sluicegate_core::status::{Code, Status};
use sluicegate_core::testing::{Decoded, feed_in_every_split};
use sluicegate_core::wire::Reset;

use format::{Lines, Vector, sorted};

const PATH: &str = "/helloworld.Greeter/SayHello";

#[test]
fn connect_unary() {
    run("connect_unary", 30);
}

#[test]
fn connect_get() {
    run("connect_get", 18);
}

#[test]
fn connect_stream() {
    run("connect_stream", 25);
}

#[test]
fn grpc_web() {
    run("grpc_web", 20);
}

#[test]
fn grpc_wt() {
    run("grpc_wt", 41);
}

#[test]
fn connect_wt() {
    run("connect_wt", 18);
}

#[test]
fn grpc_ws() {
    run("grpc_ws", 12);
}

#[test]
fn grpc_websockets() {
    run("grpc_websockets", 10);
}

#[test]
fn rest() {
    run("rest", 25);
}

/// Runs all vectors of a protocol, of which there are `least` or more.
fn run(protocol: &'static str, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(protocol);
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        // Shown when the vector fails.
        println!("{}", path.display());
        check(protocol, &Vector::read(&path));
        count += 1;
    }
    assert!(count >= least, "only {count} vectors of {protocol}");
}

fn check(protocol: &str, vector: &Vector) {
    let has_request = vector.has("request");
    let has_response = vector.has("upstream end") || vector.has("upstream breaks");
    let is_answered = vector.has("response head") && !has_response;
    let has_messages = vector.has("messages");
    assert!(has_request || has_messages || has_response || is_answered, "it says nothing");
    if has_messages {
        Request::from_messages(on_websocket(protocol, vector), vector).check(vector);
    }
    if is_answered {
        Response::refuse(protocol, vector).check(vector);
    }
    if has_request {
        let request =
            feed_in_every_split(&vector.bytes("request"), |pieces| Request::read(protocol, vector, pieces));
        request.check(vector);
    }
    if has_response {
        let chunks = vector.chunks("upstream frames");
        Response::write(protocol, vector, chunks.clone()).check(vector);
        // Text depends on the chunks that it was made of; all else does not.
        if vector.value("response head", "content-type").is_none_or(|value| !value.contains("-text")) {
            feed_in_every_split(&chunks.concat(), |chunks| Response::write(protocol, vector, chunks))
                .check(vector);
        }
    }
}

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Request {
    call: Option<Lines>,
    frames: Bytes,
    ended: bool,
    refused: Option<u8>,
    stop: Option<u32>,
}

impl Request {
    fn read(protocol: &str, vector: &Vector, pieces: Vec<Bytes>) -> Request {
        let refused = |code: Code, stop| Request {
            call: None,
            frames: Bytes::new(),
            ended: false,
            refused: Some(code.number()),
            stop,
        };
        let (head, pieces) = match head(protocol, vector, pieces) {
            Ok(opened) => opened,
            Err((code, stop)) => return refused(code, Some(stop)),
        };
        let mut opened = match open(protocol, vector, head) {
            Ok(opened) => opened,
            Err(Reply::Status(status, _)) => return refused(status.code, None),
            Err(Reply::Http(status, _)) => panic!("HTTP {status}"),
        };
        if let Some(limit) = vector.number("limits", "max_request_message") {
            opened.decoder.limit(limit);
        }
        let seen = Decoded::from_pieces(&mut *opened.decoder, pieces, !vector.has("no fin"));
        Request {
            call: Some(lines_of(&opened)),
            frames: seen.frames,
            ended: seen.ended,
            refused: seen.refused.map(|(code, _)| code.number()),
            stop: None,
        }
    }

    /// Reads a request of a protocol on a WebSocket, whose messages have borders that mean something.
    fn from_messages(on: &OnWebSocket, vector: &Vector) -> Request {
        let mut messages = vector.chunks("messages").into_iter();
        let first = messages.next().expect("the message of the headers");
        let head = (on.first)(first, PathAndQuery::from_static(PATH));
        let mut opened = match head.and_then(|head| open(on.protocol.name, vector, head)) {
            Ok(opened) => opened,
            Err(Reply::Http(status, _)) => panic!("HTTP {status}"),
            Err(Reply::Status(status, _)) => {
                let refused = Some(status.code.number());
                return Request { call: None, frames: Bytes::new(), ended: false, refused, stop: None };
            }
        };
        let (mut pieces, mut ended, mut broken) = (Vec::new(), false, None);
        for message in messages {
            let received = (on.next)(message);
            assert!(!ended || matches!(received, Ok(Received::Grant(_))), "messages follow the end");
            match received {
                Ok(Received::Grant(_)) => {}
                Ok(Received::Data(bytes)) => pieces.push(bytes),
                Ok(Received::Last(bytes)) => {
                    pieces.push(bytes);
                    ended = true;
                }
                Err(status) => {
                    broken = Some(status.code.number());
                    break;
                }
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        let seen = Decoded::from_pieces(&mut *opened.decoder, pieces, ended);
        Request {
            call: Some(lines_of(&opened)),
            frames: seen.frames,
            ended: seen.ended,
            refused: seen.refused.map(|(code, _)| code.number()).or(broken),
            stop: None,
        }
    }

    fn check(self, vector: &Vector) {
        assert_eq!(self.frames, vector.bytes("frames"), "frames");
        let refused = vector.number("refused", "grpc-status");
        assert_eq!(self.refused.map(u32::from), refused, "grpc-status of the refusal");
        assert_eq!(self.stop, vector.number("refused", "stop"), "code of the stop");
        assert_eq!(self.ended, refused.is_none(), "the request is over");
        if let Some(call) = vector.lines("call") {
            assert_eq!(self.call, Some(call), "call");
        }
    }
}

/// The head of a request, and the pieces after it; or the status and the code that the stream is stopped with.
fn head(protocol: &str, vector: &Vector, pieces: Vec<Bytes>) -> Result<(Head, Vec<Bytes>), (Code, u32)> {
    if !matches!(protocol, "grpc_wt" | "connect_wt") {
        return Ok((http_head(vector), pieces));
    }
    let refused = |refusal: Refusal| match refusal.reply {
        Reply::Status(status, _) => (status.code, refusal.stop),
        Reply::Http(status, _) => panic!("HTTP {status}"),
    };
    let mut opening = Opening::new(protocol == "connect_wt");
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        if let Some((head, rest)) = opening.data(piece).map_err(refused)? {
            return Ok((
                head,
                std::iter::once(rest).chain(pieces).filter(|piece| !piece.is_empty()).collect(),
            ));
        }
    }
    Err(refused(opening.end()))
}

fn http_head(vector: &Vector) -> Head {
    let method = vector.value("request line", "method").unwrap_or("POST".to_owned());
    let path = vector.value("request line", "path").unwrap_or(PATH.to_owned());
    Head {
        method: method.parse().unwrap(),
        path: PathAndQuery::try_from(path).unwrap(),
        headers: map(&vector.lines("headers").unwrap_or_default()),
        transport: Transport::Http2,
    }
}

fn open(protocol: &str, vector: &Vector, head: Head) -> Result<Opened, Reply> {
    let none = Schema::default();
    let schema = match protocol {
        _ if vector.has("no schema") => &none,
        "rest" => library(),
        _ => greeter(),
    };
    let services = Services { schema, has_route: &|path| path.as_str() != "/helloworld.Greeter/Nowhere" };
    let recognised = protocol::recognise(&head, &services).expect("no protocol");
    assert_eq!(recognised.name, protocol);
    (recognised.open)(head, &services)
}

fn on_websocket(protocol: &str, vector: &Vector) -> &'static OnWebSocket {
    if vector.has("windows") {
        return &grpc_ws::WITH_WINDOWS;
    }
    let all = [&grpc_ws::ON_WEBSOCKET, &grpc_websockets::ON_WEBSOCKET];
    all.into_iter().find(|on| on.protocol.name == protocol).expect("no protocol on WebSockets")
}

/// What `tests/rest/library.proto` tells of, its options included.
fn library() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        let core = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut compiler =
            protox::Compiler::new([core.join("../../tests/rest"), core.join("proto")]).unwrap();
        compiler.include_imports(true).open_file("library.proto").unwrap();
        Schema::new(&[Source { pool: compiler.descriptor_pool(), json: Default::default() }])
    });
    &SCHEMA
}

/// What `greeter.proto` tells of.
fn greeter() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        let files = protox::compile(["greeter.proto"], [folder]).unwrap();
        let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
        Schema::new(&[Source { pool, json: Default::default() }])
    });
    &SCHEMA
}

/// A call, as `[call]` shows it.
fn lines_of(opened: &Opened) -> Lines {
    let mut lines = lines(&opened.metadata);
    let mut push =
        |name: &str, value: Option<String>| lines.extend(value.map(|value| (name.to_owned(), value)));
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    push(":path", Some(opened.path.as_str().to_owned()));
    push("content-type", Some(text(&opened.content_type)));
    push("timeout", opened.timeout.map(|timeout| format!("{timeout:?}")));
    push("grpc-encoding", opened.encoding.as_ref().map(text));
    push("grpc-accept-encoding", opened.accept_encoding.as_ref().map(text));
    sorted(lines)
}

/// What the client got.
#[derive(Debug, PartialEq)]
struct Response {
    head: Option<Lines>,
    bytes: Bytes,
    reset: Option<u32>,
}

impl Response {
    /// The answer to a request that opens no call.
    fn refuse(protocol: &str, vector: &Vector) -> Response {
        let mut out = Outbox::default();
        match open(protocol, vector, http_head(vector)).err().expect("it opens a call") {
            Reply::Status(status, mut encoder) => {
                encoder.trailers_only(HeaderMap::new(), status.into(), &mut out);
            }
            Reply::Http(status, headers) => {
                out.head(status, headers);
                out.end(Ending::Clean);
            }
        }
        Response::of(out)
    }

    fn write(protocol: &str, vector: &Vector, chunks: Vec<Bytes>) -> Response {
        let mut encoder = encoder(protocol, vector);
        let mut out = Outbox::default();
        let head = vector.lines("upstream head").map(|lines| response_head(map(&lines)));
        match vector.lines("upstream end").map(|lines| end(map(&lines))) {
            Some(end) => match head {
                Some(head) => {
                    encoder.head(head, &mut out);
                    if vector.has("drains") {
                        out.data(Bytes::from_static(grpc_wt::DRAIN));
                    }
                    chunks.into_iter().for_each(|chunk| encoder.data(chunk, &mut out).unwrap());
                    encoder.end(end, &mut out);
                }
                None => encoder.trailers_only(HeaderMap::new(), end, &mut out),
            },
            None => {
                encoder.head(head.expect("no [upstream head]"), &mut out);
                chunks.into_iter().for_each(|chunk| encoder.data(chunk, &mut out).unwrap());
                let end = end(map(&vector.lines("upstream breaks").unwrap()));
                let reset = Reset::INTERNAL;
                encoder.abort(Abort { end, reset, mid_message: true, by_upstream: false }, &mut out);
            }
        }
        Response::of(out)
    }

    fn of(out: Outbox) -> Response {
        Response {
            head: out.head.map(|head| {
                let mut lines = lines(&head.headers);
                if head.status != StatusCode::OK {
                    lines.push((":status".to_owned(), head.status.as_u16().to_string()));
                }
                sorted(lines)
            }),
            bytes: out.data.iter().flatten().copied().collect(),
            reset: match out.ending.expect("no ending") {
                Ending::Clean => None,
                Ending::Reset(reset) => Some(reset_code(reset)),
                Ending::Trailers(trailers) => panic!("HTTP trailers: {trailers:?}"),
            },
        }
    }

    fn check(self, vector: &Vector) {
        assert_eq!(self.head, vector.lines("response head"), "head of the response");
        assert_eq!(
            without_order(&self.bytes),
            without_order(&vector.bytes("response")),
            "bytes of the response"
        );
        assert_eq!(self.reset, vector.number("reset", "code"), "code of the reset");
    }
}

/// The same bytes with the lines of every block of headers sorted by their names.
fn without_order(mut frames: &[u8]) -> Bytes {
    let mut sorted = Vec::new();
    while let Some((prefix, rest)) = frames.split_first_chunk::<5>() {
        let [flags, a, b, c, d] = *prefix;
        let Some((payload, rest)) = rest.split_at_checked(u32::from_be_bytes([a, b, c, d]) as usize) else {
            break;
        };
        sorted.extend_from_slice(prefix);
        if matches!(flags, 0x40 | 0x80) {
            let mut lines: Vec<_> = payload.split_inclusive(|&byte| byte == b'\n').collect();
            lines.sort_by_key(|line| line.split(|&byte| byte == b':').next());
            sorted.extend(lines.concat());
        } else {
            sorted.extend_from_slice(payload);
        }
        frames = rest;
    }
    // Text, or the part of a frame that a response broke off in.
    [&sorted, frames].concat().into()
}

fn encoder(protocol: &str, vector: &Vector) -> Box<dyn Encoder> {
    if vector.has("late") {
        let Reply::Status(_, encoder) = grpc_wt::refuse(Status::unavailable("")) else { panic!("no status") };
        return encoder;
    }
    let head = match protocol {
        "grpc_wt" => Head { transport: Transport::WebTransport, ..http_head(vector) },
        // A response has the flags of its request's headers.
        "connect_wt" => {
            head(protocol, vector, vec![vector.bytes("request").into()]).expect("it opens no call").0
        }
        "grpc_ws" => Head { transport: Transport::WebSocket, ..http_head(vector) },
        "grpc_websockets" => {
            let mut head = Head { transport: Transport::WebSocket, ..http_head(vector) };
            head.headers.insert("sec-websocket-protocol", HeaderValue::from_static("grpc-websockets"));
            head
        }
        _ => http_head(vector),
    };
    open(protocol, vector, head).ok().expect("it opens no call").encoder
}

fn response_head(mut headers: HeaderMap) -> ResponseHead {
    ResponseHead {
        content_type: headers.remove("content-type"),
        encoding: headers.remove("grpc-encoding"),
        accept_encoding: headers.remove("grpc-accept-encoding"),
        metadata: headers,
    }
}

fn end(mut trailers: HeaderMap) -> End {
    End { status: take_status(&mut trailers).expect("no grpc-status"), trailers }
}

fn map(lines: &Lines) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    map
}

fn lines(headers: &HeaderMap) -> Lines {
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}
