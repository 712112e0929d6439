//! A stream of Kinesis into a lake, beside loops that throw the bytes away, and beside the same input as a file.
//!
//! The server is MiniStack: the shards stay as they are, and it is faster than what AWS gives a shard (2 MB a second).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use super::contender::{self, Contender};
use super::input::Input;
use super::kafka::EVENTS;
use super::{measured, report};
use crate::engines::kinesis_streams::{Entry, Shard, Streams};
use crate::engines::ministack::Ministack;
use crate::engines::venv;
use crate::engines::weed::KEYS;
use crate::programs::Programs;
use crate::topic::text_of;

/// Shards of every stream that is made here.
const SHARDS: i32 = 6;

const REGION: &str = "us-east-1";

/// Fills a stream with each input, measures, prints the table.
pub(super) fn run(programs: &Programs, inputs: &[Input], rounds: usize) -> Result<()> {
    let folder = venv::cache().join(format!("bench/streams-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let server = Ministack::start_kinesis(&folder).context("there is no server to measure with")?;
    let outcome = inputs.iter().try_for_each(|input| one(programs, input, rounds, &server.endpoint()));
    drop(server);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn one(programs: &Programs, input: &Input, rounds: usize, endpoint: &str) -> Result<()> {
    let stream = input.name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let records = produce(endpoint, &stream, &input.path)?;
    let from_stream = |tables: &str| {
        format!("[sources.agents.kinesis]\nstream = '{stream}'\nendpoint = '{endpoint}'\nregion = '{REGION}'\n{tables}")
    };
    let from_file = |tables: &str| format!("[sources.agents.file]\npaths = ['{}']\n{tables}", input.path.display());
    let contenders = [
        discard(programs, endpoint, &stream),
        contender(programs, "kinesis-events", "run: two tables, from the stream", from_stream(EVENTS)),
        contender(programs, "file-events", "run: two tables, from the file", from_file(EVENTS)),
        contender(programs, "kinesis", "run: every table, from the stream", from_stream("")),
        contender(programs, "file", "run: every table, from the file", from_file("")),
    ];
    check(programs, &contenders[1], records)?;
    let samples = measured(&contenders, input, rounds)?;
    report::print(input, &contenders, &samples)
}

/// Runs it once, not measured: what reads nothing is fast.
fn check(programs: &Programs, contender: &Contender, records: u64) -> Result<()> {
    let folder = venv::cache().join(format!("bench/check-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let status = (contender.command)(Path::new(""), &folder)?.stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{}: {status}", contender.name);
    let mut asked = Command::new(&programs.tributary);
    let answer = asked.args(["status", "--output", "json"]).arg(folder.join("bench.toml")).envs(KEYS).output()?;
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).context("there is no lake")?;
    let read = answer["tally"]["read"].as_u64();
    fs::remove_dir_all(&folder)?;
    ensure!(read == Some(records), "{records} records are in the stream, {read:?} were read");
    Ok(())
}

fn contender(programs: &Programs, name: &'static str, does: &'static str, sections: String) -> Contender {
    contender::of_sections(programs, name, does, move |_| sections.clone())
}

fn discard(programs: &Programs, endpoint: &str, stream: &str) -> Contender {
    let (xtask, endpoint, stream) = (programs.xtask.clone(), endpoint.to_owned(), stream.to_owned());
    let command = move |_: &Path, _: &Path| {
        let mut command = Command::new(&xtask);
        command.args(["discard-stream", &endpoint, &stream]);
        Ok(command)
    };
    Contender { name: "discard", does: "a loop a shard throws the bytes away", command: Box::new(command) }
}

/// `xtask discard-stream ENDPOINT STREAM`: reads all shards at once to their ends and keeps nothing; prints how many
/// records there were.
pub fn discard_stream(endpoint: &str, stream: &str) -> Result<()> {
    let shards = client(endpoint)?.shards(stream).map_err(|reason| anyhow!(reason))?;
    let counts = std::thread::scope(|scope| {
        let loops: Vec<_> = shards.iter().map(|shard| scope.spawn(move || count(endpoint, stream, shard))).collect();
        let joined = loops.into_iter().map(|counted| counted.join().map_err(|_| anyhow!("a loop failed"))?);
        joined.collect::<Result<Vec<_>>>()
    })?;
    let (records, bytes) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    writeln!(stdout(), "{records} records, {bytes} bytes")?;
    Ok(())
}

/// Records and bytes of a shard.
fn count(endpoint: &str, stream: &str, shard: &Shard) -> Result<(u64, usize)> {
    let (mut records, mut bytes) = (0, 0);
    let each = |record: &aws_sdk_kinesis::types::Record| {
        records += 1;
        bytes += record.data().as_ref().len();
    };
    client(endpoint)?.read_shard(stream, shard, each).map_err(|reason| anyhow!(reason))?;
    Ok((records, bytes))
}

fn client(endpoint: &str) -> Result<Streams> {
    Streams::on(endpoint, REGION).map_err(|reason| anyhow!(reason))
}

/// One record a line, in calls of what one takes; how many.
fn produce(endpoint: &str, stream: &str, file: &Path) -> Result<u64> {
    let streams = client(endpoint)?;
    streams.create(stream, SHARDS).map_err(|reason| anyhow!(reason))?;
    let lines = BufReader::new(fs::File::open(file)?).lines();
    let (mut entries, mut records) = (Vec::new(), 0);
    for line in lines {
        let line = line?;
        records += 1;
        let key = text_of(&line, "AgentARN").to_owned();
        entries.push(Entry { key, explicit_hash_key: None, data: line.into_bytes() });
        if entries.len() == 400 {
            streams.put(stream, &entries).map_err(|reason| anyhow!(reason))?;
            entries.clear();
        }
    }
    streams.put(stream, &entries).map_err(|reason| anyhow!(reason))?;
    Ok(records)
}
