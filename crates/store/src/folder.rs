//! A lake in a local folder.
//!
//! ```text
//! <root>/agent_event/day=2025-07-01/….parquet     objects
//! <root>/_tributary/uploads/<attempt>/<name>      uploads, `/` in their keys written as %2F
//! <root>/_tributary/.tmp/<pid>-<number>           objects on their way to `create`
//! ```

mod disk;
mod upload;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Attempt, Digest, Key, Ticket};

use crate::checksum::Checksum;
use crate::error::staging_area;
use crate::{Completed, Created, ObjectStore, PendingUpload, StoreError, Upload};

use disk::{Directories, is_absent, sync_directory};
use upload::{FolderUpload, Staging};

/// Objects as files below one folder. Clones share it; any number of processes may use one folder.
///
/// `create` stands on `link(2)`, publishing on `rename(2)` inside one file system: both are atomic on every local file
/// system that has hard links. Directories are synchronised, so what was answered survives a power cut as far as the
/// disk is honest.
#[derive(Clone, Debug)]
pub struct FolderStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    directories: Directories,
    temporaries: AtomicU64,
}

impl FolderStore {
    /// Opens the folder, which is created when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when it is not a folder and cannot become one.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let unusable = |cause: io::Error| StoreError::Unusable {
            location: root.display().to_string(),
            reason: format!("it cannot be created or opened as a folder ({cause}); name a folder that may be written"),
        };
        fs::create_dir_all(root).map_err(unusable)?;
        let root = root.canonicalize().map_err(unusable)?;
        let inner = Inner { directories: Directories::new(root.clone()), root, temporaries: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs blocking work where it hurts nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        verb: &'static str,
        key: &Key,
        work: impl FnOnce(&Inner, &Key) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), key.clone());
        let result = match tokio::task::spawn_blocking(move || work(&inner, &owned)).await {
            Ok(result) => result,
            Err(lost) => Err(Trouble::Io(io::Error::other(lost))),
        };
        result.map_err(|trouble| match trouble {
            Trouble::Io(cause) => StoreError::Io { verb, key: key.clone(), cause },
            Trouble::Other(error) => error,
        })
    }
}

/// What goes wrong below: an [`io::Error`] is given its verb and key on the way up.
enum Trouble {
    Io(io::Error),
    Other(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

impl Inner {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn staging(&self) -> PathBuf {
        self.root.join("_tributary").join("uploads")
    }

    fn create(&self, key: &Key, body: &[u8]) -> Result<Created, Trouble> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        self.directories.ensure(&folder)?;
        let temporary = self.write_temporary(body)?;
        fail::fail_point!("store:before_create", |_| std::process::abort());
        let linked = fs::hard_link(&temporary, &path);
        fail::fail_point!("store:after_create", |_| std::process::abort());
        // A name left behind costs a few bytes and is never listed; the answer does not hang on it.
        drop(fs::remove_file(&temporary));
        match linked {
            Ok(()) => {
                sync_directory(&folder)?;
                Ok(Created::New)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let winner = fs::read(&path)?;
                // The winner may not have got this far yet, and somebody is going to rely on what he wrote.
                sync_directory(&folder)?;
                Ok(Created::Exists(winner.into()))
            }
            Err(error) if disk::means_no_hard_links(&error) => Err(Trouble::Other(StoreError::Unusable {
                location: self.root.display().to_string(),
                reason: format!(
                    "its file system refuses hard links ({error}); use one that has them (ext4, xfs, apfs)"
                ),
            })),
            Err(error) => Err(Trouble::Io(error)),
        }
    }

    /// Writes the bytes under a name that nobody else uses, durably.
    fn write_temporary(&self, body: &[u8]) -> io::Result<PathBuf> {
        use std::io::Write;
        let folder = self.root.join("_tributary").join(".tmp");
        self.directories.ensure(&folder)?;
        loop {
            let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
            // Two processes of one number exist where containers share a folder: `create_new` tells them apart.
            let path = folder.join(format!("{}-{number}", std::process::id()));
            match File::create_new(&path) {
                Ok(mut file) => {
                    file.write_all(body)?;
                    file.sync_all()?;
                    return Ok(path);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, Trouble> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        let different = |found| StoreError::Different { key: key.clone(), found, expected: ticket.bytes };
        let staged = Staging::parse(&self.staging(), key, &ticket.upload).ok_or_else(|| gone(key))?;
        match fs::metadata(&staged.path) {
            Ok(metadata) if metadata.len() != ticket.bytes => {
                return Err(different(metadata.len()).into());
            }
            Err(error) if !is_absent(&error) => return Err(Trouble::Io(error)),
            Ok(_) | Err(_) => {}
        }
        self.directories.ensure(&folder)?;
        fail::fail_point!("store:before_complete", |_| std::process::abort());
        let completed = match fs::rename(&staged.path, &path) {
            Ok(()) => Completed::Now,
            Err(error) if is_absent(&error) => {
                let Some((found, digest)) = digest_of_file(&path)? else { return Err(gone(key).into()) };
                if found != ticket.bytes || digest != ticket.digest {
                    return Err(different(found).into());
                }
                Completed::Before
            }
            Err(error) => return Err(Trouble::Io(error)),
        };
        fail::fail_point!("store:after_complete", |_| std::process::abort());
        // `Before` as well: whoever renamed it may have died before this line.
        sync_directory(&folder)?;
        staged.forget();
        Ok(completed)
    }

    fn list(&self, folder: &Key, after: Option<&Key>) -> io::Result<Vec<Key>> {
        let mut keys = Vec::new();
        let mut open = vec![folder.clone()];
        while let Some(name) = open.pop() {
            for (child, kind) in disk::children(&self.path(&name))? {
                let Ok(key) = format!("{name}/{child}").parse::<Key>() else { continue };
                if kind.is_dir() && !is_hidden(&key) {
                    open.push(key);
                } else if kind.is_file() && after.is_none_or(|after| &key > after) {
                    keys.push(key);
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn uploads(&self) -> io::Result<Vec<PendingUpload>> {
        let staging = self.staging();
        let mut pending = Vec::new();
        for (child, kind) in disk::children(&staging)? {
            if let Ok(attempt) = child.parse::<Attempt>()
                && kind.is_dir()
            {
                upload::pending_of(&staging, &attempt, &mut pending)?;
            }
        }
        pending.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        Ok(pending)
    }
}

fn gone(key: &Key) -> StoreError {
    StoreError::Gone { key: key.clone() }
}

/// Whether this folder holds what is not an object: uploads of an attempt, and temporary names.
fn is_hidden(folder: &Key) -> bool {
    let Some(name) = folder.as_str().strip_prefix("_tributary/") else { return false };
    name == ".tmp" || name.strip_prefix("uploads/").is_some_and(|attempt| attempt.parse::<Attempt>().is_ok())
}

/// The length and digest of a file; `None` when there is none.
fn digest_of_file(path: &Path) -> io::Result<Option<(u64, Digest)>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut checksum = Checksum::new();
    let mut buffer = vec![0; 1 << 18];
    let mut length = 0;
    loop {
        let count = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(Some((length, checksum.digest())));
        };
        checksum.add(bytes);
        length += count as u64;
    }
}

/// Some bytes of a file.
fn part(file: &mut File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = range.end.checked_sub(range.start).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes.into())
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.blocking("reading", key, |inner, key| match fs::read(inner.path(key)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Trouble::Io(error)),
        })
        .await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.blocking("measuring", key, |inner, key| match fs::metadata(inner.path(key)) {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Trouble::Io(error)),
        })
        .await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.blocking("reading", key, move |inner, key| Ok(part(&mut File::open(inner.path(key))?, &range)?)).await
    }

    async fn read_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let ranges = ranges.to_vec();
        self.blocking("reading", key, move |inner, key| {
            let mut file = File::open(inner.path(key))?;
            Ok(ranges.iter().map(|range| part(&mut file, range)).collect::<io::Result<_>>()?)
        })
        .await
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        self.blocking("creating", key, move |inner, key| inner.create(key, &body)).await
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        let after = after.cloned();
        self.blocking("listing", folder, move |inner, folder| Ok(inner.list(folder, after.as_ref())?)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.blocking("deleting", key, |inner, key| match fs::remove_file(inner.path(key)) {
            Err(error) if !is_absent(&error) => Err(Trouble::Io(error)),
            Ok(()) | Err(_) => Ok(()),
        })
        .await
    }

    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError> {
        let attempt = attempt.clone();
        let staged = self
            .blocking("beginning", key, move |inner, key| {
                let staging = Staging::of(&inner.staging(), &attempt, key);
                Ok(upload::Staged::create(staging, &inner.directories)?)
            })
            .await?;
        Ok(Box::new(FolderUpload::new(self.clone(), key.clone(), staged)))
    }

    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        let ticket = ticket.clone();
        self.blocking("completing", key, move |inner, key| inner.complete(key, &ticket)).await
    }

    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        let upload = upload.to_owned();
        self.blocking("aborting", key, move |inner, key| {
            if let Some(staged) = Staging::parse(&inner.staging(), key, &upload) {
                staged.remove()?;
            }
            Ok(())
        })
        .await
    }

    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        self.blocking("listing", &staging_area()?, |inner, _| Ok(inner.uploads()?)).await
    }
}

#[cfg(test)]
mod tests;
