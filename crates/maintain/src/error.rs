//! What can go wrong when committed files are read back.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use thiserror::Error as ThisError;
use tributary_commit::FencedBy;
use tributary_core::{Epoch, Failure, Fault, Key, ScratchError};
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
    /// Arrow refused the derived rows: a mistake of ours.
    #[error("derived rows do not fit their tables")]
    Rows(#[source] ArrowError),
    /// The spool, on which many small files are merged, could not be used.
    #[error("events cannot be sorted on the spool")]
    Spool(#[source] ScratchError),
    /// The sink refused the derived rows.
    #[error("derived rows cannot be written: {0}")]
    Sink(Failure),
    /// What was derived so far is not known.
    #[error("the list of derived days cannot be read: {reason}")]
    Marks {
        /// Why.
        reason: &'static str,
    },
    /// What a derived table was made of so far is not known.
    #[error("how far {table} was derived cannot be read: {reason}; run tributary rebuild FILE --table {table}")]
    State {
        /// The table.
        table: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Another process rewrote the same days, or bans this one.
    #[error("the rebuild is void: {by}")]
    Fenced {
        /// Who was first.
        by: Box<FencedBy>,
    },
    /// Another process derived the same days meanwhile.
    #[error("epoch {epoch} derived the same days while they were rebuilt: run it again")]
    Overtaken {
        /// The epoch.
        epoch: Epoch,
    },
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store { cause, .. } => cause.fault(),
            Self::Missing { .. } | Self::Damaged { .. } | Self::Column { .. } => Fault::Data,
            Self::Rows(_) => Fault::Bug,
            Self::Spool(_) => Fault::Config,
            Self::Marks { .. } | Self::State { .. } => Fault::Data,
            Self::Sink(failure) => failure.fault(),
            Self::Fenced { .. } | Self::Overtaken { .. } => Fault::Fenced,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store { .. } => "maintain/store",
            Self::Missing { .. } => "maintain/missing-file",
            Self::Damaged { .. } => "maintain/damaged-file",
            Self::Column { .. } => "maintain/missing-column",
            Self::Rows(_) => "maintain/rows",
            Self::Spool(_) => "maintain/spool",
            Self::Marks { .. } => "maintain/marks",
            Self::State { .. } => "maintain/state",
            Self::Sink(failure) => failure.code(),
            Self::Fenced { .. } => "maintain/fenced",
            Self::Overtaken { .. } => "maintain/overtaken",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
