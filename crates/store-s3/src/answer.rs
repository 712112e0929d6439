//! What S3 answers, in the store's words.

use std::io;

use tributary_aws::{Answer, Call, Trouble};
use tributary_core::Key;
use tributary_store::StoreError;

/// GetObject, HeadObject.
pub(crate) const READ: Call = Call::new(
    "reading",
    "s3:GetObject on the objects, and s3:ListBucket on the bucket: without it S3 says so of an object that is not there",
);
/// PutObject, CreateMultipartUpload, UploadPart.
pub(crate) const WRITE: Call = Call::new("writing", "s3:PutObject on the objects");
/// CompleteMultipartUpload.
pub(crate) const COMPLETE: Call = Call::new("completing", "s3:PutObject on the objects");
/// AbortMultipartUpload.
pub(crate) const ABORT: Call = Call::new("aborting", "s3:AbortMultipartUpload on the objects");
/// DeleteObject.
pub(crate) const DELETE: Call = Call::new("deleting", "s3:DeleteObject on the objects");
/// ListObjectsV2.
pub(crate) const LIST: Call = Call::new("listing", "s3:ListBucket on the bucket");
/// ListMultipartUploads.
pub(crate) const UPLOADS: Call = Call::new("listing the uploads of", "s3:ListBucketMultipartUploads on the bucket");

/// GetBucketLifecycleConfiguration.
pub(crate) const LIFECYCLE: Call =
    Call::new("reading the lifecycle rules around", "s3:GetLifecycleConfiguration on the bucket");

/// The same for whoever is above.
pub(crate) fn store_error(answer: Answer, call: Call, key: &Key, location: &str) -> StoreError {
    if answer.is("InvalidObjectState") {
        let cure = "it was archived by a lifecycle rule; restore it, and leave the lake out of the rule";
        let reason = format!("{cure} ({})", answer.text());
        return StoreError::Denied { verb: call.verb(), key: key.clone(), reason };
    }
    trouble_error(answer.trouble(call), call, key, location)
}

fn trouble_error(trouble: Trouble, call: Call, key: &Key, location: &str) -> StoreError {
    match trouble {
        Trouble::Unusable(reason) => StoreError::Unusable { location: location.to_owned(), reason },
        Trouble::Denied(reason) => StoreError::Denied { verb: call.verb(), key: key.clone(), reason },
        Trouble::Failed(said) => StoreError::Io { verb: call.verb(), key: key.clone(), cause: io::Error::other(said) },
    }
}
