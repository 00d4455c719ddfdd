//! Descriptor sets in files, as `protoc --descriptor_set_out` and `buf build -o` write them.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool};

use super::known;

/// The largest descriptor set that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Why a file tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFile {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("this is no file")]
    NoFile,
    #[error("it has more than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    #[error("this is no descriptor set")]
    NoDescriptorSet,
    #[error("it tells of no service")]
    NoService,
    #[error("`{file}` imports `{import}`, which is not in it")]
    NoImport { file: String, import: String },
    #[error("{0:?}")]
    Invalid(DescriptorError),
}

impl BadFile {
    /// What to do about it, when that is not obvious.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            BadFile::NoDescriptorSet => Some(
                "make one with `protoc --include_imports --descriptor_set_out=FILE` or `buf build -o FILE`",
            ),
            BadFile::NoImport { .. } => Some("let `protoc` put imports in too: `--include_imports`"),
            _ => None,
        }
    }
}

/// The bytes of a file of a size that a descriptor set has.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BadFile> {
    // Opening what is no file, such as a pipe, could wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(BadFile::NoFile);
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES { Err(BadFile::TooLarge) } else { Ok(bytes) }
}

/// What the bytes of a descriptor set tell.
pub(crate) fn decode(bytes: &[u8]) -> Result<DescriptorPool, BadFile> {
    let set = Set::decode(bytes).map_err(|_| BadFile::NoDescriptorSet)?;
    let files = set.file.iter().map(|file| File::decode(file.clone())).collect::<Result<Vec<_>, _>>();
    let files = files.map_err(|_| BadFile::NoDescriptorSet)?;
    if files.is_empty() || files.iter().any(|file| file.name.is_empty()) {
        return Err(BadFile::NoDescriptorSet);
    }
    let mut pool = known();
    for file in &files {
        let is_there = |import: &str| {
            pool.get_file_by_name(import).is_some() || files.iter().any(|other| other.name == import)
        };
        if let Some(import) = file.dependency.iter().find(|import| !is_there(import)) {
            return Err(BadFile::NoImport { file: file.name.clone(), import: import.clone() });
        }
    }
    pool.decode_file_descriptor_set(bytes).map_err(BadFile::Invalid)?;
    if pool.services().len() == 0 { Err(BadFile::NoService) } else { Ok(pool) }
}

/// `google.protobuf.FileDescriptorSet`, with its files as they are: options that are extensions must not get lost.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) file: Vec<Bytes>,
}

/// What must be known of a `google.protobuf.FileDescriptorProto` before it can be used.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct File {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) dependency: Vec<String>,
}
