//! `cargo xtask latency kafka`: how long it takes from producing an event until a reader has it from the lake.
//!
//! The reader is somebody else's (pyarrow): it lists the table again and again and reads each new file. An event is readable
//! when its file was read; the wait until the next look, the listing and the reading are in the figure.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::engines::venv;
use crate::engines::weed::KEYS;
use crate::stream::{Ground, PATIENCE, Wanted};

const USAGE: &str = "\
usage: cargo xtask latency kafka [--store folder|s3] [--workers 1] [--seconds 60] [--rate 200] [--every 2s] [--options FILE]
                          [--binaries FOLDER]

  --store    where the lake is: a folder, or SeaweedFS
  --workers  processes that share the topic of six partitions
  --seconds  how long events are produced
  --rate     events a second
  --every    the time between two commits
  --options  a file of more lines for the pipeline file
  --binaries a folder with `tributary`, instead of building it for release";

/// The first events find a group that is still settling; they are checked, and not measured.
const WARM_UP: Duration = Duration::from_secs(5);

/// Of one worker, with two seconds between commits: 99 of 100 events are readable after less.
const BAR: Duration = Duration::from_secs(5);

/// `cargo xtask latency …`: prints the figures; an error where an event is missing or doubled, or the bar is missed.
pub fn run(words: &[&str]) -> Result<()> {
    let ["kafka", words @ ..] = words else { bail!(USAGE) };
    let length = Duration::from_secs(60);
    let wanted =
        Wanted { s3: false, workers: 1, length, rate: 200, every: "2s".to_owned(), options: None, binaries: None };
    let wanted = wanted.read(words, USAGE)?;
    let ground = Ground::start(&wanted, "latency")?;
    let topic = ground.topic()?;
    let reader = Reader::start(&ground)?;
    let workers = ground.workers(wanted.workers)?;

    let mut produced = HashMap::new();
    ground.feed(&topic, wanted.events(), wanted.rate, |id| {
        produced.insert(id.to_owned(), Instant::now());
        Ok(())
    })?;
    let seen = reader.wait_for(produced.len())?;
    workers.into_iter().try_for_each(crate::stream::Worker::stop)?;
    // What comes late comes too often.
    let seen = reader.rest(seen)?;
    report(&wanted, &produced, &seen)
}

fn report(wanted: &Wanted, produced: &HashMap<String, Instant>, seen: &[(String, Instant)]) -> Result<()> {
    let mut first = HashMap::new();
    for (id, at) in seen {
        first.entry(id.as_str()).or_insert(*at);
    }
    let missing = produced.keys().filter(|id| !first.contains_key(id.as_str())).count();
    let (doubled, unknown) = (seen.len() - first.len(), first.keys().filter(|id| !produced.contains_key(**id)).count());
    let measured_from = produced.values().min().map(|begun| *begun + WARM_UP);
    let measured = produced.iter().filter(|(_, at)| measured_from.is_some_and(|from| **at >= from));
    let mut latencies: Vec<Duration> =
        measured.filter_map(|(id, at)| Some(first.get(id.as_str())?.duration_since(*at))).collect();
    latencies.sort_unstable();
    let at = |share: usize| percentile(&latencies, share).as_secs_f64();
    writeln!(
        stdout(),
        "{}, {} workers, a commit every {}, {} events/s: {} events measured, p50 {:.2} s, p90 {:.2} s, p99 {:.2} s, max {:.2} s; \
         of {} events {missing} missing, {doubled} doubled, {unknown} unknown",
        if wanted.s3 { "SeaweedFS" } else { "folder" },
        wanted.workers,
        wanted.every,
        wanted.rate,
        latencies.len(),
        at(50),
        at(90),
        at(99),
        at(100),
        produced.len(),
    )?;
    ensure!(missing + doubled + unknown == 0, "the lake has not what was produced");
    ensure!(!latencies.is_empty(), "nothing was measured: {} s are not enough", wanted.length.as_secs());
    let is_judged = wanted.workers == 1 && wanted.every == "2s";
    ensure!(!is_judged || percentile(&latencies, 99) < BAR, "the bar is {BAR:?}");
    Ok(())
}

/// The smallest value that so many of a hundred do not exceed (nearest rank); zero of none.
fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let rank = (sorted.len() * share).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Somebody who reads each file of `agent_event` as soon as it is there, killed when it is dropped.
struct Reader {
    child: Child,
    ids: Receiver<(String, Instant)>,
}

impl Reader {
    fn start(ground: &Ground) -> Result<Self> {
        let engines = crate::root().join("tests/engines");
        let python = venv::python(&engines.join("readers.txt")).map_err(|reason| anyhow!(reason))?;
        let mut command = Command::new(python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(engines.join("watch_lake.py"));
        command.arg(format!("{}/agent_event", ground.place()));
        if let Some(endpoint) = ground.endpoint() {
            command.arg(endpoint).args(KEYS.map(|(_, value)| value));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("the reader has no output")?).lines();
        ensure!(lines.next().transpose()?.as_deref() == Some("ready"), "the reader did not begin");
        let (sender, ids) = mpsc::channel();
        std::thread::spawn(move || {
            // Until it is killed, or nobody listens.
            for id in lines.map_while(Result::ok) {
                if sender.send((id, Instant::now())).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, ids })
    }

    /// What was read, once it is `count` events, or nothing more came for long.
    fn wait_for(&self, count: usize) -> Result<Vec<(String, Instant)>> {
        let mut seen = Vec::new();
        while seen.len() < count {
            match self.ids.recv_timeout(PATIENCE) {
                Ok(id) => seen.push(id),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => bail!("the reader failed"),
            }
        }
        Ok(seen)
    }

    /// What else comes within two seconds.
    fn rest(&self, mut seen: Vec<(String, Instant)>) -> Result<Vec<(String, Instant)>> {
        let end = Instant::now() + Duration::from_secs(2);
        loop {
            match self.ids.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(id) => seen.push(id),
                Err(RecvTimeoutError::Timeout) => return Ok(seen),
                Err(RecvTimeoutError::Disconnected) => bail!("the reader failed"),
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_came() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let at = |share| percentile(&sorted, share).as_millis();
        assert_eq!([at(50), at(99), at(100)], [100, 198, 200]);
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    /// The report says no where an event is missing, doubled or late.
    #[test]
    fn what_is_wrong_is_an_error() {
        let begun = Instant::now();
        let wanted = Wanted {
            s3: false,
            workers: 1,
            length: WARM_UP,
            rate: 1,
            every: "2s".to_owned(),
            options: None,
            binaries: None,
        };
        let produced: HashMap<String, Instant> =
            [("a".to_owned(), begun), ("b".to_owned(), begun + WARM_UP)].into_iter().collect();
        let seen = |ids: &[&str], after: Duration| -> Vec<(String, Instant)> {
            ids.iter().map(|id| ((*id).to_owned(), begun + WARM_UP + after)).collect()
        };
        let soon = Duration::from_secs(1);
        assert!(report(&wanted, &produced, &seen(&["a", "b"], soon)).is_ok());
        for wrong in
            [seen(&["a"], soon), seen(&["a", "b", "b"], soon), seen(&["a", "b", "c"], soon), seen(&["a", "b"], BAR)]
        {
            assert!(report(&wanted, &produced, &wrong).is_err(), "{wrong:?}");
        }
    }
}
