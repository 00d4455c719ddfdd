//! Ordinary requests, by `h3` and `h3-quinn`.

use bytes::Bytes;
use h3::error::Code;
use http::{HeaderMap, HeaderValue, StatusCode};
use quinn::VarInt;
use sluicegate_core::wire::{Gone, Reset};
use sluicegate_quic::Limits;

use crate::client::{Http3, config, endpoint, frame, headers, is_ok, quic, read, settings};
use crate::server::{Seen, Server, identity};
use crate::wire::soon;

#[tokio::test]
async fn a_head_of_more_fields_than_can_be_kept_is_refused_alone() {
    let server = Server::start(Limits { max_field_section: 1 << 20, ..Limits::default() }).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    // A GET, and "accept: */*" in one byte each, which counts 41.
    let block = [&b"\0\0\xd1\xd7\xc1\x50\x01a"[..], &[0xdd; 25_000]].concat();
    send.write_all(&frame(1, &block)).await.unwrap();
    send.finish().unwrap();
    let response = soon(receive.read_to_end(100)).await.unwrap();
    // "431" with Huffman coding, as `h3` writes it.
    assert!(response.ends_with(&[0x69, 0x90, 0xff]), "{response:x?}");
    assert!(quic.close_reason().is_none());
}

#[tokio::test]
async fn carries_bodies_and_trailers_both_ways() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let exchange = client.open("POST", "/echo?q=a%2Fb//../c").await;
    let (mut send, mut receive) = exchange.split();
    let body = Bytes::from((0..1_000_000u32).map(|n| n as u8).collect::<Vec<u8>>());
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let (upload, sent) = (body.clone(), trailers.clone());
    let uploading = tokio::spawn(async move {
        for chunk in upload.chunks(10_000) {
            send.send_data(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        send.send_trailers(sent).await.unwrap();
        send.finish().await.unwrap();
    });
    assert_eq!(soon(receive.recv_response()).await.unwrap().status(), StatusCode::OK);
    let mut received = Vec::new();
    while let Some(mut data) = soon(receive.recv_data()).await.unwrap() {
        use bytes::Buf;
        received.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    assert!(received == body);
    assert_eq!(soon(receive.recv_trailers()).await.unwrap(), Some(trailers));
    uploading.await.unwrap();
    let head = Seen::Head(Some("localhost".into()), "/echo?q=a%2Fb//../c".into(), "POST".into());
    assert_eq!(server.seen().await, head);
}

#[tokio::test]
async fn answers_many_requests_at_once() {
    let server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchanges = Vec::new();
    for _ in 0..50 {
        exchanges.push(client.open("POST", "/echo").await);
    }
    for exchange in exchanges.iter_mut().rev() {
        exchange.send_data(Bytes::from_static(b"once")).await.unwrap();
        exchange.finish().await.unwrap();
        let (status, body, trailers) = read(exchange).await;
        assert_eq!((status, &body[..], trailers), (StatusCode::OK, &b"once"[..], None));
    }
    assert_eq!(client.get("/hello").await, (StatusCode::OK, Bytes::from_static(b"hello")));
}

#[tokio::test]
async fn ends_a_response_before_its_request() {
    let server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchange = client.open("POST", "/early").await;
    let (status, body, _) = read(&mut exchange).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    // STOP_SENDING with H3_NO_ERROR arrives in its own time.
    let error = soon(async {
        loop {
            if let Err(error) = exchange.send_data(Bytes::from(vec![0; 1000])).await {
                break error;
            }
            tokio::task::yield_now().await;
        }
    });
    let h3::error::StreamError::RemoteTerminate { code, .. } = error.await else { panic!("not stopped") };
    assert_eq!(code, Code::H3_NO_ERROR);
    assert_eq!(client.get("/hello").await.0, StatusCode::OK);
}

#[tokio::test]
async fn refuses_the_rest_of_a_request_in_the_middle_of_a_frame() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    let post = [(":method", "POST"), (":scheme", "https"), (":path", "/stop"), (":authority", "a")];
    send.write_all(&[&headers(&post)[..], &[0x00, 0x43, 0xe8], b"ten bytes."].concat()).await.unwrap();
    assert_eq!(soon(send.stopped()).await.unwrap(), Some(VarInt::from_u32(0x100)));
    assert!(is_ok(&mut receive).await);
    assert!(soon(receive.read_to_end(100)).await.unwrap().is_empty());
}

#[tokio::test]
async fn notices_a_half_closed_client_that_leaves() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchange = client.open("POST", "/wait").await;
    exchange.finish().await.unwrap();
    assert!(matches!(server.seen().await, Seen::Head(..)));
    assert_eq!(server.seen().await, Seen::Waiting);
    exchange.stop_sending(Code::H3_REQUEST_CANCELLED);
    assert_eq!(server.seen().await, Seen::Gone(Gone::Reset(Reset::CANCEL)));
}

#[tokio::test]
async fn notices_a_client_that_resets_its_request() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchange = client.open("POST", "/echo").await;
    exchange.send_data(Bytes::from_static(b"some")).await.unwrap();
    assert!(matches!(server.seen().await, Seen::Head(..)));
    exchange.stop_stream(Code::H3_REQUEST_REJECTED);
    assert_eq!(server.seen().await, Seen::Gone(Gone::Reset(Reset::REFUSED)));
}

#[tokio::test]
async fn notices_a_lost_connection() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchange = client.open("POST", "/wait").await;
    exchange.finish().await.unwrap();
    assert!(matches!(server.seen().await, Seen::Head(..)));
    assert_eq!(server.seen().await, Seen::Waiting);
    client.quic.close(VarInt::from_u32(0x100), b"");
    let seen = [server.seen().await, server.seen().await];
    assert!(seen.contains(&Seen::Gone(Gone::Connection)) && seen.contains(&Seen::Over), "{seen:?}");
}

#[tokio::test]
async fn resets_what_is_not_finished() {
    let server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    for (path, code) in [("/reset", Code::H3_REQUEST_REJECTED), ("/drop", Code::H3_INTERNAL_ERROR)] {
        let mut exchange = client.open("GET", path).await;
        exchange.finish().await.unwrap();
        // The reset may overtake the head.
        let error = match soon(exchange.recv_response()).await {
            Ok(_) => soon(exchange.recv_data()).await.err().expect("not complete"),
            Err(error) => error,
        };
        let h3::error::StreamError::RemoteTerminate { code: seen, .. } = error else { panic!("{error}") };
        assert_eq!(seen, code, "{path}");
    }
}

#[tokio::test]
async fn refuses_malformed_requests_alone() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let base = [(":method", "GET"), (":scheme", "https"), (":path", "/hello")];
    for more in [
        &[(":authority", "a"), ("host", "b")][..],
        &[],
        &[(":authority", "a"), ("Upper", "b")],
        &[(":authority", "a"), (":path", "/other")],
        &[(":authority", "a"), ("x", "y"), (":protocol", "z")],
    ] {
        let (mut send, mut receive) = quic.open_bi().await.unwrap();
        send.write_all(&headers(&[&base, more].concat())).await.unwrap();
        send.finish().unwrap();
        let error = soon(receive.read_to_end(1000)).await.unwrap_err();
        let reset = quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u32(0x10e)));
        assert_eq!(error, reset, "{more:?}");
    }
    // CONNECT to anything, and with a protocol that is not WebTransport.
    for more in [&[][..], &[(":protocol", "websocket")]] {
        let (mut send, mut receive) = quic.open_bi().await.unwrap();
        let fields = [&[(":method", "CONNECT"), (":authority", "127.0.0.1:9901")], more].concat();
        send.write_all(&headers(&fields)).await.unwrap();
        let response = soon(receive.read_to_end(1000)).await.unwrap();
        // No entry of the static table: ":status" from it, then the literal.
        assert_eq!(response, frame(0x01, b"\x00\x00\x5f\x0a\x03501"), "{more:?}");
    }
    assert!(quic.close_reason().is_none());
}

#[tokio::test]
async fn drains() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Http3::connect(&server).await;
    let mut exchange = client.open("POST", "/echo").await;
    assert!(matches!(server.seen().await, Seen::Head(..)));
    server.drain.notify_waiters();
    // `h3` refuses to open more once it has read GOAWAY, and what was begun is finished.
    soon(async {
        while let Ok(mut late) = client.open_or_refused("/hello").await {
            let _ = late.finish().await;
            let _ = late.recv_response().await;
        }
    })
    .await;
    exchange.send_data(Bytes::from_static(b"still here")).await.unwrap();
    exchange.finish().await.unwrap();
    assert_eq!(&read(&mut exchange).await.1[..], b"still here");
    while server.seen().await != Seen::Over {}
    soon(client.quic.closed()).await;
}

#[tokio::test]
async fn changes_its_certificate() {
    let mut server = Server::start(Limits::default()).await;
    let before = endpoint();
    let (certificate, tls) = identity();
    let old = config(&server);
    server.endpoint.server().set_tls(&tls).unwrap();
    server.certificate = certificate;
    assert!(soon(before.connect_with(old, server.address, "localhost").unwrap()).await.is_err());
    assert_eq!(Http3::connect(&server).await.get("/hello").await.0, StatusCode::OK);
}

#[tokio::test]
async fn asks_for_proof_of_an_address_and_refuses_more_than_it_can_bear() {
    let server = Server::start(Limits { retry_above: 0, ..Limits::default() }).await;
    assert_eq!(Http3::connect(&server).await.get("/hello").await.0, StatusCode::OK);
    let server = Server::start(Limits { max_connections: 0, ..Limits::default() }).await;
    let refused = endpoint().connect_with(config(&server), server.address, "localhost").unwrap();
    assert!(matches!(soon(refused).await, Err(quinn::ConnectionError::ConnectionClosed(_))));
}
