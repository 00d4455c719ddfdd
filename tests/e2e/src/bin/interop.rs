//! The cases of gRPC's interop test descriptions, over every client protocol of the harness, through a gateway to
//! somebody else's test service:
//!
//! ```text
//! interop 127.0.0.1:40123
//! ok grpc_h3 empty_unary
//! failed grpc_wt ping_pong: …
//! ```
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md>. Left out are the cases that need
//! a cloud or a balancing client, and those in which the service must compress, which grpc-go's does not do on demand.

// What a case found is what this program is for, and it fails loudly.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use prost::Message;
use sluicegate_e2e::client::{Client, Exchanged, Protocol, Received};
use sluicegate_e2e::gateway::{Config, Route};
use tokio::task::JoinSet;

const SERVICE: &str = "/grpc.testing.TestService";
const INITIAL: &str = "x-grpc-test-echo-initial";
const TRAILING: &str = "x-grpc-test-echo-trailing-bin";
const SPECIAL: &str = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";

/// The cases that every protocol can do.
const CASES: &[&str] = &[
    "empty_unary",
    "large_unary",
    "client_compressed_unary",
    "client_streaming",
    "server_streaming",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "timeout_on_sleeping_server",
    "concurrent_large_unary",
];
/// The cases for protocols that send and receive at once.
const FULL_DUPLEX: &[&str] = &["ping_pong", "cancel_after_first_response"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let upstream = std::env::args().nth(1).expect("usage: interop ADDRESS-OF-THE-SERVICE");
    let config = Config::default().route(Route::new("all").cluster("main")).cluster_of(
        "main",
        &[format!("http://{upstream}")],
        "",
    );
    let mut gateway = config.start().await;
    // A case that panics has failed; the line on standard output says why.
    std::panic::set_hook(Box::new(|_| {}));
    for protocol in Protocol::ALL {
        let full_duplex = if protocol.is_full_duplex() { FULL_DUPLEX } else { &[] };
        for case in CASES.iter().chain(full_duplex) {
            let target = gateway.target();
            let ran =
                tokio::spawn(async move { run(case, &mut Client::connect(protocol, target).await).await });
            match ran.await {
                Ok(()) => println!("ok {protocol:?} {case}"),
                Err(failed) => println!("failed {protocol:?} {case}: {}", why(failed)),
            }
        }
    }
    gateway.terminate().await;
    assert!(gateway.ended().await.success(), "the gateway ends well");
}

/// What a case that panicked said, on one line.
fn why(failed: tokio::task::JoinError) -> String {
    let panic = failed.into_panic();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").replace('\n', " ")
}

async fn run(case: &str, client: &mut Client) {
    match case {
        "empty_unary" => {
            let returned = exchange(client, "EmptyCall", &[Empty {}]).await;
            assert_eq!(messages::<Empty>(&returned), [Empty {}]);
        }
        "large_unary" => large_unary(client).await,
        "client_compressed_unary" => client_compressed_unary(client).await,
        "client_streaming" => client_streaming(client).await,
        "server_streaming" => server_streaming(client).await,
        "ping_pong" => ping_pong(client).await,
        "empty_stream" => {
            let returned = exchange::<Empty>(client, "FullDuplexCall", &[]).await;
            assert_eq!((returned.code(), returned.messages.len()), (0, 0));
        }
        "custom_metadata" => custom_metadata(client).await,
        "status_code_and_message" => status(client, "test status message").await,
        "special_status_message" => status(client, SPECIAL).await,
        "unimplemented_method" => {
            assert_eq!(exchange(client, "UnimplementedCall", &[Empty {}]).await.code(), 12);
        }
        "unimplemented_service" => {
            let path = "/grpc.testing.UnimplementedService/UnimplementedCall";
            assert_eq!(client.exchange(path, &[b""]).await.code(), 12);
        }
        "cancel_after_begin" => client.call(&path("StreamingInputCall")).open().await.cancel(),
        "cancel_after_first_response" => cancel_after_first_response(client).await,
        "timeout_on_sleeping_server" => timeout_on_sleeping_server(client).await,
        "concurrent_large_unary" => concurrent_large_unary(client).await,
        other => panic!("there is no case {other}"),
    }
}

async fn large_unary(client: &mut Client) {
    let request = SimpleRequest { response_size: 314_159, payload: zeros(271_828), ..Default::default() };
    let returned = exchange(client, "UnaryCall", &[request]).await;
    assert_eq!(messages::<SimpleResponse>(&returned), [SimpleResponse { payload: zeros(314_159) }]);
}

/// Only that a compressed message is understood: grpc-go's service cannot tell whether it was compressed.
async fn client_compressed_unary(client: &mut Client) {
    let request = SimpleRequest { response_size: 314_159, payload: zeros(271_828), ..Default::default() };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &request.encode_to_vec()).unwrap();
    let compressed = gzip.finish().unwrap();
    let mut call = client.call(&path("UnaryCall")).metadata("grpc-encoding", "gzip").open().await;
    call.request.send_raw(sluicegate_e2e::frame::frame(1, &compressed)).await.unwrap();
    call.half_close().await.unwrap();
    // The service compresses what it sends if what it got was compressed.
    match call.recv().await {
        Received::Message(message) => assert!(message.len() > 314_159),
        Received::Compressed(message) => assert!(message.len() < 314_159),
        other => panic!("{other:?} instead of a message"),
    }
    assert_eq!(call.response.end().await.code, 0);
}

async fn client_streaming(client: &mut Client) {
    let requests = [27_182, 8, 1828, 45_904].map(|size| StreamingInputCallRequest { payload: zeros(size) });
    let returned = exchange(client, "StreamingInputCall", &requests).await;
    let total = StreamingInputCallResponse { aggregated_payload_size: 74_922 };
    assert_eq!(messages::<StreamingInputCallResponse>(&returned), [total]);
}

async fn server_streaming(client: &mut Client) {
    let sizes = [31_415, 9, 2653, 58_979];
    let response_parameters = sizes.map(|size| ResponseParameters { size, interval_us: 0 }).to_vec();
    let request = StreamingOutputCallRequest { response_parameters, ..Default::default() };
    let returned = exchange(client, "StreamingOutputCall", &[request]).await;
    let wanted = sizes.map(|size| StreamingOutputCallResponse { payload: zeros(size as usize) });
    assert_eq!(messages::<StreamingOutputCallResponse>(&returned), wanted);
}

async fn ping_pong(client: &mut Client) {
    let mut call = client.call(&path("FullDuplexCall")).open().await;
    for (response, request) in [(31_415, 27_182), (9, 8), (2653, 1828), (58_979, 45_904)] {
        call.send(&one_response(response, request)).await.unwrap();
        let message = StreamingOutputCallResponse::decode(call.response.message().await).unwrap();
        assert_eq!(message.payload, zeros(response as usize));
    }
    call.half_close().await.unwrap();
    assert_eq!(call.response.end().await.code, 0);
}

async fn custom_metadata(client: &mut Client) {
    let request = SimpleRequest { response_size: 314_159, payload: zeros(271_828), ..Default::default() };
    for (method, message) in
        [("UnaryCall", request.encode_to_vec()), ("FullDuplexCall", one_response(314_159, 271_828))]
    {
        let path = path(method);
        let call = client.call(&path).metadata(INITIAL, "test_initial_metadata_value");
        // 0xababab in base64.
        let returned = call.metadata(TRAILING, "q6ur").open().await.exchange(&[&message]).await;
        assert_eq!((returned.code(), returned.messages.len()), (0, 1), "{method}");
        assert_eq!(returned.end().trailers.get(TRAILING).unwrap(), "q6ur", "{method}");
        let head = returned.head.unwrap();
        assert_eq!(head.headers.get(INITIAL).unwrap(), "test_initial_metadata_value", "{method}");
    }
}

async fn status(client: &mut Client, message: &str) {
    let response_status = Some(EchoStatus { code: 2, message: message.to_owned() });
    let unary = SimpleRequest { response_status: response_status.clone(), ..Default::default() };
    let stream = StreamingOutputCallRequest { response_status, ..Default::default() };
    for (method, request) in
        [("UnaryCall", unary.encode_to_vec()), ("FullDuplexCall", stream.encode_to_vec())]
    {
        let returned = client.exchange(&path(method), &[&request]).await;
        assert_eq!((returned.code(), &*returned.end().message), (2, message), "{method}");
    }
}

async fn cancel_after_first_response(client: &mut Client) {
    let mut call = client.call(&path("FullDuplexCall")).open().await;
    call.send(&one_response(31_415, 27_182)).await.unwrap();
    call.response.message().await;
    call.cancel();
    // The connection and the service go on.
    exchange(client, "EmptyCall", &[Empty {}]).await.end();
}

async fn timeout_on_sleeping_server(client: &mut Client) {
    let mut call = client.call(&path("FullDuplexCall")).timeout(Duration::from_millis(1)).open().await;
    let sleepy = ResponseParameters { size: 31_415, interval_us: 1_000_000 };
    let request = StreamingOutputCallRequest {
        response_parameters: vec![sleepy],
        payload: zeros(27_182),
        response_status: None,
    };
    // A deadline that has passed already may stop the request.
    let _ = call.send(&request.encode_to_vec()).await;
    assert_eq!(call.response.all().await.code(), 4);
}

async fn concurrent_large_unary(client: &mut Client) {
    let request = SimpleRequest { response_size: 314_159, payload: zeros(271_828), ..Default::default() };
    let request = request.encode_to_vec();
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let call = client.call(&path("UnaryCall")).open().await;
        let request = request.clone();
        calls.spawn(async move { call.exchange(&[&request]).await });
    }
    for returned in calls.join_all().await {
        assert_eq!(messages::<SimpleResponse>(&returned), [SimpleResponse { payload: zeros(314_159) }]);
    }
}

fn path(method: &str) -> String {
    format!("{SERVICE}/{method}")
}

async fn exchange<M: Message>(client: &mut Client, method: &str, requests: &[M]) -> Exchanged {
    let requests: Vec<Vec<u8>> = requests.iter().map(Message::encode_to_vec).collect();
    let requests: Vec<&[u8]> = requests.iter().map(Vec::as_slice).collect();
    client.exchange(&path(method), &requests).await
}

/// The messages of a call that succeeded.
fn messages<M: Message + Default>(returned: &Exchanged) -> Vec<M> {
    assert_eq!(returned.code(), 0);
    returned.messages.iter().map(|message| M::decode(message.clone()).unwrap()).collect()
}

/// Asks for one message of this size with a payload of that one.
fn one_response(response: i32, request: usize) -> Vec<u8> {
    let response_parameters = vec![ResponseParameters { size: response, interval_us: 0 }];
    StreamingOutputCallRequest { response_parameters, payload: zeros(request), response_status: None }
        .encode_to_vec()
}

fn zeros(size: usize) -> Option<Payload> {
    Some(Payload { body: vec![0; size] })
}

// What the cases need of the messages of grpc.testing.

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(bytes, tag = "2")]
    body: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct EchoStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct SimpleRequest {
    #[prost(int32, tag = "2")]
    response_size: i32,
    #[prost(message, optional, tag = "3")]
    payload: Option<Payload>,
    #[prost(message, optional, tag = "7")]
    response_status: Option<EchoStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct SimpleResponse {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamingInputCallRequest {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamingInputCallResponse {
    #[prost(int32, tag = "1")]
    aggregated_payload_size: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseParameters {
    #[prost(int32, tag = "1")]
    size: i32,
    /// How long the service waits before it sends the message.
    #[prost(int32, tag = "2")]
    interval_us: i32,
}

#[derive(Clone, PartialEq, Message)]
struct StreamingOutputCallRequest {
    #[prost(message, repeated, tag = "2")]
    response_parameters: Vec<ResponseParameters>,
    #[prost(message, optional, tag = "3")]
    payload: Option<Payload>,
    #[prost(message, optional, tag = "7")]
    response_status: Option<EchoStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamingOutputCallResponse {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}
