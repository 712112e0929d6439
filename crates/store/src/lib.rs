//! Where the lake's objects live: few verbs, each with the guarantees that the commit protocol stands on.
//!
//! # Invariants
//! - `create` is linearizable: of any number of callers exactly one gets [`Created::New`], everybody else the winner's
//!   bytes.
//! - Bytes given to an [`Upload`] are durable once it is sealed and invisible until it is completed.
//! - `complete` may be repeated for ever: the object appears once, whole, or not at all.
//!
//! # Deliberately absent
//! AWS (see `store-s3`), Parquet, epochs, and any retry: a store answers, it does not decide.

mod checksum;
#[doc(hidden)]
pub mod conformance;
mod error;
mod folder;
pub mod memory;
mod port;

pub use checksum::digest_of;
pub use error::StoreError;
pub use folder::FolderStore;
pub use memory::MemoryStore;
pub use port::{Completed, Created, ObjectStore, PendingUpload, Upload};
