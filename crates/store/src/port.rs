//! The port.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Attempt, Key, Ticket, Timestamp};

use crate::StoreError;

/// Who made the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// This call.
    New,
    /// Somebody before it; these are the bytes that stand there.
    Exists(Bytes),
}

/// When the object appeared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// By this call, as far as the store can tell: S3 may say so of every one.
    Now,
    /// It was there already, equal to what was uploaded.
    Before,
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingUpload {
    /// The object it would become.
    pub key: Key,
    /// What [`Ticket::upload`] says of it.
    pub upload: String,
    /// The attempt it belongs to.
    pub attempt: Attempt,
    /// When it was begun or, where the store does not keep that, last written to. By the store's own clock.
    pub since: Timestamp,
}

/// A place for objects. Keys are relative to the lake.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The whole object; `None` when there is none.
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// The length of the object in bytes; `None` when there is none.
    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError>;

    /// Some bytes of an object that exists; the range lies inside it.
    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Several ranges of one object, as [`read_range`](Self::read_range) gives them and in their order. A store where calls
    /// are dear reads neighbours by one.
    async fn read_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            parts.push(self.read_range(key, range.clone()).await?);
        }
        Ok(parts)
    }

    /// Creates the object unless it exists. Linearizable and durable.
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError>;

    /// The keys of all objects below `folder/`, in the order of their bytes, only those after `after`. Uploads that
    /// are not completed are not listed.
    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError>;

    /// Deletes the object; one that is not there is no error.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// Begins an upload that only [`complete`](Self::complete) makes visible. The last part of the key's name holds the
    /// attempt ([`Key::attempt`]): S3 keeps nothing else of an upload that could tell whose it is.
    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError>;

    /// Makes a sealed upload visible under its key, without a condition: nobody else writes that key. Safe to repeat:
    /// once the object stands there with the ticket's length and digest, the answer is [`Completed::Before`].
    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError>;

    /// Throws an upload away; one that is not there (any more) is no error.
    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError>;

    /// All uploads that were begun and neither completed nor aborted, whoever began them.
    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError>;
}

/// An upload in progress.
#[async_trait]
pub trait Upload: Send {
    /// Appends bytes; chunks may be of any size.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Makes all bytes durable, still invisible.
    async fn seal(self: Box<Self>) -> Result<Ticket, StoreError>;

    /// Throws it away.
    async fn abort(self: Box<Self>) -> Result<(), StoreError>;
}
