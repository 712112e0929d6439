//! What S3 answers, in the store's words.
//!
//! Source: Amazon S3 API Reference, "Error responses".

use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tributary_aws::{NoCredentials, credentials_failure, in_words};
use tributary_core::Key;
use tributary_store::StoreError;

/// One call: what it was for, and what has to be granted for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    verb: &'static str,
    grant: &'static str,
}

/// GetObject, HeadObject.
pub(crate) const READ: Call = Call {
    verb: "reading",
    grant: "s3:GetObject on the objects, and s3:ListBucket on the bucket: without it S3 says so of an object that is not there",
};
/// PutObject, CreateMultipartUpload, UploadPart.
pub(crate) const WRITE: Call = Call { verb: "writing", grant: "s3:PutObject on the objects" };
/// CompleteMultipartUpload.
pub(crate) const COMPLETE: Call = Call { verb: "completing", grant: "s3:PutObject on the objects" };
/// AbortMultipartUpload.
pub(crate) const ABORT: Call = Call { verb: "aborting", grant: "s3:AbortMultipartUpload on the objects" };
/// DeleteObject.
pub(crate) const DELETE: Call = Call { verb: "deleting", grant: "s3:DeleteObject on the objects" };
/// ListObjectsV2.
pub(crate) const LIST: Call = Call { verb: "listing", grant: "s3:ListBucket on the bucket" };
/// ListMultipartUploads.
pub(crate) const UPLOADS: Call =
    Call { verb: "listing the uploads of", grant: "s3:ListBucketMultipartUploads on the bucket" };

/// GetBucketLifecycleConfiguration.
pub(crate) const LIFECYCLE: Call =
    Call { verb: "reading the lifecycle rules around", grant: "s3:GetLifecycleConfiguration on the bucket" };

/// The facts of an answer that is not the one that was asked for.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status of the reply; none came without.
    pub(crate) status: Option<u16>,
    /// S3's name for it.
    pub(crate) code: String,
    text: String,
    region: Option<String>,
    credentials: Option<NoCredentials>,
}

impl Answer {
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
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

    /// A 200 to a completion that names another object than the one that was uploaded.
    pub(crate) fn unsure() -> Self {
        let text = "it completed an upload and named another object".to_owned();
        Self { status: Some(200), code: String::new(), text, region: None, credentials: None }
    }

    /// There is no such object (a HEAD has no body that could name it).
    pub(crate) fn is_absent(&self) -> bool {
        self.status == Some(404) && !self.is("NoSuchBucket") && !self.is("NoSuchUpload")
    }

    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The same for whoever is above.
    pub(crate) fn into_error(self, call: Call, key: &Key, location: &str) -> StoreError {
        let unusable = |reason| StoreError::Unusable { location: location.to_owned(), reason };
        let denied = |reason| StoreError::Denied { verb: call.verb, key: key.clone(), reason };
        let code = self.code.as_str();
        let io = |said: String| StoreError::Io { verb: call.verb, key: key.clone(), cause: io::Error::other(said) };
        if let Some(missing) = self.credentials {
            let said = format!("no AWS credentials could be had; {} ({})", NoCredentials::CURE, self.text);
            return if missing.is_lasting { denied(said) } else { io(said) };
        }
        match (self.status, code) {
            (_, "NoSuchBucket") => unusable("the bucket does not exist; create it, or correct its name".to_owned()),
            (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
            | (Some(301 | 307), _) => {
                let region = self.region.map_or_else(String::new, |region| format!(": set region = \"{region}\""));
                unusable(format!("the bucket is in another region{region} ({})", self.text))
            }
            (Some(501), _) | (_, "NotImplemented") => {
                unusable(format!("the server cannot do what {} needs ({})", call.verb, self.text))
            }
            (_, "RequestTimeTooSkewed") => denied(format!("set the clock of this machine ({})", self.text)),
            (_, "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired") => {
                denied(format!("the credentials have expired; renew them ({})", self.text))
            }
            (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch") => {
                denied(format!("the credentials are not those of this server; correct them ({code}: {})", self.text))
            }
            (_, "InvalidObjectState") => denied(format!(
                "it was archived by a lifecycle rule; restore it, and leave the lake out of the rule ({})",
                self.text
            )),
            (Some(401 | 403), "") => denied(format!("S3 gives no reason; perhaps grant {}", call.grant)),
            (Some(401 | 403), _) => {
                let grant = missing_action(&self.text).unwrap_or(call.grant);
                denied(format!("grant {grant} ({code}: {})", self.text))
            }
            (Some(status), _) => io(format!("S3 answers {status} {code}: {}", self.text)),
            (None, _) => io(format!("S3 does not answer: {}", self.text)),
        }
    }
}

/// The action that S3 or KMS says is missing: `… is not authorized to perform: kms:GenerateDataKey on …`.
fn missing_action(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next()
}
