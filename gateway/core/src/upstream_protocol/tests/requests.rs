//! What upstreams are sent.

use super::*;

#[test]
fn requests_have_the_heads_of_their_protocols() {
    let plain = call("application/grpc");
    assert_eq!(
        WEB.head(&plain, None),
        "accept: application/grpc-web+proto; content-type: application/grpc-web+proto; x-grpc-web: 1"
    );
    assert_eq!(
        UNARY.head(&plain, None),
        "accept-encoding: identity; connect-protocol-version: 1; content-type: application/proto"
    );
    assert_eq!(
        STREAM.head(&plain, None),
        "connect-protocol-version: 1; content-type: application/connect+proto"
    );

    let mut all = call("application/grpc+json; a=b");
    all.encoding = Some(HeaderValue::from_static("gzip"));
    all.accept_encoding = Some(HeaderValue::from_static("gzip,br"));
    let remaining = Some(Duration::from_millis(1500));
    assert_eq!(
        WEB.head(&all, remaining),
        "accept: application/grpc-web+json; content-type: application/grpc-web+json; \
         grpc-accept-encoding: gzip,br; grpc-encoding: gzip; grpc-timeout: 1500000u; x-grpc-web: 1"
    );
    assert_eq!(
        UNARY.head(&all, remaining),
        "accept-encoding: gzip,br; connect-protocol-version: 1; connect-timeout-ms: 1500; content-encoding: gzip; \
         content-type: application/json"
    );
    assert_eq!(
        STREAM.head(&all, Some(Duration::MAX)),
        "connect-accept-encoding: gzip,br; connect-content-encoding: gzip; connect-protocol-version: 1; \
         connect-timeout-ms: 9999999999; content-type: application/connect+json"
    );
}

#[test]
fn a_timeout_that_no_client_set_goes_nowhere() {
    let mut headers = headers(&[("connect-timeout-ms", "5")]);
    let call = call("application/grpc");
    UNARY.open(&call, 0).request.head(&call, None, &mut headers);
    assert!(!headers.contains_key("connect-timeout-ms"));
}

#[test]
fn an_unknown_kind_is_refused_with_advice() {
    let refused = UpstreamProtocol::Connect.open(&call("application/grpc"), None, 0).err().unwrap();
    assert_eq!(refused.code, Code::Unimplemented);
    assert!(refused.message.contains("`descriptors`"), "{refused}");
}

#[test]
fn requests_of_frames_pass_as_they_are() {
    let frames = [frame(0, "one"), frame(1, "two"), frame(0, "")].concat();
    for way in [WEB, STREAM] {
        assert_eq!(way.body(&gzip_call(), &frames), Ok(frames.clone()), "{way:?}");
        assert_eq!(way.body(&gzip_call(), b""), Ok(Vec::new()), "{way:?}");
    }
}

#[test]
fn a_unary_request_is_its_only_message() {
    let plain = call("application/grpc");
    assert_eq!(UNARY.body(&plain, &frame(0, "hello")), Ok(b"hello".to_vec()));
    assert_eq!(UNARY.body(&plain, &frame(0, "")), Ok(Vec::new()));
    // A message that is compressed passes, one that is not becomes it, for the head has said so.
    assert_eq!(UNARY.body(&gzip_call(), &frame(1, "as it is")), Ok(b"as it is".to_vec()));
    let packed = UNARY.body(&gzip_call(), &frame(0, "hello")).unwrap();
    assert_eq!(Encoding::Gzip.decompress(&packed, 100).unwrap(), "hello");
    assert_eq!(UNARY.body(&gzip_call(), &frame(0, "")), Ok(Vec::new()));
    assert_eq!(UNARY.body(&gzip_call(), &frame(1, "")), Ok(Vec::new()));
}

#[test]
fn a_unary_request_of_no_message_or_two_is_refused() {
    let check = |call: &Call, frames: &[u8]| {
        let refused = UNARY.body(call, frames).unwrap_err();
        assert!(refused.starts_with("UNIMPLEMENTED"), "{refused}");
    };
    let plain = call("application/grpc");
    check(&plain, b"");
    check(&plain, &[frame(0, "one"), frame(0, "two")].concat());
    check(&plain, &[frame(0, ""), frame(0, "")].concat());
    check(&gzip_call(), &[frame(0, "one"), frame(0, "")].concat());
}

#[test]
fn a_unary_request_says_how_it_is_compressed() {
    let refused = UNARY.body(&call("application/grpc"), &frame(1, "compressed")).unwrap_err();
    assert!(refused.starts_with("INTERNAL"), "{refused}");
    let mut named = call("application/grpc");
    named.encoding = Some(HeaderValue::from_static("identity"));
    assert_eq!(UNARY.body(&named, &frame(0, "plain")), Ok(b"plain".to_vec()));
    assert!(!UNARY.head(&named, None).contains("content-encoding"));
    named.encoding = Some(HeaderValue::from_static("x-new"));
    let refused = UNARY.0.open(&named, UNARY.1, 0).err().unwrap();
    assert_eq!(refused.code, Code::Unimplemented);
    assert_eq!(refused.metadata.unwrap()["grpc-accept-encoding"], "gzip,deflate,zstd,br,snappy");
}
