//! `cargo xtask chaos`: the kill test of `tests/chaos.rs` at the size that is wanted.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask chaos [--kills N] [--workers W] [--store s3|folder]\n\
    \x20                         [--source kafka|kinesis] [--minutes M] [--seed S] [--continue]\n\
    Kills workers at random moments and places, on a server behind a proxy that breaks calls, until N kills have hit; every\n\
    finished lake is compared with a plain run's by DuckDB. A stream of Kinesis is fed for M minutes while its shards are\n\
    split and merged; there is one for each lake. --continue goes on counting where a run of the same store, number of workers\n\
    and seed was stopped.";

/// What is asked for.
struct Wanted {
    kills: u64,
    workers: u64,
    store: String,
    source: Source,
    /// How long a stream is fed.
    minutes: u64,
    seed: u64,
    goes_on: bool,
}

/// Where the input is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// In the store.
    Store,
    /// A topic that the workers share as a group.
    Kafka,
    /// A stream whose shards they share, fed meanwhile.
    Kinesis,
}

/// Builds the tests optimized and runs the one that is meant; what it prints is the report.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let wanted = read(words)?;
    let test = match (wanted.store.as_str(), wanted.workers) {
        ("folder", _) if wanted.source == Source::Kafka => "every_finished_lake_of_a_group_equals_the_plain_one",
        ("folder", _) if wanted.source == Source::Kinesis => "every_finished_lake_of_a_stream_equals_the_plain_one",
        ("s3", _) if wanted.source != Source::Store => bail!("topics and streams are read into a folder\n{USAGE}"),
        ("folder", 1) => "every_finished_lake_equals_the_plain_one",
        ("folder", _) => "every_finished_lake_of_workers_equals_the_plain_one",
        ("s3", 1) => "every_finished_lake_in_s3_equals_the_plain_one",
        ("s3", _) => "every_finished_lake_of_workers_in_s3_equals_the_plain_one",
        (other, _) => bail!("{other:?} is no store\n{USAGE}"),
    };
    let folder = root.join("target/chaos");
    std::fs::create_dir_all(&folder)?;
    let input = match wanted.source {
        Source::Store => &wanted.store,
        Source::Kafka => "kafka",
        Source::Kinesis => "kinesis",
    };
    let tally = folder.join(format!("{input}-{}-{}.json", wanted.workers, wanted.seed));
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
        .env("TRIBUTARY_CHAOS_SECONDS", (60 * wanted.minutes).to_string())
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
        source: Source::Store,
        minutes: 2,
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
            "--minutes" => wanted.minutes = number()?.max(1),
            "--source" if *value == "kafka" => wanted.source = Source::Kafka,
            "--source" if *value == "kinesis" => wanted.source = Source::Kinesis,
            "--store" => wanted.store = (*value).to_owned(),
            _ => bail!("{word} is not known\n{USAGE}"),
        }
    }
    Ok(wanted)
}
