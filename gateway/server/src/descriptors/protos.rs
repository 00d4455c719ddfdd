//! Folders of `.proto` files, compiled here: no `protoc` is needed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use prost_reflect::DescriptorPool;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use sluicegate_core::schema::bundled;

use super::file;

/// Entries looked at in all folders. Whoever names `/` gets an answer in time.
const MOST_ENTRIES: usize = 1 << 16;
/// How deep folders may be within each other.
const DEEPEST: usize = 32;
/// The largest `.proto` file, in bytes, and all of them together.
const MOST_BYTES: u64 = 64 << 20;
/// What the compiler needs of the stack, in bytes, and for each file that imports another: it goes deeper with each.
const STACK: usize = 2 << 20;
const STACK_OF_IMPORT: usize = 16 << 10;

/// Why `.proto` files tell nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum BadProto {
    #[error("the folder {0} cannot be read: {1}")]
    Folder(String, String),
    #[error("there are more than {MOST_ENTRIES} files in these folders")]
    TooMany,
    #[error("the files have more than {} MiB in all", MOST_BYTES >> 20)]
    TooLarge,
    #[error("there is no .proto file in these folders")]
    NoFile,
    #[error("the .proto files tell of no service")]
    NoService,
    #[error("the .proto files cannot be compiled")]
    Broken,
    /// The compiler's words, which begin with file, line and column if it knows them.
    #[error("{0}")]
    Mistake(String),
}

/// All `.proto` files below these folders, in order. Links to files are followed; links to folders are not, as these
/// could lead round in circles. What is hidden is left out: Kubernetes keeps the files of a volume in a hidden folder,
/// and links to them beside it.
pub(crate) fn find(folders: &[PathBuf]) -> Result<Vec<PathBuf>, BadProto> {
    let mut files = Vec::new();
    let mut entries = 0;
    let mut bytes = 0;
    for root in folders {
        let unreadable = |folder: &Path, error: io::Error| {
            BadProto::Folder(folder.display().to_string(), error.to_string())
        };
        let mut left = vec![(root.clone(), 0)];
        while let Some((folder, depth)) = left.pop() {
            for entry in std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
                let entry = entry.map_err(|error| unreadable(&folder, error))?;
                entries += 1;
                if entries > MOST_ENTRIES {
                    return Err(BadProto::TooMany);
                }
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let path = entry.path();
                // What vanishes while it is looked at was not there.
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth < DEEPEST {
                    left.push((path, depth + 1));
                } else if path.extension().is_some_and(|extension| extension == "proto")
                    && let Ok(found) = std::fs::metadata(&path)
                    && found.is_file()
                {
                    bytes += found.len();
                    files.push(path);
                }
            }
        }
    }
    if bytes > MOST_BYTES {
        return Err(BadProto::TooLarge);
    }
    files.sort();
    if files.is_empty() { Err(BadProto::NoFile) } else { Ok(files) }
}

/// What these files, which are below these folders, tell. The error has each mistake once.
pub(crate) fn compile(folders: &[PathBuf], files: &[PathBuf]) -> Result<DescriptorPool, Vec<BadProto>> {
    thread::scope(|scope| {
        // A stack that overflows ends the process. What of this one is not used takes no memory.
        let stack = STACK + files.len() * STACK_OF_IMPORT;
        let compiling = thread::Builder::new().name("protos".to_owned()).stack_size(stack);
        let compiled = compiling.spawn_scoped(scope, || compile_here(folders, files));
        // A panic in a compiler is one more reason why files tell nothing.
        compiled.ok().and_then(|compiled| compiled.join().ok()).unwrap_or_else(|| Err(vec![BadProto::Broken]))
    })
}

fn compile_here(folders: &[PathBuf], files: &[PathBuf]) -> Result<DescriptorPool, Vec<BadProto>> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Bundled);
    for folder in folders {
        resolver.add(IncludeFileResolver::new(folder.clone()));
    }
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    let mut mistakes = BTreeSet::new();
    for file in files {
        if let Err(error) = compiler.open_file(file) {
            // Its other form leaves out where the mistake is.
            mistakes.insert(BadProto::Mistake(format!("{error:?}")));
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes.into_iter().collect());
    }
    if compiler.descriptor_pool().services().len() == 0 {
        return Err(vec![BadProto::NoService]);
    }
    // The compiler's own pool lacks what is bundled and not imported, which messages may hold all the same.
    let set = compiler.include_imports(true).encode_file_descriptor_set();
    file::decode(&set).map_err(|bad| vec![BadProto::Mistake(bad.to_string())])
}

/// Finds the files that are bundled with the gateway.
#[derive(Debug)]
struct Bundled;

impl FileResolver for Bundled {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match bundled::source(name) {
            Some(source) => File::from_source(name, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn finds_files_and_links_to_them_and_goes_no_rounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::create_dir(path("..data")).unwrap();
        for file in ["a/one.proto", "a/b/two.proto", "a/README", "a/.hidden.proto", "..data/three.proto"] {
            fs::write(path(file), "").unwrap();
        }
        symlink(path("a/one.proto"), path("link.proto")).unwrap();
        symlink(folder.path(), path("a/round")).unwrap();
        symlink(path("..data/three.proto"), path("three.proto")).unwrap();
        symlink(path("nowhere"), path("broken.proto")).unwrap();
        fs::create_dir(path("folder.proto")).unwrap();
        let found = find(&[folder.path().to_owned()]).unwrap();
        assert_eq!(found, ["a/b/two.proto", "a/one.proto", "link.proto", "three.proto"].map(path));
    }

    #[test]
    fn what_is_bundled_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.proto");
        let text = "syntax = 'proto3';\n\
            import 'google/api/annotations.proto';\n\
            import 'google/protobuf/empty.proto';\n\
            service Chat { rpc Say(google.protobuf.Empty) returns (google.protobuf.Empty) {\n\
              option (google.api.http) = { get: '/say' };\n\
            } }";
        fs::write(&file, text).unwrap();
        let pool = compile(&[folder.path().to_owned()], &[file]).unwrap();
        let method = pool.get_service_by_name("Chat").unwrap().methods().next().unwrap();
        let http = pool.get_extension_by_name("google.api.http").unwrap();
        assert!(method.options().has_extension(&http));
        assert!(pool.get_message_by_name("google.rpc.ErrorInfo").is_some(), "errors may hold it");
    }

    /// The compiler follows imports by recursion.
    #[test]
    fn imports_may_go_as_deep_as_there_are_files() {
        const DEEP: usize = 3000;
        let folder = tempfile::tempdir().unwrap();
        let name = |number: usize| format!("{number}.proto");
        for number in 0..DEEP {
            let import =
                if number + 1 < DEEP { format!("import '{}';", name(number + 1)) } else { String::new() };
            let text = format!("syntax = 'proto3'; {import} message M{number} {{}} service S{number} {{}}");
            fs::write(folder.path().join(name(number)), text).unwrap();
        }
        let folders = [folder.path().to_owned()];
        let pool = compile(&folders, &find(&folders).unwrap()).unwrap();
        assert_eq!(pool.services().len(), DEEP);
    }
}
