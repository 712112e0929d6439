//! What Kinesis answers when it does not do what it was asked.
//!
//! Source: Amazon Kinesis Data Streams API Reference, "Common Errors" and the errors of each call.

use std::error::Error as StdError;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use tributary_aws::{NoCredentials, credentials_failure, in_words};

/// Why a call was in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The iterator is older than 5 minutes.
    Expired,
    /// Too many calls, or bytes, in a second.
    Throttled,
    /// There is no such stream, shard or consumer.
    NotFound(String),
    /// It is used by another, or may be repeated in a while.
    InUse(String),
    /// It is not allowed, or the credentials are not good, with the cure.
    Denied(String),
    /// The account has as many as it may have.
    Limit(String),
    /// What was asked makes no sense to the service.
    Invalid(String),
    /// It may succeed later.
    Failed(String),
}

impl Answer {
    /// What `error` says of a call for which `grant` is needed.
    pub(crate) fn of<E, R>(error: &SdkError<E, R>, grant: &str) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
        R: std::fmt::Debug + 'static,
    {
        if let Some(missing) = credentials_failure(error) {
            let said = format!("no AWS credentials could be had; {} ({})", NoCredentials::CURE, in_words(error));
            return if missing.is_lasting { Self::Denied(said) } else { Self::Failed(said) };
        }
        let said = error.message().filter(|message| !message.is_empty()).map_or_else(|| in_words(error), str::to_owned);
        Self::read(error.code().unwrap_or_default(), said, grant)
    }

    fn read(code: &str, said: String, grant: &str) -> Self {
        match code {
            "ExpiredIteratorException" => Self::Expired,
            "ProvisionedThroughputExceededException" | "ThrottlingException" | "KMSThrottlingException" => {
                Self::Throttled
            }
            // Of the calls here only those that register have a limit that stays; others are asked less often.
            "LimitExceededException" => Self::Limit(said),
            "ResourceNotFoundException" => Self::NotFound(said),
            "ResourceInUseException" => Self::InUse(said),
            "AccessDeniedException" => Self::Denied(format!("grant {grant} ({said})")),
            "KMSAccessDeniedException" => {
                Self::Denied(format!("grant kms:Decrypt on the key that the stream is encrypted with ({said})"))
            }
            "KMSDisabledException" | "KMSInvalidStateException" | "KMSNotFoundException" | "KMSOptInRequired" => {
                Self::Denied(format!("the key that the stream is encrypted with cannot be used: {said}"))
            }
            "ExpiredTokenException" | "ExpiredToken" => {
                Self::Denied(format!("the credentials have expired; renew them ({said})"))
            }
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "InvalidClientTokenId" => {
                Self::Denied(format!("the credentials are not those of this account; correct them ({code}: {said})"))
            }
            "InvalidArgumentException" | "ValidationException" => Self::Invalid(said),
            "" => Self::Failed(said),
            code => Self::Failed(format!("{code}: {said}")),
        }
    }

    /// Whether the same call may succeed later with nothing changed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Expired | Self::Throttled | Self::InUse(_) | Self::Limit(_) | Self::Failed(_))
    }

    /// For a person.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Expired => "the iterator is older than 5 minutes".to_owned(),
            Self::Throttled => "too many calls or bytes in a second".to_owned(),
            Self::NotFound(said)
            | Self::InUse(said)
            | Self::Denied(said)
            | Self::Limit(said)
            | Self::Invalid(said)
            | Self::Failed(said) => said.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        let read = |code| Answer::read(code, "why".to_owned(), "kinesis:GetRecords on the stream");
        assert_eq!(read("ExpiredIteratorException"), Answer::Expired);
        assert_eq!(read("ProvisionedThroughputExceededException"), Answer::Throttled);
        assert_eq!(read("InternalFailure"), Answer::Failed("InternalFailure: why".to_owned()));
        assert!(read("AccessDeniedException").said().contains("grant kinesis:GetRecords"));
        assert!(read("KMSAccessDeniedException").said().contains("kms:Decrypt"));
        for code in
            ["AccessDeniedException", "KMSNotFoundException", "ResourceNotFoundException", "ValidationException"]
        {
            assert!(!read(code).is_passing(), "{code}");
        }
    }
}
