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
    /// Processes that read Kafka share its partitions by their group; a domain of cases or an instance is one split.
    #[error(
        "source {name}: --worker is for files and objects; processes that read Kafka or Kinesis share what they read by themselves, and a domain of Amazon Connect Cases or the test cases of an instance are read by one: leave it out"
    )]
    Worker {
        /// The source.
        name: String,
    },
    /// The program was built without a client of DynamoDB.
    #[cfg(not(feature = "dynamodb"))]
    #[error(
        "source {name}: this program was built without DynamoDB, for lease_table: build it with --features dynamodb, or \
         leave lease_table out to keep the leases in the lake's store"
    )]
    NoDynamoDb {
        /// The source.
        name: String,
    },
    /// A file of look-ups cannot be used.
    #[error("the look-ups of {}: {reason}", .path.display())]
    Lookups {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The program was built without a client of Amazon Connect Cases.
    #[cfg(not(feature = "cases"))]
    #[error("{whom}: this program was built without Amazon Connect Cases: build it with --features cases")]
    NoCases {
        /// What asks for it.
        whom: String,
    },
    /// The list of cases is not where the pipeline file says, or is none.
    #[cfg(feature = "cases")]
    #[error("source {name}: no cases in {}: {reason}; correct cases_file", file.display())]
    CasesFile {
        /// The source.
        name: String,
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A password is not where the pipeline file says.
    #[error("{whom}: no {what} in {place}: {reason}")]
    Password {
        /// Whose.
        whom: String,
        /// What it is for a person: a password, a key.
        what: &'static str,
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
            Self::Unreadable { .. }
            | Self::Invalid { .. }
            | Self::Lookups { .. }
            | Self::Password { .. }
            | Self::Worker { .. } => Fault::Config,
            #[cfg(not(feature = "dynamodb"))]
            Self::NoDynamoDb { .. } => Fault::Config,
            #[cfg(not(feature = "cases"))]
            Self::NoCases { .. } => Fault::Config,
            #[cfg(feature = "cases")]
            Self::CasesFile { .. } => Fault::Config,
            Self::StandardInput { .. } => Fault::Data,
            Self::Interrupted { .. } | Self::Tables(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "pipeline/unreadable",
            Self::Invalid { .. } => "pipeline/invalid",
            Self::Lookups { .. } => "pipeline/lookups",
            Self::Password { .. } => "pipeline/password",
            Self::Worker { .. } => "pipeline/worker",
            #[cfg(not(feature = "dynamodb"))]
            Self::NoDynamoDb { .. } => "pipeline/no-dynamodb",
            #[cfg(not(feature = "cases"))]
            Self::NoCases { .. } => "pipeline/no-cases",
            #[cfg(feature = "cases")]
            Self::CasesFile { .. } => "pipeline/cases-file",
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
