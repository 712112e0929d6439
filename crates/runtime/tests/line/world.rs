//! A lake in memory, an input from a script, and lines between them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tributary_commit::{CommitLog, LogOptions, OptionDigest};
use tributary_core::{Checkpoint, Clock, CommittedKeys, Failure, rejected_table};
use tributary_runtime::{Line, LineBuilder, Progress, RunError, Settings, Stop, Summary, run};
use tributary_store::MemoryStore;
use tributary_testkit::{
    Faults, FixedClock, Gate, Meter, NoteKeys, NoteTransform, Script, ScriptedSource, TextSink, lines, note_table,
};

/// A day of paused time: a line that is still there has nothing left to wait for.
const HUNG: Duration = Duration::from_secs(86_400);

/// Everything that outlives a line.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) script: Arc<Script>,
    pub(crate) faults: Faults,
    pub(crate) gate: Gate,
    pub(crate) meter: Meter,
    pub(crate) released: Arc<Mutex<Vec<Checkpoint>>>,
    pub(crate) settings: Settings,
    /// Rows that the sink has room for.
    pub(crate) room: u64,
}

/// A run in the background.
pub(crate) struct Running {
    pub(crate) stop: Stop,
    pub(crate) progress: watch::Receiver<Progress>,
    task: tokio::task::JoinHandle<Result<Summary, RunError>>,
}

impl World {
    /// An empty lake and this input; one decoder, so that numbers are small.
    pub(crate) fn new(script: Script) -> Self {
        let settings = Settings { decoders: NonZeroUsize::MIN, ..Settings::new("notes".parse().unwrap()) };
        Self {
            store: MemoryStore::new(),
            script: Arc::new(script),
            faults: Faults::default(),
            gate: Gate::default(),
            meter: Meter::default(),
            released: Arc::default(),
            settings,
            room: u64::MAX,
        }
    }

    /// Another process with its own input on the same lake.
    pub(crate) fn beside(&self, script: Script) -> Self {
        Self { store: self.store.clone(), settings: self.settings.clone(), ..Self::new(script) }
    }

    /// Runs to the end.
    pub(crate) async fn run(&self) -> Result<Summary, RunError> {
        self.start().end().await
    }

    /// Runs in the background.
    #[expect(clippy::disallowed_methods, reason = "a test may stand beside the run that it watches")]
    pub(crate) fn start(&self) -> Running {
        let (sender, progress) = watch::channel(Progress::default());
        let (stop, world) = (Stop::default(), self.clone());
        let given = stop.clone();
        let task = tokio::spawn(async move { run(&world, Arc::new(FixedClock::default()), given, sender).await });
        Running { stop, progress, task }
    }

    /// The notes that anybody can see.
    pub(crate) async fn notes(&self) -> Vec<String> {
        self.lines("note").await
    }

    /// The rejections that anybody can see.
    pub(crate) async fn rejected(&self) -> Vec<String> {
        self.lines("rejected").await
    }

    async fn lines(&self, table: &str) -> Vec<String> {
        match lines(&self.store, table).await {
            Ok(lines) => lines,
            // A fault of the store that no call of the run met.
            Err(_) => lines(&self.store, table).await.unwrap(),
        }
    }
}

impl Running {
    /// Waits for the end; a run that hangs fails the test.
    pub(crate) async fn end(self) -> Result<Summary, RunError> {
        tokio::time::timeout(HUNG, self.task).await.expect("the line hangs").unwrap()
    }
}

/// Waits until nothing happens any more except by timers of more than a millisecond: paused time moves on only then.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[async_trait]
impl LineBuilder for World {
    async fn build(&self) -> Result<Line, Failure> {
        self.faults.hit(tributary_testkit::Place::Build)?;
        let failure = |error: tributary_commit::CommitError| Failure::new(error.fault(), error.code(), error);
        let options = LogOptions {
            pipeline: self.settings.pipeline.clone(),
            options: OptionDigest::new(BTreeMap::new()),
            accept_change: false,
            tables: vec![note_table().id, rejected_table().id],
            takeover: Duration::from_secs(60),
            attempt_age: Duration::from_secs(86_400),
            checkpoint_every: LogOptions::CHECKPOINT_EVERY,
        };
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::default());
        let mut log = CommitLog::open(Arc::new(self.store.clone()), options, clock).await.map_err(failure)?;
        let recovered = log.recover().await.map_err(failure)?;
        let source = ScriptedSource::new(
            Arc::clone(&self.script),
            &recovered.checkpoint,
            self.faults.clone(),
            self.meter.clone(),
            Arc::clone(&self.released),
        );
        let sink = TextSink::new(
            Arc::new(self.store.clone()),
            self.faults.clone(),
            self.gate.clone(),
            self.meter.clone(),
            self.room,
        );
        let keys: Option<Box<dyn CommittedKeys>> = match self.settings.guarded {
            true => Some(Box::new(NoteKeys { store: Arc::new(self.store.clone()), faults: self.faults.clone() })),
            false => None,
        };
        Ok(Line {
            source: Box::new(source),
            transform: Arc::new(NoteTransform::new(self.faults.clone())),
            sink: Box::new(sink),
            log,
            recovered,
            keys,
            settings: self.settings.clone(),
        })
    }
}

/// `count` different notes, spread over three days, as payloads of `length` bytes.
pub(crate) fn notes(count: usize, length: usize) -> Vec<String> {
    let note = |number: usize| {
        let head = format!("2025-07-0{}|key{number:05}|", number % 3 + 1);
        let text = "x".repeat(length.saturating_sub(head.len()));
        head + &text
    };
    (0..count).map(note).collect()
}

/// A script of these payloads.
pub(crate) fn script(payloads: &[String], batch: usize) -> Script {
    Script::of(payloads.iter().map(String::as_str), batch)
}

/// Sorted, as [`World::notes`] gives them.
pub(crate) fn sorted(mut payloads: Vec<String>) -> Vec<String> {
    payloads.sort();
    payloads
}
