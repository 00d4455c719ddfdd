//! Tickets: fetched by an ordinary POST, spent on a session or a WebSocket.

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use sluicegate_e2e::client::websocket::open;
use sluicegate_e2e::client::{Client, Dial, Protocol, quic_endpoint};
use sluicegate_e2e::frame::{frame, headers, message};
use sluicegate_e2e::gateway::{Config, Gateway, Route};
use sluicegate_e2e::upstream::{Upstream, method};
use sluicegate_e2e::within;
use tokio_tungstenite::tungstenite::{Error, Message};
use web_transport_quinn::Session;
use web_transport_quinn::proto::ConnectRequest;

const PAGE: &str = "https://app.example.com";
const KEYS: &str = r#"{ use = "api_key", keys = [{ identity = "alice", key = "alices key, that nobody can guess" }, { identity = "bob", key = "bobs key, that nobody can guess" }] }"#;
const ALICE: (&str, &str) = ("x-api-key", "alices key, that nobody can guess");
const BOB: (&str, &str) = ("x-api-key", "bobs key, that nobody can guess");
const WITH_SUBPROTOCOL: [(&str, &str); 1] = [("sec-websocket-protocol", "grpc-ws-1")];

/// A gateway whose listener with TLS asks for tickets; `more` are further keys for these.
async fn start(upstream: &Upstream, more: &str, route: Route) -> Gateway {
    let tickets = format!("tickets = {{ filters = [{KEYS}]{more} }}");
    let config = Config::default().route(route.cluster("main")).cluster("main", &[upstream]);
    config.quic(&tickets).start().await
}

/// The usual one, and a client of ordinary requests.
async fn stage(protocol: Protocol) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::start().await;
    let gateway = start(&upstream, "", Route::new("all")).await;
    let client = Client::connect(protocol, gateway.target()).await;
    (upstream, gateway, client)
}

struct Asked {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn ask(client: &mut Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Asked {
    let call = client.call(path).plain().method(method);
    let call = headers.iter().fold(call, |call, (name, value)| call.metadata(name, value));
    let mut call = call.open().await;
    // The gateway may have answered before.
    let _ = call.request.finish().await;
    let head = call.response.head().await.unwrap();
    let body = String::from_utf8(call.response.body().await.to_vec()).unwrap();
    Asked { status: head.status, headers: head.headers, body }
}

async fn ticket(client: &mut Client, key: (&str, &str)) -> String {
    let asked = ask(client, Method::POST, "/grpc-wt/v1/ticket", &[key]).await;
    assert_eq!((asked.status.as_u16(), &asked.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["expires_in"], 60);
    body["ticket"].as_str().unwrap().to_owned()
}

/// A session opened with this query, with what keeps it open.
async fn session(gateway: &Gateway, query: &str) -> Result<(Session, quinn::Endpoint), String> {
    let (endpoint, address) = (quic_endpoint(), gateway.target().tls);
    let connecting = endpoint.connect(address, "localhost").unwrap();
    let connection = within("a QUIC handshake", connecting).await.unwrap();
    let url = format!("https://localhost:{}/grpc-wt/v1{query}", address.port());
    let connecting = Session::connect(connection, ConnectRequest::new(url::Url::parse(&url).unwrap()));
    match within("an answer to CONNECT", connecting).await {
        Ok(session) => Ok((session, endpoint)),
        Err(error) => Err(error.to_string()),
    }
}

/// The frames of a whole response.
async fn call(session: &Session, metadata: &HeaderMap) -> String {
    let (mut send, mut receive) = session.open_bi().await.unwrap();
    let request = [headers(method::UNARY, metadata), message(b"hello"), frame(0x80, b"")].concat();
    send.write_all(&request).await.unwrap();
    send.finish().unwrap();
    let response = within("the response", receive.read_to_end(1 << 10)).await.unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

fn with(header: (&'static str, &str)) -> HeaderMap {
    HeaderMap::from_iter([(header.0.parse().unwrap(), header.1.parse().unwrap())])
}

mod a_ticket_opens_one_session {
    use super::*;

    async fn check(protocol: Protocol) {
        let (_upstream, gateway, mut client) = stage(protocol).await;
        let ticket = ticket(&mut client, ALICE).await;
        let query = format!("?ticket={ticket}");
        let (session, _endpoint) = super::session(&gateway, &query).await.unwrap();
        assert!(call(&session, &HeaderMap::new()).await.contains("grpc-status: 0"));
        let line = gateway.log_line("of alice", |line| line["client_protocol"] == "grpc_wt").await;
        assert_eq!(line["identity"], "alice");
        for (query, outcome) in [(&*query, "spent"), ("", "missing"), ("?ticket=guessed", "invalid")] {
            let refused = super::session(&gateway, query).await.unwrap_err();
            assert!(refused.contains("401"), "{outcome}: {refused}");
            assert_eq!(count(&gateway, outcome).await, 1.0, "{outcome}");
        }
        assert_eq!((count(&gateway, "issued").await, count(&gateway, "admitted").await), (1.0, 1.0));
        // It may not be found where it could be used from.
        assert_eq!(gateway.said(&ticket), 0);
        assert!(!gateway.log_lines().iter().any(|line| line.to_string().contains(&ticket)));
    }

    #[tokio::test]
    async fn h1() {
        check(Protocol::WebH1).await;
    }

    #[tokio::test]
    async fn h2() {
        check(Protocol::WebH2).await;
    }

    #[tokio::test]
    async fn h3() {
        check(Protocol::WebH3).await;
    }
}

async fn count(gateway: &Gateway, outcome: &str) -> f64 {
    gateway.metric("sluicegate_session_tickets_total", &[("outcome", outcome)]).await
}

#[tokio::test]
async fn a_ticket_opens_one_websocket() {
    let (_upstream, gateway, mut client) = stage(Protocol::WebH1).await;
    let dial = Dial { address: gateway.target().tls, tls: true };
    let url = format!("localhost/grpc-ws/v1?ticket={}", ticket(&mut client, BOB).await);
    let mut socket = open(dial, &url, &WITH_SUBPROTOCOL).await.unwrap();
    for frame in [headers(method::UNARY, &HeaderMap::new()), message(b"hello"), frame(0x80, b"")] {
        socket.send(Message::Binary(frame)).await.unwrap();
    }
    while let Some(Ok(_)) = within("the response", socket.next()).await {}
    let line = gateway.log_line("of bob", |line| line["client_protocol"] == "grpc_ws").await;
    assert_eq!((&line["identity"], &line["grpc_status"]), (&"bob".into(), &0.into()));
    for url in [&*url, "localhost/grpc-ws/v1"] {
        let Err(Error::Http(refused)) = open(dial, url, &WITH_SUBPROTOCOL).await else { panic!("{url}") };
        assert_eq!(refused.status(), 401);
    }
    // On a listener without tickets nobody asks for one.
    let dial = Dial { address: gateway.target().plain, tls: false };
    open(dial, "localhost/grpc-ws/v1", &WITH_SUBPROTOCOL).await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_a_refused_client_has_shown_is_still_good() {
    let (_upstream, gateway, mut client) = stage(Protocol::WebH1).await;
    let dial = Dial { address: gateway.target().tls, tls: true };
    let url = format!("localhost/grpc-ws/v1?ticket={}", ticket(&mut client, BOB).await);
    for (headers, status) in [
        (vec![WITH_SUBPROTOCOL[0], ("origin", "https://evil.example.com")], 403),
        (vec![("sec-websocket-protocol", "chat")], 400),
    ] {
        let Err(Error::Http(refused)) = open(dial, &url, &headers).await else { panic!("{headers:?}") };
        assert_eq!(refused.status(), status);
    }
    open(dial, &url, &WITH_SUBPROTOCOL).await.unwrap();
}

over!(every HTTP version: tickets_are_given_to_those_whom_the_filters_let_pass);

async fn tickets_are_given_to_those_whom_the_filters_let_pass(protocol: Protocol) {
    let (mut upstream, gateway, mut client) = stage(protocol).await;
    let path = "/grpc-ws/v1/ticket";
    if matches!(protocol, Protocol::WebTextH1 | Protocol::GrpcH2c) {
        // The plaintext listener has none, and takes it for the path of a method.
        let asked = ask(&mut client, Method::POST, path, &[ALICE]).await;
        return assert_eq!((asked.status.as_u16(), count(&gateway, "issued").await), (415, 0.0));
    }
    let page = ("origin", PAGE);
    let refused = ask(&mut client, Method::POST, path, &[page]).await;
    assert_eq!((refused.status.as_u16(), &*refused.body), (401, "a valid API key is required\n"));
    assert_eq!(refused.headers["access-control-allow-origin"], PAGE);
    let evil = ask(&mut client, Method::POST, path, &[ALICE, ("origin", "https://evil.example.com")]).await;
    assert_eq!((evil.status.as_u16(), evil.headers.get("access-control-allow-origin")), (403, None));
    let got = ask(&mut client, Method::GET, path, &[ALICE]).await;
    assert_eq!((got.status.as_u16(), &got.headers["allow"]), (405, &"POST".parse().unwrap()));
    // Whatever else its body could be taken for.
    let typed =
        ask(&mut client, Method::POST, path, &[ALICE, page, ("content-type", "application/json")]).await;
    assert_eq!(typed.status, 200);
    assert_eq!(typed.headers["access-control-allow-origin"], PAGE);
    assert_eq!(typed.headers["access-control-allow-credentials"], "true");
    assert_eq!((count(&gateway, "issued").await, count(&gateway, "refused").await), (1.0, 1.0));
    assert!(upstream.try_next_call().is_none());
}

over!(every HTTP version: a_preflight_allows_what_pages_need);

async fn a_preflight_allows_what_pages_need(protocol: Protocol) {
    if matches!(protocol, Protocol::WebTextH1 | Protocol::GrpcH2c) {
        return;
    }
    let (_upstream, _gateway, mut client) = stage(protocol).await;
    let asks =
        [("access-control-request-method", "POST"), ("access-control-request-headers", "authorization,x-a")];
    for (origin, allowed) in [(PAGE, Some("authorization,x-a")), ("https://evil.example.com", None)] {
        let headers = [("origin", origin), asks[0], asks[1]];
        let asked = ask(&mut client, Method::OPTIONS, "/grpc-wt/v1/ticket", &headers).await;
        assert_eq!(asked.status, 204);
        let told = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(told("access-control-allow-headers"), allowed);
        assert_eq!(told("access-control-allow-origin"), allowed.map(|_| origin));
        assert_eq!(told("access-control-allow-methods"), allowed.map(|_| "POST"));
    }
}

#[tokio::test]
async fn the_probe_tells_of_tickets_and_whether_one_is_good() {
    let (_upstream, gateway, mut client) = stage(Protocol::WebH2).await;
    let asked = ask(&mut client, Method::GET, "/grpc-wt/v1", &[]).await;
    let probe: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(probe["ticket"], serde_json::json!({ "path": "/grpc-wt/v1/ticket", "required": true }));
    let with_ticket = format!("/grpc-wt/v1?ticket={}", ticket(&mut client, ALICE).await);
    // Asking spends nothing.
    for _ in 0..2 {
        assert_eq!(ask(&mut client, Method::GET, &with_ticket, &[]).await.status, 200);
    }
    let query = with_ticket.strip_prefix("/grpc-wt/v1").unwrap();
    let _session = session(&gateway, query).await.unwrap();
    let refused = ask(&mut client, Method::GET, &with_ticket, &[("origin", PAGE)]).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["access-control-allow-origin"]),
        (401, &PAGE.parse().unwrap())
    );
}

#[tokio::test]
async fn tickets_may_be_left_to_clients() {
    let upstream = Upstream::start().await;
    let gateway = start(&upstream, ", required = false", Route::new("all")).await;
    let (nobody, _endpoint) = session(&gateway, "").await.unwrap();
    assert!(call(&nobody, &HeaderMap::new()).await.contains("grpc-status: 0"));
    let line = gateway.log_line("of nobody", |line| line["client_protocol"] == "grpc_wt").await;
    assert!(line.get("identity").is_none_or(Value::is_null), "{line}");
    // A bad one is none that was left out.
    assert!(session(&gateway, "?ticket=guessed").await.is_err());
}

/// Long streams go on when their session is too old for new calls, and then it is closed for that reason.
#[tokio::test]
async fn a_session_takes_calls_for_its_lifetime() {
    let mut upstream = Upstream::start().await;
    let gateway = start(&upstream, ", session_lifetime = \"2s\"", Route::new("all")).await;
    let mut client = Client::connect(Protocol::WebH2, gateway.target()).await;
    let query = format!("?ticket={}", ticket(&mut client, ALICE).await);
    let (opened, _endpoint) = session(&gateway, &query).await.unwrap();
    let (mut send, mut receive) = opened.open_bi().await.unwrap();
    let held = [headers(method::HOLD, &HeaderMap::new()), message(b"held"), frame(0x80, b"")].concat();
    send.write_all(&held).await.unwrap();
    send.finish().unwrap();
    upstream.next_call().await.until_half_closed().await;
    let mut notice = [0; 5];
    within("the notice of the drain", receive.read_exact(&mut notice)).await.unwrap();
    assert_eq!(notice, [0x24, 0, 0, 0, 0]);
    let late = call(&opened, &HeaderMap::new()).await;
    assert!(late.starts_with("\x30\0\0\0\0\u{fffd}") && late.contains("grpc-status: 14"), "{late:?}");
    upstream.release();
    let rest = within("the rest of the response", receive.read_to_end(1 << 10)).await.unwrap();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("held") && rest.contains("grpc-status: 0"), "{rest:?}");
    // Whoever goes on all the same does not keep it open.
    let mut obstinate = std::pin::pin!(async {
        while let Ok((mut send, mut receive)) = opened.open_bi().await {
            let request = [headers(method::UNARY, &HeaderMap::new()), frame(0x80, b"")].concat();
            if send.write_all(&request).await.is_err() || receive.read_to_end(1 << 10).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    });
    let closed = tokio::select! {
        closed = within("the end of the session", opened.closed()) => closed.to_string(),
        () = &mut obstinate => unreachable!("it never ends"),
    };
    assert!(closed.contains("code=2"), "{closed}");
    // Another ticket opens another one.
    let query = format!("?ticket={}", ticket(&mut client, ALICE).await);
    let (opened, _endpoint) = session(&gateway, &query).await.unwrap();
    assert!(call(&opened, &HeaderMap::new()).await.contains("grpc-status: 0"));
}

#[tokio::test]
async fn a_call_is_made_by_nobody_else_than_its_session() {
    let mut upstream = Upstream::start().await;
    let gateway = start(&upstream, "", Route::new("all").filter(KEYS)).await;
    let mut client = Client::connect(Protocol::WebH2, gateway.target()).await;
    let (session, _endpoint) = {
        let query = format!("?ticket={}", ticket(&mut client, ALICE).await);
        session(&gateway, &query).await.unwrap()
    };
    // The route's filter asks for a key all the same.
    for (metadata, status) in [(HeaderMap::new(), 16), (with(BOB), 7)] {
        let response = call(&session, &metadata).await;
        assert!(response.contains(&format!("grpc-status: {status}")), "{response}");
        assert!(upstream.try_next_call().is_none());
    }
    gateway.log_line("with UAEX", |line| line["grpc_status"] == 7 && line["response_flags"] == "UAEX").await;
    assert!(call(&session, &with(ALICE)).await.contains("grpc-status: 0"));
    // Without a session there is nobody to be the same as.
    let call = client.call(method::UNARY).metadata(BOB.0, BOB.1).open().await;
    assert_eq!(call.exchange(&[b""]).await.code(), 0);
}

#[tokio::test]
async fn gateways_with_the_same_secret_take_each_others_tickets() {
    let upstream = Upstream::start().await;
    let secret = |of: &str| format!(", secrets = [\"the secret of {of}, which has enough letters\"]");
    let [one, other, stranger] = [secret("the fleet"), secret("the fleet"), secret("somebody else")];
    let one = start(&upstream, &one, Route::new("all")).await;
    let other = start(&upstream, &other, Route::new("all")).await;
    let stranger = start(&upstream, &stranger, Route::new("all")).await;
    let mut client = Client::connect(Protocol::WebH1, one.target()).await;
    let query = format!("?ticket={}", ticket(&mut client, ALICE).await);
    assert!(session(&stranger, &query).await.is_err());
    let (session, _endpoint) = session(&other, &query).await.unwrap();
    assert!(call(&session, &HeaderMap::new()).await.contains("grpc-status: 0"));
}
