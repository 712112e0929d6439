//! Kills at random moments and at random places until enough have hit, and every finished lake equal to a plain run's.
//!
//! On a folder, and on an S3 server behind a proxy that breaks calls as well; by one process, and by workers that share the
//! input: files, a topic, or a stream that is fed meanwhile.
//!
//! `cargo xtask chaos` runs one of them at the size that is wanted. `TRIBUTARY_TEST_SCALE=100 cargo test --release --test e2e
//! chaos -- --nocapture` is the full size: 1 GB, a commit every 8 MiB. `TRIBUTARY_CHAOS_SEED` repeats a sequence of
//! decisions (not of moments: those are the machine's).

mod ground;
mod kill;
mod live;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tributary_testkit::FaultProxy;

use self::ground::Ground;
use self::kill::{Kill, PLACES, Random};
use crate::engines::Engines;
use crate::engines::kafka::Kafka;
use crate::engines::kinesis::Kinesis;
use crate::engines::venv::say;
use crate::engines::weed::Weed;
use crate::inputs::{events, scale};
use crate::lab::{Lab, difference, text};

/// Seconds after which gc takes an attempt that did not claim for dead.
const OLD: u64 = 3;

/// Of a thousand calls to a server so many break beside the kills: more would make a run of the full size last for minutes.
const PER_MILLE: u64 = 30;

#[test]
fn every_finished_lake_equals_the_plain_one() {
    chaos(&Ground::Folder, 1);
}

#[test]
fn every_finished_lake_of_workers_equals_the_plain_one() {
    chaos(&Ground::Folder, 4);
}

#[test]
fn every_finished_lake_in_s3_equals_the_plain_one() {
    in_s3(1);
}

/// The input lies on the server too.
#[test]
fn every_finished_lake_of_workers_in_s3_equals_the_plain_one() {
    in_s3(4);
}

/// Partitions move whenever one of them dies or comes.
#[test]
fn every_finished_lake_of_a_group_equals_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    chaos(&Ground::Kafka(kafka), 3);
}

/// Shards move whenever one of them dies or comes, and are split and merged.
#[test]
fn every_finished_lake_of_a_stream_equals_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kinesis) = Kinesis::start(folder.path()) else { return };
    let kills = if scale() >= 100 { 300 } else { 10 };
    live::chaos(&kinesis, &Asked::read((kills, 1), 3));
}

fn in_s3(workers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (Some(server), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let proxy = FaultProxy::start(server.address(), 17, PER_MILLE).unwrap();
    let ground = Ground::S3 { server, engines, proxy };
    chaos(&ground, workers);
    if let Ground::S3 { proxy, .. } = ground {
        say(&format!("chaos: of {} calls were broken: {:?}", proxy.calls(), proxy.broken()));
    }
}

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    Some(text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is a number")))
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    fell: BTreeMap<usize, u32>,
    lakes: u32,
    runs: u32,
    /// Processes that ended well when they were asked to.
    stops: u32,
}

impl Tally {
    fn kills(&self) -> u32 {
        self.fell.values().sum()
    }

    fn fewest(&self) -> u32 {
        (0..PLACES.len()).map(|place| self.fell.get(&place).copied().unwrap_or(0)).min().unwrap_or(0)
    }

    /// As it was left in this file, if it is asked to go on.
    fn read(file: Option<&PathBuf>) -> Self {
        let Some(text) = file.and_then(|file| std::fs::read(file).ok()) else { return Self::default() };
        let value: Value = serde_json::from_slice(&text).unwrap();
        let count = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let fell = value["fell"].as_array().unwrap().iter().map(count).enumerate();
        Self {
            fell: fell.collect(),
            lakes: count(&value["lakes"]),
            runs: count(&value["runs"]),
            stops: count(&value["stops"]),
        }
    }

    fn write(&self, file: Option<&PathBuf>) {
        let fell: Vec<u32> = (0..PLACES.len()).map(|place| self.fell.get(&place).copied().unwrap_or(0)).collect();
        let value = json!({"fell": fell, "lakes": self.lakes, "runs": self.runs, "stops": self.stops});
        if let Some(file) = file {
            std::fs::write(file, value.to_string()).unwrap();
        }
    }
}

/// What is asked for: by the test, and by the environment, which has the last word.
struct Asked {
    full: bool,
    kills: u32,
    lakes: u32,
    workers: usize,
    seed: u64,
    /// How long a stream is fed.
    seconds: u64,
    /// Where the tally is kept.
    file: Option<PathBuf>,
}

impl Asked {
    fn read((kills, lakes): (u32, u32), workers: usize) -> Self {
        Self {
            full: scale() >= 100,
            kills: number("TRIBUTARY_CHAOS_KILLS").map_or(kills, |kills| u32::try_from(kills).unwrap()),
            lakes,
            workers: number("TRIBUTARY_CHAOS_WORKERS").map_or(workers, |workers| usize::try_from(workers).unwrap()),
            seed: number("TRIBUTARY_CHAOS_SEED").unwrap_or_else(|| std::process::id().into()),
            seconds: number("TRIBUTARY_CHAOS_SECONDS").unwrap_or(120),
            file: std::env::var_os("TRIBUTARY_CHAOS_TALLY").map(PathBuf::from),
        }
    }

    /// At full size it also goes on until each place was hit often enough, within reason.
    fn is_enough(&self, tally: &Tally) -> bool {
        let is_thin = self.full && tally.kills() < 2 * self.kills && tally.fewest() < 5;
        tally.kills() >= self.kills && tally.lakes >= self.lakes && !is_thin
    }
}

fn chaos(ground: &Ground, workers: usize) {
    let scale = scale();
    let (kills, lakes, longest) = ground.wanted(scale >= 100);
    let asked = Asked::read((kills, lakes), workers);
    let (workers, seed) = (asked.workers, asked.seed);
    let options = if asked.full && (workers == 1 || matches!(ground, Ground::Folder)) {
        "[commit]\ninput = \"8 MiB\""
    } else {
        "[commit]\ninput = \"2 MiB\""
    };
    say(&format!(
        "chaos: seed {seed}, scale {scale}, {workers} workers: {} kills, {lakes} finished lakes",
        asked.kills
    ));
    // A server takes its time: a tenth of the input, with as many commits.
    let count = match (ground, workers) {
        (Ground::Folder, _) => 2_000 * scale,
        (Ground::S3 { .. }, 1) => 600 * scale.min(20),
        (Ground::Kafka(_), _) => 2_000 * scale.min(10),
        // Many short lives.
        (Ground::S3 { .. }, _) => 600 * scale.min(6),
    };
    let input =
        events(&format!("--agents 200 --days 3 --events {count} --duplicates 0.01 --malformed 0.001 --seed 17"));
    say(&format!("chaos: {} MB of input, {}", input.len() / 1_000_000, options.replace('\n', " ")));
    let plain = Lab::new(options);
    ground.prepare(&plain, &parts(&input, if workers == 1 { 1 } else { 16 * workers }), workers);
    plain.run();

    let tally = Mutex::new(Tally::read(asked.file.as_ref()));
    while !asked.is_enough(&tally.lock().unwrap()) {
        let number = tally.lock().unwrap().lakes;
        let lab = ground.fresh(&plain, options, number, workers);
        let random = |worker: usize| Random(seed ^ (u64::from(number) << 32) ^ (worker as u64) << 16);
        let is_group = matches!(ground, Ground::Kafka(_));
        let left = AtomicUsize::new(workers);
        std::thread::scope(|scope| {
            let (lab, tally, left) = (&lab, &tally, &left);
            for worker in 1..=workers {
                scope.spawn(move || {
                    let _end = Leaving(left);
                    work(lab, (worker, workers, is_group), random(worker), longest, tally);
                });
            }
            if workers > 1 {
                scope.spawn(move || collect(lab, random(0), left));
            }
        });
        if workers > 1 {
            // What the last of them left to others.
            lab.run();
        }
        let mut tally = tally.lock().unwrap();
        compare(&plain, &ground.visible(&lab), &mut tally, &asked);
        let (ours, theirs) = (&lab.status()["tally"], &plain.status()["tally"]);
        for count in ["read", "made_rows", "duplicates", "rejected", "skipped"] {
            assert_eq!(ours[count], theirs[count], "{count}");
        }
        // Each of several workers derives, so that only the last one's rows are those of a plain run.
        let rows = if workers == 1 { vec![""] } else { vec!["/agent_event", "/agent_event_contacts", "/rejected"] };
        for table in rows {
            let pointer = format!("/rows{table}");
            assert_eq!(ours.pointer(&pointer), theirs.pointer(&pointer), "{pointer}");
        }
        tally.write(asked.file.as_ref());
    }
    report(&tally.into_inner().unwrap(), &asked);
}

/// Holds what is visible of a finished lake against a plain one.
fn compare(plain: &Lab, visible: &Path, tally: &mut Tally, asked: &Asked) {
    tally.lakes += 1;
    let differences = difference(&plain.lake(), visible);
    say(&format!(
        "chaos: lake {} finished after {} kills in {} runs, differences: {differences:?}",
        tally.lakes,
        tally.kills(),
        tally.runs
    ));
    let differences = differences.unwrap_or_default();
    if let (false, Some(file)) = (differences.is_empty(), &asked.file) {
        keep(&plain.lake(), &file.with_extension("plain"));
        keep(visible, &file.with_extension("lake"));
    }
    assert_eq!(differences, Vec::<String>::new());
}

fn report(tally: &Tally, asked: &Asked) {
    for (place, name) in PLACES.iter().enumerate() {
        let fell = tally.fell.get(&place).copied().unwrap_or(0);
        say(&format!("chaos: {fell:>4} kills while {name} ({} %)", fell * 100 / tally.kills().max(1)));
    }
    if asked.full {
        assert!(tally.fewest() >= 5, "a place was hit less than 5 times: {:?}", tally.fell);
    }
}

/// Copies a lake to where it can be looked at.
fn keep(lake: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([lake, to]).status();
    say(&format!("chaos: {} is kept ({copied:?})", to.display()));
}

/// The lines in so many files.
fn parts(input: &str, count: usize) -> BTreeMap<String, String> {
    let lines: Vec<&str> = input.lines().collect();
    let part = |(number, lines): (usize, &[&str])| (format!("events-{number}.jsonl"), lines.join("\n") + "\n");
    lines.chunks(lines.len() / count + 1).enumerate().map(part).collect()
}

/// Runs a worker until it comes to its end without being killed.
fn work(
    lab: &Lab,
    (worker, workers, is_group): (usize, usize, bool),
    mut random: Random,
    longest: u64,
    tally: &Mutex<Tally>,
) {
    let log = lab.path(&format!("log-{worker}"));
    loop {
        let kill = Kill::pick(&mut random, longest);
        let (status, place) = kill.run(&mut command(lab, worker, if is_group { 1 } else { workers }), &log);
        let mut tally = tally.lock().unwrap();
        tally.runs += 1;
        let Some(place) = place else {
            let said = text(&std::fs::read(&log).unwrap());
            // On a machine that stands still for a while a living attempt grows old. Whoever looks after it starts it again.
            if status.code() == Some(5) && said.contains("banned") {
                continue;
            }
            return assert!(status.success(), "worker {worker}: {status}: {said}");
        };
        *tally.fell.entry(place).or_default() += 1;
    }
}

/// One less, also of a thread that fails.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Throws away, beside the workers and until there are none, what dead ones have left; it is killed as they are.
fn collect(lab: &Lab, mut random: Random, workers: &AtomicUsize) {
    let log = lab.path("log-gc");
    while workers.load(Ordering::Relaxed) > 0 {
        let mut command = lab.command(&["gc", "pipeline.toml", "--older-than", &format!("{OLD}s")]);
        let kill = Kill::After(Duration::from_millis(50 + random.below(1_000)));
        let (status, _) = kill.run(&mut command, &log);
        // Before the first commit there is no lake to look at.
        let said = text(&std::fs::read(&log).unwrap());
        assert!(status.code().is_none_or(|code| code == 0), "gc: {status}: {said}");
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

fn command(lab: &Lab, worker: usize, workers: usize) -> Command {
    let share = format!("{worker}/{workers}");
    let mut arguments = vec!["run", "pipeline.toml", "--no-progress", "--log", "warn,tributary::phase=debug"];
    if workers > 1 {
        arguments.extend(["--worker", &share]);
    }
    lab.command(&arguments)
}
