//! The files of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

/// A tracked file.
pub(crate) struct File {
    /// From the root of the repository.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every tracked file that is text and still there.
pub(crate) fn files() -> Vec<File> {
    let listed = Command::new("git").arg("ls-files").arg("-z").current_dir(root()).output();
    let listed = listed.expect("git is not installed");
    assert!(listed.status.success(), "not a checkout: {}", String::from_utf8_lossy(&listed.stderr));
    let files: Vec<File> = listed
        .stdout
        .split(|&byte| byte == 0)
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            let path = str::from_utf8(path).expect("a path that is not UTF-8").to_owned();
            let text = fs::read_to_string(root().join(&path)).ok()?;
            Some(File { path, text })
        })
        .collect();
    // So that no rule below holds because nothing was read.
    assert!(files.len() > 100, "only {} files", files.len());
    files
}

/// Those whose path ends so.
pub(crate) fn files_ending(suffix: &str) -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(suffix)).collect()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
