//! What can go wrong when committed files are read back.

use parquet::errors::ParquetError;
use thiserror::Error as ThisError;
use tributary_core::{Failure, Fault, Key};
use tributary_store::StoreError;

/// Why a committed file cannot be read.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The store did not give its bytes.
    #[error("committed file {key} cannot be fetched")]
    Store {
        /// The file.
        key: Key,
        /// What the store said.
        #[source]
        cause: StoreError,
    },
    /// The commit log names it, but it is not there.
    #[error("committed file {key} is missing: somebody deleted or moved it")]
    Missing {
        /// The file.
        key: Key,
    },
    /// Its bytes are not what was written.
    #[error("committed file {key} is damaged")]
    Damaged {
        /// The file.
        key: Key,
        /// What Parquet said.
        #[source]
        cause: ParquetError,
    },
    /// It lacks a column that its table has.
    #[error("committed file {key} has no usable column {column}")]
    Column {
        /// The file.
        key: Key,
        /// The column.
        column: &'static str,
    },
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store { cause, .. } => cause.fault(),
            Self::Missing { .. } | Self::Damaged { .. } | Self::Column { .. } => Fault::Data,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store { .. } => "maintain/store",
            Self::Missing { .. } => "maintain/missing-file",
            Self::Damaged { .. } => "maintain/damaged-file",
            Self::Column { .. } => "maintain/missing-column",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
