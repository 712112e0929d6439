//! Rows to Parquet: waiting rows by table and UTC day, row groups, files that roll, sealed uploads.
//!
//! Until a row group is written its rows wait in a compact form: strings that repeat are codes of a dictionary that the
//! whole table shares. An encoder exists only while a row group is being written, so that a thousand open days cost
//! what their rows cost. When memory is short, good sets become row groups and the rest goes to the spool.
//!
//! # Invariants
//! - Every row of a file has the day of its folder.
//! - The rows of a row group are sorted by the table's key, and rows with equal keys keep their order of arrival.
//! - No file without rows; no file ends because another day arrived.
//! - Memory is counted where it is owned and freed; beyond the limit the sink says that it is full and still takes rows.
//!
//! # Deliberately absent
//! The commit log, epochs, splits and positions, AWS, and anything that makes a file visible.

mod dictionary;
mod encode;
mod error;
mod file;
mod gather;
mod gauge;
mod hybrid;
mod options;
mod pages;
mod plan;
mod rows;
mod sink;
mod sort;
mod spill;
mod split;
mod table;

pub use error::SinkError;
pub use options::{Identity, Options};
pub use sink::ParquetSink;
