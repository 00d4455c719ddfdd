//! Tests with random messages and texts.

use proptest::prelude::*;

use super::*;

/// JSON texts made of what the test message knows.
fn texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
        "[a-zA-Z0-9:.,+/=_-]{0,12}".prop_map(|text| format!("{text:?}")),
        Just("\"RED\"".to_owned()),
        Just("\"x/t.Rich\"".to_owned()),
        Just("\"x/google.protobuf.Struct\"".to_owned()),
        Just("\"2000-01-01T00:00:00.5Z\"".to_owned()),
        Just("\"-1.5s\"".to_owned()),
    ];
    let fields: Vec<String> = rich().fields().map(|field| field.json_name().to_owned()).collect();
    let name = prop_oneof![
        8 => proptest::sample::select(fields),
        1 => Just("@type".to_owned()),
        1 => Just("value".to_owned()),
        1 => Just("1".to_owned()),
    ];
    let tree = leaf.prop_recursive(4, 32, 6, move |inner| {
        let entry = (name.clone(), inner.clone()).prop_map(|(name, json)| format!("{name:?}:{json}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(entry, 0..4).prop_map(|entries| format!("{{{}}}", entries.join(","))),
        ]
    });
    let fields: Vec<String> = rich().fields().map(|field| field.json_name().to_owned()).collect();
    (proptest::sample::select(fields), tree).prop_map(|(name, json)| format!("{{{name:?}:{json}}}"))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode(&rich(), &bytes, &STRICT);
        let _ = encode(&rich(), &bytes, &JsonOptions::default());
    }

    #[test]
    fn what_is_read_can_be_decoded_and_written_and_read_again(json in texts()) {
        let options = JsonOptions::default();
        if let Ok(message) = decode_message(&rich(), json.as_bytes(), &options) {
            let bytes = message.encode_to_vec();
            let decoded = DynamicMessage::decode(rich(), &*bytes).unwrap();
            let text = encode_message(&decoded, &options).unwrap();
            let again = decode(&rich(), &text, &STRICT).unwrap();
            // Texts are compared, as NaN is not itself and maps have no order in bytes.
            prop_assert_eq!(encode(&rich(), &again, &options).unwrap(), text);
        }
    }

    #[test]
    fn every_message_of_random_fields_is_written_or_refused(
        fields in prop::collection::vec((1u32..46, 0u32..6, prop::collection::vec(any::<u8>(), 0..9)), 0..6)
    ) {
        let mut bytes = Vec::new();
        for (number, wire_type, value) in fields {
            prost::encoding::encode_varint(u64::from(number << 3 | wire_type), &mut bytes);
            if wire_type == 2 {
                prost::encoding::encode_varint(value.len() as u64, &mut bytes);
            }
            bytes.extend(value);
        }
        if let Ok(text) = encode(&rich(), &bytes, &JsonOptions::default()) {
            let again = decode(&rich(), &text, &STRICT).unwrap();
            prop_assert_eq!(encode(&rich(), &again, &JsonOptions::default()).unwrap(), text);
        }
    }

    #[test]
    fn timestamps_and_durations_of_any_text_are_read_or_refused(text in "[0-9TZ:.+-]{0,30}|[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])") {
        let _ = scalar::timestamp(&text);
        let _ = scalar::duration(&text);
    }
}
