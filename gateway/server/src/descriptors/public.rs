//! Public imports, written out: what a file sees through those that it imports becomes an import of its own.
//!
//! The pool that files are put into follows them one step only, and takes a time that doubles with each file where many
//! import one another publicly. Nothing is lost: who reads descriptors afterwards asks what a name means, not how it
//! came to be seen.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use prost::Message;

use super::assemble::{BadFiles, File};

/// How much may be seen through public imports in all, in bytes of names and this much more for each.
const MOST: usize = 64 << 20;
const EACH: usize = 32;

/// A `google.protobuf.FileDescriptorProto` without its lists of public and weak imports, and otherwise as it is.
#[derive(Clone, PartialEq, prost::Message)]
struct Whole {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "bytes", optional, tag = "2")]
    package: Option<Bytes>,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    message_type: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    enum_type: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    service: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    extension: Vec<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "8")]
    options: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "9")]
    source_code_info: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "12")]
    syntax: Option<Bytes>,
    #[prost(int32, optional, tag = "14")]
    edition: Option<i32>,
}

/// The bytes of files that come after those that they import, with public imports written out.
pub(super) fn write_out(files: &[File]) -> Result<Vec<Bytes>, BadFiles> {
    // What each file lets others see, by its name.
    let mut shown: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let mut left = MOST;
    let mut written = Vec::with_capacity(files.len());
    for File { head, bytes } in files {
        let public: HashSet<i32> = head.public_dependency.iter().copied().collect();
        let (mut seen, mut shows) = (BTreeSet::new(), BTreeSet::new());
        for (place, import) in (0..).zip(&head.dependency) {
            let mut see = |name| {
                seen.insert(name);
                if public.contains(&place) {
                    shows.insert(name);
                }
            };
            see(import.as_str());
            for name in shown.get(import.as_str()).into_iter().flatten() {
                left = left.checked_sub(name.len() + EACH).ok_or(BadFiles::TooPublic)?;
                see(name);
            }
        }
        if public.is_empty() && seen.len() == head.dependency.len() {
            written.push(bytes.clone());
        } else {
            let mut whole = Whole::decode(bytes.clone()).map_err(|_| BadFiles::NoDescriptorSet)?;
            whole.dependency = seen.into_iter().map(str::to_owned).collect();
            written.push(whole.encode_to_vec().into());
        }
        if !shows.is_empty() {
            shown.insert(&head.name, shows);
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use prost_reflect::prost_types::{
        DescriptorProto, FileDescriptorProto, FileOptions, MethodDescriptorProto, ServiceDescriptorProto,
        SourceCodeInfo,
    };

    use super::super::assemble::assemble;
    use super::*;

    /// A file with a message of its name that imports others, all or none of them publicly.
    fn file(name: &str, imports: &[String], is_public: bool) -> FileDescriptorProto {
        FileDescriptorProto {
            name: Some(name.to_owned()),
            dependency: imports.to_vec(),
            public_dependency: (0..imports.len() as i32).filter(|_| is_public).collect(),
            message_type: vec![DescriptorProto { name: Some(name.to_owned()), ..Default::default() }],
            syntax: Some("proto3".to_owned()),
            ..Default::default()
        }
    }

    /// A file that imports another and has a service that takes this message.
    fn user(import: &str, message: &str) -> FileDescriptorProto {
        let method = MethodDescriptorProto {
            name: Some("Take".to_owned()),
            input_type: Some(format!(".{message}")),
            output_type: Some(format!(".{message}")),
            ..Default::default()
        };
        let service = ServiceDescriptorProto {
            name: Some("Service".to_owned()),
            method: vec![method],
            ..Default::default()
        };
        let mut user = file("user", &[import.to_owned()], false);
        user.service.push(service);
        user
    }

    fn check(files: &[FileDescriptorProto], expected: Result<(), &str>) {
        let files = files.iter().map(|file| File::read(file.encode_to_vec().into()).unwrap()).collect();
        let made = assemble(files).map(|pool| assert_eq!(pool.services().len(), 1));
        assert_eq!(made.map_err(|bad| bad.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn public_imports_reach_as_far_as_they_are_public() {
        let chain = |is_public| {
            let files = (0..100).map(|number| {
                let imports = Vec::from_iter((number < 99).then(|| format!("f{}", number + 1)));
                file(&format!("f{number}"), &imports, is_public)
            });
            files.chain([user("f0", "f99")]).collect::<Vec<_>>()
        };
        check(&chain(true), Ok(()));
        let files =
            chain(false).iter().map(|file| File::read(file.encode_to_vec().into()).unwrap()).collect();
        assert!(matches!(assemble(files), Err(BadFiles::Invalid(_))));
    }

    /// Followed one after the other these are more ways than there is time for.
    #[test]
    fn files_that_all_import_one_another_cost_little() {
        let files = |count: usize| {
            let name = |number: usize| format!("f{number}");
            let files = (0..count).map(|number| {
                let imports: Vec<String> = (number + 1..count).map(name).collect();
                file(&name(number), &imports, true)
            });
            files.chain([user("f0", &name(count - 1))]).collect::<Vec<_>>()
        };
        check(&files(60), Ok(()));
        check(&files(400), Err("its public imports lead to too many files"));
    }

    #[test]
    fn nothing_else_of_a_file_changes() {
        let mut whole = user("a", "a");
        whole.dependency.push("b".to_owned());
        whole.package = Some("p".to_owned());
        whole.options = Some(FileOptions { go_package: Some("go".to_owned()), ..Default::default() });
        whole.source_code_info = Some(SourceCodeInfo { location: vec![Default::default()] });
        let read = |file: &FileDescriptorProto| File::read(file.encode_to_vec().into()).unwrap();
        let import = file("b", &["c".to_owned()], true);
        let written = write_out(&[read(&import), read(&whole)]).unwrap();
        whole.dependency.push("c".to_owned());
        assert_eq!(FileDescriptorProto::decode(&*written[1]).unwrap(), whole);
    }
}
