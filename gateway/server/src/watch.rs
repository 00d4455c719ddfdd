//! Files that are read again when they change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// File systems without events, such as those of other machines, are looked at this often.
pub(crate) const POLL: Duration = Duration::from_secs(30);
/// Whoever writes is done when nothing has changed for this long: a deployment replaces more than one file.
pub(crate) const QUIET: Duration = Duration::from_millis(200);
/// In a folder that never comes to rest, files are read this long after the first change.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// A file, or a link to one. Of a link to a link, as volumes of Kubernetes have them, all that are in its folder
    /// count.
    File(&'a Path),
    /// A folder with all that is in it.
    Tree(&'a Path),
}

/// A look-out for changes.
#[derive(Debug)]
pub(crate) struct Watch {
    changes: mpsc::Receiver<()>,
    // Ends when it is dropped.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches these places. `whose` begins the line of the log that says that they cannot be watched.
    pub(crate) fn new<'a>(whose: &str, places: impl IntoIterator<Item = Place<'a>>) -> Watch {
        // One note is enough, however much has changed.
        let (changed, changes) = mpsc::channel(1);
        let watcher = watcher(places, changed).map_err(|error| {
            log::warn!("{whose}: changes of files are noticed after {POLL:?} only: {error}")
        });
        Watch { changes, _watcher: watcher.ok() }
    }

    /// Resolves when files may have changed and nobody writes to them any more, and now and then besides. Between two
    /// of these, nothing is missed.
    pub(crate) async fn settled(&mut self) {
        let mut next = timeout(POLL, self.changes.recv()).await;
        if let Ok(None) = next {
            // Without a watcher only time passes.
            return tokio::time::sleep(POLL).await;
        }
        let latest = Instant::now() + PATIENCE;
        while let Ok(Some(())) = next {
            let quiet = (Instant::now() + QUIET).min(latest);
            next = timeout_at(quiet, self.changes.recv()).await;
            if Instant::now() >= latest {
                break;
            }
        }
    }
}

/// Calls upon every change in these places.
fn watcher<'a>(
    places: impl IntoIterator<Item = Place<'a>>,
    changed: mpsc::Sender<()>,
) -> notify::Result<RecommendedWatcher> {
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
    let mut folders: Vec<PathBuf> = Vec::new();
    for place in places {
        match place {
            // The folder, not the file: editors and deployments put another file in its place.
            Place::File(path) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or(Path::new(".")).to_owned();
                if !folders.contains(&folder) {
                    watcher.watch(&folder, RecursiveMode::NonRecursive)?;
                    folders.push(folder);
                }
            }
            Place::Tree(folder) => watcher.watch(folder, RecursiveMode::Recursive)?,
        }
    }
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Whether a change is noticed before the time at which files are looked at anyway.
    async fn check(place: Place<'_>, change: impl FnOnce()) {
        let mut watch = Watch::new("a test", [place]);
        change();
        timeout(POLL / 2, watch.settled()).await.unwrap();
    }

    #[tokio::test]
    async fn notices_what_is_written_and_what_is_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert.pem");
        let write = |name: &str| std::fs::write(folder.path().join(name), "x").unwrap();
        check(Place::File(&path), || write("cert.pem")).await;
        check(Place::File(&path), || write("cert.pem")).await;
        let replace = || {
            write("new");
            std::fs::rename(folder.path().join("new"), &path).unwrap();
        };
        check(Place::File(&path), replace).await;
    }

    #[tokio::test]
    async fn notices_another_version_of_a_kubernetes_volume() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("tls.crt"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/tls.crt", at("tls.crt")).unwrap();
        let turn = || {
            symlink("..2", at("..data_tmp")).unwrap();
            std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        check(Place::File(&at("tls.crt")), turn).await;
        assert_eq!(std::fs::read_to_string(at("tls.crt")).unwrap(), "..2");
    }
}
