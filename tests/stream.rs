//! A stream over a folder: files come while it runs, it is killed and stopped, and its lake is that of a batch.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::agent_time::by_hour;
use crate::inputs::events;
use crate::lab::{Lab, difference};

const PIPELINE: &str = "version = 1\nname = \"lab\"\nmode = \"streaming\"\n[sources.files.file]\npaths = [\"in/*.jsonl\"]\n\
    poll = \"1s\"\n[transform.connect.agent_time]\nevery = \"1s\"\n[lake]\nlocation = \"lake\"\n[commit]\nevery = \"1s\"\n";

/// A stream that is killed when it is dropped.
pub(crate) struct Stream(Child);

impl Stream {
    pub(crate) fn start(lab: &Lab) -> Self {
        Self::start_with(lab, &[])
    }

    /// With these variables.
    pub(crate) fn start_with(lab: &Lab, variables: &[(&str, &str)]) -> Self {
        let mut command = lab.command(&["run", "pipeline.toml", "--output", "json", "--no-progress"]);
        // A pipe that nobody reads fills up and holds it.
        let log = fs::OpenOptions::new().create(true).append(true).open(lab.path("stream.log")).unwrap();
        Self(command.envs(variables.iter().copied()).stderr(log).spawn().unwrap())
    }

    /// Whether it has not ended.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits until it ends by itself; its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let mut code = None;
        wait_until("the stream ends", || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }

    /// Asks it to end; what it did.
    pub(crate) fn stop(mut self) -> serde_json::Value {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        let stdout = self.0.stdout.take().unwrap();
        let summary = serde_json::from_reader(stdout).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
        summary
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It may have ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until `is_so`, for a minute at most.
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(60), what, is_so);
}

/// Waits until `is_so`, for work that takes longer where it is larger.
pub(crate) fn wait_at_most(longest: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < longest, "{what}");
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// The hours of two days, the later ones first, come one by one; twice the stream is killed. Events and derived rows are
/// those of a batch over all of them.
#[test]
fn a_folder_is_streamed_into_the_lake_of_a_batch() {
    let lines = events("--agents 10 --events 3000 --days 2 --seed 9 --disorder 0.1 --duplicates 0.05");
    let batch = Lab::new("");
    batch.input("all.jsonl", &lines);
    let rows = batch.run()["tally"]["rows"]["agent_event"].as_u64().unwrap();

    let lab = Lab::new("");
    fs::write(lab.path("pipeline.toml"), PIPELINE).unwrap();
    let hours = by_hour(&lines);
    let mut stream = Stream::start(&lab);
    for (number, hour) in hours.iter().rev().enumerate() {
        if number > 0 && number % (hours.len() / 3) == 0 {
            drop(stream);
            stream = Stream::start(&lab);
        }
        fs::write(lab.path("part"), hour).unwrap();
        fs::rename(lab.path("part"), lab.path("in").join(format!("{number}.jsonl"))).unwrap();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let committed = || lab.status()["tables"]["agent_event"]["rows"].as_u64();
    wait_until("all events are committed", || committed() == Some(rows));
    let mut last = (lab.status()["epochs"].clone(), Instant::now());
    wait_until("everything is derived", || {
        let epochs = lab.status()["epochs"].clone();
        if epochs != last.0 {
            last = (epochs, Instant::now());
        }
        last.1.elapsed() > Duration::from_secs(5)
    });
    let summary = stream.stop();
    assert_eq!(summary["outcome"], "drained");
    if let Some(differences) = difference(&batch.lake(), &lab.lake()) {
        assert_eq!(differences, Vec::<String>::new());
    }
    // It goes on where it was: with a file more, which a batch over the same folder has as well.
    let late = "{\"not\": \"an event\"}\n";
    lab.input("late.jsonl", late);
    batch.input("late.jsonl", late);
    batch.run();
    let stream = Stream::start(&lab);
    wait_until("the late file is committed", || lab.status()["tables"]["rejected"]["rows"] == 1);
    stream.stop();
    assert_eq!(committed(), Some(rows));
}
