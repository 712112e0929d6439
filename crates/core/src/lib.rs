//! The words and the ports of Tributary: what every other room speaks, and nothing it could disagree about.
//!
//! # Invariants
//! - Pure: no I/O, no clock, no environment, no runtime. Functions touch nothing but their arguments.
//! - A [`Delta`] has both ends of every span, so that whoever applies it can refuse an overlap without trusting anybody.
//! - A [`Tally`] adds up: read = made rows + duplicates + rejected + skipped (INV-1), whatever is appended to it.
//! - A [`Secret`] has no way to be printed by accident.
//!
//! # Deliberately absent
//! JSON, tokio, logging, any service, the real clock (it is the runtime's), and the commit log's tokens: a permit that
//! could be made here could be forged everywhere.

mod checkpoint;
mod clock;
mod epoch;
mod fault;
mod framing;
mod header;
mod port;
mod position;
mod record;
mod rejected;
mod sealed;
mod secret;
mod share;
mod table;
mod time;

pub use checkpoint::{Advanced, Checkpoint, Conflict, Delta, Gap, Span, SplitId};
pub use clock::Clock;
pub use epoch::{Attempt, Epoch, InvalidName, PipelineId};
pub use fault::Fault;
pub use framing::{Body, RecordLimit};
pub use header::Headers;
pub use port::{
    CommittedKeys, Decoder, Extent, Failure, Fill, Held, Lag, Lineage, Scope, ScopeId, ScopeState, Scratch,
    ScratchError, Sink, Source, StateKind, Transform, UnreadInput,
};
pub use position::{After, Polled, Position, SequenceNumber, Sweep};
pub use record::{RawBatch, Record};
pub use rejected::{RejectReason, Rejection, rejected_batch, rejected_table};
pub use sealed::{Bucket, Digest, Key, PartitionPath, SealedFile, Ticket};
pub use secret::Secret;
pub use share::Share;
pub use table::{Decoded, Normalized, Partition, RowKey, SkipReason, Subject, Table, TableBatch, TableId, Tally};
pub use time::{Day, Timestamp};
