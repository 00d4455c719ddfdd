//! Descriptor sets in files, as `protoc --descriptor_set_out` and `buf build -o` write them.

use std::io::{self, Read};
use std::path::Path;

use prost::Message;
use prost_reflect::DescriptorPool;

use super::assemble::{BadFiles, File, Set, assemble};

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
    #[error(transparent)]
    Content(#[from] BadFiles),
}

impl BadFile {
    /// What to do about it, when that is not obvious.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            BadFile::Content(BadFiles::NoDescriptorSet) => Some(
                "make one with `protoc --include_imports --descriptor_set_out=FILE` or `buf build -o FILE`",
            ),
            BadFile::Content(BadFiles::NoImport { .. }) => {
                Some("let `protoc` put imports in too: `--include_imports`")
            }
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
    let set = Set::decode(bytes).map_err(|_| BadFiles::NoDescriptorSet)?;
    if set.file.is_empty() {
        return Err(BadFiles::NoDescriptorSet.into());
    }
    let files = set.file.into_iter().map(File::read).collect::<Result<Vec<_>, _>>()?;
    Ok(assemble(files)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_only_and_no_larger_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let check = |path: &Path, expected: &str| {
            assert_eq!(read(path).unwrap_err().to_string(), expected, "{}", path.display());
        };
        check(folder.path(), "this is no file");
        check(Path::new("/dev/zero"), "this is no file");
        let large = folder.path().join("large");
        // It takes no room on the disk.
        std::fs::File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        check(&large, "it has more than 64 MiB");
    }
}
