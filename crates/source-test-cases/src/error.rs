//! What can go wrong with a source of executions.

use thiserror::Error as ThisError;
use tributary_core::{Conflict, Failure, Fault};

/// Why a source of executions cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The service cannot be asked, or does not answer.
    #[error("source {name}")]
    Api {
        /// The source.
        name: String,
        /// Why.
        #[source]
        cause: tributary_connect_api::Error,
    },
    /// The spans of a batch do not fit together.
    #[error("the positions of an instance do not fit together")]
    Positions(#[source] Conflict),
    /// A task died.
    #[error("the reader of test cases stopped unexpectedly")]
    Reader(#[source] tokio::task::JoinError),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Api { cause, .. } => cause.fault(),
            Self::Positions(_) | Self::Reader(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Api { cause, .. } => cause.code(),
            Self::Positions(_) => "source-test-cases/positions",
            Self::Reader(_) => "source-test-cases/reader",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
