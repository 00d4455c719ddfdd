//! Who gets a WebSocket, and what the upstream is asked for.

use super::*;

over_both!(
    the_upstream_is_asked_as_the_client_has_asked,
    only_pages_of_the_origins_get_one,
    a_key_in_the_url_opens_the_door_and_goes_no_further,
    the_upstreams_refusal_is_the_clients,
    an_upstream_that_is_not_there_is_502_unless_another_is,
);

async fn the_upstream_is_asked_as_the_client_has_asked(over: Over) {
    let rig = Rig::new(over).await;
    let headers = [
        ORIGIN,
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-custom", "1"),
        ("x-forwarded-for", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
    ];
    let (client, (request, upstream)) = tokio::join!(
        rig.connect("/live/room%201?token=a%20b&x", &headers),
        rig.upstream.answer(|_, mut response| {
            let fields = response.headers_mut();
            fields.insert("sec-websocket-protocol", "superchat".parse().unwrap());
            fields.insert("set-cookie", "c=3".parse().unwrap());
            Ok(response)
        })
    );
    upstream.unwrap();
    let (_client, fields) = client.unwrap_or_else(|(status, ..)| panic!("refused with {status}"));
    assert_eq!(
        (&fields["sec-websocket-protocol"], &fields["set-cookie"]),
        (&"superchat".parse().unwrap(), &"c=3".parse().unwrap())
    );
    assert_eq!(request.uri(), "/live/room%201?token=a%20b&x");
    let text = |name: &str| {
        let values = request.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(text("host"), "localhost");
    assert_eq!(text("origin"), ORIGIN.1);
    assert_eq!(text("sec-websocket-protocol"), "chat, superchat");
    assert_eq!(text("sec-websocket-extensions"), "permessage-deflate; client_max_window_bits");
    assert_eq!((text("cookie"), text("x-custom")), ("a=1; b=2".to_owned(), "1".to_owned()));
    assert_eq!((text("x-forwarded-for"), text("forwarded")), ("127.0.0.1".to_owned(), String::new()));
    assert_eq!(
        (text("x-forwarded-proto"), text("x-forwarded-host")),
        ("http".to_owned(), "localhost".to_owned())
    );
}

async fn only_pages_of_the_origins_get_one(over: Over) {
    let rig = Rig::new(over).await;
    for evil in ["https://evil.example.com", "null", "http://localhost"] {
        let (status, ..) = rig.connect("/live", &[("origin", evil)]).await.map(drop).unwrap_err();
        assert_eq!(status, 403, "{evil}");
    }
    let (status, ..) = rig.connect("/live", &[ORIGIN, ("origin", "null")]).await.map(drop).unwrap_err();
    assert_eq!(status, 403);
    rig.open("/live").await;
    let labels = [("route", "live"), ("protocol", "websocket"), ("by", "origin")];
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_refused_total", &labels).await, 4.0);
}

async fn a_key_in_the_url_opens_the_door_and_goes_no_further(over: Over) {
    let keys = "keys = [{ identity = \"alice\", key = \"alices key\" }]";
    let filter = format!("{{ use = \"api_key\", query = \"key\", {keys} }}");
    let rig = Rig::configured(over, |config| config, |route| route.filter(&filter)).await;
    for wrong in ["/live", "/live?key=bobs"] {
        let (status, _, body) = rig.connect(wrong, &[ORIGIN]).await.map(drop).unwrap_err();
        assert_eq!((status, &body[..]), (401, &b"a valid API key is required\n"[..]), "{wrong}");
    }
    let (client, (request, upstream)) = tokio::join!(
        rig.connect("/live?a=1&key=alices+key&b", &[ORIGIN]),
        rig.upstream.answer(|_, response| Ok(response))
    );
    assert_eq!(request.uri(), "/live?a=1&b");
    drop((client, upstream));
    let line = rig.gateway.log_line("of the WebSocket", |line| line["identity"] == "alice").await;
    assert_eq!((&line["path"], &line["client_protocol"]), (&"/live".into(), &"websocket".into()));
    assert_eq!(line["transport"], if over == Over::Http1 { "http/1.1" } else { "h2" });
    assert!(rig.gateway.log_lines().iter().all(|line| !line.to_string().contains("alices")));
}

async fn the_upstreams_refusal_is_the_clients(over: Over) {
    let rig = Rig::new(over).await;
    let (client, (_, upstream)) = tokio::join!(
        rig.connect("/live", &[ORIGIN]),
        rig.upstream.answer(|_, _| {
            let response =
                http::Response::builder().status(418).header("x-why", "tea").header("content-length", "5");
            Err(response.body(Some("short".to_owned())).unwrap())
        })
    );
    assert!(upstream.is_err());
    let (status, fields, body) = client.map(drop).unwrap_err();
    assert_eq!((status, &fields["x-why"], &body[..]), (418, &"tea".parse().unwrap(), &b"short"[..]));
    let line = rig.gateway.log_line("of the refusal", |line| line["http_status"] == 418).await;
    assert_eq!(line["attempts"], 1);
}

async fn an_upstream_that_is_not_there_is_502_unless_another_is(over: Over) {
    let upstream = Upstream::new().await;
    // Nobody listens on it any more.
    let nobody = Upstream::new().await.url();
    let websocket = "protocol = \"websocket\"";
    let config = Config::default()
        .top("workers = 1")
        .route(Route::new("nobody").key("path_prefix = \"/nobody\"").cluster("nobody"))
        .route(Route::new("either").key("path_prefix = \"/either\"").cluster("either"))
        .cluster_of("nobody", std::slice::from_ref(&nobody), websocket)
        .cluster_of("either", &[nobody, upstream.url()], &format!("{websocket}\nbalance = \"round_robin\""));
    let rig = Rig { gateway: config.start().await, upstream, over };
    let (status, ..) = rig.connect("/nobody", &[]).await.map(drop).unwrap_err();
    assert_eq!(status, 502);
    let (client, upstream) = tokio::join!(rig.connect("/either", &[]), rig.upstream.socket());
    drop((client, upstream));
    let line = rig.gateway.log_line("of the WebSocket", |line| line["route"] == "either").await;
    assert_eq!(line["attempts"], 2);
}

#[tokio::test]
async fn a_malformed_handshake_gets_no_further() {
    let rig = Rig::new(Over::Http1).await;
    let ask = async |fields: &str| {
        let mut socket = tokio::net::TcpStream::connect(rig.gateway.target().plain).await.unwrap();
        let request = format!(
            "GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n{fields}\r\n"
        );
        tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        within("an answer", tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    let key = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    assert_eq!(ask(key).await, "426");
    assert_eq!(ask(&format!("{key}sec-websocket-version: 8\r\n")).await, "426");
    assert_eq!(ask("sec-websocket-version: 13\r\n").await, "400");
    assert_eq!(ask(&format!("{key}sec-websocket-version: 13\r\ncontent-length: 3\r\n\r\nabc")).await, "400");
}

/// Every WebSocket of an origin goes over HTTP/2 once it may, and those of sites cannot.
#[tokio::test]
async fn http2_is_offered_where_there_is_no_site() {
    let check = async |config: Config, offered: bool| {
        let gateway = config.start().await;
        let dial = Dial { address: gateway.target().plain, tls: false };
        assert_eq!(OverH2::connect(dial).await.is_offered(), offered);
    };
    let websocket = "protocol = \"websocket\"";
    let nobody = ["http://127.0.0.1:9".to_owned()];
    let live = || {
        let route = Route::new("live").cluster("live");
        Config::default().without_websocket().route(route).cluster_of("live", &nobody, websocket)
    };
    let with_site = |config: Config| {
        config.route(Route::new("site").cluster("site")).cluster_of("site", &nobody, "protocol = \"http\"")
    };
    check(live(), true).await;
    check(with_site(live()), false).await;
    check(with_site(live()).websocket("over_h2 = true"), true).await;
}

/// A WebSocket that no `websocket` route takes is a site's, as it was.
#[tokio::test]
async fn what_no_route_takes_goes_to_sites() {
    let site = Upstream::new().await;
    let upstream = Upstream::new().await;
    let config = Config::default()
        .route(Route::new("live").key("path_prefix = \"/live\"").cluster("live"))
        .route(Route::new("site").cluster("site"))
        .cluster_of("live", &[upstream.url()], "protocol = \"websocket\"")
        .cluster_of("site", &[site.url()], "protocol = \"http\"");
    let rig = Rig { gateway: config.start().await, upstream, over: Over::Http1 };
    let (client, session) = tokio::join!(rig.connect("/live", &[]), rig.upstream.socket());
    drop((client, session));
    let (client, mut session) = tokio::join!(rig.connect("/other", &[]), site.socket());
    let (mut client, _) = client.unwrap_or_else(|(status, ..)| panic!("refused with {status}"));
    send(&mut client, "to the site").await;
    assert_eq!(next(&mut session).await, Message::text("to the site"));
}
