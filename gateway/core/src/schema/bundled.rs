//! Descriptors that are known whatever a user's descriptors lack: `google/api`, `google/rpc` and the well-known types.
//!
//! Servers' reflection often leaves them out, and compilers' include paths lack them. They are compiled ahead, from
//! the files in `proto/`; a test compiles these again and compares.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// The sources, by the names that imports have for them. Each comes after those that it imports.
const SOURCES: [(&str, &str); 6] = [
    ("google/api/http.proto", include_str!("../../proto/google/api/http.proto")),
    ("google/api/annotations.proto", include_str!("../../proto/google/api/annotations.proto")),
    ("google/api/httpbody.proto", include_str!("../../proto/google/api/httpbody.proto")),
    ("google/rpc/code.proto", include_str!("../../proto/google/rpc/code.proto")),
    ("google/rpc/status.proto", include_str!("../../proto/google/rpc/status.proto")),
    ("google/rpc/error_details.proto", include_str!("../../proto/google/rpc/error_details.proto")),
];

/// The same, compiled.
const COMPILED: &[u8] = include_bytes!("../../proto/bundled.binpb");

/// The bundled descriptors. The pool is the caller's own, to add files to.
pub fn pool() -> DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        // The well-known types are in it.
        let mut pool = DescriptorPool::global();
        #[allow(clippy::expect_used, reason = "it is a constant, which a test decodes")]
        pool.decode_file_descriptor_set(COMPILED).expect("the bundled descriptors are valid");
        pool
    });
    POOL.clone()
}

/// The source of a bundled file, by the name that an import has for it. The well-known types have none here, as
/// compilers bring them along.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(other, _)| *other == name).map(|(_, source)| *source)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// To write the compiled file anew after a change to a source, run this test with `BLESS=1`.
    #[test]
    fn the_compiled_file_is_that_of_the_sources() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let mut compiler = protox::Compiler::new([&folder]).unwrap();
        compiler.include_imports(false).include_source_info(false);
        compiler.open_files(SOURCES.map(|(name, _)| name)).unwrap();
        let compiled = compiler.encode_file_descriptor_set();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(folder.join("bundled.binpb"), &compiled).unwrap();
        } else {
            assert!(compiled == COMPILED, "sources changed; run this test with BLESS=1");
        }
    }

    #[test]
    fn every_source_and_every_well_known_type_is_in_the_pool() {
        let pool = pool();
        for (name, text) in SOURCES {
            assert!(pool.get_file_by_name(name).is_some(), "{name}");
            assert_eq!(source(name), Some(text));
        }
        assert_eq!(source("google/protobuf/any.proto"), None);
        let http = pool.get_extension_by_name("google.api.http").unwrap();
        assert_eq!(
            (http.number(), http.containing_message().full_name()),
            (72295728, "google.protobuf.MethodOptions")
        );
        let messages = [
            "api.HttpBody",
            "rpc.Status",
            "rpc.ErrorInfo",
            "protobuf.Any",
            "protobuf.Timestamp",
            "protobuf.Duration",
            "protobuf.Struct",
            "protobuf.Value",
            "protobuf.ListValue",
            "protobuf.FieldMask",
            "protobuf.Empty",
            "protobuf.Int64Value",
            "protobuf.BytesValue",
            "protobuf.FileDescriptorSet",
        ];
        for name in messages {
            assert!(pool.get_message_by_name(&format!("google.{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn options_of_files_that_are_added_can_be_read() {
        let mut compiler = protox::Compiler::with_file_resolver(InMemory);
        compiler.open_file("test.proto").unwrap();
        let set = compiler.include_imports(false).encode_file_descriptor_set();
        let mut pool = pool();
        pool.decode_file_descriptor_set(&*set).unwrap();
        let method = pool.get_service_by_name("S").unwrap().methods().next().unwrap();
        let http = pool.get_extension_by_name("google.api.http").unwrap();
        let options = method.options();
        let rule = options.get_extension(&http);
        let path = rule.as_message().unwrap().get_field_by_name("get").unwrap().into_owned();
        assert_eq!(path.as_str(), Some("/v1/{name}"));
    }

    /// A file that imports a bundled one, by way of [`source`].
    struct InMemory;

    impl protox::file::FileResolver for InMemory {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            const TEST: &str = r#"
                syntax = "proto3";
                import "google/api/annotations.proto";
                message M { string name = 1; }
                service S {
                  rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/{name}" }; }
                }
            "#;
            match if name == "test.proto" { Some(TEST) } else { source(name) } {
                Some(text) => protox::file::File::from_source(name, text),
                None => protox::file::GoogleFileResolver::new().open_file(name),
            }
        }
    }
}
