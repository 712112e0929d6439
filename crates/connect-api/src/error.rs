//! What can go wrong with a client.

use thiserror::Error as ThisError;
use tributary_aws::ConnectError;
use tributary_core::{Failure, Fault};

use crate::answer::Answer;
use crate::request::Request;

/// Why a client cannot be made, or a call was in vain.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection.
    #[error("Amazon Connect cannot be reached")]
    Connection(#[source] ConnectError),
    /// The region is none: it would become part of a host's name.
    #[error("Amazon Connect cannot be reached: {region:?} is no AWS region; write it as in eu-central-1")]
    Region {
        /// What stands in its place.
        region: String,
    },
    /// The endpoint is none. It may hold a password, so it is not repeated.
    #[error("Amazon Connect cannot be reached: the endpoint is not usable, {why}; {cure}")]
    Endpoint {
        /// What is wrong with it.
        why: &'static str,
        /// How it is written.
        cure: &'static str,
    },
    /// There is nobody to ask for credentials.
    #[error("Amazon Connect cannot be reached: no AWS credentials could be had; {cure}")]
    Credentials {
        /// What to do.
        cure: &'static str,
    },
    /// What was asked about is not there.
    #[error(
        "Amazon Connect, {operation}: there is no {place} in this account and region; correct id, region or role ({said})"
    )]
    NotFound {
        /// The call.
        operation: &'static str,
        /// What was asked about.
        place: String,
        /// What the service says.
        said: String,
    },
    /// A flow was saved and never published. It is described as [`Edition::Saved`](crate::Edition::Saved).
    #[error("Amazon Connect, {operation} of {place}: it was never published; ask for what is saved ({said})")]
    NotPublished {
        /// The call.
        operation: &'static str,
        /// The flow.
        place: String,
        /// What the service says.
        said: String,
    },
    /// It is not allowed, or makes no sense to the service.
    #[error("Amazon Connect, {operation} of {place}: {said}")]
    Denied {
        /// The call, and the name of the right to make it.
        operation: &'static str,
        /// What was asked about.
        place: String,
        /// What the service says, with the cure.
        said: String,
    },
    /// A call failed, for as long as it was made again, that may succeed later.
    #[error("Amazon Connect, {operation} of {place}: {said}")]
    Call {
        /// The call.
        operation: &'static str,
        /// What was asked about.
        place: String,
        /// What the service says.
        said: String,
    },
    /// The service answered what its documentation does not know.
    #[error("Amazon Connect, {operation} of {place}: {said}; look at the endpoint")]
    Answer {
        /// The call.
        operation: &'static str,
        /// What was asked about.
        place: String,
        /// What is wrong with it.
        said: String,
    },
}

impl Error {
    /// What `answer` means for the one who asked.
    pub(crate) fn of(request: &Request, answer: Answer) -> Self {
        let (operation, place) = (request.operation, request.place.clone());
        match answer {
            Answer::NotFound(said) => Self::NotFound { operation, place, said },
            Answer::NotPublished(said) => Self::NotPublished { operation, place, said },
            Answer::Denied(said) => Self::Denied { operation, place, said },
            Answer::Throttled(said) | Answer::Failed(said) => Self::Call { operation, place, said },
            Answer::Strange(said) => Self::Answer { operation, place, said },
        }
    }

    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Connection(_)
            | Self::Region { .. }
            | Self::Endpoint { .. }
            | Self::Credentials { .. }
            | Self::NotFound { .. }
            | Self::NotPublished { .. }
            | Self::Denied { .. } => Fault::Config,
            Self::Call { .. } => Fault::Transient,
            Self::Answer { .. } => Fault::Data,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection(_) | Self::Region { .. } | Self::Endpoint { .. } | Self::Credentials { .. } => {
                "connect-api/connection"
            }
            Self::NotFound { .. } => "connect-api/not-found",
            Self::NotPublished { .. } => "connect-api/not-published",
            Self::Denied { .. } => "connect-api/denied",
            Self::Call { .. } => "connect-api/call",
            Self::Answer { .. } => "connect-api/answer",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
