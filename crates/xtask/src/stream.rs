//! A stream that is fed at a steady rate: a broker, a topic that the simulator fills, and processes that read it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::engines::kafka::Kafka;
use crate::engines::venv;
use crate::engines::weed::{BUCKET, KEYS, Weed};
use crate::programs::Programs;
use crate::topic::{Topic, text_of};

const TOPIC: &str = "agent-events";

/// How long a process may take to begin, to end, or to commit the rest.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited between two looks at what will be so soon.
const LOOK: Duration = Duration::from_millis(50);

/// What is asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) s3: bool,
    pub(crate) workers: usize,
    /// How long events come.
    pub(crate) length: Duration,
    /// Events a second.
    pub(crate) rate: u32,
    /// `commit.every`.
    pub(crate) every: String,
    /// A file of more lines for the pipeline.
    pub(crate) options: Option<PathBuf>,
    pub(crate) binaries: Option<PathBuf>,
}

impl Wanted {
    /// Reads `--store`, `--workers`, `--seconds` or `--minutes`, `--rate`, `--every`, `--options` and `--binaries`.
    pub(crate) fn read(mut self, mut words: &[&str], usage: &str) -> Result<Self> {
        while let [name, value, more @ ..] = words {
            match (*name, *value) {
                ("--store", "folder") => self.s3 = false,
                ("--store", "s3") => self.s3 = true,
                ("--workers", number) => self.workers = number.parse()?,
                ("--seconds", number) => self.length = Duration::from_secs(number.parse()?),
                ("--minutes", number) => self.length = Duration::from_secs(60 * number.parse::<u64>()?),
                ("--rate", number) => self.rate = number.parse()?,
                ("--every", time) => time.clone_into(&mut self.every),
                ("--options", file) => self.options = Some(file.into()),
                ("--binaries", folder) => self.binaries = Some(folder.into()),
                _ => bail!("{usage}"),
            }
            words = more;
        }
        ensure!(words.is_empty() && self.workers > 0 && self.rate > 0, "{usage}");
        Ok(self)
    }

    /// How many events come.
    pub(crate) fn events(&self) -> u64 {
        u64::from(self.rate) * self.length.as_secs()
    }
}

/// The ground of one measurement; its servers and its folder are gone when it is dropped.
pub(crate) struct Ground {
    folder: PathBuf,
    pipeline: PathBuf,
    tributary: PathBuf,
    kafka: Kafka,
    weed: Option<Weed>,
}

impl Ground {
    /// Starts the servers, in a folder that is named after `chore`, and writes the pipeline.
    pub(crate) fn start(wanted: &Wanted, chore: &str) -> Result<Self> {
        let programs = Programs::get(wanted.binaries.as_deref())?;
        let folder = venv::cache().join(format!("bench/{chore}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let kafka = Kafka::start(&folder.join("broker")).context("there is no broker to measure with")?;
        let weed = match wanted.s3 {
            true => Some(Weed::start(&folder.join("server")).context("there is no S3 server to measure with")?),
            false => None,
        };
        let pipeline = folder.join("pipeline.toml");
        let ground = Self { folder, pipeline, tributary: programs.tributary, kafka, weed };
        let lake = match &ground.weed {
            None => format!("location = '{}'\n", ground.place()),
            Some(weed) => format!(
                "location = 's3://{}'\n[lake.s3]\nendpoint = '{}'\npath_style = true\n",
                ground.place(),
                weed.endpoint()
            ),
        };
        let more = wanted.options.as_ref().map_or(Ok(String::new()), fs::read_to_string)?;
        let text = format!(
            "version = 1\nname = \"stream\"\nmode = \"streaming\"\n\n[sources.agents.kafka]\nbrokers = '{}'\n\
             topics = ['{TOPIC}']\n\n[commit]\nevery = '{}'\n\n[lake]\n{lake}{more}",
            ground.kafka.bootstrap(),
            wanted.every
        );
        fs::write(&ground.pipeline, text)?;
        Ok(ground)
    }

    /// Where the lake is: a folder, or a bucket and a prefix.
    pub(crate) fn place(&self) -> String {
        self.weed
            .as_ref()
            .map_or_else(|| self.folder.join("lake").display().to_string(), |_| format!("{BUCKET}/stream"))
    }

    /// The S3 server, where the lake is in one.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.weed.as_ref().map(Weed::endpoint)
    }

    /// Makes the topic; its producer waits for next to nothing.
    pub(crate) fn topic(&self) -> Result<Topic> {
        Topic::create(&self.kafka.bootstrap(), TOPIC, "zstd", Duration::from_millis(5))
    }

    /// Starts so many processes and waits until each has partitions.
    pub(crate) fn workers(&self, count: usize) -> Result<Vec<Worker>> {
        let workers = (1..=count).map(|number| self.worker(number)).collect::<Result<Vec<_>>>()?;
        let begun = Instant::now();
        while !workers.iter().all(|worker| worker.has_said("partition is ours")) {
            ensure!(begun.elapsed() < PATIENCE, "a worker was given no partition: {}", self.logs(&workers));
            std::thread::park_timeout(LOOK);
        }
        Ok(workers)
    }

    fn worker(&self, number: usize) -> Result<Worker> {
        let log = self.folder.join(format!("worker-{number}.log"));
        let child = self
            .tributary(&["run", "--no-progress", "--log", "info"])
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("starting {}", self.tributary.display()))?;
        Ok(Worker { child, log })
    }

    fn tributary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.tributary);
        command.args(arguments).arg(&self.pipeline).envs(KEYS).stdin(Stdio::null());
        command
    }

    /// What the workers said.
    pub(crate) fn logs(&self, workers: &[Worker]) -> String {
        workers.iter().filter_map(|worker| fs::read_to_string(&worker.log).ok()).collect()
    }

    /// Rows of `agent_event` that are committed.
    pub(crate) fn rows(&self) -> Result<u64> {
        let output = self.tributary(&["status", "--output", "json"]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        Ok(status["tables"]["agent_event"]["rows"].as_u64().unwrap_or_default())
    }

    /// Has the simulator make `events` events and produces them, `rate` a second. `produced` is called before each with its
    /// EventId; no two are the same.
    pub(crate) fn feed(
        &self,
        topic: &Topic,
        events: u64,
        rate: u32,
        mut produced: impl FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let mut simulator = Command::new(&self.tributary)
            .args(["simulate", "--agents", "500", "--seed", "1", "--events", &events.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = BufReader::new(simulator.stdout.take().context("the simulator has no output")?).lines();
        let mut known = HashSet::new();
        let begun = Instant::now();
        for (number, line) in (0_u32..).zip(lines) {
            let line = line?;
            let id = text_of(&line, "EventId");
            ensure!(known.insert(id.to_owned()), "the simulator made {id:?} twice");
            wait_until(begun + Duration::from_secs(1) * number / rate);
            produced(id)?;
            topic.produce(&line)?;
        }
        ensure!(simulator.wait()?.success() && known.len() as u64 == events, "the simulator made {}", known.len());
        topic.flush()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // The next one has a folder of its own.
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn wait_until(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// A running process of the pipeline, killed when it is dropped.
pub(crate) struct Worker {
    child: Child,
    log: PathBuf,
}

impl Worker {
    /// Its number, as the system has it.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains(words))
    }

    /// Asks it to commit what it has and to end.
    pub(crate) fn stop(mut self) -> Result<()> {
        ensure!(Command::new("kill").arg(self.child.id().to_string()).status()?.success(), "a worker ended by itself");
        let status = self.child.wait()?;
        ensure!(status.success(), "a worker failed, {status}: {}", tail(&self.log));
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
