//! What can go wrong with a file source as a whole. One file that cannot be read is no error: see `Source::unread`.

use thiserror::Error as ThisError;
use tributary_core::{Failure, Fault};

/// Why a file source cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to read from.
    #[error("source {name}: no paths are given")]
    NoPaths {
        /// The source.
        name: String,
    },
    /// A path or pattern matches no file.
    #[error("source {name}: no file matches {pattern:?}")]
    NoMatch {
        /// The source.
        name: String,
        /// The path or pattern.
        pattern: String,
    },
    /// A pattern that is none.
    #[error("source {name}: {pattern:?} is not a pattern")]
    BadPattern {
        /// The source.
        name: String,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        cause: glob::PatternError,
    },
    /// A path that names a directory.
    #[error("source {name}: {path:?} is a directory; name the files in it, for instance \"{path}/*\"")]
    Directory {
        /// The source.
        name: String,
        /// The path.
        path: String,
    },
    /// The beginning of a file is not what it was, and `on_changed` is `fail`.
    #[error("source {name}: {path:?} has changed since it was read: {how}")]
    Changed {
        /// The source.
        name: String,
        /// The path.
        path: String,
        /// In what way.
        how: &'static str,
    },
    /// The reading thread died.
    #[error("the file reader stopped unexpectedly")]
    Reader(#[source] tokio::task::JoinError),
    /// The spans of a batch do not fit together.
    #[error("the positions of a batch of files do not fit together")]
    Positions(#[source] tributary_core::Conflict),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoPaths { .. } | Self::NoMatch { .. } | Self::BadPattern { .. } | Self::Directory { .. } => {
                Fault::Config
            }
            Self::Changed { .. } => Fault::Data,
            Self::Reader(_) | Self::Positions(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPaths { .. } => "source-file/no-paths",
            Self::NoMatch { .. } => "source-file/no-match",
            Self::BadPattern { .. } => "source-file/bad-pattern",
            Self::Directory { .. } => "source-file/directory",
            Self::Changed { .. } => "source-file/changed",
            Self::Reader(_) => "source-file/reader",
            Self::Positions(_) => "source-file/positions",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
