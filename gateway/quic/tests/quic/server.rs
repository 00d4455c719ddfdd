//! A server on the crate's public API. What it does with a request stands in the path; with a stream, in its first
//! bytes.

use std::future::poll_fn;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::StatusCode;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sluicegate_core::wire::{Gone, Receive, Reset, Transmit};
use sluicegate_quic::{
    Connection, Endpoint, Event, Limits, Request, Session, SessionRequest, WtReceive, WtTransmit,
};
use tokio::sync::{Notify, mpsc};

use crate::wire::{data, echo, finish, flushed, gone, ok, send, soon, trailers};

/// What the server has seen.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// A client left a request or a stream.
    Gone(Gone),
    /// A session was opened: draft, offered protocols, path.
    Opened(&'static str, Vec<String>, String),
    /// A session has ended.
    Closed(u32, String),
    /// The authority, path and method of a request.
    Head(Option<String>, String, String),
    /// A datagram.
    Datagram(Bytes),
    /// A request or a stream waits for its client to leave.
    Waiting,
    /// The server has let go of a stream that it had watched.
    Released,
    /// A connection is over.
    Over,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) endpoint: Arc<Endpoint>,
    /// Begins to drain every connection.
    pub(crate) drain: Arc<Notify>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Server {
        let (certificate, tls) = identity();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let endpoint = Arc::new(Endpoint::bind(socket, tls, limits).unwrap());
        let (report, seen) = mpsc::unbounded_channel();
        let drain = Arc::new(Notify::new());
        let accepting = Arc::clone(&endpoint);
        let draining = Arc::clone(&drain);
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                let (report, drain) = (report.clone(), Arc::clone(&draining));
                tokio::spawn(async move {
                    if let Ok(connection) = incoming.handshake().await {
                        serve(connection, report, drain).await;
                    }
                });
            }
        });
        Server { address: endpoint.local_addr().unwrap(), certificate, endpoint, drain, seen }
    }

    pub(crate) async fn seen(&mut self) -> Seen {
        soon(self.seen.recv()).await.unwrap()
    }

    /// Has seen all of this next, in any order.
    pub(crate) async fn saw(&mut self, expected: &[Seen]) {
        let mut seen = Vec::new();
        for _ in expected {
            seen.push(self.seen().await);
        }
        assert!(expected.iter().all(|one| seen.contains(one)), "{seen:?}");
    }
}

/// A certificate for `localhost`, and a server that shows it.
pub(crate) fn identity() -> (CertificateDer<'static>, Arc<rustls::ServerConfig>) {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = identity.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(identity.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (certificate, Arc::new(tls))
}

async fn serve(mut connection: Connection, report: mpsc::UnboundedSender<Seen>, drain: Arc<Notify>) {
    let mut draining = false;
    loop {
        let event = tokio::select! {
            event = connection.next() => event,
            () = drain.notified(), if !draining => {
                draining = true;
                connection.drain();
                continue;
            }
        };
        match event {
            Some(Event::Request(request)) => drop(tokio::spawn(answer(request, report.clone()))),
            Some(Event::Session(request)) => drop(tokio::spawn(open(request, report.clone()))),
            None => break,
        }
    }
    let _ = report.send(Seen::Over);
}

async fn answer(request: Request, report: mpsc::UnboundedSender<Seen>) {
    let Request { head, authority, mut receive, mut transmit } = request;
    let path = head.path.as_str().to_owned();
    let _ = report.send(Seen::Head(
        authority.map(|authority| authority.to_string()),
        path.clone(),
        head.method.to_string(),
    ));
    let result = match head.path.path() {
        "/echo" => echo(&mut receive, &mut transmit).await,
        "/hello" => {
            transmit.send_head(ok(), false).unwrap();
            send(&mut transmit, Bytes::from_static(b"hello")).await.unwrap();
            finish(&mut transmit, None).await
        }
        // Ends the response while a read of the request is pending.
        "/early" => {
            assert!(poll_once(|cx| receive.poll_data(cx)).await.is_pending());
            transmit.send_head(ok(), true).unwrap();
            let flushed = flushed(&mut transmit).await;
            receive.stop();
            flushed
        }
        // Refuses the rest of the request in the middle of a frame, and asks for it all the same.
        "/stop" => {
            data(&mut receive).await.unwrap().unwrap();
            assert_eq!(trailers(&mut receive).await, Ok(None));
            receive.stop();
            assert_eq!(data(&mut receive).await, Ok(None));
            assert_eq!(trailers(&mut receive).await, Ok(None));
            transmit.send_head(ok(), false).unwrap();
            finish(&mut transmit, None).await
        }
        // Answers nothing and waits for the client to leave.
        "/wait" => {
            while let Ok(Some(_)) = data(&mut receive).await {}
            let _ = report.send(Seen::Waiting);
            Err(gone(&mut transmit).await)
        }
        "/reset" => {
            transmit.send_head(ok(), false).unwrap();
            transmit.reset(Reset::REFUSED);
            Ok(())
        }
        // Dropped before its end.
        "/drop" => transmit.send_head(ok(), false),
        other => panic!("no such path: {other}"),
    };
    if let Err(gone) = result {
        let _ = report.send(Seen::Gone(gone));
    }
}

async fn poll_once<T>(mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>) -> Poll<T> {
    poll_fn(|cx| Poll::Ready(poll(cx))).await
}

async fn open(request: SessionRequest, report: mpsc::UnboundedSender<Seen>) {
    if request.path.path() == "/forbidden" {
        return request.refuse(StatusCode::FORBIDDEN).await;
    }
    let path = request.path.as_str().to_owned();
    let _ = report.send(Seen::Opened(request.dialect.name, request.protocols.clone(), path));
    let chosen = request.protocols.first().cloned();
    let Ok(session) = request.accept(chosen.as_deref()).await else { return };
    let session = Arc::new(session);
    loop {
        tokio::select! {
            stream = session.accept_bi() => match stream {
                Some((receive, transmit)) => {
                    tokio::spawn(stream_echo(Arc::downgrade(&session), receive, transmit, report.clone()));
                }
                None => break,
            },
            Some(mut receive) = session.accept_uni() => {
                let session = Arc::clone(&session);
                tokio::spawn(async move {
                    let mut transmit = session.open_uni().await.unwrap();
                    drop(session);
                    echo(&mut receive, &mut transmit).await.unwrap();
                });
            }
            Some(datagram) = session.read_datagram() => {
                let _ = report.send(Seen::Datagram(datagram.clone()));
                assert!(session.send_datagram(&datagram));
            }
        }
    }
    let (code, reason) = session.closed().await;
    let _ = report.send(Seen::Closed(code, reason));
}

async fn stream_echo(
    session: std::sync::Weak<Session>,
    mut receive: WtReceive,
    mut transmit: WtTransmit,
    report: mpsc::UnboundedSender<Seen>,
) {
    let mut watched = false;
    let result = async {
        transmit.send_head(ok(), false)?;
        while let Some(bytes) = data(&mut receive).await? {
            match &bytes[..] {
                b"reset" => {
                    transmit.reset_with(42);
                    return Ok(());
                }
                b"stop" => {
                    receive.stop_with(43);
                    return finish(&mut transmit, None).await;
                }
                // Reads nothing more and waits for the client to leave.
                b"wait" => {
                    let _ = report.send(Seen::Waiting);
                    return Err(gone(&mut transmit).await);
                }
                // Watches the client until something more of it is there, and lets go of the stream at its end.
                b"watch" => {
                    send(&mut transmit, bytes).await?;
                    let mut polls = 0;
                    poll_fn(|cx| {
                        assert!(transmit.poll_gone(cx).is_pending());
                        polls += 1;
                        if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                    watched = true;
                }
                b"open" => {
                    let opened = session.upgrade().unwrap().open_bi().await;
                    let (_receive, mut opened) = opened.unwrap();
                    send(&mut opened, Bytes::from_static(b"from the server")).await?;
                    finish(&mut opened, None).await?;
                }
                b"drain" => session.upgrade().unwrap().drain(),
                _ => send(&mut transmit, bytes).await?,
            }
        }
        finish(&mut transmit, None).await
    };
    if let Err(gone) = result.await {
        let _ = report.send(Seen::Gone(gone));
    }
    drop((receive, transmit));
    if watched {
        let _ = report.send(Seen::Released);
    }
}
