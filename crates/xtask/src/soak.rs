//! `cargo xtask soak kafka`: one stream that is fed for long, and whether its memory grows.

use std::fs;
use std::io::{Write as _, stdout};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::stream::{Ground, PATIENCE, Wanted, Worker};

const USAGE: &str = "\
usage: cargo xtask soak kafka [--minutes 30] [--rate 200] [--store folder|s3] [--every 60s] [--options FILE]
                       [--binaries FOLDER]

  --minutes  how long events are produced, at least 6; growth is that from the fifth minute to the last
  --rate     events a second
  --every    the time between two commits
  --options  a file of more lines for the pipeline file
  --binaries a folder with `tributary`, instead of building it for release";

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The minute whose memory the last one's is held against: by then everything is there that is used at all.
const SETTLED: u32 = 5;

/// `cargo xtask soak …`: prints memory minute by minute; an error where rows are not what was produced.
pub fn run(words: &[&str]) -> Result<()> {
    let ["kafka", words @ ..] = words else { bail!(USAGE) };
    let length = Duration::from_secs(30 * 60);
    let wanted =
        Wanted { s3: false, workers: 1, length, rate: 200, every: "60s".to_owned(), options: None, binaries: None };
    let wanted = wanted.read(words, USAGE)?;
    ensure!(wanted.workers == 1 && wanted.length > Duration::from_secs(60) * SETTLED, USAGE);
    let ground = Ground::start(&wanted, "soak")?;
    let topic = ground.topic()?;
    let worker = ground.workers(1)?.pop().context("one worker")?;
    let process = worker.process();

    let (sender, end) = mpsc::channel::<()>();
    let sampler = std::thread::spawn(move || watch(process, &end));
    ground.feed(&topic, wanted.events(), wanted.rate, |_| Ok(()))?;
    drop(sender);
    let samples = sampler.join().map_err(|_| anyhow::anyhow!("the thread that looks at memory failed"))??;
    finish(&ground, worker, wanted.events())?;

    let (settled, last) = (minute(&samples, SETTLED), samples.last().map_or(1, |sample| sample.minute()));
    let end = minute(&samples, last);
    writeln!(
        stdout(),
        "{} events at {}/s, a commit every {}: RSS in minute {SETTLED} {settled:.1} MiB, in minute {last} {end:.1} MiB, \
         growth {:+.1} %; rows are equal",
        wanted.events(),
        wanted.rate,
        wanted.every,
        (end / settled - 1.0) * 100.0
    )?;
    Ok(())
}

/// Waits for the rows, ends the stream, and counts again.
fn finish(ground: &Ground, worker: Worker, events: u64) -> Result<()> {
    worker.stop()?;
    let begun = Instant::now();
    let mut rows = ground.rows()?;
    while rows < events && begun.elapsed() < PATIENCE {
        // What it had not read when it was told to end is read by another.
        let another = ground.workers(1)?;
        std::thread::park_timeout(LOOK);
        another.into_iter().try_for_each(Worker::stop)?;
        rows = ground.rows()?;
    }
    ensure!(rows == events, "{events} events were produced, {rows} rows are in the lake");
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    resident: u64,
}

impl Sample {
    /// The minute it belongs to, counted from 1.
    fn minute(&self) -> u32 {
        u32::try_from(self.at.as_secs().saturating_sub(1) / 60).unwrap_or(u32::MAX) + 1
    }
}

/// Looks at the memory of a process until nobody holds the other end, and prints each minute's.
fn watch(process: u32, end: &mpsc::Receiver<()>) -> Result<Vec<Sample>> {
    let begun = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    loop {
        let next = begun + LOOK * u32::try_from(samples.len() + 1)?;
        match end.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(samples),
        }
        let Memory { resident, peak, mapped } = memory(process)?;
        let sample = Sample { at: LOOK * u32::try_from(samples.len() + 1)?, resident };
        samples.push(sample);
        if sample.at.as_secs().is_multiple_of(60) {
            let (of, highest, mapped) = (sample.minute(), mebibytes(peak), mebibytes(mapped));
            let median = minute(&samples, of);
            writeln!(stdout(), "minute {of:>3}: RSS {median:.1} MiB, {mapped:.1} of files, peak {highest:.1} MiB")?;
        }
    }
}

/// The median of a minute's samples, in MiB; zero where it has none.
fn minute(samples: &[Sample], minute: u32) -> f64 {
    let mut of: Vec<u64> =
        samples.iter().filter(|sample| sample.minute() == minute).map(|sample| sample.resident).collect();
    of.sort_unstable();
    of.get(of.len() / 2).map_or(0.0, |resident| mebibytes(*resident))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Of a process, in bytes: VmRSS, VmHWM and RssFile of proc_pid_status(5).
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// What it has resident now.
    resident: u64,
    /// The most it ever had.
    peak: u64,
    /// What of it are pages of files, which are the program's own.
    mapped: u64,
}

fn memory(process: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("the worker is gone")?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the worker has ended")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        anyhow::Ok(kibibytes * 1024)
    };
    Ok(Memory { resident: of("VmRSS:")?, peak: of("VmHWM:")?, mapped: of("RssFile:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_median_of_its_samples() {
        let sample = |seconds, mebibytes: u64| Sample { at: Duration::from_secs(seconds), resident: mebibytes << 20 };
        let samples = [sample(50, 9), sample(60, 1), sample(70, 5), sample(80, 7), sample(120, 6)];
        assert_eq!([minute(&samples, 1), minute(&samples, 2), minute(&samples, 3)], [9.0, 6.0, 0.0]);
    }

    #[test]
    fn memory_is_that_of_a_process() {
        let Memory { resident, peak, mapped } = memory(std::process::id()).unwrap();
        assert!(mapped > 0 && resident > mapped && peak >= resident);
    }
}
