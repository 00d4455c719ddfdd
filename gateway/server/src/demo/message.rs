//! The messages of [`PROTO`], written by hand so that a build needs no `protoc`. A test compares the two.

#![allow(missing_docs, reason = "demo.proto documents them")]

/// The service definition, for people to call the demo with grpcurl and the like.
pub const PROTO: &str = include_str!("demo.proto");

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SayRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SayReply {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(string, tag = "2")]
    pub backend: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct CountRequest {
    #[prost(uint32, tag = "1")]
    pub up_to: u32,
    #[prost(uint32, tag = "2")]
    pub interval_ms: u32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CountReply {
    #[prost(uint32, tag = "1")]
    pub number: u32,
    #[prost(string, tag = "2")]
    pub backend: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SumRequest {
    #[prost(int64, tag = "1")]
    pub number: i64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SumReply {
    #[prost(int64, tag = "1")]
    pub sum: i64,
    #[prost(uint64, tag = "2")]
    pub count: u64,
    #[prost(string, tag = "3")]
    pub backend: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ChatRequest {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ChatReply {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(uint64, tag = "2")]
    pub sequence: u64,
    #[prost(string, tag = "3")]
    pub backend: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct OpenRequest {}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OpenReply {
    #[prost(string, tag = "1")]
    pub secret: String,
    #[prost(string, tag = "2")]
    pub backend: String,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;

    use super::*;

    /// Field name to (type, tag), for each message of a `.proto` text.
    fn fields_of(proto: &str) -> BTreeMap<&str, BTreeMap<&str, (&str, u32)>> {
        let mut messages = BTreeMap::new();
        let mut current: Option<&str> = None;
        for line in proto.lines() {
            let line = line.split("//").next().unwrap().trim();
            let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
            match (words[..].first(), current) {
                (Some(&"message"), _) => {
                    messages.insert(words[1], BTreeMap::new());
                    current = (!line.ends_with("{}")).then_some(words[1]);
                }
                (Some(&"}"), _) => current = None,
                (Some(_), Some(message)) => {
                    let [kind, name, "=", tag] = words[..] else { panic!("not a field: {line:?}") };
                    messages.get_mut(message).unwrap().insert(name, (kind, tag.parse().unwrap()));
                }
                _ => {}
            }
        }
        messages
    }

    /// What a message looks like on the wire when each field holds a value that no other field of it holds: the
    /// fields are told from their values, so name, type and tag are compared at once.
    fn check<M: Message>(name: &str, message: M, values: &[(&str, &str, Vec<u8>)]) {
        let proto = fields_of(PROTO);
        let fields = &proto[name];
        assert_eq!(fields.len(), values.len(), "{name} has other fields in demo.proto");
        let mut expected = Vec::new();
        for (field, kind, value) in values {
            let (proto_kind, tag) = fields[field];
            assert_eq!(proto_kind, *kind, "{name}.{field}");
            let wire_type = u32::from(*kind == "string") * 2;
            expected.push(u8::try_from(tag << 3 | wire_type).unwrap());
            if *kind == "string" {
                expected.push(u8::try_from(value.len()).unwrap());
            }
            expected.extend_from_slice(value);
        }
        assert_eq!(message.encode_to_vec(), expected, "{name}");
    }

    #[test]
    fn matches_the_proto_file() {
        let text = |field, value: &str| (field, "string", value.as_bytes().to_vec());
        check("SayRequest", SayRequest { name: "a".into() }, &[text("name", "a")]);
        check(
            "SayReply",
            SayReply { text: "a".into(), backend: "b".into() },
            &[text("text", "a"), text("backend", "b")],
        );
        check(
            "CountRequest",
            CountRequest { up_to: 1, interval_ms: 2 },
            &[("up_to", "uint32", vec![1]), ("interval_ms", "uint32", vec![2])],
        );
        check(
            "CountReply",
            CountReply { number: 1, backend: "b".into() },
            &[("number", "uint32", vec![1]), text("backend", "b")],
        );
        // int64 writes -1 as ten bytes; sint64 would write one.
        let minus_one = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        check("SumRequest", SumRequest { number: -1 }, &[("number", "int64", minus_one.clone())]);
        check(
            "SumReply",
            SumReply { sum: -1, count: 2, backend: "b".into() },
            &[("sum", "int64", minus_one), ("count", "uint64", vec![2]), text("backend", "b")],
        );
        check("ChatRequest", ChatRequest { text: "a".into() }, &[text("text", "a")]);
        check(
            "ChatReply",
            ChatReply { text: "a".into(), sequence: 1, backend: "b".into() },
            &[text("text", "a"), ("sequence", "uint64", vec![1]), text("backend", "b")],
        );
        check("OpenRequest", OpenRequest {}, &[]);
        check(
            "OpenReply",
            OpenReply { secret: "a".into(), backend: "b".into() },
            &[text("secret", "a"), text("backend", "b")],
        );
        assert_eq!(fields_of(PROTO).len(), 10, "a message of demo.proto is not compared here");
    }
}
