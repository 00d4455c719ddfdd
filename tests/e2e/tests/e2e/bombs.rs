//! Compressed messages that stand for a gibibyte: refused at the limit, with flat memory, wherever they are decompressed.

use std::io::Write;

use bytes::Bytes;
use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::frame::frame;
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::reflector::write;
use sluicegate_e2e::upstream::{Upstream, method};

const MIB: usize = 1 << 20;
const ECHO: &str = "syntax = 'proto3'; package test; message M { string s = 1; } service Echo { rpc Bidi(stream M) returns (stream M); }";
const RESOURCE_EXHAUSTED: u8 = 8;

/// A mebibyte of gzip that is a gibibyte of zeroes: a member of a mebibyte, again and again.
fn gzip() -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; MIB]).unwrap();
    let bomb = encoder.finish().unwrap().repeat(1024);
    assert!(bomb.len() < 2 * MIB);
    bomb.into()
}

/// Zeroes in zstd: so many blocks of 128 KiB, each of which takes four bytes (RFC 8878, section 3.1.1).
fn zstd(blocks: usize) -> Vec<u8> {
    const MAGIC_AND_WINDOW: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    let block = |at: usize| [2 | u8::from(at + 1 == blocks), 0, 0x10, 0];
    MAGIC_AND_WINDOW.into_iter().chain((0..blocks).flat_map(block)).collect()
}

async fn rig() -> (Upstream, Gateway, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("echo.proto", ECHO)]);
    let upstream = Upstream::start().await;
    let keys = format!("descriptors = {{ protos = [{:?}] }}\n", folder.path());
    let config = Config::default().route(Route::new("all").cluster("main"));
    let gateway = config.cluster_of("main", &[upstream.url()], &keys).start().await;
    (upstream, gateway, folder)
}

/// Makes a call with these headers and this body, which must be refused while the gateway's memory stays what it is.
async fn check(protocol: Protocol, headers: &[(&str, &str)], body: Bytes) {
    let (_upstream, gateway, _folder) = rig().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::BIDI, &[b""]).await.code(), 0, "{protocol:?}");
    let before = gateway.peak_memory();
    let mut call = client.call(method::BIDI);
    for (name, value) in headers {
        call = match *name {
            "content-type" => call.content_type(value),
            _ => call.metadata(name, value),
        };
    }
    let mut call = call.open().await;
    // The answer does not wait for the rest.
    let _ = call.request.send_raw(body).await;
    let _ = call.half_close().await;
    let end = call.response.all().await;
    assert_eq!(end.code(), RESOURCE_EXHAUSTED, "{protocol:?} {headers:?}: {}", end.end().message);
    let grown = gateway.peak_memory() - before;
    // A few copies of what a message may be at most, which is 4 MiB, and in base64 more.
    assert!(grown < 64 * MIB, "{protocol:?} {headers:?}: {} MiB", grown / MIB);
    assert_eq!(client.exchange(method::BIDI, &[b""]).await.code(), 0, "{protocol:?}");
}

#[tokio::test]
async fn messages_that_pass_as_they_are() {
    for protocol in
        [Protocol::GrpcH2c, Protocol::GrpcH3, Protocol::WebH1, Protocol::ConnectH2, Protocol::GrpcWt]
    {
        check(protocol, &[("grpc-encoding", "gzip")], frame(1, &gzip())).await;
    }
}

#[tokio::test]
async fn messages_in_json() {
    for (protocol, content_type) in
        [(Protocol::GrpcTls, "application/grpc+json"), (Protocol::WebH2, "application/grpc-web+json")]
    {
        check(protocol, &[("grpc-encoding", "gzip"), ("content-type", content_type)], frame(1, &gzip()))
            .await;
    }
}

#[tokio::test]
async fn bodies_as_a_whole() {
    check(Protocol::WebH1, &[("content-encoding", "gzip")], gzip()).await;
}

/// None of them is too large, but they come in one packet. The last one is, so that there is an end to see.
#[tokio::test]
async fn many_messages_at_once() {
    let body = [frame(1, &zstd(31)).repeat(40), frame(1, &zstd(33)).to_vec()].concat();
    assert!(body.len() < 8 << 10);
    for protocol in [Protocol::GrpcH2c, Protocol::WebH1] {
        check(protocol, &[("grpc-encoding", "zstd")], body.clone().into()).await;
    }
    check(Protocol::ConnectH2, &[("connect-content-encoding", "zstd")], body.into()).await;
}
