//! Completing: without a condition, and with a look after every other answer than 200.
//!
//! Source: Amazon S3 API Reference, CompleteMultipartUpload. A 409 to a *conditional* completion asks for the parts
//! again, which nobody has any more after a claim; so there is no condition. A second completion may answer 200 or
//! NoSuchUpload, and 200 may hold an error: none of it is believed, the object is.
//!
//! Where the checksum is one of the whole object, S3 asks for none of its parts. MinIO does, and answers InvalidPart
//! without them: there the server is asked for those that it checked when the parts came.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::types::{
    ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Part, ServerSideEncryption,
};
use tributary_aws::Answer;
use tributary_core::{Digest, Key, Ticket};
use tributary_store::{Completed, StoreError};

use crate::Encryption;
use crate::answer::{COMPLETE, READ};
use crate::checksum;
use crate::store::Inner;
use crate::upload::part_number;

/// The checksums of an upload's parts, as headers have them, by the numbers of the parts.
type Sums = BTreeMap<i32, String>;

/// Between two looks for an object whose upload is gone: another completion may be about to make it visible.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_secs(1)];

/// What stands under a key.
struct Found {
    bytes: u64,
    digest: Option<Digest>,
    tag: Option<String>,
    /// Under SSE-KMS a tag looks like an MD5 and is none.
    is_kms: bool,
}

impl Found {
    /// Whether it is what was uploaded: by the checksum, where the server keeps it, else by the tags of the parts,
    /// else (SSE-KMS on a server without checksums) by its length under a name that nobody else writes.
    fn is(&self, ticket: &Ticket) -> bool {
        if self.bytes != ticket.bytes {
            return false;
        }
        if let Some(digest) = self.digest {
            return digest == ticket.digest;
        }
        let expected = checksum::composite_tag(&ticket.parts).filter(|_| !self.is_kms);
        match (&self.tag, expected) {
            (Some(tag), Some(expected)) => checksum::bare(tag) == expected,
            (None, _) | (_, None) => true,
        }
    }
}

/// A 200 to a completion that names another object than the one that was uploaded.
fn misnamed(key: &Key) -> StoreError {
    let cause = std::io::Error::other("S3 completed an upload and named another object");
    StoreError::Io { verb: COMPLETE.verb(), key: key.clone(), cause }
}

impl Inner {
    pub(crate) async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        fail::fail_point!("store:before_complete", |_| std::process::abort());
        let answer = self.ask_to_complete(key, ticket).await;
        fail::fail_point!("store:after_complete", |_| std::process::abort());
        let (is_gone, error) = match answer {
            Ok(made) if made.is(ticket) => return Ok(Completed::Now),
            Ok(_) => (false, misnamed(key)),
            Err(answer) => (answer.is("NoSuchUpload"), self.error(answer, COMPLETE, key)),
        };
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            match self.look(key).await? {
                Some(found) if found.is(ticket) => return Ok(Completed::Before),
                Some(found) => {
                    return Err(StoreError::Different { key: key.clone(), found: found.bytes, expected: ticket.bytes });
                }
                None if is_gone => {}
                None => return Err(error),
            }
        }
        Err(StoreError::Gone { key: key.clone() })
    }

    async fn ask_to_complete(&self, key: &Key, ticket: &Ticket) -> Result<Found, Answer> {
        if !self.wants_sums.load(Ordering::Relaxed) {
            match self.ask_with(key, ticket, &Sums::new()).await {
                Err(answer) if answer.is("InvalidPart") => {}
                answer => return answer,
            }
        }
        let sums = self.sums(key, ticket).await?;
        let answer = self.ask_with(key, ticket, &sums).await;
        self.wants_sums.fetch_or(answer.is_ok(), Ordering::Relaxed);
        answer
    }

    /// What the server says of the parts that it has.
    async fn sums(&self, key: &Key, ticket: &Ticket) -> Result<Sums, Answer> {
        let listed = self.client.list_parts().bucket(&self.options.bucket).key(self.name(key));
        let mut pages = listed.upload_id(&ticket.upload).into_paginator().send();
        let mut sums = Sums::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Answer::of(&error))?;
            let of_part = |part: &Part| Some((part.part_number()?, part.checksum_crc64_nvme()?.to_owned()));
            sums.extend(page.parts().iter().filter_map(of_part));
        }
        Ok(sums)
    }

    /// What the answer says of the object; of its length it says nothing.
    async fn ask_with(&self, key: &Key, ticket: &Ticket, sums: &Sums) -> Result<Found, Answer> {
        let parts = ticket.parts.iter().enumerate().map(|(number, tag)| {
            let number = part_number(number);
            let sum = sums.get(&number).cloned();
            CompletedPart::builder().part_number(number).e_tag(tag).set_checksum_crc64_nvme(sum).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        // MinIO gets the sum of no bytes wrong.
        let whole = checksum::header_of(ticket.digest).filter(|_| ticket.bytes > 0 || sums.is_empty());
        let sent = self
            .client
            .complete_multipart_upload()
            .bucket(&self.options.bucket)
            .key(self.name(key))
            .upload_id(&ticket.upload)
            .set_checksum_crc64_nvme(whole)
            .checksum_type(ChecksumType::FullObject)
            .mpu_object_size(i64::try_from(ticket.bytes).unwrap_or(i64::MAX))
            .multipart_upload(parts)
            .send()
            .await;
        match sent {
            Ok(made) => Ok(Found {
                bytes: ticket.bytes,
                digest: made.checksum_crc64_nvme().and_then(checksum::digest),
                tag: made.e_tag().map(str::to_owned),
                is_kms: self.is_kms(made.server_side_encryption()),
            }),
            Err(error) => Err(Answer::of(&error)),
        }
    }

    async fn look(&self, key: &Key) -> Result<Option<Found>, StoreError> {
        let sent = self
            .client
            .head_object()
            .bucket(&self.options.bucket)
            .key(self.name(key))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        match sent {
            Ok(head) => Ok(Some(Found {
                bytes: head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                digest: head.checksum_crc64_nvme().and_then(checksum::digest),
                tag: head.e_tag().map(str::to_owned),
                is_kms: self.is_kms(head.server_side_encryption()),
            })),
            Err(error) => {
                let answer = Answer::of(&error);
                if answer.is_absent() { Ok(None) } else { Err(self.error(answer, READ, key)) }
            }
        }
    }

    fn is_kms(&self, said: Option<&ServerSideEncryption>) -> bool {
        let said = matches!(said, Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse));
        said || matches!(self.options.encryption, Some(Encryption::Kms { .. }))
    }

    pub(crate) async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        Ok(self.look(key).await?.map(|found| found.bytes))
    }
}
