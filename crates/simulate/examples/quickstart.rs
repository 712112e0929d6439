//! Writes the quickstart's input to standard output:
//! `cargo run -p tributary-simulate --example quickstart > pipelines/quickstart/agent-events.jsonl`.
//!
//! Five agents from an evening into the next morning (UTC), and one line of each kind that makes no row: a repeat, a
//! line that was cut off, and a contact record.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use tributary_core::{Day, Timestamp};
use tributary_simulate::{Options, Simulation};

/// 2025-03-03T20:00:00Z.
fn evening() -> Timestamp {
    Day::from_days(20_150).start().plus_micros(20 * 3_600 * 1_000_000)
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(317), |text| text.parse())?;
    let options = Options {
        agents: 5,
        start: evening(),
        duration: Some(Duration::from_secs(12 * 3_600)),
        events: Some(150),
        seed,
        ..Options::default()
    };
    let mut stream = Vec::new();
    Simulation::new(options.clone())?.run(&mut stream, None)?;
    let mut records = Vec::new();
    Simulation::new(Options { foreign_rate: 1.0, ..options })?.run(&mut records, None)?;
    let record = b"\"AWSContactTraceRecordFormatVersion\"";
    let is_record = |line: &&[u8]| line.windows(record.len()).any(|window| window == record);
    let record = lines(&records).skip(100).find(is_record).ok_or("no contact record was made")?;

    let mut out = io::stdout().lock();
    let events: Vec<&[u8]> = lines(&stream).collect();
    for (number, line) in events.iter().enumerate() {
        write_line(&mut out, line)?;
        match number {
            40 => write_line(&mut out, events[28])?,
            75 => write_line(&mut out, &events[75][..events[75].len() / 2])?,
            110 => write_line(&mut out, record)?,
            _ => {}
        }
    }
    Ok(out.flush()?)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}
