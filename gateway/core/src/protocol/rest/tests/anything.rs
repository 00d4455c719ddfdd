//! What nobody meant to send.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn query_never_panics(query in "([a-z0-9_]{0,8}[.\\[\\]=&%+-]{0,3}){0,6}|(nested|labels|by_number|struct|mask|timestamp|oneof_nested)[.\\[=][a-z0-9\\]=.{}&-]{0,12}") {
        let line = format!("/v1/everything?{query}");
        let Ok(path) = line.parse() else { return Ok(()) };
        let mut head = request("GET /", &[]);
        head.path = path;
        if let Ok(mut opened) = open_call(head) {
            Decoded::from_pieces(&mut *opened.decoder, Vec::new(), true);
        }
    }

    #[test]
    fn text_comes_back(text in "(?s).{0,20}") {
        let escaped = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
        let seen = call_with(&format!("GET /v1/everything?optional_string={escaped}"), &[], "").unwrap();
        let want = serde_json::json!({ "optionalString": text }).to_string();
        prop_assert_eq!(seen.1, [want]);
    }

    #[test]
    fn integers_come_back(number: i64) {
        let seen = call_with(&format!("GET /v1/everything?int64_value={number}"), &[], "").unwrap();
        let message: serde_json::Value = serde_json::from_str(&seen.1[0]).unwrap();
        let back = message.get("int64Value").map_or(0, |value| value.as_str().unwrap().parse().unwrap());
        prop_assert_eq!(back, number);
    }

    #[test]
    fn body_never_panics(
        body in "[\\[\\]{}\"a:,0-9 \n]{0,20}",
        line in "PATCH /v1/shelves/1/books/2|POST /v1/discussion|PUT /v1/everything/(nested|numbers|labels|text|time)|POST /v1/everything"
    ) {
        let _ = call_with(&line, &[], &body);
    }

    #[test]
    fn upstream_never_panics_the_encoder(
        frames in proptest::collection::vec(any::<u8>(), 0..24),
        line in "GET /v1/shelves/1(/books|/titles|/books/2/scan|/books/2/cover)?|PUT /v1/everything/(labels|time)"
    ) {
        let whole = [&[0, 0, 0, 0, frames.len() as u8], &*frames].concat();
        for frames in [frames, whole] {
            let mut encoder = open_call(request(&line, &[])).unwrap().encoder;
            sent(|out| {
                encoder.head(crate::call::ResponseHead::default(), out);
                let fed = encoder.data(frames.into(), out);
                encoder.end(fed.err().unwrap_or(Status::OK).into(), out);
            });
        }
    }
}
