//! Files and folders that are read again when they change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use prost_reflect::DescriptorPool;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Source, file, protos};
use crate::plan::DescriptorSource;
use crate::running::Running;

/// File systems without events, such as those of other machines, are looked at this often.
const POLL: Duration = Duration::from_secs(30);
/// Whoever writes is done when nothing has changed for this long: a deployment replaces more than one file.
const QUIET: Duration = Duration::from_millis(200);
/// In a folder that never comes to rest, files are read this long after the first change.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps a source current for as long as it runs.
pub(super) async fn follow(running: Arc<Running>, source: Arc<Source>) {
    // One note is enough, however much has changed.
    let (changed, mut changes) = mpsc::channel(1);
    let _watcher = watcher(&source.kind, changed)
        .map_err(|error| {
            let cluster = &source.cluster;
            log::warn!("cluster {cluster}: changes of descriptors are noticed after {POLL:?} only: {error}");
        })
        .ok();
    // Between planning and now, files may have changed.
    let mut seen = None;
    loop {
        let kind = source.kind.clone();
        let looked = tokio::task::spawn_blocking(move || look(&kind, seen)).await;
        // A panic in a compiler is one more reason why files tell nothing.
        let looked = looked.unwrap_or_else(|_| Err("they cannot be compiled".to_owned()));
        seen = looked.as_ref().ok().map(|(content, _)| *content);
        source.note(&running, looked.map(|(_, pool)| pool));

        // Without a watcher the channel is closed, and only time passes.
        let mut next = timeout(POLL, changes.recv()).await;
        if let Ok(None) = next {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let latest = Instant::now() + PATIENCE;
        while let Ok(Some(())) = next {
            let quiet = (Instant::now() + QUIET).min(latest);
            next = timeout_at(quiet, changes.recv()).await;
            if Instant::now() >= latest {
                break;
            }
        }
    }
}

/// Calls upon every change in the folders of a source.
fn watcher(kind: &DescriptorSource, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_change = event.is_ok_and(|event| match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            // Reading them is no change.
            EventKind::Access(_) => false,
            _ => true,
        });
        if is_change {
            // If there is no room, a note waits already.
            let _ = changed.try_send(());
        }
    })?;
    match kind {
        // The folder, not the file: editors and deployments put another file in its place.
        DescriptorSource::File(path) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            watcher.watch(folder.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
        }
        DescriptorSource::Protos(folders) => {
            for folder in folders {
                watcher.watch(folder, RecursiveMode::Recursive)?;
            }
        }
        DescriptorSource::Reflection { .. } => {}
    }
    Ok(watcher)
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
