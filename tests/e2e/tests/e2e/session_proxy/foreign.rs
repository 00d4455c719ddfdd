//! Upstreams on other crates, whose session layers have nothing in common with the others'.

use std::future::poll_fn;

use bytes::Buf;
use h3::quic::{BidiStream, RecvStream as _, SendStream as _};
use h3_webtransport::server::{AcceptedBi, WebTransportSession};
use sluicegate_e2e::certificate::certificates;
use wtransport::{Endpoint, Identity, ServerConfig};

use super::*;

/// Says something on a new stream, and gives what comes back.
async fn echoed(session: &Session, what: &[u8]) -> Vec<u8> {
    let (mut send, mut receive) = within("a stream", session.open_bi()).await.unwrap();
    say(&mut send, what).await;
    all(&mut receive).await.unwrap()
}

async fn rig(address: SocketAddr) -> Rig {
    let live = Route::new("live").cluster("live");
    let config =
        Config::default().route(live).cluster_of("live", &[format!("https://{address}")], WEBTRANSPORT);
    Rig::of(Upstream::new(), config.start().await)
}

#[tokio::test]
async fn wtransport() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("cert.pem", &certificates().server_pem);
    let identity =
        Identity::load_pemfiles(certificate, file("key.pem", &certificates().key_pem)).await.unwrap();
    let config = ServerConfig::builder()
        .with_bind_address("127.0.0.1:0".parse().unwrap())
        .with_identity(identity)
        .build();
    let server = Endpoint::server(config).unwrap();
    let rig = rig(server.local_addr().unwrap()).await;
    let (client, session) = tokio::join!(rig.connect(rig.asking("/echo?x=1")), async {
        let request = within("a request", async { server.accept().await.await }).await.unwrap();
        assert_eq!((request.path(), request.origin()), ("/echo?x=1", None));
        request.accept().await.unwrap()
    });
    let client = client.unwrap();

    let (echo, ()) = tokio::join!(echoed(&client, b"hello"), async {
        let (mut send, mut receive) = within("the stream", session.accept_bi()).await.unwrap();
        let mut all = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut receive, &mut all).await.unwrap();
        send.write_all(&all).await.unwrap();
        send.finish().await.unwrap();
    });
    assert_eq!(echo, b"hello");

    let mut send = session.open_uni().await.unwrap().await.unwrap();
    send.write_all(b"from wtransport").await.unwrap();
    send.finish().await.unwrap();
    let mut receive = within("the stream", client.accept_uni()).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"from wtransport");

    within("a datagram", async {
        loop {
            client.send_datagram(Bytes::from_static(b"ping")).unwrap();
            tokio::select! {
                datagram = session.receive_datagram() => return assert_eq!(&datagram.unwrap()[..], b"ping"),
                () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {}
            }
        }
    })
    .await;

    client.close(7, b"bye");
    within("the end", session.closed()).await;
}

#[tokio::test]
async fn h3_webtransport() {
    let endpoint = server_endpoint(TransportConfig::default());
    let rig = rig(endpoint.local_addr().unwrap()).await;
    let echo = async {
        let quic = within("a connection", endpoint.accept()).await.unwrap().await.unwrap();
        let mut h3 = h3::server::builder()
            .enable_webtransport(true)
            .enable_extended_connect(true)
            .enable_datagram(true)
            .max_webtransport_sessions(1)
            .build::<_, Bytes>(h3_quinn::Connection::new(quic))
            .await
            .unwrap();
        let (request, stream) = h3.accept().await.unwrap().unwrap().resolve_request().await.unwrap();
        let session = WebTransportSession::accept(request, stream, h3).await.unwrap();
        loop {
            let Ok(Some(AcceptedBi::BidiStream(_, stream))) = session.accept_bi().await else { return };
            let (mut send, mut receive) = stream.split();
            while let Ok(Some(mut bytes)) = poll_fn(|cx| receive.poll_data(cx)).await {
                let bytes = bytes.copy_to_bytes(bytes.remaining());
                tokio::io::AsyncWriteExt::write_all(&mut send, &bytes).await.unwrap();
            }
            poll_fn(|cx| send.poll_finish(cx)).await.unwrap();
        }
    };
    let client = async {
        let client = rig.connect(rig.asking("/echo")).await.unwrap();
        assert_eq!(echoed(&client, b"hello").await, b"hello");
        let big = vec![3; 2 << 20];
        assert!(echoed(&client, &big).await == big);
        client.close(0, b"");
    };
    tokio::select! {
        () = echo => panic!("the upstream ended before its client"),
        () = client => {}
    }
}
