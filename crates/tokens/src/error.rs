//! Why there is no token.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error as ThisError;
use tributary_aws::ConnectError;
use tributary_core::Fault;

/// Why there is no token. What is said holds neither tokens nor secrets.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("the token in {file} cannot be read")]
    File {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// What is there is no token whose end is known.
    #[error("what {place} gives is no usable token: {reason}")]
    Unusable {
        /// The file, the provider.
        place: String,
        /// Why.
        reason: &'static str,
    },
    /// The token is over.
    #[error("the token that {place} gives is over since {since}; renew it, and look at the clock of this machine")]
    Over {
        /// The file, the provider.
        place: String,
        /// Its end.
        since: String,
    },
    /// The provider does not answer.
    #[error("{url} cannot be reached: {said}")]
    Unreachable {
        /// Its URL.
        url: String,
        /// Why.
        said: String,
    },
    /// The URL of the provider is none, or nothing to send a secret to.
    #[error("the provider of tokens cannot be asked: {why}; {cure}")]
    Url {
        /// Why.
        why: &'static str,
        /// What to write instead.
        cure: &'static str,
    },
    /// The provider refuses.
    #[error("{url} answers {status} ({said}); look at token_url, token_client, its secret and token_scope")]
    Refused {
        /// Its URL.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// Its code of the error (RFC 6749, section 5.2), or that it gave none.
        said: String,
    },
    /// AWS cannot be called as it is configured.
    #[error("AWS cannot be asked for credentials")]
    Connection(#[from] ConnectError),
    /// There are no credentials of AWS.
    #[error("no credentials of AWS could be had: {said}")]
    Credentials {
        /// Why, with a cure.
        said: String,
        /// There are none, or they are configured wrongly.
        is_lasting: bool,
    },
    /// The region is no name of one.
    #[error("{region:?} is the name of no region of AWS; write it as in region = \"eu-central-1\"")]
    Region {
        /// What was configured.
        region: String,
    },
    /// Nobody answered in time.
    #[error("no token came within {} s", .0.as_secs())]
    Slow(Duration),
    /// The signature could not be made, or the thread that fetches is gone: a mistake of ours.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::File { .. } | Self::Unusable { .. } | Self::Over { .. } | Self::Connection(_) => Fault::Config,
            Self::Url { .. } | Self::Region { .. } => Fault::Config,
            // It was slow itself, or asked too often (RFC 9110, section 15.5.9; RFC 6585, section 4).
            Self::Refused { status: 408 | 429, .. } => Fault::Transient,
            // Nobody is sent elsewhere with a secret.
            Self::Refused { status: 300..=499, .. } | Self::Credentials { is_lasting: true, .. } => Fault::Config,
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Credentials { .. } | Self::Slow(_) => {
                Fault::Transient
            }
            Self::Broken(_) => Fault::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_is_to_be_mended() {
        for (status, expected) in [
            (302, Fault::Config),
            (400, Fault::Config),
            (401, Fault::Config),
            (408, Fault::Transient),
            (429, Fault::Transient),
            (500, Fault::Transient),
            (503, Fault::Transient),
        ] {
            let refused = Error::Refused { url: "https://a.org".to_owned(), status, said: String::new() };
            assert_eq!(refused.fault(), expected, "{status}");
        }
    }
}
