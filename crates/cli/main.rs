//! The binary: reads the command line, draws on the terminal, catches signals, chooses the exit code. It decides nothing
//! about data.
//!
//! # Invariants
//! - What a script wants is on standard output, what a person wants to follow is on standard error.
//! - Every way to end has its own exit code; `tributary run --help` lists them.
//!
//! # Deliberately absent
//! Everything that knows what an event, a file or a commit is.

mod args;
mod check;
mod exit;
mod gc;
mod journal;
mod progress;
mod rebuild;
mod run;
mod schema;
mod signals;
mod simulate;
mod status;
mod summary;
mod terminal;
mod units;
mod validate;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Verb};
use crate::exit::Ending;

// Buffers are made by one thread and given back by another; the system's allocator keeps such memory, this one returns it
// (`cargo xtask bench memory` prints the peaks). `.cargo/config.toml` sets the number of its arenas and its patience. It is
// also `malloc` of what is written in C: librdkafka has a buffer of a megabyte for each batch that it decompresses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Only a build with the feature `failpoints` knows any; see CONTRIBUTING.md.
    let _scenario = fail::has_failpoints().then(fail::FailScenario::setup);
    let args = Args::parse();
    journal::begin(&args.log);
    let ending = match args.verb {
        Verb::Run(run) => run::run(&run, &environment()),
        Verb::Validate(validate) => validate::validate(&validate, &environment()),
        Verb::Check(check) => check::check(&check, &environment()),
        Verb::Status(status) => status::status(&status, &environment()),
        Verb::Schema(schema) => schema::schema(&schema),
        Verb::Simulate(simulate) => simulate::simulate(&simulate),
        Verb::Gc(gc) => gc::gc(&gc, &environment()),
        Verb::Rebuild(rebuild) => rebuild::rebuild(&rebuild, &environment()),
    };
    match ending {
        Ok(ending) => ending.into(),
        Err(error) => exit::report(&error).into(),
    }
}

/// The variables that override options of a pipeline file.
fn environment() -> BTreeMap<String, String> {
    let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((key.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(text).filter(|(key, _)| key.starts_with("TRIBUTARY__")).collect()
}

/// Reading, decoding, applying and encoding side by side, and some to fsync. Each thread keeps memory of its own, so
/// that the default of 512 would be paid for in megabytes.
const BLOCKING_THREADS: usize = 8;

/// A runtime for the verbs that wait for disks.
fn block_on<F: Future>(work: F) -> anyhow::Result<F::Output> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build()?;
    let output = runtime.block_on(work);
    // Whatever still blocks belongs to a line that has ended.
    runtime.shutdown_background();
    Ok(output)
}

/// What a verb returns: how it ended, or why it could not.
type Outcome = anyhow::Result<Ending>;
