//! What can go wrong with a source of audit events.

use thiserror::Error as ThisError;
use tributary_aws::ConnectError;
use tributary_core::{Conflict, Failure, Fault};

use crate::answer::Answer;

/// Why a source of audit events cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection.
    #[error("source {name}: Amazon Connect Cases cannot be reached")]
    Connection {
        /// The source.
        name: String,
        /// Why.
        #[source]
        cause: ConnectError,
    },
    /// There is no such domain.
    #[error(
        "source {name}: there is no domain {domain} in this account and region; correct domain, region or role ({said})"
    )]
    NoDomain {
        /// The source.
        name: String,
        /// The domain.
        domain: String,
        /// What the service says.
        said: String,
    },
    /// It is not allowed, or makes no sense to the service.
    #[error("source {name}: {verb} {place}: {said}")]
    Denied {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The domain or the case.
        place: String,
        /// What the service says, with the cure.
        said: String,
    },
    /// A call failed that may succeed later.
    #[error("source {name}: {verb} {place}: {said}")]
    Call {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The domain or the case.
        place: String,
        /// What the service says.
        said: String,
    },
    /// The service answered what its documentation does not know.
    #[error("source {name}: {verb} {place}: {said}; look at endpoint")]
    Answer {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// The domain or the case.
        place: String,
        /// What is wrong with it.
        said: String,
    },
    /// The spans of a batch do not fit together.
    #[error("the positions of a domain do not fit together")]
    Positions(#[source] Conflict),
    /// A task died.
    #[error("the reader of audit events stopped unexpectedly")]
    Reader(#[source] tokio::task::JoinError),
}

impl Error {
    /// What `answer` means for the source whose `domain` was asked.
    pub(crate) fn of_domain(name: &str, verb: &'static str, domain: &str, answer: Answer) -> Self {
        match answer {
            Answer::NotFound(said) => Self::NoDomain { name: name.to_owned(), domain: domain.to_owned(), said },
            answer => Self::refused(name, verb, domain, answer),
        }
    }

    /// What `answer` means for the source.
    pub(crate) fn refused(name: &str, verb: &'static str, place: &str, answer: Answer) -> Self {
        let (name, place) = (name.to_owned(), place.to_owned());
        match answer {
            Answer::Denied(said) => Self::Denied { name, verb, place, said },
            Answer::Strange(said) => Self::Answer { name, verb, place, said },
            Answer::NotFound(said) | Answer::Throttled(said) | Answer::Failed(said) => {
                Self::Call { name, verb, place, said }
            }
        }
    }

    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Connection { .. } | Self::NoDomain { .. } | Self::Denied { .. } => Fault::Config,
            Self::Call { .. } => Fault::Transient,
            Self::Answer { .. } => Fault::Data,
            Self::Positions(_) | Self::Reader(_) => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "source-cases/connection",
            Self::NoDomain { .. } => "source-cases/no-domain",
            Self::Denied { .. } => "source-cases/denied",
            Self::Call { .. } => "source-cases/call",
            Self::Answer { .. } => "source-cases/answer",
            Self::Positions(_) => "source-cases/positions",
            Self::Reader(_) => "source-cases/reader",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
