//! Files and folders that are read again when they change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use prost_reflect::DescriptorPool;

use super::{Source, file, protos};
use crate::plan::DescriptorSource;
use crate::running::Running;
use crate::watch::{Place, Watch};

/// Keeps a source current for as long as it runs.
pub(super) async fn follow(running: Arc<Running>, source: Arc<Source>) {
    let mut watch = Watch::new(&format!("descriptors of cluster {}", source.cluster), places(&source.kind));
    // Between planning and now, files may have changed.
    let mut seen = None;
    loop {
        let kind = source.kind.clone();
        let looked = tokio::task::spawn_blocking(move || look(&kind, seen)).await;
        // A panic in a compiler is one more reason why files tell nothing.
        let looked = looked.unwrap_or_else(|_| Err("they cannot be compiled".to_owned()));
        seen = looked.as_ref().ok().map(|(content, _)| *content);
        source.note(&running, looked.map(|(_, pool)| pool));
        watch.settled().await;
    }
}

/// What is watched for a source.
fn places(kind: &DescriptorSource) -> Vec<Place<'_>> {
    match kind {
        DescriptorSource::File(path) => vec![Place::File(path)],
        DescriptorSource::Protos(folders) => folders.iter().map(|folder| Place::Tree(folder)).collect(),
        DescriptorSource::Reflection { .. } => Vec::new(),
    }
}

/// What files hold, told from what they held before, and what they tell if that is another thing than before.
type Looked = (u64, Option<DescriptorPool>);

fn look(kind: &DescriptorSource, seen: Option<u64>) -> Result<Looked, String> {
    match kind {
        DescriptorSource::File(path) => {
            let bad = |bad: file::BadFile| format!("{}: {bad}", path.display());
            let bytes = file::read(path).map_err(bad)?;
            let content = hash(&bytes);
            let pool = (seen != Some(content)).then(|| file::decode(&bytes)).transpose().map_err(bad)?;
            Ok((content, pool))
        }
        DescriptorSource::Protos(folders) => look_at_folders(folders, seen),
        DescriptorSource::Reflection { .. } => Ok((0, None)),
    }
}

fn look_at_folders(folders: &[PathBuf], seen: Option<u64>) -> Result<Looked, String> {
    let files = protos::find(folders).map_err(|bad| bad.to_string())?;
    let mut hasher = DefaultHasher::new();
    for path in &files {
        // One that cannot be read is the compiler's to complain about.
        (path, std::fs::read(path).ok()).hash(&mut hasher);
    }
    let content = hasher.finish();
    if seen == Some(content) {
        return Ok((content, None));
    }
    let mistakes = |mistakes: Vec<protos::BadProto>| {
        let shown: Vec<String> = mistakes.iter().take(3).map(ToString::to_string).collect();
        shown.join("; ")
    };
    Ok((content, Some(protos::compile(folders, &files).map_err(mistakes)?)))
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
