//! HTTP/3 byte by byte on `quinn`, for what a well-behaved library does not send.
//!
//! Source: RFC 9114, sections 6.2 and 7; RFC 9204, sections 4.1 and 4.5; RFC 9297, section 3.2;
//! draft-ietf-webtrans-http3, section 4.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{ConnectionError, RecvStream, SendStream, TransportConfig, VarInt};

use crate::client::quic_endpoint;
use crate::within;

/// Frame types of HTTP/3.
pub mod frame_type {
    #![allow(missing_docs, reason = "the names are the specification's")]
    pub const DATA: u64 = 0x00;
    pub const HEADERS: u64 = 0x01;
    pub const CANCEL_PUSH: u64 = 0x03;
    pub const SETTINGS: u64 = 0x04;
    pub const PUSH_PROMISE: u64 = 0x05;
    pub const GOAWAY: u64 = 0x07;
    pub const MAX_PUSH_ID: u64 = 0x0d;
    /// One of those that mean nothing.
    pub const GREASE: u64 = 0x21;
}

/// Types of unidirectional streams.
pub mod stream_type {
    #![allow(missing_docs, reason = "the names are the specification's")]
    pub const CONTROL: u64 = 0x00;
    pub const PUSH: u64 = 0x01;
    pub const QPACK_ENCODER: u64 = 0x02;
    pub const QPACK_DECODER: u64 = 0x03;
    pub const WEBTRANSPORT: u64 = 0x54;
}

/// Where sessions for calls are opened.
const CALLS: &str = "/grpc-wt/v1";

/// What opens a bidirectional stream of a session.
pub const WEBTRANSPORT_BIDI: u64 = 0x41;

/// Error codes that a connection or a stream ends with.
pub mod code {
    #![allow(missing_docs, reason = "the names are the specifications'")]
    pub const H3_STREAM_CREATION_ERROR: u64 = 0x103;
    pub const H3_CLOSED_CRITICAL_STREAM: u64 = 0x104;
    pub const H3_FRAME_UNEXPECTED: u64 = 0x105;
    pub const H3_FRAME_ERROR: u64 = 0x106;
    pub const H3_EXCESSIVE_LOAD: u64 = 0x107;
    pub const H3_ID_ERROR: u64 = 0x108;
    pub const H3_SETTINGS_ERROR: u64 = 0x109;
    pub const H3_MISSING_SETTINGS: u64 = 0x10a;
    pub const H3_REQUEST_REJECTED: u64 = 0x10b;
    pub const H3_REQUEST_CANCELLED: u64 = 0x10c;
    pub const H3_REQUEST_INCOMPLETE: u64 = 0x10d;
    pub const H3_MESSAGE_ERROR: u64 = 0x10e;
    pub const H3_DATAGRAM_ERROR: u64 = 0x33;
    pub const QPACK_DECOMPRESSION_FAILED: u64 = 0x200;
    pub const QPACK_ENCODER_STREAM_ERROR: u64 = 0x201;
    pub const QPACK_DECODER_STREAM_ERROR: u64 = 0x202;
    pub const WT_BUFFERED_STREAM_REJECTED: u64 = 0x3994_bd84;
    pub const WT_FLOW_CONTROL_ERROR: u64 = 0x045d_4487;
    pub const WT_SESSION_GONE: u64 = 0x170d_7b68;
}

/// A connection on which everything above QUIC is written by the test.
#[derive(Debug)]
pub struct RawH3 {
    /// The connection.
    pub quic: quinn::Connection,
    /// Closing it would be an error of its own.
    control: Option<SendStream>,
    // Dropping it would end the connection.
    _endpoint: quinn::Endpoint,
}

/// A WebTransport session.
#[derive(Debug)]
pub struct Session {
    /// The number of its CONNECT stream.
    pub id: u64,
    /// Where capsules go.
    pub send: SendStream,
    /// Where capsules come from.
    pub receive: RecvStream,
}

impl RawH3 {
    /// Connects, and opens a control stream whose SETTINGS are empty.
    pub async fn connect(address: SocketAddr) -> RawH3 {
        RawH3::connect_with(address, transport(), &[]).await
    }

    /// The same with these parameters of QUIC, and these settings.
    pub async fn connect_with(
        address: SocketAddr,
        transport: TransportConfig,
        settings: &[(u64, u64)],
    ) -> RawH3 {
        let mut raw = RawH3::silent_with(address, transport).await;
        let settings: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [varint(*id), varint(*value)].concat()).collect();
        let bytes = [varint(stream_type::CONTROL), frame(frame_type::SETTINGS, &settings)].concat();
        raw.control = Some(raw.uni(&bytes).await);
        raw
    }

    /// Connects, and opens no stream.
    pub async fn silent(address: SocketAddr) -> RawH3 {
        RawH3::silent_with(address, transport()).await
    }

    async fn silent_with(address: SocketAddr, transport: TransportConfig) -> RawH3 {
        let endpoint = quic_endpoint();
        let mut config = crate::client::quic_config();
        config.transport_config(Arc::new(transport));
        let connecting = endpoint.connect_with(config, address, "localhost").unwrap();
        let quic = within("a QUIC handshake", connecting).await.unwrap();
        RawH3 { quic, control: None, _endpoint: endpoint }
    }

    /// The control stream.
    pub fn control(&mut self) -> &mut SendStream {
        self.control.as_mut().expect("a connection that was not opened silently")
    }

    /// Opens a bidirectional stream and sends these bytes.
    pub async fn bidi(&self, bytes: &[u8]) -> (SendStream, RecvStream) {
        let (mut send, receive) = within("a bidirectional stream", self.quic.open_bi()).await.unwrap();
        // The gateway may refuse the stream before it has all of them.
        let _ = within("credit for a stream", send.write_all(bytes)).await;
        (send, receive)
    }

    /// Opens a unidirectional stream and sends these bytes.
    pub async fn uni(&self, bytes: &[u8]) -> SendStream {
        let mut send = within("a unidirectional stream", self.quic.open_uni()).await.unwrap();
        let _ = within("credit for a stream", send.write_all(bytes)).await;
        send
    }

    /// Opens a stream with a request for a gRPC call.
    pub async fn call(&self, path: &str) -> (SendStream, RecvStream) {
        self.bidi(&grpc_request(path)).await
    }

    /// Asks for a session and waits until it is open. `None` when it is refused.
    pub async fn session(&self) -> Option<Session> {
        self.session_of("webtransport").await
    }

    /// The same in the drafts that call it this.
    pub async fn session_of(&self, protocol: &str) -> Option<Session> {
        self.session_at(protocol, CALLS).await
    }

    /// The same at another path.
    pub async fn session_at(&self, protocol: &str, path: &str) -> Option<Session> {
        let (send, mut receive) = self.bidi(&connect_to(protocol, path)).await;
        let mut head = [0; 5];
        within("an answer to CONNECT", receive.read_exact(&mut head)).await.ok()?;
        let mut rest = vec![0; usize::from(head[1]) - 3];
        receive.read_exact(&mut rest).await.ok()?;
        // HEADERS, its length, the prefix of a field section, and `:status: 200` of the static table.
        (head[0] == 0x01 && head[4] == 0xd9).then(|| Session { id: number(&send), send, receive })
    }

    /// Waits until the gateway has closed the connection, and says with which code.
    pub async fn closed(&self) -> u64 {
        match within("the gateway to close the connection", self.quic.closed()).await {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("the connection was closed otherwise: {other}"),
        }
    }

    /// Makes a call and checks that it succeeds.
    pub async fn works(&self) {
        let (mut send, mut receive) = self.call(crate::upstream::method::UNARY).await;
        send.write_all(&frame(frame_type::DATA, &crate::frame::message(b"hello"))).await.unwrap();
        send.finish().unwrap();
        let response = within("a response", receive.read_to_end(64 << 10)).await.unwrap();
        let echo = frame(frame_type::DATA, &crate::frame::message(b"hello"));
        assert!(response.windows(echo.len()).any(|part| part == echo), "{response:x?}");
    }
}

/// QUIC as tests use it: patient, and without datagram limits that matter.
pub fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(60).try_into().unwrap()));
    transport
}

/// The number of a stream.
pub fn number(stream: &SendStream) -> u64 {
    VarInt::from(stream.id()).into_inner()
}

/// The integer of RFC 9000, section 16.
pub fn varint(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    match value {
        0..0x40 => vec![bytes[7]],
        0x40..0x4000 => vec![bytes[6] | 0x40, bytes[7]],
        0x4000..0x4000_0000 => [&[bytes[4] | 0x80], &bytes[5..]].concat(),
        _ => [&[bytes[0] | 0xc0], &bytes[1..]].concat(),
    }
}

/// A frame, or a capsule.
pub fn frame(frame_type: u64, payload: &[u8]) -> Vec<u8> {
    [declared(frame_type, payload.len() as u64), payload.to_vec()].concat()
}

/// The head of a frame, or of a capsule, that declares this many bytes.
pub fn declared(frame_type: u64, length: u64) -> Vec<u8> {
    [varint(frame_type), varint(length)].concat()
}

/// A HEADERS frame with these fields, all of them literal.
pub fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0, 0];
    for (name, value) in fields {
        integer(name.len() as u64, 3, 0x20, &mut block);
        block.extend_from_slice(name.as_bytes());
        integer(value.len() as u64, 7, 0, &mut block);
        block.extend_from_slice(value.as_bytes());
    }
    frame(frame_type::HEADERS, &block)
}

/// The integer of RFC 7541, section 5.1, with a prefix of so many bits behind these flags.
pub fn integer(value: u64, prefix: u32, flags: u8, out: &mut Vec<u8>) {
    let most = (1 << prefix) - 1;
    if value < most {
        return out.push(flags | value as u8);
    }
    out.push(flags | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The fields of a gRPC request for this path.
pub fn grpc_fields(path: &str) -> [(&str, &str); 6] {
    [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
}

/// A HEADERS frame with a gRPC request for this path.
pub fn grpc_request(path: &str) -> Vec<u8> {
    headers(&grpc_fields(path))
}

/// A HEADERS frame that asks for a session for gRPC.
pub fn connect() -> Vec<u8> {
    connect_to("webtransport", CALLS)
}

fn connect_to(protocol: &str, path: &str) -> Vec<u8> {
    headers(&[
        (":method", "CONNECT"),
        (":protocol", protocol),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ])
}

/// What opens a bidirectional stream of a session.
pub fn wt_bidi(session: u64) -> Vec<u8> {
    [varint(WEBTRANSPORT_BIDI), varint(session)].concat()
}

/// What opens a unidirectional stream of a session.
pub fn wt_uni(session: u64) -> Vec<u8> {
    [varint(stream_type::WEBTRANSPORT), varint(session)].concat()
}
