//! `cargo xtask chaos`: the kill test of `tests/chaos.rs` at the size that is wanted.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask chaos [--kills N] [--workers W] [--store s3|folder] [--source kafka] [--seed S] [--continue]\n\
    Kills workers at random moments and places, on a server behind a proxy that breaks calls, until N kills have hit; every\n\
    finished lake is compared with a plain run's by DuckDB. --continue goes on counting where a run of the same store, number\n\
    of workers and seed was stopped.";

/// What is asked for.
struct Wanted {
    kills: u64,
    workers: u64,
    store: String,
    /// The input is a topic that the workers share as a group.
    kafka: bool,
    seed: u64,
    goes_on: bool,
}

/// Builds the tests optimized and runs the one that is meant; what it prints is the report.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let wanted = read(words)?;
    let test = match (wanted.store.as_str(), wanted.workers) {
        ("folder", _) if wanted.kafka => "every_finished_lake_of_a_group_equals_the_plain_one",
        ("s3", _) if wanted.kafka => bail!("a topic is read into a folder\n{USAGE}"),
        ("folder", 1) => "every_finished_lake_equals_the_plain_one",
        ("folder", _) => "every_finished_lake_of_workers_equals_the_plain_one",
        ("s3", 1) => "every_finished_lake_in_s3_equals_the_plain_one",
        ("s3", _) => "every_finished_lake_of_workers_in_s3_equals_the_plain_one",
        (other, _) => bail!("{other:?} is no store\n{USAGE}"),
    };
    let folder = root.join("target/chaos");
    std::fs::create_dir_all(&folder)?;
    let tally = folder.join(format!(
        "{}-{}-{}.json",
        if wanted.kafka { "kafka" } else { &wanted.store },
        wanted.workers,
        wanted.seed
    ));
    if !wanted.goes_on && tally.exists() {
        std::fs::remove_file(&tally)?;
    }
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--release", "--test", "e2e", "--", "--exact", "--nocapture", &format!("chaos::{test}")])
        .current_dir(root)
        .env("CI", "true")
        .env("TRIBUTARY_TEST_SCALE", "100")
        .env("TRIBUTARY_CHAOS_KILLS", wanted.kills.to_string())
        .env("TRIBUTARY_CHAOS_WORKERS", wanted.workers.to_string())
        .env("TRIBUTARY_CHAOS_SEED", wanted.seed.to_string())
        .env("TRIBUTARY_CHAOS_TALLY", &tally)
        .status()
        .context("cargo cannot be run")?;
    if !status.success() {
        bail!("chaos: {status}; the seed is {}", wanted.seed);
    }
    Ok(())
}

fn read(words: &[&str]) -> Result<Wanted> {
    let mut wanted = Wanted {
        kills: 100,
        workers: 1,
        store: "folder".to_owned(),
        kafka: false,
        seed: std::process::id().into(),
        goes_on: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--continue" {
            wanted.goes_on = true;
            continue;
        }
        let Some(value) = words.next() else { bail!("{word} needs a value\n{USAGE}") };
        let number = || value.parse::<u64>().with_context(|| format!("{word} {value} is no number\n{USAGE}"));
        match *word {
            "--kills" => wanted.kills = number()?,
            "--workers" => wanted.workers = number()?.max(1),
            "--seed" => wanted.seed = number()?,
            "--source" if *value == "kafka" => wanted.kafka = true,
            "--store" => wanted.store = (*value).to_owned(),
            _ => bail!("{word} is not known\n{USAGE}"),
        }
    }
    Ok(wanted)
}
