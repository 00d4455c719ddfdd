//! Clients that break the protocol, or do as little of it as they can.

use std::time::Duration;

use http::StatusCode;
use quinn::{ConnectionError, VarInt};
use sluicegate_quic::Limits;

use crate::client::{connect, frame, headers, id, is_ok, quic, settings, varint};
use crate::server::{Seen, Server};
use crate::wire::soon;

const HELLO: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/hello"), (":authority", "a")];

/// Waits until the server closes the connection, and says with which code.
async fn closed(quic: &quinn::Connection) -> u64 {
    match soon(quic.closed()).await {
        ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("closed otherwise: {other}"),
    }
}

async fn hello(quic: &quinn::Connection) {
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    send.write_all(&headers(&HELLO)).await.unwrap();
    send.finish().unwrap();
    assert!(is_ok(&mut receive).await);
    assert_eq!(soon(receive.read_to_end(100)).await.unwrap(), frame(0, b"hello"));
}

#[tokio::test]
async fn a_frame_that_declares_too_much_ends_the_connection_at_once() {
    let server = Server::start(Limits::default()).await;
    let huge = |frame_type| [varint(frame_type), varint(1 << 40), vec![0; 1000]].concat();
    let post = headers(&[(":method", "POST"), (":scheme", "https"), (":path", "/wait"), (":authority", "a")]);
    // HEADERS and GREASE as the first frame, and behind a request's head.
    for first in [huge(0x01), huge(0x21), [post.clone(), huge(0x01)].concat(), [post, huge(0x21)].concat()] {
        let quic = quic(&server).await;
        let (mut send, _receive) = quic.open_bi().await.unwrap();
        send.write_all(&first).await.unwrap();
        assert_eq!(closed(&quic).await, 0x107);
    }
    let quic = quic(&server).await;
    let mut control = quic.open_uni().await.unwrap();
    control.write_all(&[varint(0), huge(0x04)].concat()).await.unwrap();
    assert_eq!(closed(&quic).await, 0x107);
}

#[tokio::test]
async fn a_frame_in_single_bytes_costs_no_more_than_its_length() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    let value = "v".repeat(100);
    let mut fields = HELLO.to_vec();
    fields.extend((0..60).map(|_| ("x", &value[..])));
    for byte in headers(&fields) {
        send.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    send.finish().unwrap();
    assert!(is_ok(&mut receive).await);
}

#[tokio::test]
async fn a_silent_stream_delays_nobody_and_is_reset_in_time() {
    let limits = Limits { header_timeout: Duration::from_secs(4), ..Limits::default() };
    let server = Server::start(limits).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (session, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(is_ok(&mut answer).await);
    // One byte of a WebTransport stream's type, of a frame's header, of a frame; and one of a unidirectional stream.
    let mut silent = Vec::new();
    for start in [&[0x40][..], &[0x01], &[0x01, 0x20, 0x00]] {
        let (mut send, receive) = quic.open_bi().await.unwrap();
        send.write_all(start).await.unwrap();
        silent.push((send, receive));
    }
    let mut uni = quic.open_uni().await.unwrap();
    uni.write_all(&[0x40]).await.unwrap();
    hello(&quic).await;
    // One that goes on in time is served.
    let (mut slow, mut echo) = quic.open_bi().await.unwrap();
    for byte in [varint(0x41), varint(id(&session)), b"late".to_vec()].concat() {
        slow.write_all(&[byte]).await.unwrap();
        hello(&quic).await;
    }
    slow.finish().unwrap();
    assert_eq!(soon(echo.read_to_end(100)).await.unwrap(), b"late");
    for (send, mut receive) in silent {
        let reset = quinn::ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from_u32(0x10d)));
        assert_eq!(soon(receive.read_to_end(10)).await.unwrap_err(), reset);
        assert_eq!(soon(send.stopped()).await.unwrap(), Some(VarInt::from_u32(0x10d)));
    }
    assert_eq!(soon(uni.stopped()).await.unwrap(), Some(VarInt::from_u32(0x103)));
    hello(&quic).await;
}

#[tokio::test]
async fn broken_framing_has_the_code_of_its_rule() {
    let server = Server::start(Limits::default()).await;
    let post = [(":method", "POST"), (":scheme", "https"), (":path", "/wait"), (":authority", "a")];
    let check = async |bytes: &[u8], finish: bool, code: u64| {
        let quic = quic(&server).await;
        let (mut send, _receive) = quic.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        if finish {
            send.finish().unwrap();
        }
        assert_eq!(closed(&quic).await, code, "{bytes:x?}");
    };
    // The end inside the first frame, and inside DATA.
    check(&[0x01, 0x20, 0x00], true, 0x106).await;
    check(&[headers(&post), vec![0x00, 0x0a, b'x']].concat(), true, 0x106).await;
    // DATA first; SETTINGS on a request; HTTP/2's PING; a WebTransport stream header behind frames.
    check(&frame(0x00, b"x"), false, 0x105).await;
    check(&[headers(&post), frame(0x04, b"")].concat(), false, 0x105).await;
    check(&[headers(&post), frame(0x06, b"12345678")].concat(), false, 0x105).await;
    check(&[headers(&post), vec![0x40, 0x41, 0x00]].concat(), false, 0x105).await;
    // A field section that refers to a dynamic table, and one that only asks for it.
    check(&frame(0x01, &[0x02, 0x00, 0x80]), false, 0x200).await;
    check(&frame(0x01, &[0x02, 0x00, 0xdd]), false, 0x200).await;
    // Integers that break off, and more behind one.
    check(&[headers(&post), vec![0x07, 0x00]].concat(), false, 0x106).await;
    // A stream of a session that no stream can be.
    check(&[varint(0x41), varint(5)].concat(), false, 0x108).await;
    // A push, two control streams, a frame before SETTINGS, a second SETTINGS, the control stream's end.
    let uni = async |streams: &[Vec<u8>], finish: bool, code: u64| {
        let quic = quic(&server).await;
        let mut open = Vec::new();
        for bytes in streams {
            let mut send = quic.open_uni().await.unwrap();
            send.write_all(bytes).await.unwrap();
            if finish {
                send.finish().unwrap();
            }
            open.push(send);
        }
        assert_eq!(closed(&quic).await, code, "{streams:x?}");
    };
    let control = [varint(0), frame(0x04, b"")].concat();
    uni(&[vec![0x01, 0x00]], false, 0x103).await;
    uni(&[control.clone(), control.clone()], false, 0x103).await;
    uni(&[[varint(0), frame(0x07, &[0])].concat()], false, 0x10a).await;
    uni(&[[control.clone(), frame(0x04, b"")].concat()], false, 0x105).await;
    uni(std::slice::from_ref(&control), true, 0x104).await;
    uni(&[[varint(0), frame(0x04, &[0x02, 0x00])].concat()], false, 0x109).await;
    for broken in
        [&[0x03, 0x00][..], &[0x0d, 0x01, 0x40], &[0x07, 0x02, 0xc0, 0x00], &[0x0d, 0x02, 0x01, 0x00]]
    {
        uni(&[[&control[..], broken].concat()], false, 0x106).await;
    }
    uni(&[[varint(0), frame(0x04, &[0x01, 0x40])].concat()], false, 0x106).await;
    // QPACK: a table that is not allowed, an insertion, an acknowledgement of nothing, a second stream, and an end.
    uni(&[vec![0x02, 0x3f, 0xe1, 0x1f]], false, 0x201).await;
    uni(&[vec![0x02, 0x20, 0x41, b'a', 0x00]], false, 0x201).await;
    uni(&[vec![0x03, 0x44, 0x80]], false, 0x202).await;
    uni(&[vec![0x02], vec![0x03], vec![0x02]], false, 0x103).await;
    uni(&[vec![0x03]], true, 0x104).await;
    let quic = quic(&server).await;
    let mut encoder = quic.open_uni().await.unwrap();
    encoder.write_all(&[0x02, 0x20]).await.unwrap();
    // Once the server has seen it.
    let mut unknown = quic.open_uni().await.unwrap();
    unknown.write_all(&varint(0x21)).await.unwrap();
    soon(unknown.stopped()).await.unwrap();
    encoder.reset(VarInt::from_u32(0)).unwrap();
    assert_eq!(closed(&quic).await, 0x104);
}

/// Nothing is wrong with any of this, but for the request that is incomplete.
#[tokio::test]
async fn what_is_allowed_ends_no_connection() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let mut encoder = quic.open_uni().await.unwrap();
    encoder.write_all(&[0x02, 0x20]).await.unwrap();
    let mut decoder = quic.open_uni().await.unwrap();
    decoder.write_all(&[0x03, 0x44, 0x7f, 0x05]).await.unwrap();
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    send.write_all(&frame(0x21, b"grease")).await.unwrap();
    send.finish().unwrap();
    let incomplete = quinn::ReadError::Reset(VarInt::from_u32(0x10d));
    assert_eq!(soon(receive.read(&mut [0])).await.unwrap_err(), incomplete);
    assert!(quic.close_reason().is_none());
}

#[tokio::test]
async fn unknown_streams_and_frames_are_harmless() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[(0x21, 5), (0x7fff_ffff, 1)]).await;
    let mut unknown = quic.open_uni().await.unwrap();
    unknown.write_all(&[varint(0x21), b"grease".to_vec()].concat()).await.unwrap();
    assert_eq!(soon(unknown.stopped()).await.unwrap(), Some(VarInt::from_u32(0x103)));
    let (mut send, mut receive) = quic.open_bi().await.unwrap();
    let post = [(":method", "POST"), (":scheme", "https"), (":path", "/echo"), (":authority", "a")];
    let body = [
        frame(0x21, b"grease"),
        headers(&post),
        frame(0x00, b""),
        frame(0x00, b"bo"),
        frame(0x40 * 0x1f + 0x21, b"more grease"),
        frame(0x00, b""),
        frame(0x00, b"dy"),
        headers(&[("x", "y")]),
        frame(0x21, b""),
    ];
    send.write_all(&body.concat()).await.unwrap();
    send.finish().unwrap();
    assert!(is_ok(&mut receive).await);
    let echoed = soon(receive.read_to_end(1000)).await.unwrap();
    assert!(echoed.starts_with(&[frame(0x00, b"bo"), frame(0x00, b"dy")].concat()), "{echoed:x?}");
    assert!(echoed.len() > 8, "and the trailers");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_alone() {
    let server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let value = "v".repeat(120);
    for method in ["GET", "CONNECT"] {
        let (mut send, mut receive) = quic.open_bi().await.unwrap();
        let mut fields =
            vec![(":method", method), (":scheme", "https"), (":path", "/hello"), (":authority", "a")];
        if method == "CONNECT" {
            fields.push((":protocol", "webtransport"));
        }
        fields.extend((0..200).map(|_| ("x", &value[..])));
        send.write_all(&headers(&fields)).await.unwrap();
        send.finish().unwrap();
        let response = soon(receive.read_to_end(100)).await.unwrap();
        // As it is, or with Huffman coding, as `h3` writes it.
        let is_431 = response.ends_with(b"431") || response.ends_with(&[0x69, 0x90, 0xff]);
        assert!(is_431, "{response:x?}");
    }
    hello(&quic).await;
}

#[tokio::test]
async fn a_client_without_settings_gets_no_session() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start(limits).await;
    let quic = quic(&server).await;
    let (_send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(soon(answer.read_to_end(100)).await.is_err());
    hello(&quic).await;
}

#[tokio::test]
async fn an_idle_connection_ends_and_one_in_use_does_not() {
    let limits = Limits {
        // Longer than a busy machine keeps a test waiting.
        idle_timeout: Duration::from_secs(4),
        keep_alive: Duration::from_millis(100),
        linger: Duration::from_millis(100),
        ..Limits::default()
    };
    let mut server = Server::start(limits).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (mut send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(is_ok(&mut answer).await);
    assert!(matches!(server.seen().await, Seen::Opened(..)));
    let outlives = tokio::time::timeout(Duration::from_secs(6), quic.closed()).await;
    assert!(outlives.is_err(), "lost while in use");
    send.finish().unwrap();
    assert_eq!(server.seen().await, Seen::Closed(0, String::new()));
    assert_eq!(closed(&quic).await, 0x100);
    assert_eq!(server.seen().await, Seen::Over);
}

#[tokio::test]
async fn a_stalled_reader_holds_up_only_itself() {
    let mut server = Server::start(Limits::default()).await;
    let quic = quic(&server).await;
    let _control = settings(&quic, &[]).await;
    let (send, mut answer) = connect(&quic, "webtransport", &[]).await;
    assert!(is_ok(&mut answer).await);
    // The server stops reading this one, and the client fills its window.
    let (mut stalled, _echo) = quic.open_bi().await.unwrap();
    stalled.write_all(&[varint(0x41), varint(id(&send)), b"wait".to_vec()].concat()).await.unwrap();
    while server.seen().await != Seen::Waiting {}
    let filling = async { while stalled.write(&[0; 4096]).await.is_ok() {} };
    let filled = tokio::time::timeout(Duration::from_millis(300), filling).await;
    assert!(filled.is_err(), "no back-pressure");
    let mut http3 = crate::client::Http3::connect(&server).await;
    assert_eq!(http3.get("/hello").await.0, StatusCode::OK);
    hello(&quic).await;
    let (mut other, mut echo) = quic.open_bi().await.unwrap();
    other.write_all(&[varint(0x41), varint(id(&send)), b"moves".to_vec()].concat()).await.unwrap();
    other.finish().unwrap();
    assert_eq!(soon(echo.read_to_end(100)).await.unwrap(), b"moves");
}

#[tokio::test]
async fn streams_opened_and_reset_without_end_end_the_connection() {
    let server = Server::start(Limits { max_resets_per_second: 50, ..Limits::default() }).await;
    let post = [(":method", "POST"), (":scheme", "https"), (":path", "/wait"), (":authority", "a")];
    let wt = [varint(0x41), varint(0), b"wait".to_vec()].concat();
    for head in [headers(&post), wt, vec![0x01]] {
        let quic = quic(&server).await;
        let _control = settings(&quic, &[]).await;
        let (_connect, mut answer) = connect(&quic, "webtransport", &[]).await;
        assert!(is_ok(&mut answer).await);
        let flood = async {
            while let Ok((mut send, mut receive)) = quic.open_bi().await {
                // Each fails once the connection is closed.
                let _ = send.write_all(&head).await;
                let _ = send.reset(VarInt::from_u32(0x10c));
                let _ = receive.stop(VarInt::from_u32(0x10c));
                tokio::task::yield_now().await;
            }
        };
        soon(flood).await;
        assert_eq!(closed(&quic).await, 0x107, "{head:x?}");
    }
}
