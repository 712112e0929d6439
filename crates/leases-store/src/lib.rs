//! Leases in the lake's own store: a chain of documents, each of which holds the whole table.
//!
//! ```text
//! <folder>/<number, 20 digits>.json
//! ```
//! The document of the highest number is the table. Whoever changes it creates the next number, if nobody was faster: that
//! is the one thing that is asked of the store, and the commit log asks for the same. All leases of a worker are renewed by
//! one object, however many there are.
//!
//! # What it costs
//! A turn of a worker is two listings, one read, one creation and one deletion. With a lease of 30 seconds a turn comes every
//! 10, which makes 8,640 a day: 17,280 listings, 8,640 creations and 8,640 reads, on S3 about 0.13 US dollars a day for each
//! worker (0.005 for a thousand listings or creations, 0.0004 for a thousand reads, deletions free; us-east-1, 2025). Workers
//! that write at the same moment add a listing, a read and a creation for each who was not first.
//!
//! # Invariants
//! - There is one chain: a number is given away once, though its document may be deleted ([`StoreLeases`] has the proof).
//! - A change is reported as done only when it is in the chain.
//!
//! # Deliberately absent
//! The names of the lake (the folder is given), who decides what to write (`leases`), any clock.

mod document;
mod error;
mod table;

pub use error::Error;
pub use table::StoreLeases;
