//! What only HTTP/2 shows: settings, codes of resets, request trailers, and abuse of frames.

use http::HeaderMap;
use sluicegate_e2e::client::{Client, Protocol, Received};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::raw_h2::{END_HEADERS, END_STREAM, RawH2, grpc_request, header_block, kind};
use sluicegate_e2e::upstream::{Event, Upstream, method};

use crate::stage::Stage;

over!(native HTTP/2: codes_of_resets_go_up, codes_of_resets_come_down, request_trailers_go_up);

async fn codes_of_resets_go_up(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    for reason in [2, 8, 11, 5] {
        let call = client.call(method::SILENT).open().await;
        let mut seen = upstream.next_call().await;
        call.reset(reason);
        assert_eq!(seen.next().await, Event::Reset(reason));
    }
}

async fn codes_of_resets_come_down(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    for path in [method::RESET_AFTER_HEAD, method::RESET_MID_MESSAGE] {
        for reason in ["2", "8", "11"] {
            let mut call = client.call(path).metadata("x-reset", reason).open().await;
            call.send(b"").await.unwrap();
            assert_eq!(call.response.message().await, "whole");
            call.send(b"").await.unwrap();
            let Received::Broken(broken) = call.recv().await else { panic!("{path} breaks off") };
            assert_eq!(broken.code.map(|code| code.to_string()).as_deref(), Some(reason), "{path}");
        }
    }
}

async fn request_trailers_go_up(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::BIDI).open().await;
    call.send(b"a").await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.append("x-checksum", "1234".parse().unwrap());
    trailers.append("x-checksum", "5678".parse().unwrap());
    call.request.half_close_with(trailers.clone());
    assert_eq!(call.response.all().await.code(), 0);
    assert_eq!(upstream.next_call().await.until_half_closed().await, Some(trailers));
}

#[tokio::test]
async fn settings_are_the_configured_limits() {
    let upstream = Upstream::start().await;
    let config = Config::in_front_of(&[&upstream])
        .limit("max_streams = 7")
        .limit("max_header_bytes = \"20KiB\"")
        .limit("h2 = { initial_stream_window = \"100KiB\", max_frame_size = \"32KiB\" }");
    let gateway = config.start().await;
    let mut raw = RawH2::connect(gateway.target().plain).await;
    let first = raw.next().await.unwrap();
    assert_eq!((first.kind, first.flags), (kind::SETTINGS, 0));
    let settings: Vec<(u16, u32)> = first
        .payload
        .chunks(6)
        .map(|six| {
            (u16::from_be_bytes([six[0], six[1]]), u32::from_be_bytes([six[2], six[3], six[4], six[5]]))
        })
        .collect();
    // SETTINGS_MAX_CONCURRENT_STREAMS, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE and _MAX_HEADER_LIST_SIZE.
    for wanted in [(3, 7), (4, 100 << 10), (5, 32 << 10), (6, 20 << 10)] {
        assert!(settings.contains(&wanted), "{wanted:?} in {settings:?}");
    }
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut raw = RawH2::connect(gateway.target().plain).await;
    let head = grpc_request(method::SILENT);
    for stream in (1..20_000).step_by(2) {
        let opened = raw.send(kind::HEADERS, END_HEADERS, stream, &head).await;
        let reset = raw.send(kind::RST_STREAM, 0, stream, &8u32.to_be_bytes()).await;
        if opened.is_err() || reset.is_err() {
            break;
        }
    }
    let goaway = raw.until(|frame| frame.kind == kind::GOAWAY).await;
    // The gateway may have closed the connection before this end had read the frame.
    if let Some(goaway) = goaway {
        assert_eq!(goaway.payload[4..8], 11u32.to_be_bytes(), "ENHANCE_YOUR_CALM");
        assert_eq!(raw.until(|_| false).await, None, "the connection closes");
    }
    let mut client = Client::connect(Protocol::GrpcH2c, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert!(upstream.accepted() < 2000, "{} calls reached the upstream", upstream.accepted());
}

#[tokio::test]
async fn strange_paths_never_reach_the_upstream() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    for path in [
        "",
        "*",
        "test.Echo/Unary",
        "http://localhost/test.Echo/Unary",
        "/../test.Echo/Unary",
        "/x/../test.Echo/Unary",
        "/./test.Echo/Unary",
        "/test.Echo/./Unary",
        "/test.Echo/%2e%2e/Unary",
        "/test.Echo%2fUnary",
        "//test.Echo/Unary",
        "/test.Echo//Unary",
        "/test.Echo/Unary/",
        "/test.Echo\\Unary",
        "/test.Echo/Unary?x=1",
    ] {
        let mut raw = RawH2::connect(gateway.target().plain).await;
        raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &grpc_request(path)).await.unwrap();
        // A reply, a reset, or the end of the connection.
        raw.until(|frame| frame.stream == 1 || frame.kind == kind::GOAWAY).await;
        assert!(upstream.try_next_call().is_none(), "{path:?}");
    }
}

#[tokio::test]
async fn malformed_heads_never_reach_the_upstream() {
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let good = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method::UNARY),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
    ];
    for (what, extra) in [
        ("a second path", (":path", "/other/path")),
        ("a field of HTTP/1", ("connection", "close")),
        ("an unknown pseudo-field", (":status", "200")),
        ("a name in capitals", ("X-Capital", "1")),
        ("a line break in a value", ("x-split", "a\r\nx-smuggled: 1")),
        ("a host that is not the authority", ("host", "other.example")),
    ] {
        let mut raw = RawH2::connect(gateway.target().plain).await;
        let block = header_block(&[good.as_slice(), &[extra]].concat());
        raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block).await.unwrap();
        raw.until(|frame| frame.stream == 1 || frame.kind == kind::GOAWAY).await;
        assert!(upstream.try_next_call().is_none(), "{what}");
    }
}

/// Each of these is legal in small numbers. Whether the gateway bears a flood or ends the connection, it costs little and
/// hurts nobody else.
#[tokio::test]
async fn floods_hurt_nobody() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(Protocol::GrpcTls, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    let before = gateway.resident_memory();
    let opening = grpc_request(method::SILENT);
    let filler = header_block(&[("x-filler", &"a".repeat(100))]).repeat(140);
    for (what, kind_of_frame, stream, payload) in [
        ("PING", kind::PING, 0, vec![0; 8]),
        ("SETTINGS", kind::SETTINGS, 0, vec![0, 4, 0, 1, 0, 0]),
        ("an empty DATA frame", kind::DATA, 1, Vec::new()),
        ("PRIORITY", kind::PRIORITY, 1, vec![0, 0, 0, 0, 7]),
        ("an unknown frame", 0x77, 0, vec![0; 100]),
        ("WINDOW_UPDATE", kind::WINDOW_UPDATE, 1, vec![0, 0, 0, 1]),
    ] {
        let mut raw = RawH2::connect(gateway.target().plain).await;
        raw.send(kind::HEADERS, END_HEADERS, 1, &opening).await.unwrap();
        flood(raw, kind_of_frame, stream, &payload, 20_000).await;
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0, "beside a flood of {what}");
    }
    // A header block that does not end.
    let mut raw = RawH2::connect(gateway.target().plain).await;
    raw.send(kind::HEADERS, 0, 1, &opening).await.unwrap();
    flood(raw, kind::CONTINUATION, 1, &filler, 2000).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);

    let grown = gateway.resident_memory().saturating_sub(before);
    assert!(grown < 24 << 20, "memory grew by {} MiB", grown >> 20);
}

/// Sends a frame this often, or until the connection ends, while it takes what comes back.
async fn flood(raw: RawH2, kind: u8, stream: u32, payload: &[u8], times: usize) {
    let (mut reading, mut writing) = raw.split();
    let read = async { while reading.next().await.is_some() {} };
    let write = async {
        for _ in 0..times {
            if writing.send(kind, 0, stream, payload).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
