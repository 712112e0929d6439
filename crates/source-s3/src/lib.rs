//! The source for objects in S3: every object below a prefix that the options choose, read once.
//!
//! ```text
//! list ──page──▶ choose ──object──▶ read (several at a time) ──Piece──▶ gather ──RawBatch──▶ next
//!                NAME/key@etag: a split that ends at Position::End
//! ```
//!
//! # Invariants
//! - An object is its key and its ETag: one that is replaced is another split, one that is read to its end is never
//!   asked for again.
//! - Pieces of one object follow one another; between objects there is no order (INV-2 holds per split).
//! - One request an object, one a thousand objects of a listing; more only for what is cut or goes on in the middle.
//! - An object that cannot be read never stops the others and never moves past what was not read.
//! - Nothing below the lake's own location is read.
//! - Memory is bounded by the objects that are read at once, a page of the listing and a few batches; what is known of
//!   each object that was read is its name.
//!
//! # Deliberately absent
//! Families, tables, the commit log, notifications (SQS, EventBridge), S3 Inventory, writing.

mod choose;
mod client;
mod download;
mod driver;
mod error;
mod list;
mod options;
mod probe;
mod read;
mod source;

pub use error::Error;
pub use options::{Keys, Options};
pub use source::S3Source;
