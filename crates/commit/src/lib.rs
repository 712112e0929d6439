//! The exactly-once protocol: one numbered log of conditional creates decides what is part of the lake.
//!
//! ```text
//! sealed ──claim──▶ claimed ──publish──▶ published
//!         create-if-absent of         every upload completed,
//!         commits/<epoch>.json        commits/<epoch>.done
//! ```
//! The log is a fence without a leader and without a lock: the epoch's number, the delta and the bans. Whoever claims
//! has read every record below the number he tries. What is claimed is delivered; anybody may finish it.
//!
//! # Invariants
//! - INV-2: in each split, committed spans follow one another without overlap.
//! - INV-3: no [`Receipt`] without a published epoch, no publishing without a [`Permit`], no permit without a record.
//! - INV-4: an epoch has at most one record; an attempt has at most one epoch; a loser publishes nothing.
//! - A checkpoint record of epoch K is written only when every epoch up to K is published.
//! - An upload is aborted only after a committed ban of its attempt; attempts with a record are never banned.
//! - An unknown outcome is a third state: it is looked at before anything else is done.
//!
//! # Deliberately absent
//! Parquet, AWS, sources, real time, tasks, retries (they are the store's and the runtime's), and the deletion of old
//! records and of snapshots that newer ones supersede.

mod checkpoint;
mod decide;
mod digest;
mod error;
mod gc;
mod head;
mod inspect;
pub mod invariants;
mod layout;
mod live;
mod load;
mod log;
mod options;
mod owner;
mod proposal;
mod prune;
mod publish;
mod record;

pub use digest::TextDigest;
pub use error::CommitError;
pub use gc::{GcReport, gc};
pub use inspect::{EpochView, LogView, StateView, TableView, inspect, pipelines};
pub use layout::leases_folder;
pub use live::{LiveFile, LiveFiles};
pub use log::CommitLog;
pub use options::{LogOptions, OptionDigest};
pub use proposal::{Claim, Committer, FencedBy, Permit, Proposal, Receipt, Recovered};
pub use record::{Record, SideObject, StateEntry};
