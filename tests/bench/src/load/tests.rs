//! The client against servers in the same thread: honest ones, and ones that it must not believe.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use web_transport_quinn::proto::ConnectResponse;
use web_transport_quinn::{RecvStream, SendStream, ServerBuilder};

use super::{HOST, Measurement, Options, connect_and_measure};
use crate::echo;
use crate::failure::Failure;
use crate::frame::{self, Frames, HEADERS, MESSAGE, TRAILERS};
use crate::payload::Payload;
use crate::workload::Workload;

const TURNS: u64 = 40;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, future)
}

async fn measure(
    name: &str,
    target: SocketAddr,
    certificate: Option<PathBuf>,
) -> Result<Measurement, Failure> {
    let (workload, process) = (name.to_owned(), Some(std::process::id()));
    let options = Options { workload, target, turns: TURNS, warm_up: 1, process, certificate };
    connect_and_measure(&options, Workload::named(name).unwrap()).await
}

#[test]
fn every_kind_of_grpc_call_is_made_and_measured() {
    for name in ["grpc-unary-64", "grpc-unary-16k", "grpc-stream", "grpc-ping-pong"] {
        let measurement = block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let target = listener.local_addr().unwrap();
            spawn_local(echo::serve(listener));
            measure(name, target, None).await
        });
        let measurement = measurement.unwrap();
        assert!(measurement.rate > 0.0 && measurement.cpu_us.is_some(), "{name}: {measurement:?}");
        assert!(measurement.p99_us >= measurement.p50_us, "{name}: {measurement:?}");
    }
}

/// Answers every call with the same messages and status.
async fn serve_lies(listener: TcpListener, body: Bytes, status: &'static str) {
    while let Ok((socket, _)) = listener.accept().await {
        let body = body.clone();
        spawn_local(async move {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((_, mut response))) = connection.accept().await {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static(status));
                // The client may have left at the first lie.
                let Ok(mut stream) = response.send_response(Response::new(()), false) else { return };
                let _ = stream.send_data(body.clone(), false);
                let _ = stream.send_trailers(trailers);
            }
        });
    }
}

#[test]
fn wrong_answers_are_failures() {
    let message = |number| Payload::new(64).message(number);
    for (body, status, expected) in [
        (message(TURNS + 1), "0", "came back"),
        (Bytes::new(), "0", "no message"),
        (message(0).slice(..20), "0", "no message"),
        ([message(0), message(1)].concat().into(), "0", "one message too many"),
        (message(0), "14", "the call ended with"),
    ] {
        let failure = block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let target = listener.local_addr().unwrap();
            spawn_local(serve_lies(listener, body, status));
            measure("grpc-unary-64", target, None).await.unwrap_err().to_string()
        });
        // It is the one call of the warm-up, number 0, that fails.
        assert!(failure.contains(expected), "{expected}: {failure}");
    }
}

/// Accepts sessions and answers messages with themselves, as the gateway and an echoing upstream would together.
async fn serve_webtransport(mut server: web_transport_quinn::Server, status: &'static str) {
    while let Some(request) = server.accept().await {
        let session = request.respond(ConnectResponse::OK.with_protocol("grpc-wt-1")).await.unwrap();
        spawn_local(async move {
            while let Ok((response, request)) = session.accept_bi().await {
                spawn_local(answer(request, response, status));
            }
        });
    }
}

async fn answer(mut request: RecvStream, mut response: SendStream, status: &'static str) {
    let mut frames = Frames::default();
    let mut chunk = [0; 1024];
    while let Ok(Some(length)) = request.read(&mut chunk).await {
        frames.push(&chunk[..length]);
        while let Some(frame) = frames.next().unwrap() {
            let answer = match frame.flags {
                HEADERS => frame::encode(HEADERS, b"content-type: application/grpc\r\n"),
                MESSAGE => frame::encode(MESSAGE, &frame.payload),
                _ => frame::encode(TRAILERS, format!("grpc-status: {status}\r\n").as_bytes()),
            };
            response.write_all(&answer).await.unwrap();
        }
    }
    response.finish().unwrap();
}

fn webtransport(folder: &Path, name: &str, status: &'static str) -> Result<Measurement, Failure> {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let certificate = folder.join("cert.pem");
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    block_on(async {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let server = ServerBuilder::new().with_addr(address).with_certificate(chain, key).unwrap();
        let target = server.local_addr().unwrap();
        spawn_local(serve_webtransport(server, status));
        measure(name, target, Some(certificate)).await
    })
}

#[test]
fn calls_over_webtransport_are_made_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["webtransport-ping-pong", "webtransport-stream"] {
        let measurement = webtransport(folder.path(), name, "0").unwrap();
        assert!(measurement.rate > 0.0, "{name}: {measurement:?}");
    }
    let failure = webtransport(folder.path(), "webtransport-ping-pong", "13").unwrap_err().to_string();
    assert!(failure.contains("grpc-status: 13"), "{failure}");
}

#[test]
fn messages_on_websockets_are_exchanged_and_measured() {
    for name in ["websocket-ping-pong", "websocket-stream"] {
        let measurement = block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let target = listener.local_addr().unwrap();
            spawn_local(echo::websocket::serve(listener));
            measure(name, target, None).await
        });
        assert!(measurement.unwrap().rate > 0.0, "{name}");
    }
}

#[test]
fn messages_on_bare_quic_are_exchanged_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    for name in ["quic-ping-pong", "quic-stream"] {
        let measurement = block_on(async {
            let endpoint = echo::quic::bind(&certificate, &key).unwrap();
            let target = endpoint.local_addr().unwrap();
            spawn_local(echo::quic::serve(endpoint));
            measure(name, target, Some(certificate.clone())).await
        });
        assert!(measurement.unwrap().rate > 0.0, "{name}");
    }
}
