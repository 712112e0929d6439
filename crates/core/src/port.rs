//! The ports: what the line asks of a source, a transform and a sink, and of the two helpers that do I/O for pure rooms.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::{Attempt, Checkpoint, Day, Decoded, Fault, Normalized, RawBatch, RowKey, SealedFile, Table, TableBatch};

/// An error of a room behind a port: what it asks of the line, its code in `docs/errors.md`, and the room's own error.
#[derive(Debug)]
pub struct Failure {
    fault: Fault,
    code: &'static str,
    cause: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// Wraps a room's error.
    pub fn new(fault: Fault, code: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault, code, cause: cause.into() }
    }

    /// What it asks of the caller.
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Its paragraph in `docs/errors.md`.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// Whose duplicates and state some records share: a split of a stream, or a whole file source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeId(Arc<str>);

impl ScopeId {
    /// The scope of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parents of scopes that took over from others.
pub type Lineage = BTreeMap<ScopeId, Vec<ScopeId>>;

/// How far behind a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Bytes read and bytes to read, as far as they are known: files.
    Bytes {
        /// Of the input as it lies there, compressed or not.
        read: u64,
        /// Of all inputs found so far.
        total: u64,
    },
    /// Records behind the head of the stream.
    Records(u64),
    /// Milliseconds behind the head of the stream.
    Millis(u64),
}

/// An input that was left out because it could not be read. The next run tries it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadInput {
    /// Its name: a path.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Where records come from.
#[async_trait]
pub trait Source: Send {
    /// The next batch, in split order; `None` when nothing will ever follow. Cancel-safe: dropping the future loses
    /// nothing.
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure>;

    /// Courtesy: `durable` is published, so offsets may be committed and what was read may be forgotten.
    async fn release(&mut self, durable: &Checkpoint) -> Result<(), Failure>;

    /// How far behind it is, if it knows.
    fn lag(&self) -> Option<Lag>;

    /// Inputs that were left out so far.
    fn unread(&self) -> Vec<UnreadInput>;

    /// After [`next`](Self::next) said that nothing follows: whether more follows in a line that begins anew from the log,
    /// because the splits of this one are no longer those that it was opened with.
    fn goes_on(&self) -> bool {
        false
    }

    /// Which scopes took over from which, as far as it is known when the source is opened: the state of a scope that has
    /// none of its own begins with that of its parents. A parent is read to its end before its heirs begin.
    fn lineage(&self) -> Lineage {
        Lineage::new()
    }
}

/// Turns records into rows. Total: a bad record is a rejection, never an error.
pub trait Transform: Send + Sync {
    /// The tables it writes, without `rejected`.
    fn tables(&self) -> &[Table];

    /// A decoder; several work side by side, one a thread. What one remembers only makes it faster.
    fn decoder(&self) -> Box<dyn Decoder>;

    /// The state of one scope, from its last full snapshot and the deltas after it, oldest first; empty for a new one. One
    /// that takes over from several gets all of theirs, where a full snapshot may come as a delta.
    fn scope(&self, id: &ScopeId, states: &[ScopeState]) -> Result<Box<dyn Scope>, Failure>;
}

/// The part of a transform that needs no state and spreads over the cores.
pub trait Decoder: Send {
    /// Decodes a batch. The same batch gives the same result, whatever came before.
    fn decode(&mut self, batch: &RawBatch) -> Decoded;
}

/// The part of a transform that needs to see batches in order: duplicates now, open intervals later.
pub trait Scope: Send {
    /// Which of these days' committed keys it has not been told yet.
    fn unknown_days(&self, days: &[Day]) -> Vec<Day>;

    /// Tells it the keys that anyone has committed to `day`.
    fn learn(&mut self, day: Day, keys: &[RowKey]);

    /// Leaves out duplicates. Never fails, never blocks for long.
    fn apply(&mut self, decoded: Decoded) -> Normalized;

    /// What changed since the last snapshot, or everything. Taken at the end of an epoch, kept beside its record.
    fn snapshot(&mut self, kind: StateKind) -> Bytes;

    /// How many keys it holds and since which minute; `forgotten` when memory ran out before the horizon did.
    fn held(&self) -> Held;
}

/// What a scope remembers of past keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Keys held in memory or on the spool.
    pub keys: u64,
    /// The oldest minute (since 1970) whose keys are all still held; `None` when nothing was forgotten early.
    pub short_since: Option<i32>,
}

/// Whether a snapshot stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// Everything.
    Full,
    /// What changed since the one before.
    Delta,
}

/// A snapshot of a scope, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeState {
    /// Whether it stands alone.
    pub kind: StateKind,
    /// What the scope wrote; versioned by the scope.
    pub bytes: Bytes,
}

/// The keys that are already in the lake, by day.
#[async_trait]
pub trait CommittedKeys: Send {
    /// The keys committed to `day` by anyone, as far as the log has been read.
    async fn day(&mut self, day: Day) -> Result<Vec<RowKey>, Failure>;
}

/// What a sink holds: what the cadence looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Rows taken since the last seal.
    pub rows: u64,
    /// Bytes of memory in use.
    pub memory: u64,
    /// Bytes on the spool.
    pub spooled: u64,
    /// Bytes encoded into files that are not sealed yet.
    pub encoded: u64,
    /// The sink has to be sealed before it takes much more.
    pub full: bool,
}

/// Where rows go.
#[async_trait]
pub trait Sink: Send {
    /// Names the attempt that the files from now on belong to. Called before the first write after each seal.
    fn begin(&mut self, attempt: &Attempt);

    /// Takes rows.
    async fn write(&mut self, batch: TableBatch) -> Result<(), Failure>;

    /// What it holds.
    fn fill(&self) -> Fill;

    /// Finishes every file: all bytes durable, nothing visible, the sink empty again. No file without rows.
    async fn seal(&mut self) -> Result<Vec<SealedFile>, Failure>;
}

/// Local disk for what memory does not hold: shared, thread-safe, gone when the process ends.
pub trait Scratch: Send + Sync {
    /// Writes `bytes` somewhere.
    fn append(&self, bytes: &[u8]) -> Result<Extent, ScratchError>;

    /// Reads `into.len()` bytes that begin `skip` bytes into the extent.
    fn read(&self, extent: Extent, skip: u64, into: &mut [u8]) -> Result<(), ScratchError>;

    /// Gives the space back.
    fn release(&self, extent: Extent);
}

/// A place on a [`Scratch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Where it begins.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Why a [`Scratch`] could not do it.
#[derive(Debug, ThisError)]
pub enum ScratchError {
    /// The limit that was set for it is reached.
    #[error("the spool is full: {limit} bytes are allowed")]
    Full {
        /// The limit.
        limit: u64,
    },
    /// The disk said no.
    #[error("the spool cannot be used")]
    Io(#[source] std::io::Error),
}
