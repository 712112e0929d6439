//! The files that are measured on.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::engines::venv;

/// A file of agent events, one a line.
pub(crate) struct Input {
    /// What it is called in the report.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

impl Input {
    /// The input of this file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let path = fs::canonicalize(path).with_context(|| format!("reading {}", path.display()))?;
        let bytes = fs::metadata(&path)?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path, bytes })
    }

    /// Its length in GB, of 1,000,000,000 bytes.
    pub(crate) fn gigabytes(&self) -> f64 {
        self.bytes as f64 / 1e9
    }
}

/// An input that the simulator makes: 500 agents interleaved, seed 1, 4 inbound queues, 5.0 to 5.7 KB an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    name: &'static str,
    events: u64,
    days: u32,
    repetition: Repetition,
}

/// Whether snapshots come again, as in the real stream, or none has anything of an earlier one to exploit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repetition {
    Chained,
    Shuffled,
}

/// What speed is measured on.
pub(crate) fn for_speed(events: u64) -> [Shape; 2] {
    [
        Shape { name: "chained", events, days: 3, repetition: Repetition::Chained },
        Shape { name: "shuffled", events, days: 3, repetition: Repetition::Shuffled },
    ]
}

/// What memory is measured on: five times as much, and as many events spread evenly over 1,000 days.
pub(crate) fn for_memory(events: u64) -> [Shape; 2] {
    [
        Shape { name: "three-days", events: events * 5, days: 3, repetition: Repetition::Chained },
        Shape { name: "thousand-days", events, days: 1_000, repetition: Repetition::Chained },
    ]
}

/// What the lake in S3 is measured on: the usual days, and 1,000 that are all open at once.
pub(crate) fn for_s3(events: u64) -> [Shape; 2] {
    [
        Shape { name: "chained", events, days: 3, repetition: Repetition::Chained },
        Shape { name: "thousand-days", events, days: 1_000, repetition: Repetition::Chained },
    ]
}

/// The files of these shapes; made once, and anew when the simulator changes.
pub(crate) fn simulated(tributary: &Path, shapes: &[Shape]) -> Result<Vec<Input>> {
    let folder = venv::cache().join("bench");
    fs::create_dir_all(&folder)?;
    let version = digest(&crate::root().join("crates/simulate/src"))?;
    let mut inputs = Vec::new();
    for shape in shapes {
        let family = format!("{}-{}-", shape.name, shape.events);
        let path = folder.join(format!("{family}{version:016x}.jsonl"));
        if !path.exists() {
            remove_older(&folder, &family)?;
            make(tributary, shape, &path)?;
        }
        inputs.push(Input { name: shape.name.to_owned(), ..Input::of(&path)? });
    }
    Ok(inputs)
}

/// Gigabytes of an earlier simulator are of no use to anybody.
fn remove_older(folder: &Path, family: &str) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(family) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn make(tributary: &Path, shape: &Shape, path: &Path) -> Result<()> {
    eprintln!("making {} (once)", path.display());
    let unfinished = path.with_extension("unfinished");
    let (events, days) = (shape.events.to_string(), shape.days.to_string());
    let mut command = Command::new(tributary);
    // A thousand days from here on are all in the past: a day after tomorrow would be rejected.
    command.args(["simulate", "--agents", "500", "--seed", "1", "--start", "2022-01-03"]);
    command.args(["--events", &events, "--days", &days]);
    if shape.repetition == Repetition::Shuffled {
        command.arg("--shuffle");
    }
    let status = command.arg("--output").arg(&unfinished).status();
    let status = status.with_context(|| format!("starting {}", tributary.display()))?;
    ensure!(status.success(), "tributary simulate failed");
    fs::rename(&unfinished, path)?;
    Ok(())
}

/// A name for what the simulator's source says.
fn digest(folder: &Path) -> Result<u64> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let mut hasher = DefaultHasher::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        fs::read(path)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
