//! Response streams on which nothing is said for long: they outlive every timeout of their connection, and a client that
//! leaves one is noticed although nothing is written to it.

use std::time::Duration;

use sluicegate_e2e::client::{Call, Client, Protocol, Transport};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::reflector::write;
use sluicegate_e2e::upstream::{Event, Seen, Upstream, method};
use sluicegate_e2e::within;
use tokio::net::TcpStream;

use crate::stage::Stage;

over!(every protocol: outlives_the_timeouts_of_its_connection, leaving_is_seen_at_once);
over!(every HTTP version: events_outlive_them_too, leaving_events_is_seen_at_once);

/// What the gateway may take to notice. Its own probes, and everybody's timeouts, take longer.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Everything that times a connection and not a call.
fn impatient(config: Config) -> Config {
    let config = config.limit("header_timeout = \"500ms\"").limit("idle_timeout = \"500ms\"");
    config.limit("quic = { idle_timeout = \"1s\" }")
}

/// More than twice what of that concerns such a connection. It is how long a test sleeps: nothing happens in this time
/// that could be waited for.
fn long_silence(protocol: Protocol) -> Duration {
    match protocol.transport() {
        Transport::H3 | Transport::WebTransport => Duration::from_millis(2500),
        _ => Duration::from_millis(1250),
    }
}

async fn outlives_the_timeouts_of_its_connection(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::configured(protocol, impatient).await;
    let mut call = client.call(method::PAUSE).open().await;
    call.send(b"still here").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.response.message().await, "still here");
    let mut seen = upstream.next_call().await;
    seen.until_half_closed().await;
    let early = tokio::time::timeout(long_silence(protocol), seen.next()).await;
    assert!(early.is_err(), "the call ended in silence: {early:?}");
    upstream.release();
    assert_eq!(call.response.message().await, "still here");
    assert_eq!(call.response.end().await.code, 0);
}

async fn leaving_is_seen_at_once(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let mut call = client.call(method::PAUSE).open().await;
    call.send(b"").await.unwrap();
    call.half_close().await.unwrap();
    assert_eq!(call.response.message().await, "");
    let mut seen = upstream.next_call().await;
    seen.until_half_closed().await;
    call.cancel();
    assert_eq!(tokio::time::timeout(AT_ONCE, seen.next()).await, Ok(Event::Reset(8)));
}

/// By the system, so that nobody on the way forgets it and a client that vanished is noticed.
#[tokio::test]
async fn a_quiet_tcp_connection_is_probed() {
    const ESTABLISHED: &str = "01";
    const PROBES: &str = "02:";
    let Stage { gateway, .. } = Stage::new(Protocol::GrpcH2c).await;
    for address in [gateway.target().plain, gateway.target().tls] {
        let client = TcpStream::connect(address).await.unwrap();
        let far_end =
            [address.port(), client.local_addr().unwrap().port()].map(|port| format!(":{port:04X}"));
        within("the gateway to have the system probe a connection", async {
            loop {
                // The connection's timer is in the sixth column.
                let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
                let is_probed = table.lines().any(|line| {
                    let columns: Vec<&str> = line.split_whitespace().collect();
                    columns[1].ends_with(&far_end[0])
                        && columns[2].ends_with(&far_end[1])
                        && (columns[3], &columns[5][..3]) == (ESTABLISHED, PROBES)
                });
                if is_probed {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// `PAUSE` as REST has it.
const PAUSE: &str = "syntax = 'proto3'; package test; import 'google/api/annotations.proto';
    message Text { string text = 1; }
    service Hang {
      rpc Pause(Text) returns (stream Text) { option (google.api.http) = { get: '/pause/{text}' }; }
    }";

/// A stream of server-sent events on which the first has come, and nothing will until it is released.
struct Events {
    call: Call,
    seen: Seen,
    upstream: Upstream,
    _client: Client,
    _gateway: Gateway,
}

impl Events {
    async fn open(protocol: Protocol, change: impl FnOnce(Config) -> Config) -> Events {
        let mut upstream = Upstream::start().await;
        let protos = tempfile::tempdir().unwrap();
        write(protos.path(), &[("pause.proto", PAUSE)]);
        let keys = format!("descriptors = {{ protos = [{:?}] }}\n", protos.path());
        let config = Config::default().route(Route::new("all").cluster("main"));
        let gateway = change(config.cluster_of("main", &[upstream.url()], &keys)).start().await;
        let mut client = Client::connect(protocol, gateway.target()).await;
        let request = client.call("/pause/here").plain().method(http::Method::GET);
        let mut call = request.metadata("accept", "text/event-stream").open().await;
        call.half_close().await.unwrap();
        let mut seen = upstream.next_call().await;
        seen.until_half_closed().await;
        let mut events = Events { call, seen, upstream, _client: client, _gateway: gateway };
        assert_eq!(events.next().await, "data: {\"text\":\"here\"}\n\n");
        events
    }

    /// Reads up to the end of an event.
    async fn next(&mut self) -> String {
        let mut event = Vec::new();
        while !event.ends_with(b"\n\n") {
            event.extend_from_slice(&self.call.response.bytes().await.expect("an event"));
        }
        String::from_utf8(event).unwrap()
    }
}

async fn events_outlive_them_too(protocol: Protocol) {
    let mut events = Events::open(protocol, impatient).await;
    let early = tokio::time::timeout(long_silence(protocol), events.seen.next()).await;
    assert!(early.is_err(), "the call ended in silence: {early:?}");
    events.upstream.release();
    assert!(events.next().await.contains("data: {\"text\":\"here\"}\n\n"));
    assert_eq!(events.seen.next().await, Event::Answered);
}

async fn leaving_events_is_seen_at_once(protocol: Protocol) {
    let Events { call, mut seen, upstream: _upstream, _client, _gateway } =
        Events::open(protocol, |config| config).await;
    call.cancel();
    assert_eq!(tokio::time::timeout(AT_ONCE, seen.next()).await, Ok(Event::Reset(8)));
}
