//! Clients: QUIC as it is, HTTP/3 by `h3`, and frames by hand.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h3_quinn::OpenStreams;
use http::{HeaderMap, Request, StatusCode};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;

use crate::server::Server;
use crate::wire::soon;

/// TLS that trusts the server's certificate.
pub(crate) fn tls(server: &Server) -> rustls::ClientConfig {
    trusting(&server.certificate)
}

/// TLS that trusts this certificate.
pub(crate) fn trusting(certificate: &CertificateDer<'static>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls
}

pub(crate) fn config(server: &Server) -> quinn::ClientConfig {
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls(server)).unwrap()))
}

pub(crate) fn endpoint() -> quinn::Endpoint {
    quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// A QUIC connection without anything on it.
pub(crate) async fn quic(server: &Server) -> quinn::Connection {
    soon(endpoint().connect_with(config(server), server.address, "localhost").unwrap()).await.unwrap()
}

/// HTTP/3 by `h3`.
pub(crate) struct Http3 {
    pub(crate) send: h3::client::SendRequest<OpenStreams, Bytes>,
    pub(crate) quic: quinn::Connection,
}

pub(crate) type Exchange = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

impl Http3 {
    pub(crate) async fn connect(server: &Server) -> Http3 {
        let quic = quic(server).await;
        let (mut driver, send) = h3::client::new(h3_quinn::Connection::new(quic.clone())).await.unwrap();
        tokio::spawn(async move { driver.wait_idle().await });
        Http3 { send, quic }
    }

    pub(crate) async fn open(&mut self, method: &str, path: &str) -> Exchange {
        let uri = format!("https://localhost{path}");
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        soon(self.send.send_request(request)).await.unwrap()
    }

    /// Opens a request, unless the server has asked for an end.
    pub(crate) async fn open_or_refused(&mut self, path: &str) -> Result<Exchange, h3::error::StreamError> {
        let request = Request::builder().uri(format!("https://localhost{path}")).body(()).unwrap();
        soon(self.send.send_request(request)).await
    }

    /// Asks for something and reads all of it.
    pub(crate) async fn get(&mut self, path: &str) -> (StatusCode, Bytes) {
        let mut exchange = self.open("GET", path).await;
        exchange.finish().await.unwrap();
        let (status, body, _) = read(&mut exchange).await;
        (status, body)
    }
}

/// The whole response.
pub(crate) async fn read(exchange: &mut Exchange) -> (StatusCode, Bytes, Option<HeaderMap>) {
    let response = soon(exchange.recv_response()).await.unwrap();
    let mut body = BytesMut::new();
    while let Some(mut data) = soon(exchange.recv_data()).await.unwrap() {
        body.put(data.copy_to_bytes(data.remaining()));
    }
    let trailers = soon(exchange.recv_trailers()).await.unwrap();
    (response.status(), body.freeze(), trailers)
}

/// The integer of RFC 9000, section 16.
pub(crate) fn varint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        0..0x40 => out.put_u8(value as u8),
        0x40..0x4000 => out.put_u16(value as u16 | 0x4000),
        0x4000..0x4000_0000 => out.put_u32(value as u32 | 0x8000_0000),
        _ => out.put_u64(value | 0xc000_0000_0000_0000),
    }
    out
}

pub(crate) fn frame(frame_type: u64, payload: &[u8]) -> Vec<u8> {
    [varint(frame_type), varint(payload.len() as u64), payload.to_vec()].concat()
}

/// A HEADERS frame of literal fields.
pub(crate) fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0, 0];
    for (name, value) in fields {
        // A literal name of up to 133 bytes with a prefix of three bits.
        match name.len() {
            length @ 0..7 => block.push(0x20 | length as u8),
            length => block.extend([0x27, length as u8 - 7]),
        }
        block.extend(name.as_bytes());
        assert!(value.len() < 127);
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    }
    frame(0x01, &block)
}

/// Opens the control stream with these settings.
pub(crate) async fn settings(quic: &quinn::Connection, settings: &[(u64, u64)]) -> quinn::SendStream {
    let payload: Vec<u8> =
        settings.iter().flat_map(|(id, value)| [varint(*id), varint(*value)].concat()).collect();
    let mut control = quic.open_uni().await.unwrap();
    control.write_all(&[varint(0), frame(0x04, &payload)].concat()).await.unwrap();
    control
}

/// Reads the head of a response written by hand: only whether its status is 200.
pub(crate) async fn is_ok(receive: &mut quinn::RecvStream) -> bool {
    let mut head = [0; 5];
    soon(receive.read_exact(&mut head)).await.unwrap();
    let mut rest = vec![0; usize::from(head[1]) - 3];
    soon(receive.read_exact(&mut rest)).await.unwrap();
    // HEADERS, its length, the prefix of the section, then the static table's ":status: 200".
    (head[0], head[4]) == (0x01, 0xd9)
}

/// A CONNECT for a session, by hand.
pub(crate) async fn connect(
    quic: &quinn::Connection,
    protocol: &str,
    more: &[(&str, &str)],
) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut send, receive) = quic.open_bi().await.unwrap();
    let mut fields = vec![
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/session?a=%20b"),
        (":protocol", protocol),
    ];
    fields.extend(more);
    send.write_all(&headers(&fields)).await.unwrap();
    (send, receive)
}

/// The number of a stream.
pub(crate) fn id(stream: &quinn::SendStream) -> u64 {
    quinn::VarInt::from(stream.id()).into_inner()
}
