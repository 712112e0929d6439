//! Prints what arrives in a stream from now on, until it is interrupted:
//!
//! ```text
//! AWS_REGION=eu-central-1 cargo run -p tributary-source-kinesis --example tail -- agent-events
//! ```
//!
//! A program that reads for longer keeps the checkpoint somewhere together with what it made of the records, and attaches with
//! that: here it is kept in memory, so that each record is printed once as long as this runs, across splits and merges.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that stands alone: it has the time from the system, and prints"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tributary_core::{Checkpoint, Clock, RawBatch, Source as _, Timestamp};
use tributary_source_kinesis::{Group, Options, StartAt};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let stream = std::env::args().nth(1).ok_or("which stream? give its name or its ARN")?;
    let options = Options { start: StartAt::Latest, ..Options::new("tail", stream) };
    // All shards are ours: to share them with other processes, hand in a table of leases and a name.
    let group = Group::join(options, None, Arc::new(SystemClock)).await?;
    let mut checkpoint = Checkpoint::default();
    loop {
        // When shards come or go a source ends, and the next one goes on where the checkpoint is.
        let mut source = group.attach(&checkpoint).await?;
        while let Some(batch) = source.next().await? {
            print(&batch);
            let advanced = checkpoint.advance(&batch.delta)?;
            for gap in &advanced.gaps {
                println!("{}: lost {}", gap.split, gap.missing);
            }
            checkpoint = advanced.checkpoint;
            source.release(&checkpoint).await?;
        }
        if !source.goes_on() {
            return Ok(());
        }
    }
}

fn print(batch: &RawBatch) {
    for record in &batch.records {
        let key = record.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        println!("{} {key} {}", record.origin, String::from_utf8_lossy(record.body.bytes()));
    }
}
