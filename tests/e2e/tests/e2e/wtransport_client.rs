//! gRPC over WebTransport with the wtransport crate, whose session layer has nothing in common with the matrix' client.

use std::net::{Ipv4Addr, SocketAddr};

use sluicegate_e2e::certificate::client_tls;
use sluicegate_e2e::client::Protocol;
use sluicegate_e2e::frame::{Frames, frame, message};
use sluicegate_e2e::upstream::method;
use sluicegate_e2e::within;
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream};

use crate::stage::Stage;

#[tokio::test]
async fn calls_of_wtransport() {
    let Stage { upstream: _upstream, gateway, client: _client } = Stage::new(Protocol::GrpcH2c).await;
    let config = ClientConfig::builder()
        .with_bind_address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .with_custom_tls(client_tls(&["h3"]))
        .build();
    let endpoint = Endpoint::client(config).unwrap();
    let url = format!("https://localhost:{}/grpc-wt/v1", gateway.target().tls.port());
    let session = within("a session", endpoint.connect(url)).await.unwrap();
    unary(&session).await;
    ping_pong(&session).await;
}

fn head(path: &str) -> Vec<u8> {
    frame(0x40, format!(":path: {path}\r\n").as_bytes()).to_vec()
}

async fn unary(session: &Connection) {
    let (mut send, mut receive) = session.open_bi().await.unwrap().await.unwrap();
    let request = [head(method::UNARY), message(b"hello").to_vec(), frame(0x80, b"").to_vec()].concat();
    send.write_all(&request).await.unwrap();
    send.finish().await.unwrap();
    let mut frames = Frames::default();
    assert_eq!(next(&mut receive, &mut frames).await.0, 0x40);
    assert_eq!(next(&mut receive, &mut frames).await, (0, b"hello".to_vec()));
    let (flags, trailers) = next(&mut receive, &mut frames).await;
    assert_eq!(flags, 0x80);
    assert!(String::from_utf8(trailers).unwrap().contains("grpc-status: 0\r\n"));
}

async fn ping_pong(session: &Connection) {
    let (mut send, mut receive) = session.open_bi().await.unwrap().await.unwrap();
    send.write_all(&head(method::BIDI)).await.unwrap();
    let mut frames = Frames::default();
    assert_eq!(next(&mut receive, &mut frames).await.0, 0x40);
    for ping in 0..20u8 {
        send.write_all(&message(&[ping])).await.unwrap();
        assert_eq!(next(&mut receive, &mut frames).await, (0, vec![ping]));
    }
    send.finish().await.unwrap();
    assert_eq!(next(&mut receive, &mut frames).await.0, 0x80);
}

/// The next frame of a response.
async fn next(receive: &mut RecvStream, frames: &mut Frames) -> (u8, Vec<u8>) {
    loop {
        if let Some((flags, payload)) = frames.pop() {
            return (flags, payload.to_vec());
        }
        let mut chunk = [0; 1024];
        let read =
            within("a frame", receive.read(&mut chunk)).await.unwrap().expect("a frame before the end");
        frames.push(&chunk[..read]);
    }
}
