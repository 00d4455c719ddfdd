//! What whole requests and responses look like.

mod anything;
mod bodies;
mod fields;
mod responses;
mod rules;

use std::path::Path as FilePath;

use prost_reflect::{DescriptorPool, DynamicMessage};

use super::super::tests::{map, sent};
use super::*;
use crate::message::{Deframer, Side};
use crate::schema::Source;
use crate::testing::{Decoded, feed_in_every_split};

/// Compiles files of `tests/rest`, and the text of one more.
fn compile(files: &[&str], extra: &str) -> DescriptorPool {
    struct Text(String);
    impl protox::file::FileResolver for Text {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            match name {
                "extra.proto" => protox::file::File::from_source(name, &self.0),
                _ => Err(protox::Error::file_not_found(name)),
            }
        }
    }
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolver = protox::file::ChainFileResolver::new();
    resolver.add(protox::file::IncludeFileResolver::new(root.join("../../tests/rest")));
    resolver.add(protox::file::IncludeFileResolver::new(root.join("proto")));
    resolver.add(Text(extra.to_owned()));
    resolver.add(protox::file::GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_files(files).unwrap();
    compiler.descriptor_pool()
}

fn schema() -> &'static Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        let pool = compile(&["library.proto", "everything.proto"], "");
        Schema::new(&[Source { pool, json: Default::default() }])
    });
    &SCHEMA
}

/// `GET /path` and headers.
fn request(line: &str, headers: &[(&'static str, &str)]) -> Head {
    let (method, path) = line.split_once(' ').unwrap();
    Head {
        method: method.parse().unwrap(),
        path: path.parse().unwrap(),
        headers: map(headers),
        transport: Transport::Http2,
    }
}

/// Opens a call, or shows the whole answer: a head and a body.
fn open_call(head: Head) -> Result<Opened, String> {
    let services = Services::everywhere(schema());
    let protocol = super::super::recognise(&head, &services).ok_or("no protocol")?;
    assert_eq!(protocol.name, "rest");
    (protocol.open)(head, &services).map_err(|reply| match reply {
        Reply::Http(status, headers) => format!("{} {headers:?}", status.as_u16()),
        Reply::Status(status, mut encoder) => {
            let (head, body, _) = sent(|out| encoder.trailers_only(HeaderMap::new(), status.into(), out));
            format!("{} {}", &head[..3], String::from_utf8_lossy(&body))
        }
    })
}

/// The method that a request calls and its messages as JSON; or how it is refused.
fn call_with(
    line: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<(String, Vec<String>), String> {
    let opened = open_call(request(line, headers))?;
    let path = opened.path.clone();
    let method = schema().method(&path).unwrap();
    let messages = feed_in_every_split(body.as_bytes(), |pieces| {
        let mut opened = open_call(request(line, headers)).unwrap();
        let decoded = Decoded::from_pieces(&mut *opened.decoder, pieces, true);
        let mut deframer = Deframer::new(Side::Client, 0);
        deframer.push(&decoded.frames);
        let mut messages = Vec::new();
        while let Some(message) = deframer.next_message().unwrap() {
            let message = DynamicMessage::decode(method.input(), message.payload).unwrap();
            messages.push(serde_json::to_value(&message).unwrap().to_string());
        }
        match decoded.refused {
            Some((code, message)) => Err(format!("{}: {message} after {messages:?}", code.name())),
            None => Ok(messages),
        }
    });
    Ok((path.method().to_owned(), messages?))
}

#[track_caller]
fn check(line: &str, body: &str, method: &str, messages: &[&str]) {
    let seen = call_with(line, &[], body).unwrap_or_else(|refused| panic!("{line}: {refused}"));
    assert_eq!(
        (&*seen.0, &*seen.1),
        (method, &messages.iter().map(|m| m.to_string()).collect::<Vec<_>>()[..])
    );
}

#[track_caller]
fn refused(line: &str, body: &str, want: &str) {
    let seen = call_with(line, &[], body).expect_err(line);
    assert!(seen.contains(want), "{line}\n has: {seen}\nwant: {want}");
}
