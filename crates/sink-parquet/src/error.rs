//! Why rows could not become files.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use thiserror::Error;
use tributary_core::{Day, Failure, Fault, InvalidName, ScratchError, TableId};
use tributary_store::StoreError;

/// Why the sink failed. After an error nothing of the epoch can be sealed: the line has to be built again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Rows of a table that the sink was not made for, or whose earlier call was cut off.
    #[error("the sink does not write table {table}")]
    UnknownTable {
        /// The table.
        table: TableId,
    },
    /// A table or its rows are not what they were said to be.
    #[error("table {table}: {reason}")]
    Shape {
        /// The table.
        table: TableId,
        /// What is wrong.
        reason: String,
    },
    /// A row was about to be written into another day's file.
    #[error("table {table}: a row of another day was about to be written to day {day}")]
    WrongDay {
        /// The table.
        table: TableId,
        /// The file's day.
        day: Day,
    },
    /// Rows were written before [`begin`](tributary_core::Sink::begin).
    #[error("rows came before the attempt was named")]
    NoAttempt,
    /// A file name that the store does not take.
    #[error("a file name cannot be used")]
    Name(#[source] InvalidName),
    /// The rows could not be arranged.
    #[error("the rows of table {table} could not be arranged")]
    Arrange {
        /// The table.
        table: TableId,
        /// What arrow said.
        #[source]
        cause: ArrowError,
    },
    /// The rows could not be encoded.
    #[error("the rows of table {table} could not be encoded")]
    Encode {
        /// The table.
        table: TableId,
        /// What parquet said.
        #[source]
        cause: ParquetError,
    },
    /// The spool failed (a full one is no error).
    #[error("waiting rows could not be kept on the spool")]
    Spool(#[source] ScratchError),
    /// The store failed.
    #[error("an upload failed")]
    Store(#[source] StoreError),
    /// A blocking task was cut off: the process is ending, or the task panicked.
    #[error("the encoding was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

impl SinkError {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(cause) => cause.fault(),
            Self::Spool(_) => Fault::Transient,
            _ => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(cause) => cause.code(),
            Self::Spool(_) => "sink/spool",
            _ => "sink/bug",
        }
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
