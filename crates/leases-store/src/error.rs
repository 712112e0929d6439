//! What can go wrong with leases in a store.

use thiserror::Error as ThisError;
use tributary_core::{Failure, Fault, InvalidName, Key};
use tributary_store::StoreError;

/// Why leases cannot be read or written.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error("the leases cannot be read or written")]
    Store(#[from] StoreError),
    /// A newer Tributary wrote them.
    #[error("{key} has format {format}, and this version reads up to {newest}; run all workers with the newer version")]
    NewerFormat {
        /// The document.
        key: Key,
        /// Its format.
        format: u32,
        /// The newest that is known here.
        newest: u32,
    },
    /// It is not what was written.
    #[error("{key} is no table of leases; delete it while no worker runs: each takes its leases anew")]
    Damaged {
        /// The document.
        key: Key,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// Others were always faster.
    #[error("others changed the leases in {folder} first, {tries} times; with so many workers keep leases in DynamoDB")]
    Contended {
        /// The folder.
        folder: Key,
        /// How often it was tried.
        tries: u32,
    },
    /// A document cannot be named or written: a bug.
    #[error("leases have no name in the store")]
    Name(#[from] InvalidName),
    /// The table cannot be written as JSON: a bug.
    #[error("the leases cannot be encoded")]
    Encode(#[source] serde_json::Error),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(cause) => cause.fault(),
            Self::NewerFormat { .. } => Fault::Config,
            Self::Damaged { .. } => Fault::Data,
            Self::Contended { .. } => Fault::Transient,
            Self::Name(_) | Self::Encode(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(cause) => cause.code(),
            Self::NewerFormat { .. } => "leases/newer-format",
            Self::Damaged { .. } => "leases/damaged",
            Self::Contended { .. } => "leases/contended",
            Self::Name(_) | Self::Encode(_) => "leases/bug",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
