//! What only WebTransport shows: sessions, and streams that are not yet or not at all calls.

use sluicegate_e2e::client::{Protocol, Transport, quic_endpoint};
use sluicegate_e2e::frame::{frame, message};
use sluicegate_e2e::gateway::Config;
use sluicegate_e2e::upstream::{Event, method};
use sluicegate_e2e::within;

use crate::stage::Stage;

#[tokio::test]
async fn a_stream_that_stops_after_a_byte_delays_nobody() {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(Protocol::GrpcWt).await;
    let mut silent = Vec::new();
    for bytes in [b"\x40".as_slice(), b"\x40\x00\x00", b"", b"\x40\x00\x00\x00\x7b:path: /test"] {
        silent.push(client.open_stream(bytes).await);
    }
    for _ in 0..10 {
        let returned = client.exchange(method::UNARY, &[b"hello"]).await;
        assert_eq!((returned.code(), returned.messages), (0, vec!["hello".into()]));
    }
}

#[tokio::test]
async fn either_half_close_is_enough() {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(Protocol::GrpcWt).await;
    // The end of the stream without an end of the request.
    let mut call = client.call(method::UNARY).open().await;
    call.send(b"hello").await.unwrap();
    call.request.finish().await.unwrap();
    assert_eq!(call.response.all().await.code(), 0);
    // The end of the request without an end of the stream.
    let mut call = client.call(method::UNARY).open().await;
    call.send(b"hello").await.unwrap();
    call.request.send_raw(frame(0x80, b"")).await.unwrap();
    assert_eq!(call.response.all().await.code(), 0);
    for _ in 0..2 {
        assert_eq!(upstream.next_call().await.until_half_closed().await, None);
    }
}

/// Sends a request and reads its response, then sends the rest. What the client is told of its direction, to end which it
/// has so long, if it does.
async fn end_of_stream(request: &[u8], rest: &[u8], linger: &str, finish: bool) -> Option<u32> {
    let limits = |config: Config| config.limit(&format!("quic = {{ linger = \"{linger}\" }}"));
    let Stage { mut client, upstream: _upstream, gateway: _gateway } =
        Stage::configured(Protocol::GrpcWt, limits).await;
    let (mut send, mut receive) = client.session().open_bi().await.unwrap();
    send.write_all(request).await.unwrap();
    within("the response", receive.read_to_end(1 << 10)).await.unwrap();
    // By now it would have been told to stop.
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    // It fails for a stream that was stopped, which is what is looked for.
    let _ = send.write_all(rest).await;
    if finish {
        let _ = send.finish();
    }
    within("the end of the request's stream", send.stopped()).await.unwrap()
}

#[tokio::test]
async fn the_end_of_a_stream_may_come_after_the_response() {
    let head = |path: &str| frame(0x40, format!(":path: {path}\r\n").as_bytes());
    let complete = [head(method::UNARY), message(b"hello"), frame(0x80, b"")].concat();
    // It is refused before it ends.
    let refused = [head("/nobody.Knows/This"), message(b"hello")].concat();
    for request in [&complete, &refused] {
        assert_eq!(end_of_stream(request, b"", "60s", true).await, None);
        assert_eq!(end_of_stream(request, &[0; 3000], "60s", true).await, None);
        assert_eq!(end_of_stream(request, b"", "10ms", false).await, Some(0));
        assert_eq!(end_of_stream(request, &[0; 10_000], "10ms", false).await, Some(0));
    }
}

#[tokio::test]
async fn unknown_extension_frames_are_skipped() {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(Protocol::GrpcWt).await;
    let mut call = client.call(method::BIDI).open().await;
    call.request.send_raw(frame(0x20, b"what is this")).await.unwrap();
    call.send(b"one").await.unwrap();
    call.request.send_raw(frame(0x7f, b"")).await.unwrap();
    call.send(b"two").await.unwrap();
    call.half_close().await.unwrap();
    let returned = call.response.all().await;
    assert_eq!(returned.code(), 0);
    assert_eq!(returned.messages, ["one", "two"]);
}

#[tokio::test]
async fn streams_that_are_no_calls_are_refused() {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(Protocol::GrpcWt).await;
    for bytes in [
        // A message first.
        message(b"hello"),
        // A head without a path, and one that does not begin with it.
        frame(0x40, b"content-type: application/grpc\r\n"),
        frame(0x40, b"te: trailers\r\n:path: /test.Echo/Unary\r\n"),
        // Two heads.
        [frame(0x40, b":path: /test.Echo/Unary\r\n"), frame(0x40, b":path: /test.Echo/Unary\r\n")]
            .concat()
            .into(),
        // A message after the end.
        [frame(0x40, b":path: /test.Echo/Bidi\r\n"), frame(0x80, b""), message(b"late")].concat().into(),
    ] {
        let mut call = client.open_stream(b"").await;
        call.request.send_raw(bytes.clone()).await.unwrap();
        let _ = call.request.finish().await;
        let returned = call.response.all().await;
        // A refusal may be a reset with a code of the protocol.
        if let Ok(end) = &returned.end {
            assert_eq!(end.code, 13, "{bytes:?}");
        }
    }
    while let Some(mut seen) = upstream.try_next_call() {
        assert!(!seen.drain().contains(&Event::Truncated));
    }
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

#[tokio::test]
async fn closing_the_session_cancels_its_calls() {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(Protocol::GrpcWt).await;
    let calls = [client.call(method::SILENT).open().await, client.call(method::HEAD_ONLY).open().await];
    let mut seen = [upstream.next_call().await, upstream.next_call().await];
    drop(client);
    for seen in &mut seen {
        assert_eq!(seen.until_reset().await, 8);
    }
    drop(calls);
}

/// A page of JSON headers and Connect's frames, as `connect-bidi-web` writes them.
fn connect_head(more: &str) -> bytes::Bytes {
    let path = method::BIDI;
    frame(0x06, format!("{{\"metadata\":{{\":path\":[\"{path}\"]{more}}}}}").as_bytes())
}

#[tokio::test]
async fn an_empty_frame_ends_a_request_of_connect() {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(Protocol::ConnectWt).await;
    let mut call = client.open_stream(b"").await;
    let request = [connect_head(""), message(b"hello"), frame(0x02, b"")].concat();
    call.request.send_raw(request.into()).await.unwrap();
    assert_eq!(call.response.message().await, "hello");
    assert_eq!(call.response.end().await.code, 0);
    upstream.next_call().await.until_half_closed().await;
}

#[tokio::test]
async fn streams_of_connect_that_are_no_calls_are_answered() {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(Protocol::ConnectWt).await;
    for (bytes, code) in [
        (frame(0x06, b"{}"), 3),
        (frame(0x06, b"no json"), 3),
        (connect_head(",\"content-type\":[\"text/html\"]"), 3),
        ([connect_head(""), frame(0x06, b"{}")].concat().into(), 13),
        ([connect_head(""), frame(0x02, b""), message(b"late")].concat().into(), 13),
        ([&b"\x06\0\xff\xff\xff"[..], b"{"].concat().into(), 8),
    ] {
        let mut call = client.open_stream(b"").await;
        call.request.send_raw(bytes.clone()).await.unwrap();
        assert_eq!(call.response.end().await.code, code, "{bytes:?}");
    }
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

#[tokio::test]
async fn connect_can_be_left_out() {
    let left_out = |config: Config| config.webtransport("connect = false");
    let Stage { mut client, upstream: _upstream, gateway: _gateway } =
        Stage::configured(Protocol::GrpcWt, left_out).await;
    let mut call = client.open_stream(b"").await;
    call.request.send_raw(connect_head("")).await.unwrap();
    // In gRPC, which is all that is known here.
    assert_eq!(call.response.end().await.code, 13);
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

#[tokio::test]
async fn only_listed_origins_may_open_a_session() {
    let Stage { gateway, .. } = Stage::new(Protocol::GrpcH2c).await;
    for (origin, allowed) in
        [(None, true), (Some("https://app.example.com"), true), (Some("https://evil.example.com"), false)]
    {
        let endpoint = quic_endpoint();
        let connecting = endpoint.connect(gateway.target().tls, "localhost").unwrap();
        let connection = within("a QUIC handshake", connecting).await.unwrap();
        let url = format!("https://localhost:{}/grpc-wt/v1", gateway.target().tls.port());
        let mut request = web_transport_quinn::proto::ConnectRequest::new(url::Url::parse(&url).unwrap());
        if let Some(origin) = origin {
            request = request.with_header(http::header::ORIGIN, origin.parse().unwrap());
        }
        let session =
            within("an answer to CONNECT", web_transport_quinn::Session::connect(connection, request));
        assert_eq!(session.await.is_ok(), allowed, "{origin:?}");
    }
}

#[tokio::test]
async fn sessions_and_streams_are_counted() {
    let Stage { mut client, upstream: _upstream, gateway } = Stage::new(Protocol::GrpcWt).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert_eq!(gateway.metric("sluicegate_webtransport_sessions_total", &[]).await, 1.0);
    assert_eq!(gateway.metric("sluicegate_webtransport_sessions_active", &[]).await, 1.0);
    assert_eq!(gateway.metric("sluicegate_webtransport_streams_total", &[]).await, 2.0);
    drop(client);
    gateway.until_metric("sluicegate_webtransport_sessions_active", &[], 0.0).await;
}

over!(every HTTP version: the_path_of_sessions_can_be_probed);

/// A page asks with `fetch` before it waits for UDP.
async fn the_path_of_sessions_can_be_probed(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call("/grpc-wt/v1").plain().method(http::Method::GET).open().await;
    call.request.finish().await.unwrap();
    let head = call.response.head().await.unwrap();
    // Only the TLS listener has QUIC, and so sessions.
    if matches!(protocol.transport(), Transport::H1 { tls: false } | Transport::H2 { tls: false }) {
        assert_eq!(head.status, 404);
        return;
    }
    assert_eq!(head.status, 200);
    let probe: serde_json::Value = serde_json::from_slice(&call.response.body().await).unwrap();
    assert_eq!((&probe["versions"], &probe["webtransport"]), (&serde_json::json!([1]), &true.into()));
}

over!(every HTTP version: the_probe_can_be_read_by_pages_that_may_open_sessions);

async fn the_probe_can_be_read_by_pages_that_may_open_sessions(protocol: Protocol) {
    let Stage { mut client, upstream: _upstream, gateway: _gateway } = Stage::new(protocol).await;
    for (origin, allowed) in [("https://app.example.com", true), ("https://evil.example.com", false)] {
        // Both listeners have WebSockets.
        let mut call = client
            .call("/grpc-ws/v1")
            .plain()
            .method(http::Method::GET)
            .metadata("origin", origin)
            .open()
            .await;
        call.request.finish().await.unwrap();
        let head = call.response.head().await.unwrap();
        assert_eq!((head.status.as_u16(), &head.headers["vary"]), (200, &"Origin".parse().unwrap()));
        let told = head.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(told, allowed.then_some(origin));
        let probe: serde_json::Value = serde_json::from_slice(&call.response.body().await).unwrap();
        // Nobody needs to be told of a certificate that authorities vouch for.
        assert!(probe.get("certificate_hashes").is_none() && probe.get("webtransport_url").is_none());
    }
}
