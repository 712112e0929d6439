//! The source for Kinesis: one worker of those that read a stream, whose positions are the commit log's.
//!
//! ```text
//! reader a shard ──RawBatch──▶ source ──▶ line ──▶ commit log
//!      ▲                          │ ends the line when shards come or go
//! coordinator: lists shards, keeps leases ◀── attach(checkpoint), what is committed
//! ```
//!
//! # Invariants
//! - A shard is read after its parents, and only once a published epoch says that they are over: the order of an agent's
//!   events holds across splits and merges, and its state is there.
//! - A line reads the shards that it began with. When shards come or go the line ends, commits what it has, and the next one
//!   reads the log: positions and state of a shard are those of one reading of the log, and should another worker have read further
//!   since, the log refuses what would be there twice.
//! - Reading goes on strictly behind the record, and the user record inside an aggregated one, that the checkpoint names.
//! - A split is of one stream, not of a name: it holds when the stream was made.
//! - What retention deleted of a shard that was begun is a gap of the positions, never silence.
//! - Leases save work. Two who both have a shard for a moment are kept apart by the log.
//! - Memory is bounded by pages in hand, whatever the number of shards; with fan-out there is one event of each shard more.
//!
//! # Deliberately absent
//! Families, tables, the commit log, where leases are kept, producing.

mod aggregated;
mod answer;
mod begin;
mod client;
mod coordinator;
mod error;
mod fan_out;
mod feed;
mod group;
mod lag;
mod options;
mod part;
mod place;
mod probe;
mod reader;
mod session;
mod shard;
mod source;

pub use aggregated::{UserRecord, user_records};
pub use error::Error;
pub use group::Group;
pub use lag::lag;
pub use options::{Delivery, Options, StartAt};
pub use probe::probe;
pub use source::KinesisSource;
