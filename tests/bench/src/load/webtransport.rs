//! Calls in `grpc-wt-1` over WebTransport: one session for each QUIC connection, one stream for each call.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{ALPN, RecvStream, SendStream, Session};

use super::pipe::{Pipe, exchange};
use super::{API_KEY, Lane, Turns};
use crate::echo::PING_PONG;
use crate::failure::{During, Failure};
use crate::frame::{self, Frame, Frames, HEADERS, MESSAGE, TRAILERS};
use crate::payload::Payload;
use crate::workload::Workload;

/// The name that the certificate is made for.
pub(crate) const HOST: &str = "localhost";
/// Where sessions are opened.
pub(crate) const PATH: &str = "/grpc-wt/v1";
const PROTOCOL: &str = "grpc-wt-1";
const CHUNK: usize = 16 << 10;

pub(super) struct WebTransportLane {
    session: Session,
    payload: Payload,
    ahead: usize,
}

pub(super) async fn connect(
    target: SocketAddr,
    certificate: &Path,
    workload: &Workload,
) -> Result<Vec<WebTransportLane>, Failure> {
    if !workload.is_exchange() {
        return Err(Failure::new("only messages there and back are implemented over WebTransport"));
    }
    let config = quic_config(certificate, ALPN)?;
    let mut lanes = Vec::new();
    for _ in 0..workload.connections {
        let connection = quic_connect(&config, target).await?;
        let url: Url = format!("https://{HOST}:{}{PATH}", target.port()).parse()?;
        let request = ConnectRequest::new(url).with_protocol(PROTOCOL);
        let session = Session::connect(connection, request).await.during("opening a session")?;
        if session.protocol() != Some(PROTOCOL) {
            return Err(Failure::new(format!("{PROTOCOL} was answered with {:?}", session.protocol())));
        }
        lanes.extend((0..workload.streams).map(|_| WebTransportLane {
            session: session.clone(),
            payload: Payload::new(workload.message),
            ahead: workload.ahead(),
        }));
    }
    Ok(lanes)
}

/// Opens a QUIC connection on a socket of its own.
pub(super) async fn quic_connect(
    config: &quinn::ClientConfig,
    target: SocketAddr,
) -> Result<quinn::Connection, Failure> {
    let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
    endpoint.connect_with(config.clone(), target, HOST)?.await.during("connecting")
}

/// What a QUIC client is configured with, that trusts this certificate and speaks this protocol.
pub(crate) fn quic_config(certificate: &Path, alpn: &str) -> Result<quinn::ClientConfig, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).during(certificate.display())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Ok(quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)))
}

impl Lane for WebTransportLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        self.ping_pong(turns, latencies).await.during("ping-pong")
    }
}

impl WebTransportLane {
    async fn ping_pong(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        let (request, response) = self.session.open_bi().await?;
        let mut call =
            Call { request, response, frames: Frames::default(), chunk: vec![0; CHUNK], head_seen: false };
        let head =
            format!(":path: {PING_PONG}\r\ncontent-type: application/grpc\r\nx-api-key: {API_KEY}\r\n");
        call.request.write_all(&frame::encode(HEADERS, head.as_bytes())).await?;
        exchange(&mut call, &self.payload, self.ahead, turns, latencies).await?;
        call.request.write_all(&frame::encode(TRAILERS, b"")).await?;
        call.request.finish()?;
        call.expect_head().await?;
        call.expect_end().await
    }
}

struct Call {
    request: SendStream,
    response: RecvStream,
    frames: Frames,
    chunk: Vec<u8>,
    head_seen: bool,
}

impl Pipe for Call {
    async fn send(&mut self, framed: Bytes) -> Result<(), Failure> {
        Ok(self.request.write_all(&framed).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        self.expect_head().await?;
        match self.next().await? {
            Some(Frame { flags: MESSAGE, payload }) => Ok(payload),
            other => Err(unexpected(other)),
        }
    }
}

impl Call {
    /// Reads the head, unless it has been read.
    async fn expect_head(&mut self) -> Result<(), Failure> {
        if !self.head_seen {
            match self.next().await? {
                Some(Frame { flags: HEADERS, .. }) => self.head_seen = true,
                other => return Err(unexpected(other)),
            }
        }
        Ok(())
    }

    async fn expect_end(&mut self) -> Result<(), Failure> {
        match self.next().await? {
            Some(Frame { flags: TRAILERS, payload }) => frame::check_status(&payload)?,
            other => return Err(unexpected(other)),
        }
        match self.next().await? {
            None => self.frames.finish(),
            other => Err(unexpected(other)),
        }
    }

    /// The next frame. `None` at the end of the stream.
    async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = self.frames.next()? {
                return Ok(Some(frame));
            }
            match self.response.read(&mut self.chunk).await? {
                Some(length) => self.frames.push(self.chunk.get(..length).unwrap_or_default()),
                None => return Ok(None),
            }
        }
    }
}

fn unexpected(frame: Option<Frame>) -> Failure {
    match frame {
        // Shown as text, because it says why a call was refused.
        Some(Frame { flags: TRAILERS, payload }) => {
            Failure::new(format!("the call ended with {:?}", String::from_utf8_lossy(&payload)))
        }
        Some(frame) => Failure::new(format!("unexpected {frame:?}")),
        None => Failure::new("the stream ended early"),
    }
}
