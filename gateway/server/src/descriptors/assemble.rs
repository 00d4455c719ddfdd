//! Making one whole of files that tell of services, whoever sent them and in whatever order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool};
use sluicegate_core::schema::bundled;

use super::public::write_out;

/// Why files do not make a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFiles {
    #[error("this is no descriptor set")]
    NoDescriptorSet,
    #[error("it tells of no service")]
    NoService,
    #[error("`{file}` imports `{import}`, which is not in it")]
    NoImport { file: String, import: String },
    #[error("`{0}` imports itself, through others or not")]
    Cycle(String),
    #[error("its public imports lead to too many files")]
    TooPublic,
    #[error("{0:?}")]
    Invalid(DescriptorError),
    #[error("this was not made by a compiler of protocol buffers")]
    Broken,
}

/// `google.protobuf.FileDescriptorSet`, with its files as they are: options that are extensions must not get lost.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) file: Vec<Bytes>,
}

/// What must be known of a `google.protobuf.FileDescriptorProto` before it can be used.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Head {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) dependency: Vec<String>,
    /// Places in `dependency`.
    #[prost(int32, repeated, packed = "false", tag = "10")]
    pub(super) public_dependency: Vec<i32>,
}

/// A `google.protobuf.FileDescriptorProto`.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
}

impl File {
    pub(super) fn read(bytes: Bytes) -> Result<File, BadFiles> {
        let head = Head::decode(bytes.clone()).map_err(|_| BadFiles::NoDescriptorSet)?;
        if head.name.is_empty() { Err(BadFiles::NoDescriptorSet) } else { Ok(File { head, bytes }) }
    }
}

/// What files tell together. Of two files of one name the first counts, and of those that are bundled the bundled one.
pub(super) fn assemble(mut files: Vec<File>) -> Result<DescriptorPool, BadFiles> {
    let mut pool = bundled::pool();
    let mut names = HashSet::new();
    files.retain(|file| {
        pool.get_file_by_name(&file.head.name).is_none() && names.insert(file.head.name.clone())
    });
    let is_known = |name: &str| pool.get_file_by_name(name).is_some();
    let file = write_out(&sorted(&files, is_known)?)?;
    let set = Set { file }.encode_to_vec();
    // The pool trusts compilers: what none would make can lead it to an index that is not there. A pool that panicked is
    // not used any more.
    catch_unwind(AssertUnwindSafe(|| pool.decode_file_descriptor_set(&*set)))
        .map_err(|_| BadFiles::Broken)?
        .map_err(BadFiles::Invalid)?;
    if pool.services().len() == 0 { Err(BadFiles::NoService) } else { Ok(pool) }
}

/// Each file after those that it imports. The names of the files differ.
fn sorted(files: &[File], is_known: impl Fn(&str) -> bool) -> Result<Vec<File>, BadFiles> {
    let places: HashMap<&str, usize> =
        files.iter().enumerate().map(|(place, file)| (file.head.name.as_str(), place)).collect();
    // For each file, which ones import it, and how many of its own imports are not sorted yet.
    let mut importers = vec![Vec::new(); files.len()];
    let mut waiting = vec![0usize; files.len()];
    for (place, file) in files.iter().enumerate() {
        for import in file.head.dependency.iter().filter(|import| !is_known(import)) {
            let importers = places.get(import.as_str()).and_then(|import| importers.get_mut(*import));
            let no_import = || BadFiles::NoImport { file: file.head.name.clone(), import: import.clone() };
            importers.ok_or_else(no_import)?.push(place);
            if let Some(waiting) = waiting.get_mut(place) {
                *waiting += 1;
            }
        }
    }
    let mut ready: VecDeque<usize> =
        waiting.iter().enumerate().filter(|(_, waiting)| **waiting == 0).map(|(place, _)| place).collect();
    let mut sorted = Vec::with_capacity(files.len());
    while let Some(place) = ready.pop_front() {
        sorted.extend(files.get(place).cloned());
        for importer in importers.get(place).into_iter().flatten() {
            if let Some(waiting) = waiting.get_mut(*importer) {
                *waiting -= 1;
                if *waiting == 0 {
                    ready.push_back(*importer);
                }
            }
        }
    }
    match files.iter().zip(&waiting).find(|(_, waiting)| **waiting > 0) {
        Some((file, _)) => Err(BadFiles::Cycle(file.head.name.clone())),
        None => Ok(sorted),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_reflect::prost_types::{
        DescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
    };

    use super::*;

    /// A file with a service that takes the messages of the files it imports, which shows that these came first.
    fn file(name: &str, imports: &[&str]) -> File {
        let message = DescriptorProto { name: Some(format!("M_{name}")), ..Default::default() };
        let method = |import: &&str| MethodDescriptorProto {
            name: Some(format!("Take_{import}")),
            input_type: Some(format!(".M_{import}")),
            output_type: Some(format!(".M_{name}")),
            ..Default::default()
        };
        let service = ServiceDescriptorProto {
            name: Some(format!("S_{name}")),
            method: imports.iter().map(method).collect(),
            ..Default::default()
        };
        let proto = FileDescriptorProto {
            name: Some(name.to_owned()),
            dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
            message_type: vec![message],
            service: vec![service],
            syntax: Some("proto3".to_owned()),
            ..Default::default()
        };
        File::read(proto.encode_to_vec().into()).unwrap()
    }

    fn check(files: Vec<File>, expected: &str) {
        let found = match assemble(files) {
            Ok(pool) => {
                let mut names: Vec<_> = pool.services().map(|service| service.name().to_owned()).collect();
                names.sort();
                names.join(" ")
            }
            Err(bad) => bad.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn files_come_in_any_order() {
        check(vec![file("a", &["b"]), file("b", &["c"]), file("c", &[])], "S_a S_b S_c");
        check(vec![file("c", &[]), file("a", &["b", "c"]), file("b", &["c"])], "S_a S_b S_c");
        check(vec![file("a", &[]), file("a", &["gone"])], "S_a");
        check(vec![file("google/protobuf/any.proto", &["gone"]), file("a", &[])], "S_a");
    }

    #[test]
    fn what_is_no_whole_is_refused() {
        check(vec![file("a", &["b"])], "`a` imports `b`, which is not in it");
        check(vec![file("a", &["a"])], "`a` imports itself, through others or not");
        check(
            vec![file("a", &["b"]), file("b", &["a"]), file("c", &[])],
            "`a` imports itself, through others or not",
        );
        check(vec![], "it tells of no service");
        assert!(File::read(Bytes::from_static(b"\xff")).is_err() && File::read(Bytes::new()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = File::read(bytes.into()).and_then(|file| assemble(vec![file]));
        }

        #[test]
        fn a_broken_file_is_read_or_refused(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = file("a", &["google/protobuf/any.proto"]).bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = File::read(bytes.into()).and_then(|file| assemble(vec![file]));
        }
    }
}
