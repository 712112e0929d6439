//! The source for Kafka: one member of a consumer group, whose positions are the commit log's.
//!
//! ```text
//! thread  poll ──message──▶ one heap a partition ──RawBatch──▶ source ──▶ line ──▶ commit log
//!           ▲  rebalance: ends the line, waits for it,             │
//!           └──────────── attach(checkpoint): seeks ◀── next line ◀┘
//! ```
//!
//! # Invariants
//! - A member joins once a process and outlives the lines that are fed by it: a line that begins anew is no rebalance.
//! - Reading of a partition begins where the checkpoint of the line says, which was read from the log after the partition
//!   was given to us. Offsets that the group keeps are a courtesy for tools that show lag, never read.
//! - When partitions come or go the line ends first: what is in hand is committed within the deadline, else dropped and
//!   read again by whoever has the partition then. Two who both have some of it are kept apart by the log.
//! - Polling never stops while a line takes its time: partitions are paused instead.
//! - A split is of one topic, not of a name: it holds the id that the brokers tell (KIP-516), and what was polled is handed on only
//!   after they told the same id again.
//! - Every offset between two positions is accounted for: what compaction and transactions left out has no record.
//!
//! # Deliberately absent
//! Families, tables, the commit log, producing, schema registries; where tokens come from (`tokens`).

mod alone;
mod blocks;
mod client;
mod config;
mod confirm;
mod context;
mod error;
mod group;
mod lag;
mod naming;
mod options;
mod owned;
mod part;
mod place;
mod poll;
mod rebalance;
mod said;
mod signing;
mod source;

pub use client::probe;
pub use error::Error;
pub use group::Group;
pub use lag::{PartitionLag, lag};
pub use options::{Options, Protocol, StartAt};
pub use owned::refuse_setting;
pub use signing::Signing;
pub use source::KafkaSource;
