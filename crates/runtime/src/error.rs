//! Why a run ended that did not end well.

use std::any::Any;
use std::error::Error;
use std::fmt;

use serde::Serialize;
use thiserror::Error as ThisError;
use tokio::task::JoinError;
use tributary_commit::{CommitError, FencedBy};
use tributary_core::{Failure, Fault, Span, SplitId};

/// A task of the line. What its failure means for the whole: whoever fails ends the line, and only
/// [`Fault::Transient`] starts it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Takes batches from the source.
    Read,
    /// Makes rows of them.
    Transform,
    /// Hands rows to the sink and seals its files.
    Write,
    /// Claims and publishes epochs.
    Commit,
}

impl StageName {
    /// The label of logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Transform => "transform",
            Self::Write => "write",
            Self::Commit => "commit",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a run failed: the first error that was one.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum RunError {
    /// The line could not be made, or an epoch that an earlier run left could not be published.
    #[error("the line cannot be started")]
    Start(#[source] Failure),
    /// A room behind a port failed.
    #[error("the {stage} stage failed")]
    Stage {
        /// Which stage it happened in.
        stage: StageName,
        /// What the room said.
        #[source]
        cause: Failure,
    },
    /// Another writer of the same pipeline owns what was to be committed. Nothing of it was published.
    #[error("another writer of this pipeline was faster: {by}")]
    Fenced {
        /// What stood in the way.
        by: Box<FencedBy>,
    },
    /// Records were left out, and `on_gap` is `fail`.
    #[error(
        "split {split}: nobody accounted for {missing}, which is no longer there to be read; commit.on_gap = \"continue\" goes \
         on without it"
    )]
    Gap {
        /// The split.
        split: SplitId,
        /// What is missing.
        missing: Span,
    },
    /// Others committed to the same days again and again before this run could.
    #[error("others committed to the same days {times} times in a row before this run could")]
    Overtaken {
        /// How often it began again.
        times: u32,
    },
    /// A stage panicked.
    #[error("the {stage} stage panicked: {message}")]
    Panicked {
        /// Which one.
        stage: StageName,
        /// What it said.
        message: String,
    },
    /// A room broke a promise that the guarantee stands on. Nothing of the epoch was committed.
    #[error("the {stage} stage found a broken promise: {promise}")]
    Broken {
        /// Who found out.
        stage: StageName,
        /// What does not hold.
        promise: String,
    },
}

impl RunError {
    /// What it asks of the caller. The supervisor has tried again already where that was the answer.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Start(cause) | Self::Stage { cause, .. } => cause.fault(),
            Self::Fenced { .. } => Fault::Fenced,
            Self::Gap { .. } => Fault::Data,
            Self::Overtaken { .. } => Fault::Transient,
            Self::Panicked { .. } | Self::Broken { .. } => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Start(cause) | Self::Stage { cause, .. } => cause.code(),
            Self::Fenced { .. } => "runtime/fenced",
            Self::Gap { .. } => "runtime/gap",
            Self::Overtaken { .. } => "runtime/overtaken",
            Self::Panicked { .. } => "runtime/panicked",
            Self::Broken { .. } => "runtime/broken",
        }
    }

    /// The stage it happened in; `None` before there was a line.
    pub fn stage(&self) -> Option<StageName> {
        match self {
            Self::Start(_) => None,
            Self::Stage { stage, .. } | Self::Panicked { stage, .. } | Self::Broken { stage, .. } => Some(*stage),
            Self::Fenced { .. } | Self::Gap { .. } | Self::Overtaken { .. } => Some(StageName::Commit),
        }
    }

    /// The failure of a room in `stage`.
    pub(crate) fn at(stage: StageName) -> impl Fn(Failure) -> Self {
        move |cause| Self::Stage { stage, cause }
    }

    /// A promise that does not hold.
    pub(crate) fn broken(stage: StageName, promise: impl Into<String>) -> Self {
        Self::Broken { stage, promise: promise.into() }
    }

    /// A task of `stage` that did not come back.
    pub(crate) fn lost(stage: StageName, join: JoinError) -> Self {
        let message = match join.try_into_panic() {
            Ok(panic) => panic_message(panic.as_ref()),
            Err(_) => "its task was cancelled".to_owned(),
        };
        Self::Panicked { stage, message }
    }
}

/// What a panic said; `std` keeps it as one of two kinds of text.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

/// The failure that a commit log's error is.
pub(crate) fn log_failure(error: CommitError) -> Failure {
    Failure::new(error.fault(), error.code(), error)
}

/// An error with its causes on one line, for the log.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
