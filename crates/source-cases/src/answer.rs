//! What Amazon Connect Cases answers when it does not do what it was asked.
//!
//! Source: Amazon Connect API Reference, "Amazon Connect Cases", the errors of each call, and "Common Errors".

use std::error::Error as StdError;

use aws_sdk_connectcases::error::{ProvideErrorMetadata, SdkError};
use tributary_aws::{NoCredentials, credentials_failure, in_words};

/// Why a call was in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no such domain, or no such case.
    NotFound(String),
    /// Too many calls in a second.
    Throttled(String),
    /// It is not allowed, the credentials are not good, or it makes no sense to the service; with the cure.
    Denied(String),
    /// It may succeed later.
    Failed(String),
    /// An answer that the service's documentation does not know.
    Strange(String),
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
            "ResourceNotFoundException" => Self::NotFound(said),
            "ThrottlingException" | "TooManyRequestsException" => Self::Throttled(said),
            "AccessDeniedException" => Self::Denied(format!("grant {grant} ({said})")),
            "ExpiredTokenException" | "ExpiredToken" => {
                Self::Denied(format!("the credentials have expired; renew them ({said})"))
            }
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "InvalidClientTokenId" => {
                Self::Denied(format!("the credentials are not those of this account; correct them ({code}: {said})"))
            }
            "ValidationException" => {
                Self::Denied(format!("the service takes it for wrong: {said}; correct domain or cases"))
            }
            "" => Self::Failed(said),
            code => Self::Failed(format!("{code}: {said}")),
        }
    }

    /// Whether the same call may succeed later with nothing changed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Failed(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        let read = |code| Answer::read(code, "why".to_owned(), "cases:SearchCases on the domain");
        assert_eq!(read("ResourceNotFoundException"), Answer::NotFound("why".to_owned()));
        assert_eq!(read("InternalServerException"), Answer::Failed("InternalServerException: why".to_owned()));
        assert_eq!(
            read("AccessDeniedException"),
            Answer::Denied("grant cases:SearchCases on the domain (why)".to_owned())
        );
        assert!(read("ThrottlingException").is_passing() && read("").is_passing());
        for code in
            ["ResourceNotFoundException", "AccessDeniedException", "ValidationException", "ExpiredTokenException"]
        {
            assert!(!read(code).is_passing(), "{code}");
        }
    }
}
