//! What holds for responses of any bytes.

use proptest::prelude::*;

use super::*;
use crate::message::Borders;

/// A frame that may or may not be as it should.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let flag = prop_oneof![Just(0_u8), Just(1), Just(2), Just(3), Just(0x80), Just(0x81), any::<u8>()];
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        Just(b"grpc-status: 0\r\n".to_vec()),
        Just(b"grpc-status: 3\r\nx: y\r\n".to_vec()),
        Just(b"{}".to_vec()),
        Just(br#"{"error":{}}"#.to_vec()),
    ];
    (flag, payload).prop_map(|(flag, payload)| frame(flag, payload))
}

/// Whether a body is messages and then, as its very last frame, one that says OK.
fn ends_in_order(mut body: &[u8], end_flag: u8) -> bool {
    while let [flag, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some((payload, after)) = rest.split_at_checked(length) else { return false };
        match *flag {
            0 => body = after,
            flag if flag == end_flag => {
                let text = String::from_utf8_lossy(payload).to_ascii_lowercase();
                let is_ok =
                    if end_flag == 2 { !text.contains("error") } else { text.contains("grpc-status:") };
                return after.is_empty() && is_ok;
            }
            _ => return false,
        }
    }
    false
}

proptest! {
    #[test]
    fn nothing_is_ok_without_a_proper_end(
        frames in proptest::collection::vec(any_frame(), 0..5),
        noise in proptest::collection::vec(any::<u8>(), 0..4),
        cuts in proptest::collection::vec(0..20_usize, 0..6),
    ) {
        let body = [frames.concat(), noise].concat();
        for (way, end_flag) in [(WEB, 0x80), (STREAM, 2)] {
            let body = Bytes::from(body.clone());
            let mut left = body.len();
            let cuts: Vec<usize> = cuts.iter().map(|cut| { let cut = (*cut).min(left); left -= cut; cut }).collect();
            let heard = way.hear_pieces(200, way.response(&[]), pieces(&body, &cuts), 0);
            prop_assert!(!heard.is_ok() || ends_in_order(&body, end_flag), "{:?} {:?}", way, heard);
            let whole = way.hear_pieces(200, way.response(&[]), vec![body], 0);
            prop_assert_eq!(heard, whole);
        }
    }

    #[test]
    fn a_response_that_is_cut_short_is_never_ok(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4),
        at in any::<proptest::sample::Index>(),
    ) {
        let messages: Vec<u8> = messages.iter().flat_map(|payload| frame(0, payload)).collect();
        for (way, last) in [(WEB, frame(0x80, "grpc-status: 0\r\n")), (STREAM, frame(2, "{}"))] {
            let body = [messages.clone(), last].concat();
            let whole = way.hear_pieces(200, way.response(&[]), vec![body.clone().into()], 0);
            prop_assert!(whole.is_ok());
            let mut borders = Borders::new(Side::Upstream, 0);
            prop_assert!(borders.pass(&messages).is_ok() && borders.end().is_ok());
            prop_assert_eq!(whole.messages.len() as u64, borders.messages());
            let cut = body[..at.index(body.len())].to_vec();
            prop_assert!(!way.hear_pieces(200, way.response(&[]), vec![cut.into()], 0).is_ok());
        }
    }

    #[test]
    fn no_error_of_http_is_ok(
        status in (201..600_u16),
        content_type in "application/(json|proto|grpc-web\\+proto|connect\\+proto)",
        grpc_status in proptest::option::of(0..3_u16),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for way in [WEB, UNARY, STREAM] {
            let mut map = HeaderMap::new();
            map.insert("content-type", content_type.parse().unwrap());
            if let Some(code) = grpc_status {
                map.insert("grpc-status", HeaderValue::from(code));
            }
            let heard = way.hear_pieces(status, map, vec![body.clone().into()], 0);
            prop_assert!(!heard.is_ok(), "{:?}", heard);
        }
    }

    #[test]
    fn only_an_object_without_an_error_ends_a_stream_well(
        payload in ".{0,60}|\\{\"error\":.{0,20}\\}|\\{\"(metadata|a)\":(null|\\{.{0,20}\\}|7)\\}",
    ) {
        let heard = STREAM.hear_pieces(200, STREAM.response(&[]), vec![frame(2, &payload).into()], 0);
        let object: Option<serde_json::Map<_, _>> = serde_json::from_str(&payload).ok();
        let says_ok = object.is_some_and(|object| object.get("error").is_none_or(serde_json::Value::is_null));
        prop_assert!(!heard.is_ok() || says_ok, "{:?}", heard);
    }

    #[test]
    fn a_unary_request_loses_nothing(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(UNARY.body(&call("application/grpc"), &frame(0, &payload)), Ok(payload.clone()));
        let packed = UNARY.body(&gzip_call(), &frame(0, &payload)).unwrap();
        let plain = if packed.is_empty() { Bytes::new() } else { Encoding::Gzip.decompress(&packed, 100).unwrap() };
        prop_assert_eq!(plain, payload);
    }
}
