//! What a source hands on.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Body, Delta, Headers, Position, ScopeId, SplitId, Timestamp};

/// Raw bytes from a split. A record may hold several payloads: a wrapper, a concatenation, a log envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which split it came from.
    pub split: SplitId,
    /// Where it came from, for a person: a path, a topic and partition, a stream and shard.
    pub origin: Arc<str>,
    /// Its own position in the split (not the one after it).
    pub position: Position,
    /// When it arrived at the service it was read from; `None` for files and objects, whose rows use
    /// [`RawBatch::read_at`].
    pub arrived_at: Option<Timestamp>,
    /// The message key, where the service has one.
    pub key: Option<Bytes>,
    /// What stood beside it, where the service has such.
    pub headers: Headers,
    /// The bytes.
    pub body: Body,
}

/// Records of one scope in split order, with what they account for.
#[derive(Clone, Debug)]
pub struct RawBatch {
    /// Whose duplicates and state these records share.
    pub scope: ScopeId,
    /// The records; may be empty when only positions moved.
    pub records: Vec<Record>,
    /// What the batch accounts for.
    pub delta: Delta,
    /// When it was read; stamped by the runtime, `None` until then.
    pub read_at: Option<Timestamp>,
}

impl RawBatch {
    /// The bytes of all records, with their keys and headers: what the memory budget is charged with.
    pub fn bytes(&self) -> usize {
        let beside = |record: &Record| record.key.as_ref().map_or(0, Bytes::len) + record.headers.size();
        self.records.iter().map(|record| record.body.bytes().len() + beside(record)).sum()
    }
}
