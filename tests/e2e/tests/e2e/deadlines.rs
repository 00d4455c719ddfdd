//! Deadlines: enforced here, and told to the upstream as what remains.

use std::time::Duration;

use sluicegate_e2e::client::{Client, Encoding, Protocol};
use sluicegate_e2e::gateway::{Config, Route};
use sluicegate_e2e::upstream::{Upstream, method};

use crate::stage::Stage;

over!(every protocol: enforced_before_the_head, enforced_after_the_head, forwarded, of_the_route, malformed);
over!(every protocol: idle_timeout_of_the_route);

async fn enforced_before_the_head(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway } = Stage::new(protocol).await;
    let call = client.call(method::SILENT).timeout(Duration::from_millis(200)).open().await;
    let returned = call.exchange(&[b"a"]).await;
    assert_eq!(returned.code(), 4);
    assert_eq!(upstream.next_call().await.until_reset().await, 8);
    let line = gateway.log_line("with UT", |line| line["response_flags"] == "UT").await;
    assert_eq!(line["grpc_status"], 4);
}

async fn enforced_after_the_head(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let call = client.call(method::HEAD_ONLY).timeout(Duration::from_millis(200)).open().await;
    assert_eq!(call.exchange(&[b"a"]).await.code(), 4);
    assert_eq!(upstream.next_call().await.until_reset().await, 8);
}

async fn forwarded(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    let timeout = Duration::from_secs(60);
    let call = client.call(method::UNARY).timeout(timeout).open().await;
    assert_eq!(call.exchange(&[b""]).await.code(), 0);
    let seen = upstream.next_call().await;
    let [sent] = seen.values("grpc-timeout")[..] else { panic!("one timeout: {:?}", seen.headers) };
    let sent = read_timeout(sent);
    assert!(sent <= timeout && sent > timeout - Duration::from_secs(5), "{sent:?} remain of {timeout:?}");

    assert_eq!(client.exchange(method::UNARY, &[b""]).await.code(), 0);
    assert!(upstream.next_call().await.values("grpc-timeout").is_empty(), "none is invented");
}

async fn of_the_route(protocol: Protocol) {
    let mut upstream = Upstream::start().await;
    let route = Route::new("short").cluster("main").key("timeout = \"200ms\"");
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    assert_eq!(client.exchange(method::SILENT, &[b""]).await.code(), 4);
    let mut seen = upstream.next_call().await;
    assert!(seen.values("grpc-timeout").is_empty(), "the client set none");
    assert_eq!(seen.until_reset().await, 8);
}

async fn idle_timeout_of_the_route(protocol: Protocol) {
    let mut upstream = Upstream::start().await;
    let route = Route::new("short").cluster("main").key("idle_timeout = \"200ms\"");
    let gateway = Config::default().route(route).cluster("main", &[&upstream]).start().await;
    let mut client = Client::connect(protocol, gateway.target()).await;
    let mut call = client.call(method::BIDI).open().await;
    call.send(b"hello").await.unwrap();
    // Nothing moves from here on.
    let returned = call.response.all().await;
    assert_eq!((returned.code(), returned.messages), (4, vec!["hello".into()]));
    assert_eq!(upstream.next_call().await.until_reset().await, 8);
    gateway.log_line("with SI", |line| line["response_flags"] == "SI").await;
}

async fn malformed(protocol: Protocol) {
    let Stage { mut client, mut upstream, gateway: _gateway } = Stage::new(protocol).await;
    for timeout in ["5", "S", "123456789S", "-1S", "1.5S", "1x"] {
        // What Connect's text says of such a timeout is another code.
        let (name, timeout, code) = match protocol.encoding() {
            Encoding::Connect => ("connect-timeout-ms", timeout.replace('5', "x"), 3),
            _ => ("grpc-timeout", timeout.to_owned(), 13),
        };
        let call = client.call(method::UNARY).metadata(name, &timeout).open().await;
        assert_eq!(call.exchange(&[b""]).await.code(), code, "{timeout}");
    }
    assert!(upstream.try_next_call().is_none());
}

/// Written apart from the gateway's, so that they cannot agree on a mistake.
fn read_timeout(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    assert!((1..=8).contains(&number.len()), "{text:?}");
    let number: u64 = number.parse().unwrap();
    match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => panic!("{text:?}"),
    }
}
