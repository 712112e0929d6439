//! The source for local files, globs and standard input.
//!
//! ```text
//! paths ──choose──▶ files to read, each a split ──Reader (blocking thread)──▶ RawBatch
//!                   plain: name/path@head-hash, goes on where it stopped
//!                   gzip, zstd: name/path@head-hash-zlength, ends at Position::End
//! ```
//!
//! # Invariants
//! - Every batch accounts for exactly the bytes its records were cut from: spans follow one another per split, the
//!   first begins at the checkpoint's position (INV-2).
//! - Reopening at the checkpoint of any batch yields exactly the records that follow it.
//! - An input that cannot be read never stops the others and never moves past what was not read.
//! - Memory is bounded by a few batches, whatever the sizes of files and records.
//!
//! # Deliberately absent
//! Families, tables, the commit log, notifications of the file system (they are lost on network drives; looking is not), S3.

mod choose;
mod chunks;
mod error;
mod options;
mod reader;
mod resume;
mod source;

pub use error::Error;
pub use options::{OnChanged, Options};
pub use source::FileSource;
