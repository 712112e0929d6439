//! Side by side: user CPU seconds per GB of input, and peak memory, of the product, of the floors below it and of the
//! batch engines that people would use instead.
//!
//! Contenders run as child processes, one at a time, interleaved round by round, so that a noisy machine is noisy to all
//! of them; the median is printed. Both inputs are the simulator's; they and the engines are kept in the cache folder
//! (`$TRIBUTARY_CACHE`, else `$HOME/.cache/tributary`).

mod contender;
mod floor;
mod input;
mod kafka;
mod kinesis;
mod measure;
mod peers;
mod report;
mod s3;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

pub use floor::floor;
pub use kafka::discard_topic;
pub use kinesis::discard_stream;

use contender::Contender;
use input::Input;
use measure::Sample;

use crate::engines::venv;
use crate::programs::Programs;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Decoding alone, beside the parsers.
    Decode,
    /// The whole way from a file to a lake, beside the batch engines.
    Batch,
    /// The same, alone, where memory is hard to keep: much input, many open days.
    Memory,
    /// The same into a folder and into a server with the interface of S3, beside what that server takes from another client.
    S3,
    /// A topic of Kafka into a folder, beside a consumer that throws the bytes away and beside the same input as a file.
    Kafka,
    /// A stream of Kinesis into a folder, beside the same two.
    Kinesis,
}

/// What was asked for on the command line.
struct Options {
    subject: Subject,
    rounds: usize,
    events: u64,
    only: Option<String>,
    file: Option<PathBuf>,
    binaries: Option<PathBuf>,
    peers: bool,
}

const USAGE: &str = "\
usage: cargo xtask bench decode|batch|memory|s3|kafka|kinesis [--peers] [--rounds N] [--events N] [--only NAME] [--input FILE]
                                                          [--binaries FOLDER]

  decode     tributary-connect alone, beside simd-json's tape and sonic-rs's value
  batch      `tributary run` from a file to a folder, beside those and DuckDB and ClickHouse (chdb)
  memory     `tributary run` alone, on five times the events and on 1,000 open days
  s3         `tributary run` into a folder and into an S3 server, and the server's own rate; on three and on 1,000 days
  kafka      `tributary run` from a topic, a consumer that throws the bytes away, and `tributary run` from a file
  kinesis    the same for a stream of six shards; the server keeps it in memory, three times its size
  --peers    of kafka: also the programs of tests/engines/peers.txt, which are installed where they are not there yet
  --rounds   how often each is run: 5, of memory 1, of s3, kafka and kinesis 3
  --events   how many the simulator makes: 200000, of kinesis 40000
  --only     one contender: simd-json, simd-json-copy, sonic-rs, connect, connect-forgetful, tributary,
             duckdb, chdb
  --input    an NDJSON file instead of the simulated ones
  --binaries a folder with `tributary` and `xtask`, instead of building both for release
";

/// `cargo xtask bench …`.
pub fn run(words: &[&str]) -> Result<()> {
    let options = parse(words)?;
    let programs = Programs::get(options.binaries.as_deref())?;
    let inputs = match &options.file {
        Some(file) => vec![Input::of(file)?],
        None if options.subject == Subject::Memory => {
            input::simulated(&programs.tributary, &input::for_memory(options.events))?
        }
        None if matches!(options.subject, Subject::S3 | Subject::Kafka | Subject::Kinesis) => {
            input::simulated(&programs.tributary, &input::for_s3(options.events))?
        }
        None => input::simulated(&programs.tributary, &input::for_speed(options.events))?,
    };
    if options.subject == Subject::S3 {
        return s3::run(&programs, &inputs, options.rounds);
    }
    if options.subject == Subject::Kafka {
        return kafka::run(&programs, &inputs[..1], options.rounds, options.peers);
    }
    if options.subject == Subject::Kinesis {
        return kinesis::run(&programs, &inputs[..1], options.rounds);
    }
    let mut contenders = contender::all(options.subject, &programs)?;
    if let Some(name) = &options.only {
        contenders.retain(|contender| contender.name == name);
    }
    ensure!(!contenders.is_empty(), USAGE);
    for input in &inputs {
        let samples = measured(&contenders, input, options.rounds)?;
        report::print(input, &contenders, &samples)?;
    }
    Ok(())
}

/// The samples of each contender, in the contenders' order.
fn measured(contenders: &[Contender], input: &Input, rounds: usize) -> Result<Vec<Vec<Sample>>> {
    let mut samples: Vec<Vec<Sample>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            eprintln!("round {} of {rounds}: {} on {}", round + 1, contender.name, input.name);
            let folder = venv::cache().join(format!("bench/run-{}", std::process::id()));
            fs::create_dir_all(&folder)?;
            let sample = (contender.command)(&input.path, &folder).and_then(measure::run);
            fs::remove_dir_all(&folder)?;
            samples.push(sample.with_context(|| contender.name.to_owned())?);
        }
    }
    Ok(samples)
}

fn parse(words: &[&str]) -> Result<Options> {
    let (subject, mut rest) = match words {
        ["decode", rest @ ..] => (Subject::Decode, rest),
        ["batch", rest @ ..] => (Subject::Batch, rest),
        ["memory", rest @ ..] => (Subject::Memory, rest),
        ["s3", rest @ ..] => (Subject::S3, rest),
        ["kafka", rest @ ..] => (Subject::Kafka, rest),
        ["kinesis", rest @ ..] => (Subject::Kinesis, rest),
        _ => bail!(USAGE),
    };
    let rounds = match subject {
        Subject::Decode | Subject::Batch => 5,
        Subject::S3 | Subject::Kafka | Subject::Kinesis => 3,
        Subject::Memory => 1,
    };
    let events = if subject == Subject::Kinesis { 40_000 } else { 200_000 };
    let mut options = Options { subject, rounds, events, only: None, file: None, binaries: None, peers: false };
    if let ["--peers", more @ ..] = rest {
        (options.peers, rest) = (true, more);
    }
    while let [name, value, more @ ..] = rest {
        match *name {
            "--rounds" => options.rounds = value.parse()?,
            "--events" => options.events = value.parse()?,
            "--only" => options.only = Some((*value).to_owned()),
            "--input" => options.file = Some(value.into()),
            "--binaries" => options.binaries = Some(value.into()),
            _ => bail!(USAGE),
        }
        rest = more;
    }
    ensure!(rest.is_empty() && options.rounds > 0, USAGE);
    Ok(options)
}
