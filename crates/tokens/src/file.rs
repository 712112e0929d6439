//! A token that something else puts into a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Token, jwt};

/// The longest file that is read. Tokens have some kilobytes.
const LONGEST: u64 = 1 << 20;

/// By what another file in the place of one is known: when it was written, and its length in bytes.
pub(crate) type Stamp = (Option<SystemTime>, u64);

/// Reads it, on a thread that may wait for it; white space at its ends is no part of it.
pub(crate) async fn read(file: &Path) -> Result<Token, Error> {
    let path = file.to_owned();
    let text =
        tokio::task::spawn_blocking(move || text(&path)).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let text = text.map_err(|cause| Error::File { file: file.to_owned(), cause })?;
    jwt::read(text.trim()).map_err(|reason| Error::Unusable { place: file.display().to_string(), reason })
}

fn text(file: &Path) -> io::Result<String> {
    // A pipe would be waited for, and is empty the second time. A link to a file is one: so Kubernetes mounts secrets.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = String::new();
    File::open(file)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// What the file looks like now; `None` where it cannot be seen.
pub(crate) async fn stamp(file: &Path) -> Option<Stamp> {
    let path: PathBuf = file.to_owned();
    let metadata = tokio::task::spawn_blocking(move || std::fs::metadata(path)).await.ok()?.ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}
