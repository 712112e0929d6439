//! Leases in an Amazon DynamoDB table, laid out as that of the Kinesis Client Library: what looks into the one looks into the
//! other. A table serves one source of one pipeline; it is not shared with that library.
//!
//! | attribute | type | what |
//! | --- | --- | --- |
//! | `leaseKey` | S | the input; the key |
//! | `leaseOwner` | S | who reads it; absent while it is free |
//! | `leaseCounter` | N | rises with every write |
//! | `throughputKBps` | N | what its owner reads of it, in 1,024 bytes a second |
//! | `checkpoint` | S | where the commit log stands, to look at; absent where nobody said |
//! | `wantedBy` | S | who asked the owner for it; absent while nobody does |
//!
//! The first three, `throughputKBps` and `checkpoint` are that library's names. It has no `wantedBy`: when it hands a lease
//! over, `leaseOwner` is the next one already and `checkpointOwner` the one who still reads. Rows `worker/<name>` say that a
//! worker lives.
//!
//! # What it costs
//! A turn of a worker is one scan, and one write for each of its leases and one for itself. With a lease of 30 seconds a turn
//! comes every 10: 8,640 a day. A worker with 9 leases of 20 writes 86,400 times and scans 8,640 times a day, each scan less than
//! 4 KB, which counts as one read: with capacity on demand about 0.06 US dollars a day (0.625 for a million writes, 0.125 for a
//! million reads; us-east-1, 2025).
//!
//! # Invariants
//! - A row is written only if it is as it was seen (`leaseCounter`), and read consistently.
//! - A change whose answer was lost and that the SDK sent again is recognised: what stands in its way is what it wrote.
//! - Retries are the SDK's, and fewer than elsewhere: an answer that comes later than a lease lasts is none.
//!
//! # Deliberately absent
//! Who decides what to write (`leases`), positions, streams, credentials (`aws`).

mod error;
mod open;
mod row;
mod table;

pub use error::Error;
pub use open::Options;
pub use table::DynamoLeases;
