//! What S3 answers when it does not do what it was asked, in words with a cure.
//!
//! Source: Amazon S3 API Reference, "Error responses".

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{NoCredentials, credentials_failure, in_words};

/// One call: what it is for, and what has to be granted for it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    verb: &'static str,
    grant: &'static str,
}

impl Call {
    /// A call that is `verb` ("reading"), for which `grant` ("s3:GetObject on the objects") is needed.
    pub const fn new(verb: &'static str, grant: &'static str) -> Self {
        Self { verb, grant }
    }

    /// What it is for.
    pub const fn verb(self) -> &'static str {
        self.verb
    }
}

/// Why a call was in vain, with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No call will succeed: there is no such bucket, or the server cannot do it.
    Unusable(String),
    /// It is not allowed, or the credentials are not good.
    Denied(String),
    /// It may succeed later.
    Failed(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unusable(reason) | Self::Denied(reason) | Self::Failed(reason)) = self;
        f.write_str(reason)
    }
}

/// The facts of an answer that is not the one that was asked for.
#[derive(Debug)]
pub struct Answer {
    status: Option<u16>,
    code: String,
    text: String,
    region: Option<String>,
    credentials: Option<NoCredentials>,
}

/// The bucket is somewhere else.
const ELSEWHERE: [&str; 3] =
    ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"];

/// The credentials were good once.
const EXPIRED: [&str; 4] = ["ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"];

/// The credentials are those of somebody else.
const FOREIGN: [&str; 2] = ["InvalidAccessKeyId", "SignatureDoesNotMatch"];

/// The clocks differ too much.
const SKEWED: &str = "RequestTimeTooSkewed";

const NO_BUCKET: &str = "NoSuchBucket";

impl Answer {
    /// What `error` says.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let response = error.raw_response();
        let code = error.code().unwrap_or_default().to_owned();
        let text = match (error.message(), error.code()) {
            (Some(message), _) if !message.is_empty() => message.to_owned(),
            (_, Some(_)) => "it says no more".to_owned(),
            _ => in_words(error),
        };
        Self {
            status: response.map(|response| response.status().as_u16()),
            code,
            text,
            credentials: credentials_failure(error),
            region: response.and_then(|response| response.headers().get("x-amz-bucket-region")).map(str::to_owned),
        }
    }

    /// The status of the reply; none came without.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether S3 names it so.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// What it says, for a person.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// There is no such object (a HEAD has no body that could name it).
    pub fn is_absent(&self) -> bool {
        self.status == Some(404) && !self.is(NO_BUCKET) && !self.is("NoSuchUpload")
    }

    /// Whether it speaks of the object that was asked for alone: of another one S3 may say something else.
    pub fn concerns_the_object(&self) -> bool {
        let code = self.code.as_str();
        self.credentials.is_none()
            && self.status.is_some_and(|status| (400..500).contains(&status) && status != 429)
            && !ELSEWHERE.contains(&code)
            && !EXPIRED.contains(&code)
            && !FOREIGN.contains(&code)
            && ![NO_BUCKET, SKEWED, "RequestTimeout"].contains(&code)
    }

    /// What it means for `call`.
    pub fn trouble(self, call: Call) -> Trouble {
        let code = self.code.as_str();
        if let Some(missing) = self.credentials {
            let said = format!("no AWS credentials could be had; {} ({})", NoCredentials::CURE, self.text);
            return if missing.is_lasting { Trouble::Denied(said) } else { Trouble::Failed(said) };
        }
        match (self.status, code) {
            (_, NO_BUCKET) => Trouble::Unusable("the bucket does not exist; create it, or correct its name".to_owned()),
            (status, code) if ELSEWHERE.contains(&code) || matches!(status, Some(301 | 307)) => {
                let region = self.region.map_or_else(String::new, |region| format!(": set region = \"{region}\""));
                Trouble::Unusable(format!("the bucket is in another region{region} ({})", self.text))
            }
            (Some(501), _) | (_, "NotImplemented") => {
                Trouble::Unusable(format!("the server cannot do what {} needs ({})", call.verb, self.text))
            }
            (_, SKEWED) => Trouble::Denied(format!("set the clock of this machine ({})", self.text)),
            (_, code) if EXPIRED.contains(&code) => {
                Trouble::Denied(format!("the credentials have expired; renew them ({})", self.text))
            }
            (_, code) if FOREIGN.contains(&code) => Trouble::Denied(format!(
                "the credentials are not those of this server; correct them ({code}: {})",
                self.text
            )),
            (_, "InvalidObjectState") => Trouble::Denied(format!("it is archived; restore it ({})", self.text)),
            (Some(401 | 403), "") => Trouble::Denied(format!("S3 gives no reason; perhaps grant {}", call.grant)),
            (Some(401 | 403), _) => {
                let grant = missing_action(&self.text).unwrap_or(call.grant);
                Trouble::Denied(format!("grant {grant} ({code}: {})", self.text))
            }
            (Some(status), _) => Trouble::Failed(format!("S3 answers {status} {code}: {}", self.text)),
            (None, _) => Trouble::Failed(format!("S3 does not answer: {}", self.text)),
        }
    }
}

/// The action that S3 or KMS says is missing: `… is not authorized to perform: kms:GenerateDataKey on …`.
fn missing_action(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next()
}
