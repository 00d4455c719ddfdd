//! Servers of WebTransport that others wrote, with one behaviour: what they do with a stream stands in its first bytes.
//!
//! `echo…` and anything else is sent back. `reset` is answered with a reset of 42, `stop` with STOP_SENDING of 43,
//! `open` with a bidirectional stream from the server, `close` with the end of the session, code 99. After `wait` the
//! server says how the client took the stream back. A unidirectional stream comes back as one, a datagram as one.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::server::identity;
use crate::wire::soon;

/// What a server has seen, in its own terms.
#[derive(Debug, PartialEq)]
pub(crate) enum Met {
    /// A session at this path.
    Opened(String),
    /// The client has reset a stream.
    Reset(u64),
    /// The client has stopped a stream.
    Stopped(u64),
    /// A stream waits to be taken back.
    Waiting,
    /// The session has ended, as the server tells of it.
    Closed(String),
}

/// A running server.
pub(crate) struct Foreign {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: CertificateDer<'static>,
    met: mpsc::UnboundedReceiver<Met>,
}

impl Foreign {
    pub(crate) async fn met(&mut self) -> Met {
        soon(self.met.recv()).await.expect("the server has stopped")
    }
}

/// A QUIC endpoint with a certificate.
pub(crate) fn endpoint() -> (quinn::Endpoint, CertificateDer<'static>) {
    let (certificate, tls) = identity();
    let mut tls = Arc::unwrap_or_clone(tls);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let endpoint = quinn::Endpoint::server(config, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (endpoint, certificate)
}

/// Serves sessions of web-transport-quinn and webtrans-quinn, whose interfaces have one origin.
macro_rules! echo {
    ($of:ident, $session:ident, $report:ident) => {{
        let session = $session;
        loop {
            tokio::select! {
                Ok((mut send, mut receive)) = session.accept_bi() => {
                    let (session, report) = (session.clone(), $report.clone());
                    tokio::spawn(async move {
                        while let Ok(Some(chunk)) = receive.read_chunk(1 << 16, true).await {
                            match &chunk.bytes[..] {
                                b"reset" => return send.reset(42).unwrap(),
                                b"stop" => {
                                    receive.stop(43).unwrap();
                                    return send.finish().unwrap();
                                }
                                b"open" => {
                                    let (mut send, _) = session.open_bi().await.unwrap();
                                    send.write_all(b"from the server").await.unwrap();
                                    send.finish().unwrap();
                                }
                                b"close" => session.close(99, b"server says bye"),
                                b"wait" => {
                                    let _ = report.send(Met::Waiting);
                                    let met = tokio::select! {
                                        read = receive.read_chunk(1 << 16, true) => match read {
                                            Err($of::ReadError::Reset(code)) => Met::Reset(code.into()),
                                            other => panic!("{other:?}"),
                                        },
                                        stopped = send.stopped() => Met::Stopped(stopped.unwrap().unwrap().into()),
                                    };
                                    return drop(report.send(met));
                                }
                                _ => send.write_all(&chunk.bytes).await.unwrap(),
                            }
                        }
                        let _ = send.finish();
                    });
                }
                Ok(mut receive) = session.accept_uni() => {
                    let session = session.clone();
                    tokio::spawn(async move {
                        let all = receive.read_to_end(1 << 20).await.unwrap();
                        let mut send = session.open_uni().await.unwrap();
                        send.write_all(&all).await.unwrap();
                        send.finish().unwrap();
                    });
                }
                Ok(datagram) = session.read_datagram() => session.send_datagram(datagram).unwrap(),
                error = session.closed() => {
                    let _ = $report.send(Met::Closed(match error {
                        $of::SessionError::WebTransportError($of::WebTransportError::Closed(code, reason)) => {
                            format!("{code} {reason}")
                        }
                        other => format!("{other:?}"),
                    }));
                    break;
                }
            }
        }
    }};
}

/// web-transport-quinn: drafts 02 and 07.
pub(crate) fn web_transport_quinn() -> Foreign {
    let (endpoint, certificate) = endpoint();
    let address = endpoint.local_addr().unwrap();
    let (report, met) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut server = web_transport_quinn::Server::new(endpoint);
        while let Some(request) = server.accept().await {
            let report = report.clone();
            let path = request.url.path().to_owned();
            if path == "/forbidden" {
                // Dropping the request closes the connection, maybe before the answer is there.
                let quic = request.conn().clone();
                request.reject(http::StatusCode::FORBIDDEN).await.unwrap();
                tokio::spawn(async move { quic.closed().await });
                continue;
            }
            let response = match request.protocols.first() {
                Some(first) => web_transport_quinn::proto::ConnectResponse::OK.with_protocol(first),
                None => web_transport_quinn::proto::ConnectResponse::OK,
            };
            let session = request.respond(response).await.unwrap();
            let _ = report.send(Met::Opened(path));
            tokio::spawn(async move { echo!(web_transport_quinn, session, report) });
        }
    });
    Foreign { address, certificate, met }
}

/// webtrans-quinn: draft 16 beside the older ones.
pub(crate) fn webtrans_quinn() -> Foreign {
    let (endpoint, certificate) = endpoint();
    let address = endpoint.local_addr().unwrap();
    let (report, met) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut server = webtrans_quinn::Server::new(endpoint);
        while let Some(request) = server.accept().await {
            let request = request.unwrap();
            let report = report.clone();
            let path = request.url().path().to_owned();
            if path == "/forbidden" {
                request.close(http::StatusCode::FORBIDDEN).await.unwrap();
                continue;
            }
            let session = request.ok().await.unwrap();
            let _ = report.send(Met::Opened(path));
            tokio::spawn(async move { echo!(webtrans_quinn, session, report) });
        }
    });
    Foreign { address, certificate, met }
}

/// wtransport: drafts 02 and 07. Its codes are QUIC's, as they stand on the wire.
pub(crate) fn wtransport() -> Foreign {
    let (certificate, tls) = identity();
    let mut tls = Arc::unwrap_or_clone(tls);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = wtransport::ServerConfig::builder()
        .with_bind_address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .with_custom_tls(tls)
        .build();
    let server = wtransport::Endpoint::server(config).unwrap();
    let address = server.local_addr().unwrap();
    let (report, met) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            // A client that went away before it asked.
            let Ok(request) = server.accept().await.await else { continue };
            if request.path() == "/forbidden" {
                request.forbidden().await;
                continue;
            }
            let path = request.path().to_owned();
            let session = request.accept().await.unwrap();
            let _ = report.send(Met::Opened(path));
            tokio::spawn(wtransport_echo(Arc::new(session), report.clone()));
        }
    });
    Foreign { address, certificate, met }
}

async fn wtransport_echo(session: Arc<wtransport::Connection>, report: mpsc::UnboundedSender<Met>) {
    use wtransport::VarInt;
    use wtransport::error::{StreamReadError, StreamWriteError};
    loop {
        tokio::select! {
            Ok((mut send, mut receive)) = session.accept_bi() => {
                let (session, report) = (Arc::clone(&session), report.clone());
                tokio::spawn(async move {
                    let mut bytes = vec![0; 1 << 16];
                    while let Ok(Some(read)) = receive.read(&mut bytes).await {
                        match &bytes[..read] {
                            b"reset" => return send.reset(VarInt::from_u32(42)).unwrap(),
                            b"stop" => {
                                receive.stop(VarInt::from_u32(43));
                                return send.finish().await.unwrap();
                            }
                            b"open" => {
                                let (mut send, _) = session.open_bi().await.unwrap().await.unwrap();
                                send.write_all(b"from the server").await.unwrap();
                                send.finish().await.unwrap();
                            }
                            b"close" => session.close(VarInt::from_u32(99), b"server says bye"),
                            b"wait" => {
                                let _ = report.send(Met::Waiting);
                                let met = tokio::select! {
                                    read = receive.read(&mut bytes) => match read {
                                        Err(StreamReadError::Reset(code)) => Met::Reset(code.into_inner()),
                                        other => panic!("{other:?}"),
                                    },
                                    stopped = send.stopped() => match stopped {
                                        StreamWriteError::Stopped(code) => Met::Stopped(code.into_inner()),
                                        other => panic!("{other:?}"),
                                    },
                                };
                                return drop(report.send(met));
                            }
                            other => send.write_all(other).await.unwrap(),
                        }
                    }
                    let _ = send.finish().await;
                });
            }
            Ok(mut receive) = session.accept_uni() => {
                let session = Arc::clone(&session);
                tokio::spawn(async move {
                    let mut all = Vec::new();
                    receive.read_to_end(&mut all).await.unwrap();
                    let mut send = session.open_uni().await.unwrap().await.unwrap();
                    send.write_all(&all).await.unwrap();
                    send.finish().await.unwrap();
                });
            }
            Ok(datagram) = session.receive_datagram() => session.send_datagram(datagram.payload()).unwrap(),
            error = session.closed() => {
                let _ = report.send(Met::Closed(error.to_string()));
                return;
            }
        }
    }
}

/// h3-webtransport on h3-quinn: draft-02, one session. It accepts streams of both kinds in one task, because otherwise
/// unidirectional ones are lost (docs/decisions/0002).
pub(crate) fn h3_webtransport() -> Foreign {
    let (endpoint, certificate) = endpoint();
    let address = endpoint.local_addr().unwrap();
    let (report, met) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let report = report.clone();
            tokio::spawn(async move {
                let quic = h3_quinn::Connection::new(incoming.await.unwrap());
                let mut h3 = h3::server::builder()
                    .enable_webtransport(true)
                    .enable_extended_connect(true)
                    .enable_datagram(true)
                    .max_webtransport_sessions(1)
                    .build::<_, Bytes>(quic)
                    .await
                    .unwrap();
                let (request, mut stream) =
                    h3.accept().await.unwrap().unwrap().resolve_request().await.unwrap();
                let path = request.uri().path().to_owned();
                if path == "/forbidden" {
                    let forbidden = http::Response::builder().status(403).body(()).unwrap();
                    stream.send_response(forbidden).await.unwrap();
                    stream.finish().await.unwrap();
                    // Until the client is gone: `h3` closes the connection as it is dropped.
                    return drop(h3.accept().await);
                }
                let session = h3_webtransport::server::WebTransportSession::accept(request, stream, h3);
                let session = session.await.unwrap();
                let _ = report.send(Met::Opened(path));
                h3_webtransport_echo(Arc::new(session), report).await;
            });
        }
    });
    Foreign { address, certificate, met }
}

type H3WebTransport = h3_webtransport::server::WebTransportSession<h3_quinn::Connection, Bytes>;

async fn h3_webtransport_echo(session: Arc<H3WebTransport>, report: mpsc::UnboundedSender<Met>) {
    use h3::quic::{BidiStream, RecvStream, SendStream};
    use h3_webtransport::server::AcceptedBi;
    use std::future::poll_fn;
    let id = session.session_id();
    let (mut datagrams, mut sender) = (session.datagram_reader(), session.datagram_sender());
    tokio::spawn(async move {
        while let Ok(datagram) = datagrams.read_datagram().await {
            sender.send_datagram(datagram.into_payload()).unwrap();
        }
    });
    loop {
        tokio::select! {
            accepted = session.accept_uni() => {
                let Ok(Some((_, mut receive))) = accepted else { break };
                let session = Arc::clone(&session);
                tokio::spawn(async move {
                    let mut all = Vec::new();
                    receive.read_to_end(&mut all).await.unwrap();
                    let mut send = session.open_uni(id).await.unwrap();
                    AsyncWriteExt::write_all(&mut send, &all).await.unwrap();
                    AsyncWriteExt::shutdown(&mut send).await.unwrap();
                });
            }
            accepted = session.accept_bi() => {
                let Ok(Some(AcceptedBi::BidiStream(_, stream))) = accepted else { break };
                let (session, report) = (Arc::clone(&session), report.clone());
                tokio::spawn(async move {
                    let (mut send, mut receive) = stream.split();
                    while let Ok(Some(mut bytes)) = poll_fn(|cx| receive.poll_data(cx)).await {
                        match bytes.chunk() {
                            b"reset" => return send.reset(42),
                            b"stop" => {
                                receive.stop_sending(43);
                                return poll_fn(|cx| send.poll_finish(cx)).await.unwrap();
                            }
                            b"open" => {
                                let mut opened = session.open_bi(id).await.unwrap();
                                AsyncWriteExt::write_all(&mut opened, b"from the server").await.unwrap();
                                AsyncWriteExt::shutdown(&mut opened).await.unwrap();
                            }
                            b"wait" => {
                                let _ = report.send(Met::Waiting);
                                match poll_fn(|cx| receive.poll_data(cx)).await {
                                    Err(h3::quic::StreamErrorIncoming::StreamTerminated { error_code }) => {
                                        let _ = report.send(Met::Reset(error_code));
                                    }
                                    _ => panic!("not reset"),
                                }
                                return;
                            }
                            _ => {
                                let bytes = bytes.copy_to_bytes(bytes.remaining());
                                AsyncWriteExt::write_all(&mut send, &bytes).await.unwrap();
                            }
                        }
                    }
                    let _ = poll_fn(|cx| send.poll_finish(cx)).await;
                });
            }
        }
    }
    let _ = report.send(Met::Closed("the connection is over".to_owned()));
}
