//! The spool itself.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tributary_core::{Extent, Scratch, ScratchError};

use crate::SpoolError;
use crate::space::{Given, Space};

/// A [`Scratch`] on one unlinked local file. Calls block on the disk; any number of threads may share it.
#[derive(Debug)]
pub struct Spool {
    file: File,
    limit: u64,
    /// Guards the map alone: bytes are read and written outside of it, for live extents never overlap.
    space: Mutex<Space>,
}

impl Spool {
    /// Opens a spool of at most `limit` bytes in the folder `dir`, which must exist.
    ///
    /// # Errors
    /// [`SpoolError::Folder`] when no file can be made there.
    pub fn create(dir: &Path, limit: u64) -> Result<Self, SpoolError> {
        let refuse = |cause| SpoolError::Folder { folder: dir.to_owned(), cause };
        let (path, file) = create_new(dir).map_err(refuse)?;
        fs::remove_file(&path).map_err(refuse)?;
        Ok(Self { file, limit, space: Mutex::default() })
    }

    /// The length of the file in bytes: what the disk has to hold now.
    ///
    /// # Errors
    /// [`ScratchError::Io`] when the operating system does not say.
    pub fn length(&self) -> Result<u64, ScratchError> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(ScratchError::Io)
    }

    /// The map is whole whatever its holder did: every change of it is one call that cannot fail half-way.
    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a file that was not there, readable by this user alone: event payloads are personal data.
fn create_new(dir: &Path) -> io::Result<(PathBuf, File)> {
    /// Tells the spools of one process apart between their creation and their removal.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!(".tributary-spool-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            // Another machine's process of the same number shares the folder, or a killed one left it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => return Ok((path, file)),
        }
    }
}

impl Scratch for Spool {
    fn append(&self, bytes: &[u8]) -> Result<Extent, ScratchError> {
        let taken = self.space().take(bytes.len() as u64, self.limit);
        let extent = taken.ok_or(ScratchError::Full { limit: self.limit })?;
        if let Err(error) = self.file.write_all_at(bytes, extent.offset) {
            self.release(extent);
            // A full disk is a full spool: the caller can still seal early.
            return Err(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ScratchError::Full { limit: self.limit },
                _ => ScratchError::Io(error),
            });
        }
        Ok(extent)
    }

    fn read(&self, extent: Extent, skip: u64, into: &mut [u8]) -> Result<(), ScratchError> {
        let within = skip.checked_add(into.len() as u64).is_some_and(|end| end <= extent.length);
        if !within {
            return Err(ScratchError::Io(io::Error::new(io::ErrorKind::InvalidInput, "read beyond the extent")));
        }
        self.file.read_exact_at(into, extent.offset + skip).map_err(ScratchError::Io)
    }

    fn release(&self, extent: Extent) {
        let mut space = self.space();
        let end = match space.give(extent) {
            Given::Last => 0,
            Given::End(end) => end,
            Given::Hole | Given::Nothing => return,
        };
        // Under the lock, so that nobody has taken what is cut off. A file that cannot be cut is only longer.
        drop(self.file.set_len(end));
    }
}

#[cfg(test)]
mod tests;
