//! Local disk for what memory does not hold: one unlinked file that gives its space back.
//!
//! # Invariants
//! - The file has no name from the moment it is open: a killed process leaves nothing behind, and nothing that lies in
//!   the folder is ever read.
//! - Live extents never overlap; an extent holds the bytes that were appended until it is released.
//! - The file is never longer than the limit; when nothing is live it has no length at all.
//!
//! # Deliberately absent
//! What the bytes mean, durability (nothing here survives the process), and async: callers are on blocking threads.

mod error;
mod space;
mod spool;

pub use error::SpoolError;
pub use spool::Spool;
