//! Why there is no spool.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tributary_core::Fault;

/// Why a spool could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The folder does not exist, is not a folder, or may not be written to.
    #[error("no spool can be opened in {folder}")]
    Folder {
        /// The folder that was asked for.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
}

impl SpoolError {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Folder { .. } => Fault::Config,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "spool/folder",
        }
    }
}
