//! What DynamoDB answers when it does not do what it was asked, with the cure.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error as ThisError;
use tributary_aws::{ConnectError, NoCredentials, credentials_failure, in_words};
use tributary_core::{Failure, Fault};

/// Why leases cannot be read or written.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no way to AWS.
    #[error("the leases in DynamoDB cannot be reached")]
    Connection(#[from] ConnectError),
    /// It is not allowed, or the credentials are not good.
    #[error("{verb} table {table}: {reason}")]
    Denied {
        /// What was tried.
        verb: &'static str,
        /// The table.
        table: String,
        /// Why, with a cure.
        reason: String,
    },
    /// The table cannot hold leases.
    #[error("table {table} cannot hold leases: {reason}")]
    Table {
        /// The table.
        table: String,
        /// Why not, with a cure.
        reason: String,
    },
    /// A row is none of ours.
    #[error("table {table} has a row {key} that is no lease ({what}); give each source a table of its own")]
    Row {
        /// The table.
        table: String,
        /// The row.
        key: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It may succeed later.
    #[error("{verb} table {table}: {said}")]
    Call {
        /// What was tried.
        verb: &'static str,
        /// The table.
        table: String,
        /// What DynamoDB says.
        said: String,
    },
}

/// The credentials are not good any more, or not of here. Source: Amazon DynamoDB Developer Guide, "Error handling with
/// DynamoDB".
const CREDENTIALS: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
];

/// A call: what it is for, and what has to be granted for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) verb: &'static str,
    pub(crate) action: &'static str,
}

impl Error {
    /// What `error` means.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, call: Call, table: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (verb, table) = (call.verb, table.to_owned());
        let code = error.code().unwrap_or_default();
        let said = match (error.message(), code) {
            (Some(message), code) if !message.is_empty() => format!("{code}: {message}"),
            (_, "") => in_words(error),
            (_, code) => code.to_owned(),
        };
        let denied = |reason: String| Self::Denied { verb, table: table.clone(), reason };
        if let Some(missing) = credentials_failure(error) {
            let reason = format!("no AWS credentials could be had; {} ({said})", NoCredentials::CURE);
            return if missing.is_lasting { denied(reason) } else { Self::Call { verb, table, said: reason } };
        }
        match code {
            "AccessDeniedException" => denied(format!("grant {} on it ({said})", call.action)),
            code if CREDENTIALS.contains(&code) => {
                denied(format!("the credentials are not good; renew them, and set the clock of this machine ({said})"))
            }
            "ResourceNotFoundException" => {
                Self::Table { table, reason: format!("it is not there; start again to have it created ({said})") }
            }
            "ValidationException" => Self::Table {
                table,
                reason: format!("it has another key than leaseKey of type S, or another name is needed ({said})"),
            },
            _ => Self::Call { verb, table, said },
        }
    }

    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Connection(_) | Self::Denied { .. } | Self::Table { .. } | Self::Row { .. } => Fault::Config,
            Self::Call { .. } => Fault::Transient,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection(_) => "leases/connection",
            Self::Denied { .. } => "leases/denied",
            Self::Table { .. } => "leases/table",
            Self::Row { .. } => "leases/row",
            Self::Call { .. } => "leases/call",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
