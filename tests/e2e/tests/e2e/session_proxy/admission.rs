//! Who gets a session, and what the upstream is asked for.

use super::*;

/// A port that nobody listens on, for UDP as little as for TCP.
const NOBODY: &str = "https://127.0.0.1:9";
const QUICK: &str = "connect_timeout = \"300ms\"";
const KEY: &str = "keys = [{ identity = \"alice\", key = \"alices key\" }]";

#[tokio::test]
async fn the_upstream_is_asked_as_the_client_has_asked() {
    let mut rig = Rig::new().await;
    let mut request =
        rig.asking("/live/room%201?token=a%20b&x").with_protocol("first").with_protocol("second");
    for (name, value) in [
        header("origin", ORIGIN),
        header("x-custom", "1"),
        header("cookie", "a=1"),
        header("x-forwarded-for", "6.6.6.6"),
        header("forwarded", "for=6.6.6.6"),
    ] {
        request = request.with_header(name, value);
    }
    let mut server = std::mem::replace(&mut rig.upstream, Upstream::new());
    let (client, asked) = tokio::join!(rig.connect(request), async {
        let request = server.request().await;
        let (url, protocols, headers) =
            (request.url.clone(), request.protocols.clone(), request.headers.clone());
        let response = ConnectResponse::OK.with_protocol("second");
        (request.respond(response).await.unwrap(), url, protocols, headers)
    });
    let (_session, url, protocols, headers) = asked;
    assert_eq!(client.unwrap().protocol(), Some("second"));
    assert_eq!(url.as_str(), rig.asking("/live/room%201?token=a%20b&x").url.as_str());
    assert_eq!(protocols, ["first", "second"]);
    let text = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(text("origin"), [ORIGIN]);
    assert_eq!((text("x-custom"), text("cookie")), (vec!["1"], vec!["a=1"]));
    assert_eq!((text("x-forwarded-for"), text("forwarded")), (vec!["127.0.0.1"], vec![]));
    assert_eq!((text("x-forwarded-proto"), text("x-forwarded-host")), (vec!["https"], vec!["localhost"]));
}

#[tokio::test]
async fn only_pages_of_the_origins_get_a_session() {
    let mut rig = Rig::new().await;
    let from = |rig: &Rig, origin: &str| {
        let (name, value) = header("origin", origin);
        rig.asking("/live").with_header(name, value)
    };
    for evil in ["https://evil.example.com", "null", "https://localhost"] {
        assert_eq!(rig.refused(from(&rig, evil)).await, 403, "{evil}");
    }
    let request = from(&rig, ORIGIN);
    rig.open(request).await;
    assert_eq!(rig.refused(rig.asking("/lively")).await, 404);
    assert_eq!(rig.refused(rig.asking("/")).await, 404);
    let labels = [("route", "live"), ("by", "origin")];
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_refused_total", &labels).await, 3.0);
    let line = rig.gateway.log_line("of a refusal", |line| line["http_status"] == 403).await;
    assert_eq!((&line["route"], &line["attempts"]), (&"live".into(), &0.into()));
}

#[tokio::test]
async fn a_key_in_the_url_opens_the_door_and_goes_no_further() {
    let filter = format!("{{ use = \"api_key\", query = \"key\", {KEY} }}");
    let mut rig = Rig::configured(|config| config, |route| route.filter(&filter)).await;
    for wrong in ["/live", "/live?key=", "/live?key=bobs", "/live?key=alices+key&key=x"] {
        assert_eq!(rig.refused(rig.asking(wrong)).await, 401, "{wrong}");
    }
    let request = rig.asking("/live?a=1&key=alices+key&b");
    let mut server = std::mem::replace(&mut rig.upstream, Upstream::new());
    let (client, request) = tokio::join!(rig.connect(request), async {
        let request = server.request().await;
        let url = request.url.clone();
        (request.ok().await.unwrap(), url)
    });
    assert_eq!((request.1.path(), request.1.query()), ("/live", Some("a=1&b")));
    client.unwrap().close(0, b"");
    let line = rig.gateway.log_line("of the session", |line| line["identity"] == "alice").await;
    assert_eq!(line["path"], "/live");
    assert!(rig.gateway.log_lines().iter().all(|line| !line.to_string().contains("alices")));
    let labels = [("route", "live"), ("by", "filter")];
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_refused_total", &labels).await, 4.0);
}

#[tokio::test]
async fn too_many_sessions_are_refused_with_429() {
    let filter = "{ use = \"rate_limit\", key = \"address\", rate = 1, per = \"1h\" }";
    let mut rig = Rig::configured(|config| config, |route| route.filter(filter)).await;
    rig.pair().await;
    assert_eq!(rig.refused(rig.asking("/live")).await, 429);
    let line = rig.gateway.log_line("of the refusal", |line| line["http_status"] == 429).await;
    assert_eq!(line["response_flags"], "RL");
}

#[tokio::test]
async fn the_upstreams_refusal_is_the_clients() {
    let mut rig = Rig::new().await;
    for status in [StatusCode::FORBIDDEN, StatusCode::IM_A_TEAPOT, StatusCode::FOUND] {
        let request = rig.asking("/live");
        let mut server = std::mem::replace(&mut rig.upstream, Upstream::new());
        let (client, ()) = tokio::join!(rig.connect(request), async {
            let request = server.request().await;
            // Dropping the request closes the connection, maybe before the answer is there.
            let quic = request.conn().clone();
            request.reject(status).await.unwrap();
            within("the gateway to hang up", quic.closed()).await;
        });
        rig.upstream = server;
        assert_eq!(client.map(|_| "a session").unwrap_err(), status);
    }
    let labels = [("route", "live"), ("by", "upstream")];
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_refused_total", &labels).await, 3.0);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502_or_504_unless_another_is() {
    let upstream = Upstream::new();
    let cluster = |config: Config, name: &str, endpoints: &[String], keys: &str| {
        let route = Route::new(name).key(&format!("path_prefix = \"/{name}\"")).cluster(name);
        config.route(route).cluster_of(name, endpoints, keys)
    };
    let one_of_two = [NOBODY.to_owned(), upstream.url()];
    // What one worker has found out no other knows.
    let config = Config::default().top("workers = 1");
    let config = cluster(config, "nobody", &[NOBODY.to_owned()], &format!("{WEBTRANSPORT}\n{QUICK}"));
    let robin = format!("{WEBTRANSPORT}\n{QUICK}\nbalance = \"round_robin\"");
    let config = cluster(config, "either", &one_of_two, &robin);
    let config = cluster(config, "once", &one_of_two, &format!("{robin}\nmax_attempts = 1"));
    // Nobody vouches for the upstream's certificate.
    let mut untrusted = Upstream::new();
    let config = cluster(config, "untrusted", &[untrusted.url()], "protocol = \"webtransport\"");
    tokio::spawn(async move { untrusted.server.accept().await });
    let gateway = config.start().await;
    let mut rig = Rig::of(upstream, gateway);
    assert_eq!(rig.refused(rig.asking("/nobody")).await, 504);
    assert_eq!(rig.refused(rig.asking("/untrusted")).await, 502);
    let request = rig.asking("/once");
    assert_eq!(rig.refused(request).await, 504);
    let request = rig.asking("/either");
    let Pair { client, .. } = rig.open(request).await;
    client.close(0, b"");
    let line = rig.gateway.log_line("of the session", |line| line["route"] == "either").await;
    assert_eq!(line["attempts"], 2);
    let labels = [("cluster", "either")];
    assert_eq!(rig.gateway.metric("sluicegate_cluster_upstream_rq_retry", &labels).await, 1.0);
    assert_eq!(rig.gateway.metric("sluicegate_cluster_upstream_cx_connect_fail", &labels).await, 1.0);
    // It is known now, and not waited for again.
    let request = rig.asking("/either");
    let Pair { client, upstream: _upstream } = rig.open(request).await;
    client.close(9, b"");
    let line = rig.gateway.log_line("of the second session", |line| line["close_code"] == 9).await;
    assert_eq!(line["attempts"], 1);
}

/// Calls have their path, whatever routes there are; everything else takes its route.
#[tokio::test]
async fn calls_and_sessions_share_a_listener() {
    let mut rig = Rig::new().await;
    let request = rig.asking("/grpc-wt/v1").with_protocol("grpc-wt-1");
    let session = rig.connect(request).await.unwrap();
    assert_eq!(session.protocol(), Some("grpc-wt-1"));
    rig.pair().await;
}
