//! Reads back what is committed, for whoever needs to know it.
//!
//! # Invariants
//! - Only files that the commit log names are read, never a listing of folders.
//! - Of a file only the columns that are needed are fetched.
//!
//! # Deliberately absent
//! Sources and catalogue services. Rewriting days (`rebuild`, `compact`) will live here.

mod error;
mod keys;
mod scan;

pub use error::Error;
pub use keys::LakeKeys;
