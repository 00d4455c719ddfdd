use super::*;
use crate::testing::Decoded;

/// The head of a `POST` to `/chat.v1.Chat/Say`.
pub(super) fn head(transport: Transport, headers: &[(&'static str, &str)]) -> Head {
    Head {
        method: Method::POST,
        path: PathAndQuery::from_static("/chat.v1.Chat/Say"),
        headers: map(headers),
        transport,
    }
}

pub(super) fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    map
}

/// Opens a call, or says what the answer is instead.
pub(super) fn open(head: Head) -> Result<Opened, String> {
    let schema = Schema::default();
    let services = Services::everywhere(&schema);
    let protocol = recognise(&head, &services).expect("no protocol");
    (protocol.open)(head, &services).map_err(|reply| match reply {
        Reply::Status(status, _) => status.to_string(),
        Reply::Http(status, headers) => format!("{} {}", status.as_u16(), lines(&headers)),
    })
}

/// What the descriptors of the vectors tell of.
pub(super) fn greeter() -> &'static Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        let files = protox::compile(["greeter.proto"], [folder]).unwrap();
        let pool = prost_reflect::DescriptorPool::from_file_descriptor_set(files).unwrap();
        Schema::new(&[crate::schema::Source { pool, json: Default::default() }])
    });
    &SCHEMA
}

/// What an encoder put on the wire: the head's lines, the body, the ending.
pub(super) fn sent(encode: impl FnOnce(&mut Outbox)) -> (String, Bytes, String) {
    let mut out = Outbox::default();
    encode(&mut out);
    let head = out.head.map(|head| format!("{} {}", head.status.as_u16(), lines(&head.headers)));
    let body: Vec<u8> = out.data.iter().flatten().copied().collect();
    let ending = match out.ending {
        None => String::new(),
        Some(Ending::Clean) => "clean".into(),
        Some(Ending::Trailers(trailers)) => lines(&trailers),
        Some(Ending::Reset(reset)) => format!("reset {:#x} {}", reset.reason, reset.code.name()),
    };
    (head.unwrap_or_default(), body.into(), ending)
}

/// Sorted, because a map does not keep the order of its names.
fn lines(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.join("; ")
}

pub(super) fn decoded(mut opened: Opened, pieces: Vec<Bytes>, fin: bool) -> Decoded {
    Decoded::from_pieces(&mut *opened.decoder, pieces, fin)
}

#[test]
fn tells_protocols_apart() {
    let check = |transport, content_type: &str, want: Option<&str>, rpc: bool| {
        let head = head(transport, &[("content-type", content_type)]);
        let name = recognise(&head, &Services::everywhere(&Schema::default())).map(|protocol| protocol.name);
        assert_eq!((name, looks_like_rpc(&head)), (want, rpc), "{transport:?} {content_type:?}");
    };
    for transport in [Transport::Http2, Transport::Http3] {
        for native in
            ["application/grpc", "application/grpc+proto", "Application/GRPC+json", "application/grpc;v=1"]
        {
            check(transport, native, Some("grpc"), true);
        }
    }
    for transport in [Transport::Http1, Transport::Http2, Transport::Http3] {
        for web in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web; charset=utf-8",
            "APPLICATION/GRPC-WEB-TEXT",
            "application/grpc-web-text+proto",
        ] {
            check(transport, web, Some("grpc_web"), true);
        }
        for unknown in ["application/grpc-webfoo", "application/grpc-web-texts", "application/grpcx"] {
            check(transport, unknown, None, true);
        }
        for other in ["", "application/json", "image/jpeg", "application/gRP", "text/application/grpc"] {
            check(transport, other, None, false);
        }
    }
    check(Transport::Http1, "application/grpc", None, true);
    check(Transport::WebTransport, "application/grpc-web", Some("grpc_wt"), true);
    let schema = Schema::default();
    let name = |head| recognise(&head, &Services::everywhere(&schema)).map(|protocol| protocol.name);
    assert_eq!(name(head(Transport::WebTransport, &[])), Some("grpc_wt"));
    assert_eq!(
        name(head(Transport::WebSocket, &[("content-type", "application/grpc-web")])),
        Some("grpc_ws")
    );
    let websockets = [("sec-websocket-protocol", "grpc-websockets")];
    assert_eq!(name(head(Transport::WebSocket, &websockets)), Some("grpc_websockets"));
    assert_eq!(name(head(Transport::Http2, &[])), None);
}

#[test]
fn tells_the_forms_of_connect_apart() {
    let check = |method: Method, query: &str, content_type: &str, want: &str| {
        let version = [("content-type", content_type), ("connect-protocol-version", "1")];
        let path = format!("/helloworld.Greeter/GetHello{query}").parse().unwrap();
        let head = Head { method, path, ..head(Transport::Http2, &version) };
        let name = recognise(&head, &Services::everywhere(greeter())).map(|protocol| protocol.name);
        assert_eq!(name, Some(want), "{head:?}");
    };
    check(Method::POST, "", "application/proto", "connect_unary");
    check(Method::POST, "", "application/json", "connect_unary");
    check(Method::POST, "?connect=v1", "application/proto", "connect_unary");
    check(Method::GET, "", "application/proto", "connect_unary");
    check(Method::GET, "?connect=v1", "application/proto", "connect_get");
    check(Method::POST, "", "application/connect+json", "connect_stream");
    check(Method::GET, "?connect=v1", "application/connect+proto", "connect_stream");
    check(Method::POST, "", "application/grpc", "grpc");
    check(Method::POST, "", "application/grpc-web+proto", "grpc_web");
}

#[test]
fn keeps_the_order_of_values_when_headers_are_joined() {
    let joined = |mut to: HeaderMap, from| {
        append_all(&mut to, from);
        to
    };
    let from = [("b", "1"), ("b", "2"), ("a", "3")];
    assert_eq!(joined(map(&[]), map(&from)), map(&from));
    assert_eq!(
        joined(map(&[("b", "0"), ("c", "9")]), map(&from)),
        map(&[("b", "0"), ("b", "1"), ("b", "2"), ("a", "3"), ("c", "9")])
    );
}

#[test]
fn status_survives_trailers() {
    let mut trailers = map(&[("x", "1")]);
    let mut status = Status::new(Code::NotFound, "no such user: \u{263a}\n100%");
    status.details = Some(Bytes::from_static(b"CAUSBG9vcHM"));
    put_status(&status, &mut trailers);
    assert_eq!(
        lines(&trailers),
        "grpc-message: no such user: %E2%98%BA%0A100%25; grpc-status-details-bin: CAUSBG9vcHM; grpc-status: 5; x: 1"
    );
    let taken = take_status(&mut trailers).unwrap();
    assert_eq!((taken.code, taken.message, taken.details), (status.code, status.message, status.details));
    assert_eq!(trailers, map(&[("x", "1")]));
    assert!(take_status(&mut trailers).is_none());
}
