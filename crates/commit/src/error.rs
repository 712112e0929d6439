//! What the commit log may answer instead of what was asked for.

use thiserror::Error;
use tributary_core::{Attempt, Conflict, Epoch, Fault, InvalidName, Key, PipelineId, TableId};
use tributary_store::StoreError;

use crate::FencedBy;

/// Why the commit log could not do it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store failed; whether the last call took effect is unknown. Recover before doing anything else.
    #[error("the lake's store failed")]
    Store(#[from] StoreError),
    /// Another writer owns what was to be claimed: [`Claim::Fenced`](crate::Claim::Fenced), where it has to be an error.
    #[error("fenced: {by}")]
    Fenced {
        /// Who, and how.
        by: Box<FencedBy>,
    },
    /// A table of the lake belongs to another pipeline.
    #[error(
        "table {table} of this lake belongs to pipeline {owner}, not to {pipeline}: give pipeline {pipeline} another \
         lake, or leave {table} out of its tables"
    )]
    TableOwned {
        /// The table.
        table: TableId,
        /// Whose it is.
        owner: PipelineId,
        /// Who asked for it.
        pipeline: PipelineId,
    },
    /// The options that give rows their meaning are not those of the log.
    #[error(
        "the options differ from those the lake was written with: {difference}; `--accept-change` goes on with the new ones"
    )]
    OptionsDiffer {
        /// One entry an option: key, old and new value.
        difference: String,
    },
    /// An object was written by a newer version of the program.
    #[error("{key} has format {format}, this version reads up to {newest}: use a newer version")]
    NewerFormat {
        /// The object.
        key: Key,
        /// Its format.
        format: u32,
        /// The newest that can be read.
        newest: u32,
    },
    /// An object of the log is not what was written.
    #[error("{key} is damaged: {reason}")]
    Damaged {
        /// The object.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// A number is missing in the log.
    #[error("epoch {epoch} of pipeline {pipeline} is missing, though later ones exist")]
    Hole {
        /// The pipeline.
        pipeline: PipelineId,
        /// The missing number.
        epoch: Epoch,
    },
    /// A committed file can no longer be made visible: its upload is gone and no later epoch replaced it.
    #[error("{key} of epoch {epoch} can no longer be published: its upload is gone")]
    Lost {
        /// The file.
        key: Key,
        /// Its epoch.
        epoch: Epoch,
        /// What the store said.
        #[source]
        cause: StoreError,
    },
    /// The attempt is so old that the store may have dropped its uploads.
    #[error(
        "attempt {attempt} began {age_hours} h ago, longer than commit.attempt_age allows ({limit_hours} h): its \
         uploads may be gone, so what it covers has to be read again"
    )]
    AttemptTooOld {
        /// The attempt.
        attempt: Attempt,
        /// Its age.
        age_hours: u64,
        /// The limit.
        limit_hours: u64,
    },
    /// This process stood still while others went on, and what it knows of the log may be long gone.
    #[error(
        "this process stood still while others went on past epoch {epoch}: whether it was claimed is seen by recovering"
    )]
    Behind {
        /// The number it tried.
        epoch: Epoch,
    },
    /// A proposal whose numbers do not add up, or that contradicts itself.
    #[error("attempt {attempt} cannot be claimed: {reason}")]
    Invalid {
        /// The attempt.
        attempt: Attempt,
        /// What is wrong.
        reason: String,
    },
    /// Records of the log contradict one another.
    #[error("epoch {epoch} does not fit the epochs before it")]
    Contradiction {
        /// The epoch.
        epoch: Epoch,
        /// How.
        #[source]
        cause: Box<Conflict>,
    },
    /// A name that no object can have.
    #[error("an object of the log cannot be named")]
    Name(#[from] InvalidName),
    /// A record could not be written as JSON.
    #[error("a record could not be written")]
    Encode(#[source] serde_json::Error),
}

impl CommitError {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Fenced { .. } => Fault::Fenced,
            Self::TableOwned { .. } | Self::OptionsDiffer { .. } | Self::NewerFormat { .. } => Fault::Config,
            Self::Damaged { .. } | Self::Hole { .. } | Self::Lost { .. } | Self::Contradiction { .. } => Fault::Data,
            Self::AttemptTooOld { .. } | Self::Behind { .. } => Fault::Transient,
            Self::Invalid { .. } | Self::Name(_) | Self::Encode(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Fenced { .. } => "commit/fenced",
            Self::TableOwned { .. } => "commit/table-owned",
            Self::OptionsDiffer { .. } => "commit/options-differ",
            Self::NewerFormat { .. } => "commit/newer-format",
            Self::Damaged { .. } => "commit/damaged",
            Self::Hole { .. } => "commit/hole",
            Self::Lost { .. } => "commit/lost",
            Self::AttemptTooOld { .. } => "commit/attempt-too-old",
            Self::Behind { .. } => "commit/behind",
            Self::Invalid { .. } => "commit/invalid",
            Self::Contradiction { .. } => "commit/contradiction",
            Self::Name(_) => "commit/name",
            Self::Encode(_) => "commit/encode",
        }
    }
}
