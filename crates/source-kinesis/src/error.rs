//! What can go wrong with a source for Kinesis.

use thiserror::Error as ThisError;
use tributary_aws::ConnectError;
use tributary_core::{Conflict, Failure, Fault};

use crate::answer::Answer;

/// Why a source for Kinesis cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection.
    #[error("source {name}: Kinesis cannot be reached")]
    Connection {
        /// The source.
        name: String,
        /// Why.
        #[source]
        cause: ConnectError,
    },
    /// There is no such stream.
    #[error(
        "source {name}: there is no stream {stream} in this account and region; correct stream, region or role ({said})"
    )]
    NoStream {
        /// The source.
        name: String,
        /// The stream.
        stream: String,
        /// What Kinesis says.
        said: String,
    },
    /// It is not allowed.
    #[error("source {name}: {verb} {stream}: {said}")]
    Denied {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The stream.
        stream: String,
        /// What Kinesis says, with the cure.
        said: String,
    },
    /// A call failed that may succeed later.
    #[error("source {name}: {verb} {stream}: {said}")]
    Call {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The stream, and perhaps the shard.
        stream: String,
        /// What Kinesis says.
        said: String,
    },
    /// The service answered what its documentation does not know.
    #[error("source {name}: {stream}: {said}")]
    Answer {
        /// The source.
        name: String,
        /// The stream.
        stream: String,
        /// What is wrong with it.
        said: String,
    },
    /// The leases cannot be kept.
    #[error("source {name}: {cause}")]
    Leases {
        /// The source.
        name: String,
        /// Why.
        cause: Failure,
    },
    /// The spans of a batch do not fit together.
    #[error("the positions of a shard do not fit together")]
    Positions(#[source] Conflict),
    /// A task is gone.
    #[error("source {name}: a task of the source stopped unexpectedly")]
    Task {
        /// The source.
        name: String,
    },
}

impl Error {
    /// What `answer` to a call means for the source.
    pub(crate) fn refused(name: &str, verb: &'static str, stream: &str, answer: Answer) -> Self {
        let (name, stream, said) = (name.to_owned(), stream.to_owned(), answer.said());
        match answer {
            Answer::NotFound(_) => Self::NoStream { name, stream, said },
            Answer::Denied(_) | Answer::Invalid(_) => Self::Denied { name, verb, stream, said },
            Answer::Expired | Answer::Throttled | Answer::InUse(_) | Answer::Limit(_) | Answer::Failed(_) => {
                Self::Call { name, verb, stream, said }
            }
        }
    }

    /// What `answer` to a reader means. That its shard, or the number that it is at, is not known any more may be because
    /// retention took the shard or the stream was made again: the next line looks for what is there, and says so when
    /// there is nothing.
    pub(crate) fn interrupted(name: &str, shard: &str, answer: Answer) -> Self {
        let answer = match answer {
            Answer::NotFound(said) | Answer::Invalid(said) => Answer::Failed(said),
            answer => answer,
        };
        Self::refused(name, "reading", shard, answer)
    }

    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Connection { .. } | Self::NoStream { .. } | Self::Denied { .. } => Fault::Config,
            Self::Call { .. } => Fault::Transient,
            Self::Leases { cause, .. } => cause.fault(),
            Self::Answer { .. } => Fault::Data,
            Self::Positions(_) | Self::Task { .. } => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "source-kinesis/connection",
            Self::NoStream { .. } => "source-kinesis/no-stream",
            Self::Denied { .. } => "source-kinesis/denied",
            Self::Call { .. } => "source-kinesis/call",
            Self::Answer { .. } => "source-kinesis/answer",
            Self::Leases { cause, .. } => cause.code(),
            Self::Positions(_) => "source-kinesis/positions",
            Self::Task { .. } => "source-kinesis/task",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
