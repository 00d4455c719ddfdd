//! Tests of translation, in every split.

use std::sync::LazyLock;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method as HttpMethod};
use proptest::prelude::*;
use prost_reflect::DescriptorPool;

use super::*;
use crate::call::{End, ResponseHead, Transport};
use crate::message::Message;
use crate::metadata::name;
use crate::path::MethodPath;
use crate::protocol::{self, Abort, Decoder, Ending, Frames, Head, Outbox, Services};
use crate::schema::{Schema, Source, json::JsonOptions};
use crate::status::{Code, Status};
use crate::testing::{Decoded, feed_in_every_split, pieces};
use crate::wire::Reset;

const PROTO: &str = r#"
    syntax = "proto3";
    package chat.v1;
    message Line { string text = 1; int64 number = 2; }
    service Chat {
      rpc Say(Line) returns (Line);
      rpc Watch(Line) returns (stream Line);
      rpc Gather(stream Line) returns (Line);
      rpc Shout(stream Line) returns (stream Line);
    }
"#;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    struct Resolver;
    impl protox::file::FileResolver for Resolver {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            protox::file::File::from_source(name, PROTO)
        }
    }
    let mut compiler = protox::Compiler::with_file_resolver(Resolver);
    compiler.open_file("chat.proto").unwrap();
    let pool = DescriptorPool::decode(&*compiler.encode_file_descriptor_set()).unwrap();
    Schema::new(&[Source { pool, json: JsonOptions::default() }])
});

fn method(name: &str) -> &'static Arc<Method> {
    let path = PathAndQuery::try_from(format!("/chat.v1.Chat/{name}")).unwrap();
    SCHEMA.method(&MethodPath::parse(path).unwrap()).unwrap()
}

const NO_TERMS: Terms<'static> = Terms {
    method: None,
    upstream_encodings: &Encoding::ALL,
    max_request_message: 0,
    max_response_message: 0,
    holds_to_one_request: false,
};

/// A call of the method with these headers, over HTTP/2.
fn opened(method: &str, headers: &[(&'static str, &str)]) -> Opened {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    let head = Head {
        method: HttpMethod::POST,
        path: PathAndQuery::try_from(format!("/chat.v1.Chat/{method}")).unwrap(),
        headers: map,
        transport: Transport::Http2,
    };
    let services = Services::everywhere(&SCHEMA);
    let protocol = protocol::recognise(&head, &services).unwrap();
    (protocol.open)(head, &services).ok().unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/grpc+json");
const PROTO_TYPE: (&str, &str) = ("content-type", "application/grpc+proto");

/// A call in JSON, as its upstream is sent it.
fn json_call(name: &str, headers: &[(&'static str, &str)], limit: u32) -> Opened {
    let terms = Terms {
        method: Some(method(name)),
        max_request_message: limit,
        max_response_message: limit,
        ..NO_TERMS
    };
    fit(opened(name, &[&[JSON], headers].concat()), &terms)
}

fn frame(compressed: bool, payload: &[u8]) -> Vec<u8> {
    Message { compressed, payload: Bytes::copy_from_slice(payload) }.to_frame().into()
}

fn decode(mut opened: Opened, pieces: Vec<Bytes>) -> Decoded {
    Decoded::from_pieces(&mut *opened.decoder, pieces, true)
}

fn refused(seen: Decoded) -> Code {
    seen.refused.expect("it was not refused").0
}

const HI_JSON: &[u8] = br#"{"text":"hi","number":"7"}"#;
const HI_PROTO: &[u8] = b"\x0a\x02hi\x10\x07";

#[test]
fn leaves_alone_what_fits() {
    let watched = |opened: &Opened| {
        let decoder: *const dyn Decoder = &*opened.decoder;
        let encoder: *const dyn crate::protocol::Encoder = &*opened.encoder;
        (std::mem::size_of_val(&*opened.decoder), decoder.cast::<()>(), encoder.cast::<()>())
    };
    let check = |headers: &[(&'static str, &str)], terms: Terms<'_>| {
        let before = opened("Say", headers);
        let (sizes, content_type, encoding) =
            (watched(&before), before.content_type.clone(), before.encoding.clone());
        let after = fit(before, &terms);
        assert_eq!(watched(&after), sizes, "{headers:?} {terms:?}");
        assert_eq!((after.content_type, after.encoding), (content_type, encoding));
    };
    let known = Terms { method: Some(method("Say")), ..NO_TERMS };
    check(&[PROTO_TYPE], known);
    check(&[PROTO_TYPE, ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip,lzma")], known);
    check(&[PROTO_TYPE, ("grpc-encoding", "lzma")], Terms { upstream_encodings: &[], ..known });
    check(&[PROTO_TYPE, ("grpc-encoding", "identity")], Terms { upstream_encodings: &[], ..known });
    // Nobody knows what the JSON stands for; the upstream may.
    check(&[JSON], NO_TERMS);
    check(&[PROTO_TYPE], Terms { method: Some(method("Shout")), holds_to_one_request: true, ..NO_TERMS });
}

#[test]
fn turns_json_into_proto() {
    let call = json_call("Shout", &[("grpc-accept-encoding", "lzma, br;q=0.5, GZIP, zstd;q=0")], 0);
    assert_eq!(call.content_type, "application/grpc+proto");
    assert_eq!(call.encoding, None);
    assert_eq!(call.accept_encoding.unwrap(), "gzip,br");
    assert_eq!(json_call("Shout", &[("grpc-accept-encoding", "identity")], 0).accept_encoding, None);

    let stream = [frame(false, HI_JSON), frame(false, b"{}"), frame(false, b"{ \"text\": \"x\" }")].concat();
    let seen = feed_in_every_split(&stream, |pieces| decode(json_call("Shout", &[], 0), pieces));
    let want = [frame(false, HI_PROTO), frame(false, b""), frame(false, b"\x0a\x01x")].concat();
    assert_eq!((seen.frames, seen.refused), (want.into(), None));
}

#[test]
fn reads_compressed_json_of_every_encoding() {
    for encoding in Encoding::ALL {
        let stream = [frame(true, &encoding.compress(HI_JSON)), frame(false, HI_JSON)].concat();
        let call = || json_call("Shout", &[("grpc-encoding", encoding.as_str())], 0);
        assert_eq!(call().encoding, None);
        let seen = feed_in_every_split(&stream, |pieces| decode(call(), pieces));
        let want = [frame(false, HI_PROTO), frame(false, HI_PROTO)].concat();
        assert_eq!((seen.frames, seen.refused), (want.into(), None), "{encoding:?}");
    }
}

#[test]
fn refuses_what_is_no_request() {
    let check = |headers: &[(&'static str, &str)], limit, stream: &[u8], want| {
        let seen = feed_in_every_split(stream, |pieces| decode(json_call("Shout", headers, limit), pieces));
        assert_eq!(refused(seen), want, "{headers:?} {stream:?}");
    };
    check(&[], 0, &frame(false, b"{"), Code::InvalidArgument);
    check(&[], 0, &frame(false, br#"{"number":"seven"}"#), Code::InvalidArgument);
    check(&[], 0, &frame(true, HI_JSON), Code::Internal);
    check(&[("grpc-encoding", "identity")], 0, &frame(true, HI_JSON), Code::Internal);
    check(&[("grpc-encoding", "lzma")], 0, &frame(false, HI_JSON), Code::Unimplemented);
    check(&[("grpc-encoding", "lzma")], 0, b"", Code::Unimplemented);
    check(&[("grpc-encoding", "gzip")], 0, &frame(true, HI_JSON), Code::Internal);
    check(&[], 0, &frame(false, HI_JSON)[..20], Code::Internal);
    check(&[], 0, b"\x02\0\0\0\0", Code::Internal);
    let long = [b"{\"text\":\"", &[b'x'; 200][..], b"\"}"].concat();
    check(&[], 100, &frame(false, &long), Code::ResourceExhausted);
    let gzip = [("grpc-encoding", "gzip")];
    check(&gzip, 100, &frame(true, &Encoding::Gzip.compress(&long)), Code::ResourceExhausted);
    check(&gzip, 100, &frame(false, &long), Code::ResourceExhausted);
}

#[test]
fn names_what_is_known_for_an_unknown_encoding() {
    let mut call = json_call("Shout", &[("grpc-encoding", "lzma")], 0);
    let status = call.decoder.data(Bytes::from_static(b"\0"), &mut Frames::default()).unwrap_err();
    assert_eq!(status.metadata.unwrap()[name::GRPC_ACCEPT_ENCODING], Encoding::LIST);
}

#[test]
fn a_message_of_just_the_limit_passes_however_it_is_compressed() {
    // Digits that do not repeat compress badly, and snappy makes them longer.
    let mut seed = 1_u32;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    });
    let message: Vec<u8> = noise.take(70_000).collect();
    let limit = message.len() as u32;
    for encoding in Encoding::ALL {
        let headers = [PROTO_TYPE, ("grpc-encoding", encoding.as_str())];
        let call = |limit| {
            let terms = Terms { upstream_encodings: &[], max_request_message: limit, ..NO_TERMS };
            let mut call = fit(opened("Shout", &headers), &terms);
            call.decoder.limit(limit);
            call
        };
        let stream = Bytes::from(frame(true, &encoding.compress(&message)));
        let seen = decode(call(limit), vec![stream.clone()]);
        assert_eq!(seen.frames, frame(false, &message), "{encoding:?}");
        assert_eq!(refused(decode(call(limit - 1), vec![stream])), Code::ResourceExhausted, "{encoding:?}");
    }
}

#[test]
fn decompresses_what_the_upstream_does_not_know() {
    let headers = [PROTO_TYPE, ("grpc-encoding", "br"), ("grpc-accept-encoding", "br,lzma")];
    let call =
        || fit(opened("Shout", &headers), &Terms { upstream_encodings: &[Encoding::Gzip], ..NO_TERMS });
    assert_eq!((call().encoding, call().content_type), (None, "application/grpc+proto".parse().unwrap()));
    assert_eq!(call().accept_encoding.unwrap(), "br,lzma");
    let stream = [frame(true, &Encoding::Br.compress(b"one")), frame(false, b"two")].concat();
    let seen = feed_in_every_split(&stream, |pieces| decode(call(), pieces));
    assert_eq!(seen.frames, [frame(false, b"one"), frame(false, b"two")].concat());
}

#[test]
fn holds_a_request_to_its_one_message() {
    let check = |name, stream: &[u8], want: Option<Code>| {
        let terms = Terms { method: Some(method(name)), holds_to_one_request: true, ..NO_TERMS };
        let seen =
            feed_in_every_split(stream, |pieces| decode(fit(opened(name, &[PROTO_TYPE]), &terms), pieces));
        assert_eq!(seen.refused.map(|(code, _)| code), want, "{name} {stream:?}");
        assert_eq!(seen.frames, if want.is_some() { b"" } else { stream }, "{name} {stream:?}");
    };
    let one = frame(false, b"one");
    for name in ["Say", "Watch"] {
        check(name, &one, None);
        check(name, &frame(true, b""), None);
        check(name, b"", Some(Code::Unimplemented));
        check(name, &[&one[..], &one].concat(), Some(Code::Unimplemented));
        check(name, &[frame(false, b""), frame(false, b"")].concat(), Some(Code::Unimplemented));
        // A prefix that is no message's, and one that is cut short.
        check(name, &[&one[..], b"\x80\0\0\0\0"].concat(), Some(Code::Internal));
        check(name, &[&one[..], b"\0\0"].concat(), Some(Code::Internal));
        check(name, &one[..7], Some(Code::Internal));
    }
    for name in ["Gather", "Shout"] {
        check(name, &[&one[..], &one].concat(), None);
        check(name, b"", None);
    }
}

#[test]
fn the_upstream_cannot_answer_before_the_request_is_over() {
    let terms = Terms { method: Some(method("Say")), holds_to_one_request: true, ..NO_TERMS };
    let mut call = fit(opened("Say", &[PROTO_TYPE]), &terms);
    let mut out = Frames::default();
    call.decoder.data(frame(false, b"one").into(), &mut out).unwrap();
    assert!(out.is_empty());
    call.decoder.end(&mut out).unwrap();
    assert_eq!(out.pop().unwrap(), frame(false, b"one"));
}

/// What a client is sent: the head's fields, the body, the ending.
fn answered(
    call: Opened,
    encoding: Option<&'static str>,
    pieces: Vec<Bytes>,
) -> Result<(HeaderMap, Vec<u8>), Code> {
    let mut encoder = call.encoder;
    let mut out = Outbox::default();
    let head = ResponseHead {
        content_type: Some(HeaderValue::from_static("application/grpc+proto")),
        encoding: encoding.map(HeaderValue::from_static),
        accept_encoding: Some(HeaderValue::from_static("lzma")),
        ..ResponseHead::default()
    };
    encoder.head(head, &mut out);
    for piece in pieces {
        encoder.data(piece, &mut out).map_err(|status| status.code)?;
    }
    encoder.end(Status::OK.into(), &mut out);
    assert!(matches!(out.ending, Some(Ending::Trailers(_))));
    Ok((out.head.unwrap().headers, out.data.iter().flatten().copied().collect()))
}

#[test]
fn turns_proto_into_json() {
    let stream = [frame(false, HI_PROTO), frame(false, b"")].concat();
    let (head, body) =
        feed_in_every_split(&stream, |pieces| answered(json_call("Shout", &[], 0), None, pieces).unwrap());
    assert_eq!(head["content-type"], "application/grpc+json");
    assert_eq!(head["grpc-accept-encoding"], Encoding::LIST);
    assert!(!head.contains_key("grpc-encoding"));
    assert_eq!(body, [frame(false, HI_JSON), frame(false, b"{}")].concat());
}

#[test]
fn answers_as_compressed_as_the_client_takes_it() {
    for encoding in Encoding::ALL {
        let stream = [frame(true, &encoding.compress(HI_PROTO)), frame(false, HI_PROTO)].concat();
        let run = |accept: &str| {
            feed_in_every_split(&stream, |pieces| {
                let call = json_call("Shout", &[("grpc-accept-encoding", accept)], 0);
                answered(call, Some(encoding.as_str()), pieces).unwrap()
            })
        };
        let (head, body) = run("gzip,deflate,zstd,br,snappy");
        assert_eq!(head["grpc-encoding"], encoding.as_str());
        let want = [frame(true, &encoding.compress(HI_JSON)), frame(false, HI_JSON)].concat();
        assert_eq!(body, want, "{encoding:?}");
        let (head, body) = run("identity");
        assert!(!head.contains_key("grpc-encoding"), "{encoding:?}");
        assert_eq!(body, [frame(false, HI_JSON), frame(false, HI_JSON)].concat(), "{encoding:?}");
    }
}

#[test]
fn refuses_what_is_no_response() {
    let check = |encoding, limit, stream: &[u8], want| {
        let seen = feed_in_every_split(stream, |pieces| {
            answered(json_call("Shout", &[("grpc-accept-encoding", "gzip")], limit), encoding, pieces)
        });
        assert_eq!(seen.unwrap_err(), want, "{encoding:?} {stream:?}");
    };
    check(None, 0, &frame(false, b"\x0a\x05hi"), Code::Internal);
    check(None, 0, &frame(true, HI_PROTO), Code::Internal);
    check(Some("lzma"), 0, &frame(true, HI_PROTO), Code::Internal);
    check(Some("gzip"), 0, &frame(true, HI_PROTO), Code::Internal);
    let long = [b"\x0a\x64", &[b'x'; 100][..]].concat();
    check(None, 50, &frame(false, &long), Code::ResourceExhausted);
    check(Some("gzip"), 50, &frame(true, &Encoding::Gzip.compress(&long)), Code::ResourceExhausted);
}

#[test]
fn a_response_that_breaks_off_inside_a_message_still_has_an_end() {
    let mut encoder = json_call("Shout", &[], 0).encoder;
    let mut out = Outbox::default();
    encoder.head(ResponseHead::default(), &mut out);
    encoder.data(Bytes::from_static(b"\0\0\0\0\x09ha"), &mut out).unwrap();
    let end = End::from(Status::deadline_exceeded(""));
    let abort = Abort { end, reset: Reset::CANCEL, mid_message: true, by_upstream: false };
    encoder.abort(abort, &mut out);
    assert!(out.data.is_empty());
    let Some(Ending::Trailers(trailers)) = out.ending else { panic!("{:?}", out.ending) };
    assert_eq!(trailers["grpc-status"], "4");
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        texts in prop::collection::vec((any::<bool>(), "[^\\x00-\\x1f\"\\\\]{0,50}"), 0..6),
        encoding in prop::sample::select(&Encoding::ALL[..]),
        cuts in prop::collection::vec(0_usize..100, 0..20),
    ) {
        let stream: Vec<u8> = texts.iter().flat_map(|(compressed, text)| {
            let json = format!("{{\"text\":\"{text}\"}}");
            let payload = if *compressed { encoding.compress(json.as_bytes()) } else { json.into() };
            frame(*compressed, &payload)
        }).collect();
        let stream = Bytes::from(stream);
        let call = || json_call("Shout", &[("grpc-encoding", encoding.as_str())], 0);
        let seen = decode(call(), pieces(&stream, &cuts));
        prop_assert_eq!(&seen.refused, &None);
        prop_assert_eq!(&seen, &decode(call(), pieces(&stream, &[])));
        // And back.
        let (_, body) = answered(call(), None, pieces(&seen.frames, &cuts)).unwrap();
        let want: Vec<u8> = texts.iter().flat_map(|(_, text)| {
            let json = if text.is_empty() { "{}".to_owned() } else { format!("{{\"text\":\"{text}\"}}") };
            frame(false, json.as_bytes())
        }).collect();
        prop_assert_eq!(body, want);
    }

    #[test]
    fn garbage_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0_usize..50, 0..10),
        name in prop::sample::select(&["Say", "Shout"][..]),
    ) {
        let terms = Terms { method: Some(method(name)), holds_to_one_request: true, ..NO_TERMS };
        let call = || fit(opened(name, &[JSON, ("grpc-encoding", "gzip")]), &terms);
        let bytes = Bytes::from(bytes);
        prop_assert_eq!(decode(call(), pieces(&bytes, &cuts)), decode(call(), pieces(&bytes, &[])));
        let _ = answered(call(), Some("gzip"), pieces(&bytes, &cuts));
    }
}
