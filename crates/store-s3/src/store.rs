//! The port.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, ServerSideEncryption, StorageClass};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tributary_aws::{Answer, Call, answer_time};
use tributary_core::{Attempt, Key, Ticket, Timestamp};
use tributary_store::{Completed, Created, ObjectStore, PendingUpload, StoreError, Upload};

use crate::answer::{ABORT, DELETE, LIST, UPLOADS, WRITE, store_error};
use crate::upload::{S3Upload, unnamed};
use crate::{Encryption, Options, checksum, ranges};

/// Parts of all uploads that are on their way at once: with parts of 8 MiB they are 64 MiB of memory.
const PARTS_AT_ONCE: usize = 8;

/// Answers of 409 to one `create` before it gives up, and the pause after the first of them, which doubles.
const CONFLICTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A lake in S3. Clones share it; any number of processes may use one lake.
#[derive(Clone, Debug)]
pub struct S3Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) options: Options,
    pub(crate) location: String,
    pub(crate) parts: Arc<Semaphore>,
    /// Bytes of parts that are not full, in memory.
    pub(crate) waiting: AtomicUsize,
    /// Whether the server completes nothing without the checksums of the parts.
    pub(crate) wants_sums: AtomicBool,
    tagging: Option<String>,
}

impl S3Store {
    /// Opens the lake; nothing is sent yet.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when no connection can be configured.
    pub async fn open(mut options: Options) -> Result<Self, StoreError> {
        let location = options.location();
        let unusable = |reason: String| StoreError::Unusable { location: location.clone(), reason };
        let shared = tributary_aws::connect(&options.connection).await;
        let shared = shared.map_err(|error| unusable(tributary_aws::in_words(&error)))?;
        let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(options.path_style);
        // Bodies of parts take their time on a slow line.
        let times = shared.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
        config = config.timeout_config(times.read_timeout(answer_time(options.part_size)).build());
        options.connection.endpoint =
            options.connection.endpoint.or_else(|| tributary_aws::configured_endpoint(&shared, "S3"));
        if let Some(endpoint) = &options.connection.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let tagging = (!options.tags.is_empty()).then(|| tagging(&options.tags));
        let inner = Inner {
            client: Client::from_conf(config.build()),
            parts: Arc::new(Semaphore::new(PARTS_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            wants_sums: AtomicBool::new(false),
            options,
            tagging,
            location,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Tags as the header `x-amz-tagging` wants them: the query of a URL.
fn tagging(tags: &std::collections::BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = tags.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    pairs.join("&")
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Inner {
    /// The key in the bucket.
    pub(crate) fn name(&self, key: &Key) -> String {
        match self.options.prefix.as_str() {
            "" => key.to_string(),
            prefix => format!("{prefix}/{key}"),
        }
    }

    /// The key in the lake; `None` for what is none of its.
    fn key(&self, name: &str) -> Option<Key> {
        let rest = match self.options.prefix.as_str() {
            "" => name,
            prefix => name.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        rest.parse().ok()
    }

    /// What all keys of the lake begin with.
    fn beginning(&self) -> String {
        match self.options.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        }
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>, Option<bool>) {
        match &self.options.encryption {
            None => (None, None, None),
            Some(Encryption::S3) => (Some(ServerSideEncryption::Aes256), None, None),
            Some(Encryption::Kms { key, bucket_key }) => {
                (Some(ServerSideEncryption::AwsKms), key.clone(), Some(*bucket_key))
            }
        }
    }

    pub(crate) fn error(&self, answer: Answer, call: Call, key: &Key) -> StoreError {
        store_error(answer, call, key, &self.location)
    }

    /// One attempt to create: `None` when somebody's bytes may stand there.
    pub(crate) async fn put_if_absent(&self, key: &Key, body: Bytes) -> Result<Option<()>, StoreError> {
        if self.options.exclusive && self.size(key).await?.is_some() {
            return Ok(None);
        }
        let mut sum = crc64fast_nvme::Digest::new();
        sum.write(&body);
        let (encryption, kms_key, bucket_key) = self.encryption();
        let sent = self
            .client
            .put_object()
            .bucket(&self.options.bucket)
            .key(self.name(key))
            .set_if_none_match((!self.options.exclusive).then(|| "*".to_owned()))
            .checksum_crc64_nvme(checksum::header(sum.sum64()))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .set_bucket_key_enabled(bucket_key)
            .body(ByteStream::from(body))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Some(())),
            Err(error) => {
                let answer = Answer::of(&error);
                // 409 says that another conditional write is under way, not who wins.
                if matches!(answer.status(), Some(409 | 412)) { Ok(None) } else { Err(self.error(answer, WRITE, key)) }
            }
        }
    }

    async fn begin(&self, key: &Key) -> Result<String, StoreError> {
        let (encryption, kms_key, bucket_key) = self.encryption();
        let sent = self
            .client
            .create_multipart_upload()
            .bucket(&self.options.bucket)
            .key(self.name(key))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .set_bucket_key_enabled(bucket_key)
            .set_storage_class(self.options.storage_class.as_deref().map(StorageClass::from))
            .set_tagging(self.tagging.clone())
            .send()
            .await;
        let begun = sent.map_err(|error| self.refused(&error, WRITE, key))?;
        begun.upload_id.ok_or_else(|| unnamed(key))
    }

    pub(crate) async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        let sent = self
            .client
            .abort_multipart_upload()
            .bucket(&self.options.bucket)
            .key(self.name(key))
            .upload_id(upload)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => {
                let answer = Answer::of(&error);
                if answer.is("NoSuchUpload") { Ok(()) } else { Err(self.error(answer, ABORT, key)) }
            }
        }
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.options.bucket)
            .prefix(format!("{}/", self.name(folder)))
            .set_start_after(after.map(|after| self.name(after)))
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.refused(&error, LIST, folder))?;
            keys.extend(page.contents().iter().filter_map(|object| self.key(object.key()?)));
        }
        // Servers that keep folders list in the order of their tree, and directory buckets in none.
        keys.retain(|key| after.is_none_or(|after| key > after));
        keys.sort_unstable();
        Ok(keys)
    }

    /// All uploads of the lake. MinIO takes a prefix for a whole key, finds nothing, and lists only the whole bucket;
    /// where other servers than AWS find nothing, the bucket is asked.
    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        let beginning = self.beginning();
        let found = self.uploads_below(Some(&beginning)).await?;
        if !found.is_empty() || self.options.connection.endpoint.is_none() || beginning.is_empty() {
            return Ok(found);
        }
        match self.uploads_below(None).await {
            // Whoever may list the prefix alone is on a server that knows prefixes.
            Err(StoreError::Denied { .. }) => Ok(found),
            all => all,
        }
    }

    async fn uploads_below(&self, prefix: Option<&str>) -> Result<Vec<PendingUpload>, StoreError> {
        let whole: Key = "_tributary".parse().map_err(|_| unnamed_lake(&self.location))?;
        let mut pending = Vec::new();
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let sent = self
                .client
                .list_multipart_uploads()
                .bucket(&self.options.bucket)
                .set_prefix(prefix.map(str::to_owned))
                .set_key_marker(key_marker)
                .set_upload_id_marker(upload_marker)
                .send();
            let page = sent.await.map_err(|error| self.refused(&error, UPLOADS, &whole))?;
            for upload in page.uploads() {
                let Some(key) = upload.key().and_then(|name| self.key(name)) else { continue };
                // Whatever does not hold an attempt was not begun by a pipeline.
                let Some(attempt) = key.attempt() else { continue };
                let since = upload.initiated().map_or(i64::MAX, |time| time.secs().saturating_mul(1_000_000));
                let upload = upload.upload_id().unwrap_or_default().to_owned();
                pending.push(PendingUpload { key, upload, attempt, since: Timestamp::from_micros(since) });
            }
            (key_marker, upload_marker) = (page.next_key_marker, page.next_upload_id_marker);
            if page.is_truncated != Some(true) || key_marker.is_none() {
                pending.sort_unstable_by(|left, right| left.key.cmp(&right.key));
                return Ok(pending);
            }
        }
    }
}

fn unnamed_lake(location: &str) -> StoreError {
    StoreError::Unusable { location: location.to_owned(), reason: "its name is refused".to_owned() }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key, None).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.inner.size(key).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let io = |kind| StoreError::Io { verb: "reading", key: key.clone(), cause: std::io::Error::from(kind) };
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let bytes = self.inner.get(key, Some(range.clone())).await?;
        let bytes = bytes.ok_or_else(|| io(std::io::ErrorKind::NotFound))?;
        // What lies beyond the end is left out by S3, without a word.
        if bytes.len() as u64 == range.end - range.start {
            return Ok(bytes);
        }
        Err(io(std::io::ErrorKind::UnexpectedEof))
    }

    async fn read_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let calls = ranges::joined(ranges);
        let bodies = stream::iter(calls.iter().cloned()).map(|call| self.read_range(key, call));
        let bodies: Vec<Bytes> = bodies.buffered(ranges::AT_ONCE).try_collect().await?;
        Ok(ranges::parts(ranges, &calls, &bodies))
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..CONFLICTS {
            fail::fail_point!("store:before_create", |_| std::process::abort());
            let made = self.inner.put_if_absent(key, body.clone()).await?;
            fail::fail_point!("store:after_create", |_| std::process::abort());
            if made.is_some() {
                return Ok(Created::New);
            }
            if let Some(winner) = self.inner.get(key, None).await? {
                return Ok(Created::Exists(winner));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let cause = std::io::Error::other("other conditional writes of it went on and on");
        Err(StoreError::Io { verb: "creating", key: key.clone(), cause })
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        self.inner.list(folder, after).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let sent = self.inner.client.delete_object().bucket(&self.inner.options.bucket).key(self.inner.name(key));
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let answer = Answer::of(&error);
                if answer.is_absent() { Ok(()) } else { Err(self.inner.error(answer, DELETE, key)) }
            }
        }
    }

    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError> {
        debug_assert_eq!(key.attempt().as_ref(), Some(attempt), "the name of the key holds the attempt");
        let upload = self.inner.begin(key).await?;
        Ok(Box::new(S3Upload::new(Arc::clone(&self.inner), key.clone(), upload)))
    }

    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        self.inner.complete(key, ticket).await
    }

    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        self.inner.abort(key, upload).await
    }

    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        self.inner.uploads().await
    }
}
