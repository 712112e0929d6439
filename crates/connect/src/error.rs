//! What can go wrong before a single record is looked at.

use thiserror::Error as ThisError;
use tributary_core::{Failure, Fault};

/// Why the transform cannot go on where it stopped.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Error {
    /// A snapshot of a scope is not one.
    #[error("a stored snapshot of seen keys is damaged")]
    DamagedState,
    /// A snapshot of a scope was written by a newer version.
    #[error("a stored snapshot of seen keys has format {found}, this version reads up to {known}: run a newer version")]
    NewerState {
        /// Its format.
        found: u8,
        /// The newest one known here.
        known: u8,
    },
}

impl Error {
    /// What it asks of the caller.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::DamagedState => Fault::Data,
            Self::NewerState { .. } => Fault::Config,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DamagedState => "connect/damaged-state",
            Self::NewerState { .. } => "connect/newer-state",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
