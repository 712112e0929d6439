//! The repository's own chores: what is generated from `schemas/`, the benches, and (in `tests/`) the rules about the
//! other rooms. Not part of the product.
//!
//! # Invariants
//! - What is generated is a pure function of `schemas/`: a test generates it again and compares.
//! - `tests/tidy.rs` is the one place where the import table and the other rules about rooms stand as data.
//!
//! # Deliberately absent
//! Anything the binary needs at run time, and every service: a chore reads the checkout and runs local programs.

use std::path::{Path, PathBuf};

pub mod bench;
pub mod chaos;
mod engines;
pub mod latency;
mod programs;
pub mod schema;
pub mod soak;
mod stream;
mod topic;

/// The root of the checkout this was built from.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
