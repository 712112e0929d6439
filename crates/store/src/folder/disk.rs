//! Directories that survive a power cut, and the few facts about a disk that both halves of the folder store need.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File, FileType};
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the entries of a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether there is nothing under that name. `NotADirectory`: a part of the path is a file, so the rest cannot exist.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether `link(2)` failed because the file system has no hard links.
pub(super) fn means_no_hard_links(error: &io::Error) -> bool {
    // EPERM (1) is how link(2) says it on vfat; EACCES, the same kind to std, is about rights.
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::CrossesDevices) || error.raw_os_error() == Some(1)
}

/// The children of a directory whose names are text; none when it is absent. Symbolic links are neither file nor
/// directory here.
pub(super) fn children(path: &Path) -> io::Result<Vec<(String, FileType)>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    for entry in entries {
        let entry = entry?;
        match (entry.file_name().into_string(), entry.file_type()) {
            (Ok(name), Ok(kind)) => children.push((name, kind)),
            (_, Err(error)) if !is_absent(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(children)
}

/// How many directories are remembered: more than a lake of 1,000 open days of several tables has.
const REMEMBERED: usize = 8_192;

/// Creates directories durably and remembers which ones are, so that a parent is synchronised once and not for every
/// file. A direct-mapped table of path hashes: bounded, and without a lock. A forgotten entry costs one fsync.
#[derive(Debug)]
pub(super) struct Directories {
    root: PathBuf,
    durable: Box<[AtomicU64]>,
}

impl Directories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, durable: (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Creates `path` and what is missing above it, down from the root; their names are durable afterwards.
    pub(super) fn ensure(&self, path: &Path) -> io::Result<()> {
        // Asked again each time: somebody may tidy up empty folders.
        if path == self.root || (self.is_known(path) && path.is_dir()) {
            return Ok(());
        }
        let Some(parent) = path.parent() else { return Ok(()) };
        self.ensure(parent)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            // Whoever created it may have died before he synchronised its parent.
            Ok(()) | Err(_) => sync_directory(parent)?,
        }
        self.remember(path);
        Ok(())
    }

    /// As [`ensure`](Self::ensure), for a directory that comes and goes: it is created again when it is missing.
    pub(super) fn ensure_again(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        self.ensure(parent)?;
        match fs::create_dir(path) {
            Ok(()) => sync_directory(parent),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn slot(&self, path: &Path) -> Option<(&AtomicU64, u64)> {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let hash = hasher.finish().max(1); // 0 is the empty slot
        let index = usize::try_from(hash % self.durable.len() as u64).ok()?;
        self.durable.get(index).map(|slot| (slot, hash))
    }

    fn is_known(&self, path: &Path) -> bool {
        self.slot(path).is_some_and(|(slot, hash)| slot.load(Ordering::Relaxed) == hash)
    }

    fn remember(&self, path: &Path) {
        if let Some((slot, hash)) = self.slot(path) {
            slot.store(hash, Ordering::Relaxed);
        }
    }
}
