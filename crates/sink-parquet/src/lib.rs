//! Rows to Parquet: waiting rows by table and UTC day, row groups, files that roll, sealed uploads.
//!
//! Until a row group is written its rows wait in a compact form: strings that repeat are codes of a dictionary that the
//! whole table shares. An encoder exists only while a row group is being written, so that a thousand open days cost
//! what their rows cost. When memory is short, good sets become row groups and the rest goes to the spool.
//!
//! # What comes
//! In a [`TableBatch`](tributary_core::TableBatch) a column has the type that the table says, or, where that is `Utf8` or
//! `List`, it may come coded: as `Dictionary(Int32, Utf8)` or `Dictionary(Int32, List)` with one key a row. A null key is
//! a null row. The values are the different values of that batch; they may hold some that no key uses. The field's name,
//! nullability and metadata stay the table's. Coded columns cost a few nanoseconds a row, plain ones a search.
//!
//! # Invariants
//! - Every row of a file has the day of its folder.
//! - The rows of a row group are sorted by the table's key, and rows with equal keys keep their order of arrival.
//! - No file without rows; no file ends because another day arrived.
//! - Memory is counted where it is owned and freed; beyond the limit the sink says that it is full and still takes rows.
//!
//! # Deliberately absent
//! The commit log, epochs, splits and positions, AWS, and anything that makes a file visible.

mod bounds;
mod coded_lists;
mod dictionary;
mod encode;
mod error;
mod file;
mod gather;
mod gauge;
mod hybrid;
mod incoming;
mod leaves;
mod lists;
mod nested;
mod options;
mod pages;
mod plain;
mod plan;
mod rows;
mod sink;
mod sort;
mod spill;
mod split;
mod table;
mod trial;
mod values;

pub use error::SinkError;
pub use options::{Identity, Options};
pub use sink::ParquetSink;
