//! Reads back what is committed, for whoever needs to know it, and rewrites days of derived tables.
//!
//! # Invariants
//! - Only files that the commit log names are read, never a listing of folders.
//! - Of a file only the columns that are needed are fetched.
//! - A rebuild commits all of its rows at once, and they come from the events that are there, not from the order in which
//!   they were committed. (What `docs/agent-time.md` names under *Known faults* still breaks the second half.)
//!
//! # Deliberately absent
//! Sources and catalogue services.

mod ahead;
mod commit;
mod derive;
mod error;
mod flows;
mod gaps;
mod groups;
mod keys;
mod latest;
mod look;
mod marks;
#[cfg(test)]
mod memory_lake;
mod merge;
mod news;
mod rebuild;
mod run;
mod scan;
mod sightings;

pub use derive::{Derived, Rules};
pub use error::Error;
pub use flows::{Flows, OpenFor, Walk, Walked};
pub use keys::LakeKeys;
pub use latest::{Folded, Latest, Updated};
pub use marks::{Marks, newest_events};
pub use rebuild::{Attempted, Rebuild, Rebuilt};
