//! What only HTTP/3 shows: frames that no library would send.

use sluicegate_e2e::client::{Client, Protocol, quic_endpoint};
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::upstream::{Event, Upstream, method};
use sluicegate_e2e::within;

/// A connection with a control stream whose SETTINGS are empty.
async fn raw_h3(gateway: &Gateway) -> (quinn::Endpoint, quinn::Connection) {
    let endpoint = quic_endpoint();
    let connecting = endpoint.connect(gateway.target().tls, "localhost").unwrap();
    let connection = within("a QUIC handshake", connecting).await.unwrap();
    let mut control = connection.open_uni().await.unwrap();
    control.write_all(&[0x00, 0x04, 0x00]).await.unwrap();
    // Closing the control stream would be an error of its own.
    std::mem::forget(control);
    (endpoint, connection)
}

#[tokio::test]
async fn a_frame_that_promises_2_to_the_40_bytes_ends_its_connection_alone() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(Protocol::GrpcH3, gateway.target()).await;
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    let before = gateway.resident_memory();

    // HEADERS on a request stream.
    let (_endpoint, connection) = raw_h3(&gateway).await;
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let mut bytes = vec![0x01];
    bytes.extend_from_slice(&(0xc0 << 56 | 1u64 << 40).to_be_bytes());
    bytes.extend_from_slice(&[0; 1000]);
    send.write_all(&bytes).await.unwrap();
    // The rest flows for as long as the gateway takes it.
    let flood = async { while send.write_all(&[0; 16 << 10]).await.is_ok() {} };
    let refused = async {
        tokio::select! {
            error = connection.closed() => format!("closed: {error}"),
            read = receive.read_to_end(1 << 20) => format!("the stream: {read:?}"),
        }
    };
    within("the gateway to refuse the frame", async { tokio::join!(flood, refused) }).await;

    let grown = gateway.resident_memory().saturating_sub(before);
    assert!(grown < 8 << 20, "memory grew by {grown} bytes");
    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
}

#[tokio::test]
async fn a_stream_that_stalls_inside_a_frame_delays_nobody() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let (_endpoint, connection) = raw_h3(&gateway).await;
    let (mut stalled, _receive) = connection.open_bi().await.unwrap();
    stalled.write_all(&[0x40]).await.unwrap();

    // On the same connection.
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&request(method::UNARY)).await.unwrap();
    send.write_all(&[0x00, 5, 0, 0, 0, 0, 0]).await.unwrap();
    send.finish().unwrap();
    let response = within("a reply beside a stalled stream", receive.read_to_end(64 << 10)).await.unwrap();
    // HEADERS, DATA with the echoed message, HEADERS.
    assert_eq!(response[0], 0x01);
    assert!(response.windows(7).any(|seven| seven == [0x00, 5, 0, 0, 0, 0, 0]), "{response:?}");
}

/// A client that has half-closed has no other way to take a call back, and one that resets need not stop the response.
#[tokio::test]
async fn either_direction_cancels() {
    // H3_REQUEST_CANCELLED. RFC 9114, section 8.1.
    let cancelled = quinn::VarInt::from_u32(0x10c);
    let mut upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let (_endpoint, connection) = raw_h3(&gateway).await;
    for (path, half_close) in [(method::SILENT, true), (method::HEAD_ONLY, true), (method::SILENT, false)] {
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&request(path)).await.unwrap();
        let mut seen = upstream.next_call().await;
        if half_close {
            send.finish().unwrap();
            assert_eq!(seen.until_half_closed().await, None);
            receive.stop(cancelled).unwrap();
        } else {
            send.reset(cancelled).unwrap();
        }
        assert_eq!(seen.next().await, Event::Reset(8), "{path}");
    }
}

/// What RFC 9114 calls a connection error ends the connection with the code it names, and only that connection.
#[tokio::test]
async fn connection_errors_end_their_connection_alone() {
    let upstream = Upstream::start().await;
    let gateway = Config::in_front_of(&[&upstream]).start().await;
    let mut client = Client::connect(Protocol::GrpcH3, gateway.target()).await;
    for (what, uni, bytes, code) in [
        ("a second control stream", true, [0x00, 0x04, 0x00].as_slice(), 0x103),
        ("a push stream of a client", true, &[0x01, 0x00], 0x103),
        ("DATA before HEADERS", false, &[0x00, 0x01, 0x61], 0x105),
        ("SETTINGS on a request stream", false, &[0x04, 0x00], 0x105),
        ("a frame type of HTTP/2", false, &[0x06, 0x00], 0x105),
    ] {
        let (_endpoint, connection) = raw_h3(&gateway).await;
        // Kept open: the end of a stream can be an error of its own.
        let (mut send, _receive) = match uni {
            true => (connection.open_uni().await.unwrap(), None),
            false => {
                let (send, receive) = connection.open_bi().await.unwrap();
                (send, Some(receive))
            }
        };
        send.write_all(bytes).await.unwrap();
        match within(what, connection.closed()).await {
            quinn::ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code, quinn::VarInt::from_u32(code), "{what}");
            }
            other => panic!("{what}: {other}"),
        }
        assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    }
}

/// A HEADERS frame with the request for this path, all of it literal. RFC 9204, section 4.5.6.
fn request(path: &str) -> Vec<u8> {
    let mut block = vec![0, 0];
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // 0b0010_0xxx: the length of a name up to 6 bytes is in the prefix, that of a longer one in a byte more.
        match name.len() {
            length @ ..7 => block.push(0x20 | length as u8),
            length => block.extend_from_slice(&[0x27, (length - 7) as u8]),
        }
        block.extend_from_slice(name.as_bytes());
        block.push(value.len() as u8);
        block.extend_from_slice(value.as_bytes());
    }
    let mut request = vec![0x01];
    request.extend_from_slice(&(0x4000 | block.len() as u16).to_be_bytes());
    request.extend_from_slice(&block);
    request
}
