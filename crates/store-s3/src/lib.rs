//! The lake's objects in Amazon S3, or in a server that speaks its interface.
//!
//! ```text
//! begin ─ CreateMultipartUpload        the name of the key holds the attempt: it is how `uploads` knows whose it is
//! write ─ UploadPart …                 equal parts, several at a time
//! seal  ─ the last UploadPart          all bytes are durable and invisible; the ticket holds the tags of the parts
//! complete ─ CompleteMultipartUpload   without a condition; after any other answer than 200: look at the object
//! create ─ PutObject If-None-Match: *  the log's only race
//! ```
//!
//! # Invariants
//! - Every answer is translated once, in [`answer`](self): above this room nobody has heard of a status code.
//! - A reply that is lost is never taken for a failure: `complete` looks, `create` leaves it to the log.
//! - Nothing is repeated here but a conflict (409), a look, and the rest of a body that was cut, which the SDK has
//!   handed over by then; all other retries are the SDK's.
//!
//! # Deliberately absent
//! What the bytes mean, epochs, and credentials (see `aws`).

mod answer;
mod checksum;
mod complete;
mod lifecycle;
mod options;
mod probe;
mod ranges;
mod read;
mod store;
mod upload;
mod waiting;

pub use lifecycle::Lifecycle;
pub use options::{Encryption, Options, Spill};
pub use store::S3Store;
