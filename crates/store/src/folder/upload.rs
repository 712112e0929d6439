//! Uploads of the folder store: files that wait in `_tributary/uploads/<attempt>/`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Attempt, Key, Ticket, Timestamp};

use super::disk::{self, Directories, is_absent, sync_directory};
use super::{FolderStore, Trouble};
use crate::checksum::Checksum;
use crate::{PendingUpload, StoreError, Upload};

/// The longest piece of an encoded name: file systems allow 255 bytes.
const PIECE: usize = 200;

/// Where an upload waits. One directory an attempt, not one a partition: sealing synchronises it.
pub(super) struct Staging {
    pub(super) path: PathBuf,
    folder: PathBuf,
    upload: String,
}

impl Staging {
    pub(super) fn of(staging: &Path, attempt: &Attempt, key: &Key) -> Self {
        let folder = staging.join(attempt.as_str());
        let encoded = key.as_str().replace('%', "%25").replace('/', "%2F");
        let mut path = folder.clone();
        let mut piece = String::new();
        for character in encoded.chars() {
            if piece.len() + character.len_utf8() > PIECE {
                path.push(std::mem::take(&mut piece));
            }
            piece.push(character);
        }
        path.push(piece);
        Self { path, folder, upload: attempt.as_str().to_owned() }
    }

    /// The place that a ticket names; `None` when the name is not one of ours.
    pub(super) fn parse(staging: &Path, key: &Key, upload: &str) -> Option<Self> {
        upload.parse::<Attempt>().ok().map(|attempt| Self::of(staging, &attempt, key))
    }

    /// Removes the file; one that is not there is no error.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if !is_absent(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.forget();
        Ok(())
    }

    /// Removes the attempt's directory if this was its last file; a full one stays.
    pub(super) fn forget(&self) {
        drop(fs::remove_dir(&self.folder));
    }
}

fn decode(encoded: &str) -> Option<Key> {
    encoded.replace("%2F", "/").replace("%25", "%").parse().ok()
}

/// The files that wait for one attempt.
pub(super) fn pending_of(staging: &Path, attempt: &Attempt, pending: &mut Vec<PendingUpload>) -> io::Result<()> {
    let mut open = vec![(staging.join(attempt.as_str()), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for (child, kind) in disk::children(&folder)? {
            let path = folder.join(&child);
            let encoded = format!("{prefix}{child}");
            if kind.is_dir() {
                open.push((path, encoded));
                continue;
            }
            let Some(key) = decode(&encoded) else { continue };
            // A file that was completed or aborted meanwhile is not pending.
            let since = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(modified) => moment(modified),
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(error),
            };
            pending.push(PendingUpload { key, upload: attempt.as_str().to_owned(), attempt: attempt.clone(), since });
        }
    }
    Ok(())
}

fn moment(time: std::time::SystemTime) -> Timestamp {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A file being written.
pub(super) struct Staged {
    place: Staging,
    file: File,
    checksum: Checksum,
}

impl Staged {
    pub(super) fn create(place: Staging, directories: &Directories) -> io::Result<Self> {
        let folder = place.path.parent().unwrap_or(&place.folder).to_owned();
        loop {
            directories.ensure_again(&place.folder)?;
            if folder != place.folder {
                fs::create_dir_all(&folder)?;
            }
            match File::create_new(&place.path) {
                Ok(file) => return Ok(Self { place, file, checksum: Checksum::new() }),
                // The attempt's last file was aborted just now, and its directory with it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.checksum.add(bytes);
        Ok(())
    }

    fn seal(self) -> io::Result<Ticket> {
        self.file.sync_all()?;
        let mut folder = self.place.path.parent();
        while let Some(path) = folder {
            sync_directory(path)?;
            folder = if path == self.place.folder { None } else { path.parent() };
        }
        Ok(self.checksum.ticket(self.place.upload))
    }
}

/// An upload in progress.
pub(super) struct FolderUpload {
    store: FolderStore,
    key: Key,
    // Absent while a call is under way; a call that was dropped half-way leaves the upload unusable.
    staged: Option<Staged>,
}

impl FolderUpload {
    pub(super) fn new(store: FolderStore, key: Key, staged: Staged) -> Self {
        Self { store, key, staged: Some(staged) }
    }

    fn take(&mut self) -> Result<Staged, StoreError> {
        self.staged.take().ok_or_else(|| StoreError::Io {
            verb: "writing",
            key: self.key.clone(),
            cause: io::Error::other("an earlier write failed or was interrupted"),
        })
    }
}

#[async_trait]
impl Upload for FolderUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let mut staged = self.take()?;
        let write = move |_: &super::Inner, _: &Key| -> Result<Staged, Trouble> {
            staged.write(&bytes)?;
            Ok(staged)
        };
        self.staged = Some(self.store.blocking("writing", &self.key, write).await?);
        Ok(())
    }

    async fn seal(mut self: Box<Self>) -> Result<Ticket, StoreError> {
        let staged = self.take()?;
        self.store.blocking("sealing", &self.key, move |_, _| Ok(staged.seal()?)).await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StoreError> {
        let staged = self.take()?;
        self.store.blocking("aborting", &self.key, move |_, _| Ok(staged.place.remove()?)).await
    }
}
