//! What a store may answer instead of what was asked for.

use std::io;

use thiserror::Error;
use tributary_core::{Fault, Key};

/// Why a store could not do it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk or the network failed; whether the call took effect is unknown.
    #[error("{verb} {key} failed")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which object.
        key: Key,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// There is neither an object nor an upload to complete.
    #[error("the upload of {key} is gone, and {key} does not exist")]
    Gone {
        /// The object that was to appear.
        key: Key,
    },
    /// An object is there, but not the one that was uploaded.
    #[error(
        "{key} is another object than was uploaded: {found} bytes long, where {expected} with another checksum were sent"
    )]
    Different {
        /// The object.
        key: Key,
        /// Its length in bytes.
        found: u64,
        /// The length that was uploaded.
        expected: u64,
    },
    /// The store refuses this caller.
    #[error("{verb} {key} is refused: {reason}")]
    Denied {
        /// What was tried.
        verb: &'static str,
        /// On which object.
        key: Key,
        /// Why, with a cure.
        reason: String,
    },
    /// The store itself cannot be used.
    #[error("{location} cannot be used as a lake: {reason}")]
    Unusable {
        /// Where it is.
        location: String,
        /// Why not, with a cure.
        reason: String,
    },
}

impl StoreError {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Io { cause, .. } => match cause.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Fault::Config,
                _ => Fault::Transient,
            },
            Self::Gone { .. } | Self::Different { .. } => Fault::Data,
            Self::Denied { .. } | Self::Unusable { .. } => Fault::Config,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store/io",
            Self::Gone { .. } => "store/gone",
            Self::Different { .. } => "store/different",
            Self::Denied { .. } => "store/denied",
            Self::Unusable { .. } => "store/unusable",
        }
    }
}

/// Where uploads wait in a folder, and the name under which calls that concern all uploads are reported.
pub(crate) fn staging_area() -> Result<Key, StoreError> {
    let name = "_tributary/uploads";
    name.parse()
        .map_err(|_| StoreError::Unusable { location: name.to_owned(), reason: "the name is refused".to_owned() })
}
