//! What can go wrong before a line runs.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;
use tributary_core::{Failure, Fault};

use crate::Problem;

/// Why there is no plan, or no line.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline file cannot be read.
    #[error("the pipeline file {} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// The pipeline file is wrong; all mistakes are here.
    #[error("{}{}", count(problems.len()), print(problems))]
    Invalid {
        /// Every mistake.
        problems: Vec<Problem>,
    },
    /// The line has to be built again, and what was read of standard input cannot be read again.
    #[error(
        "the source {name} reads standard input, of which some was read and not committed when the line had to begin \
         again: run the pipeline again over the same input, what is committed is left out"
    )]
    StandardInput {
        /// The source.
        name: String,
    },
    /// Processes that read Kafka share its partitions by their group.
    #[error(
        "source {name}: --worker is for files and objects; processes that read Kafka share the partitions by themselves: leave it out"
    )]
    Worker {
        /// The source.
        name: String,
    },
    /// A password is not where the pipeline file says.
    #[error("source {name}: no password in {place}: {reason}")]
    Password {
        /// The source.
        name: String,
        /// The variable or the file.
        place: String,
        /// Why.
        reason: String,
    },
    /// A task that opens files died.
    #[error("opening {what} stopped unexpectedly")]
    Interrupted {
        /// What was to be opened.
        what: &'static str,
        /// Why.
        #[source]
        cause: tokio::task::JoinError,
    },
    /// A file of `schemas/tables` that is built into the program is damaged.
    #[error("a table description of this program cannot be read")]
    Tables(#[source] Box<toml::de::Error>),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreadable { .. } | Self::Invalid { .. } | Self::Password { .. } | Self::Worker { .. } => {
                Fault::Config
            }
            Self::StandardInput { .. } => Fault::Data,
            Self::Interrupted { .. } | Self::Tables(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "pipeline/unreadable",
            Self::Invalid { .. } => "pipeline/invalid",
            Self::Password { .. } => "pipeline/password",
            Self::Worker { .. } => "pipeline/worker",
            Self::StandardInput { .. } => "pipeline/standard-input",
            Self::Interrupted { .. } => "pipeline/interrupted",
            Self::Tables(_) => "pipeline/tables",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 mistake:".to_owned() } else { format!("{problems} mistakes:") }
}

fn print(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n{problem}")).collect()
}
