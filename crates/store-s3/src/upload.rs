//! An upload in progress: equal parts, several on their way at a time.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tributary_aws::{Answer, Call};
use tributary_core::{Digest, Key, Ticket};
use tributary_store::{StoreError, Upload};

use crate::answer::WRITE;
use crate::checksum;
use crate::store::Inner;
use crate::waiting::Waiting;

/// What became of a part: its number from 0 and its tag.
type Part = Result<(usize, String), StoreError>;

/// A multipart upload. One that is dropped stays in the bucket until `gc` aborts it.
pub(crate) struct S3Upload {
    store: Arc<Inner>,
    key: Key,
    upload: String,
    whole: crc64fast_nvme::Digest,
    bytes: u64,
    waiting: Waiting,
    parts: usize,
    tags: Vec<(usize, String)>,
    under_way: JoinSet<Part>,
}

impl S3Upload {
    pub(crate) fn new(store: Arc<Inner>, key: Key, upload: String) -> Self {
        Self {
            waiting: Waiting::new(Arc::clone(&store)),
            store,
            key,
            upload,
            whole: crc64fast_nvme::Digest::new(),
            bytes: 0,
            parts: 0,
            tags: Vec::new(),
            under_way: JoinSet::new(),
        }
    }

    /// Sends a part as soon as one of those under way makes room for it.
    async fn send(&mut self, body: Bytes) -> Result<(), StoreError> {
        while let Some(done) = self.under_way.try_join_next() {
            self.tags.push(self.joined(done)?);
        }
        let room = Arc::clone(&self.store.parts).acquire_owned().await;
        let room = room.map_err(|closed| self.lost(closed))?;
        let part = PartUpload {
            store: Arc::clone(&self.store),
            key: self.key.clone(),
            upload: self.upload.clone(),
            number: self.parts,
            body,
        };
        self.parts += 1;
        self.under_way.spawn(part.run(room));
        Ok(())
    }

    fn joined(&self, done: Result<Part, tokio::task::JoinError>) -> Part {
        done.unwrap_or_else(|lost| Err(self.lost(lost)))
    }

    fn lost(&self, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Io { verb: "writing", key: self.key.clone(), cause: std::io::Error::other(cause) }
    }
}

struct PartUpload {
    store: Arc<Inner>,
    key: Key,
    upload: String,
    number: usize,
    body: Bytes,
}

impl PartUpload {
    async fn run(self, room: OwnedSemaphorePermit) -> Part {
        let mut sum = crc64fast_nvme::Digest::new();
        sum.write(&self.body);
        let store = &self.store;
        let sent = store
            .client
            .upload_part()
            .bucket(&store.options.bucket)
            .key(store.name(&self.key))
            .upload_id(&self.upload)
            .part_number(part_number(self.number))
            .checksum_crc64_nvme(checksum::header(sum.sum64()))
            .body(ByteStream::from(self.body))
            .send()
            .await;
        drop(room);
        match sent {
            Ok(part) => Ok((self.number, part.e_tag().unwrap_or_default().to_owned())),
            Err(error) => Err(store.refused(&error, WRITE, &self.key)),
        }
    }
}

/// S3 counts parts from 1.
pub(crate) fn part_number(number: usize) -> i32 {
    i32::try_from(number + 1).unwrap_or(i32::MAX)
}

#[async_trait]
impl Upload for S3Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.whole.write(&bytes);
        self.bytes += bytes.len() as u64;
        let mut rest = bytes;
        let size = self.store.options.part_size;
        while self.waiting.len() + rest.len() >= size {
            let part = if self.waiting.len() == 0 {
                rest.split_to(size)
            } else {
                let missing = size - self.waiting.len();
                let end = rest.split_to(missing);
                self.waiting.add(&end).await.map_err(|cause| self.lost(cause))?;
                self.waiting.take().await.map_err(|cause| self.lost(cause))?
            };
            self.send(part).await?;
        }
        if !rest.is_empty() {
            self.waiting.add(&rest).await.map_err(|cause| self.lost(cause))?;
        }
        Ok(())
    }

    async fn seal(mut self: Box<Self>) -> Result<Ticket, StoreError> {
        // An object without bytes is one part without bytes.
        if self.waiting.len() > 0 || self.parts == 0 {
            let last = self.waiting.take().await.map_err(|cause| self.lost(cause))?;
            self.send(last).await?;
        }
        while let Some(done) = self.under_way.join_next().await {
            let part = self.joined(done)?;
            self.tags.push(part);
        }
        self.tags.sort_unstable();
        Ok(Ticket {
            upload: self.upload,
            parts: self.tags.into_iter().map(|(_, tag)| tag).collect(),
            bytes: self.bytes,
            digest: Digest::from_crc64(self.whole.sum64()),
        })
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StoreError> {
        // A part that arrives after the abort would stay, unseen and paid for.
        self.under_way.shutdown().await;
        self.store.abort(&self.key, &self.upload).await
    }
}

/// What is said of an upload that S3 does not name.
pub(crate) fn unnamed(key: &Key) -> StoreError {
    let cause = std::io::Error::other("S3 began an upload and did not say its id");
    StoreError::Io { verb: "writing", key: key.clone(), cause }
}

impl Inner {
    pub(crate) fn refused<E>(
        &self,
        error: &aws_sdk_s3::error::SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
        call: Call,
        key: &Key,
    ) -> StoreError
    where
        E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.error(Answer::of(error), call, key)
    }
}
