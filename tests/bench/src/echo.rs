//! The upstream: a gRPC server that does as little as a real one can, on one thread. Beside it the echoes that other
//! transports are measured with.

pub(crate) mod quic;
pub(crate) mod websocket;

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use crate::failure::{During, Failure};
use crate::frame::Frames;
use crate::payload::{Payload, RepeatRequest};

/// Answers with the message it was sent.
pub(crate) const UNARY: &str = "/bench.Echo/Unary";
/// The same, for messages that are transcoded; `conf/notes.proto` has it.
pub(crate) const NOTES: &str = "/bench.Notes/Write";
/// Answers with as many messages as it was asked for, each in a DATA frame of its own.
pub(crate) const REPEAT: &str = "/bench.Echo/Repeat";
/// Answers each message as soon as it comes.
pub(crate) const PING_PONG: &str = "/bench.Echo/PingPong";

/// How far ahead a peer may send on one stream, and on all streams of a connection. The proxies are configured alike.
pub(crate) const STREAM_WINDOW: u32 = 256 << 10;
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;

pub(crate) fn run() -> Result<(), Failure> {
    end_with_standard_input();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("listening {}", listener.local_addr()?);
        std::io::stdout().flush()?;
        serve(listener).await
    })
}

/// Serves until standard input ends, so that an upstream never outlives who started it.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        // However reading ends, nobody is left to serve for.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Failure> {
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client sees a broken connection itself, and fails.
            if let Err(failure) = serve_connection(socket).await {
                eprintln!("echo: {failure}");
            }
        });
    }
}

async fn serve_connection(socket: TcpStream) -> Result<(), Failure> {
    socket.set_nodelay(true)?;
    let mut connection = h2::server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(1000)
        .handshake(socket)
        .await?;
    while let Some(accepted) = connection.accept().await {
        let (request, response) = accepted?;
        tokio::spawn(async move {
            if let Err(failure) = answer(request, response).await {
                eprintln!("echo: {failure}");
            }
        });
    }
    Ok(())
}

async fn answer(request: Request<RecvStream>, mut response: SendResponse<Bytes>) -> Result<(), Failure> {
    let head = Response::builder().header("content-type", "application/grpc").body(())?;
    let (request, mut body) = request.into_parts();
    match request.uri.path() {
        UNARY | NOTES => {
            let message = read_to_end(&mut body).await?;
            let mut stream = response.send_response(head, false)?;
            stream.send_data(message, false)?;
            end(&mut stream)
        }
        REPEAT => {
            let mut frames = Frames::default();
            frames.push(&read_to_end(&mut body).await?);
            let request = frames
                .next()?
                .and_then(|frame| RepeatRequest::decode(&frame.payload))
                .ok_or_else(|| Failure::new("not a repeat request"))?;
            let payload = Payload::new(request.size as usize);
            let mut stream = response.send_response(head, false)?;
            for number in 0..request.count {
                send(&mut stream, payload.message(number.into())).await?;
            }
            end(&mut stream)
        }
        PING_PONG => {
            let mut stream = response.send_response(head, false)?;
            while let Some(bytes) = body.data().await {
                let bytes = bytes?;
                body.flow_control().release_capacity(bytes.len())?;
                send(&mut stream, bytes).await?;
            }
            end(&mut stream)
        }
        _ => {
            let mut head = head;
            head.headers_mut().insert("grpc-status", HeaderValue::from_static("12"));
            response.send_response(head, true)?;
            Ok(())
        }
    }
}

fn end(stream: &mut SendStream<Bytes>) -> Result<(), Failure> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    Ok(stream.send_trailers(trailers)?)
}

/// Reads a whole request. One that came in one piece, as small ones do, is not copied.
async fn read_to_end(body: &mut RecvStream) -> Result<Bytes, Failure> {
    let mut whole = Bytes::new();
    while let Some(piece) = body.data().await {
        let piece = piece.during("reading a request")?;
        body.flow_control().release_capacity(piece.len())?;
        whole = if whole.is_empty() {
            piece
        } else {
            let mut joined = BytesMut::from(whole);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
    }
    Ok(whole)
}

/// Sends once there is room, so that what waits to be sent stays bounded.
async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), Failure> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let room = poll_fn(|task| stream.poll_capacity(task))
            .await
            .ok_or_else(|| Failure::new("the stream was closed while there was more to send"))??;
        stream.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}
