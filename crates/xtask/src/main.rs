//! `cargo xtask <chore>`.

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <chore>

  schema                 generate from schemas/tables: crates/connect/src/generated.rs and docs/tables.md
  bench decode|batch|memory|s3|kafka|kinesis
                         CPU seconds per GB and peak memory, side by side with the floors and the batch engines
  chaos [--kills N] [--workers W] [--store s3|folder] [--source kafka|kinesis] [--minutes M] [--seed S] [--continue]
                         kills runs until N kills have hit and compares every finished lake with a plain run's
  latency kafka [--store s3|folder] [--workers W] [--seconds S] [--rate R]
                         from producing an event until a reader has it from the lake
  soak kafka [--minutes M] [--rate R]
                         memory of one stream that is fed for long
  floor PARSER FILE      one measured pass over FILE (simd-json, simd-json-copy, sonic-rs,
                         connect, lines); the bench runs it as a child
  discard BROKERS TOPIC  reads a topic to its end and keeps nothing; the bench runs it as a child
  discard-stream ENDPOINT STREAM
                         the same for a stream of Kinesis
";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["schema"] => xtask::schema::write(&xtask::root()),
        ["bench", rest @ ..] => xtask::bench::run(rest),
        ["chaos", rest @ ..] => xtask::chaos::run(&xtask::root(), rest),
        ["latency", rest @ ..] => xtask::latency::run(rest),
        ["soak", rest @ ..] => xtask::soak::run(rest),
        ["discard", brokers, topic] => xtask::bench::discard_topic(brokers, topic),
        ["discard-stream", endpoint, stream] => xtask::bench::discard_stream(endpoint, stream),
        ["floor", parser, file] => xtask::bench::floor(parser, file.as_ref()),
        _ => bail!(USAGE),
    }
}
