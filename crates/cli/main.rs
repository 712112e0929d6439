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
mod exit;
mod gc;
mod journal;
mod progress;
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

// Rows come and go in batches on several threads. The system's allocator keeps what each thread once needed; this one
// gives it back (measured by `cargo xtask bench batch`, which prints the peak).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Only a build with the feature `failpoints` knows any; see CONTRIBUTING.md.
    let _scenario = fail::has_failpoints().then(fail::FailScenario::setup);
    let args = Args::parse();
    journal::begin(&args.log);
    let ending = match args.verb {
        Verb::Run(run) => run::run(&run, &environment()),
        Verb::Validate(validate) => validate::validate(&validate, &environment()),
        Verb::Status(status) => status::status(&status, &environment()),
        Verb::Schema(schema) => schema::schema(&schema),
        Verb::Simulate(simulate) => simulate::simulate(&simulate),
        Verb::Gc(gc) => gc::gc(&gc, &environment()),
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

/// A runtime for the verbs that wait for disks.
fn block_on<F: Future>(work: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(work);
    // Whatever still blocks belongs to a line that has ended.
    runtime.shutdown_background();
    Ok(output)
}

/// What a verb returns: how it ended, or why it could not.
type Outcome = anyhow::Result<Ending>;
