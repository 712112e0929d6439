//! What can go wrong with a source in S3 as a whole. One object that cannot be read is no error: see `Source::unread`.

use thiserror::Error as ThisError;
use tributary_aws::{ConnectError, Trouble};
use tributary_core::{Conflict, Failure, Fault};

/// Why a source in S3 cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection.
    #[error("source {name}: S3 cannot be reached")]
    Connection {
        /// The source.
        name: String,
        /// Why.
        #[source]
        cause: ConnectError,
    },
    /// The bucket cannot be listed, or nothing in it be read.
    #[error("source {name}: {verb} {location}: {trouble}")]
    Refused {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The bucket and what was looked for in it.
        location: String,
        /// What S3 said, with the cure.
        trouble: Trouble,
    },
    /// There is no such object.
    #[error("source {name}: no object below {location} is one that it reads; correct location, keys or the times")]
    NoMatch {
        /// The source.
        name: String,
        /// The bucket and the prefix.
        location: String,
    },
    /// The spans of a batch do not fit together.
    #[error("the positions of a batch of objects do not fit together")]
    Positions(#[source] Conflict),
    /// A task died.
    #[error("the reader of objects stopped unexpectedly")]
    Reader(#[source] tokio::task::JoinError),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Connection { .. } | Self::NoMatch { .. } => Fault::Config,
            Self::Refused { trouble, .. } => match trouble {
                Trouble::Unusable(_) | Trouble::Denied(_) => Fault::Config,
                Trouble::Failed(_) => Fault::Transient,
            },
            Self::Positions(_) | Self::Reader(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "source-s3/connection",
            Self::Refused { .. } => "source-s3/refused",
            Self::NoMatch { .. } => "source-s3/no-match",
            Self::Positions(_) => "source-s3/positions",
            Self::Reader(_) => "source-s3/reader",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
