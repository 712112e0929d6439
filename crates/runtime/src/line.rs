//! What a line is made of, and how it behaves.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tributary_commit::{CommitLog, Recovered};
use tributary_core::{CommittedKeys, Failure, PipelineId, Sink, Source, Transform};

/// Makes lines. Called once at the start and again for each restart: whatever a line had in memory is made anew from
/// the commit log.
#[async_trait]
pub trait LineBuilder: Send + Sync {
    /// Opens the log, recovers it, and builds the parts that begin where it ends.
    async fn build(&self) -> Result<Line, Failure>;

    /// No line will follow: what outlives lines says goodbye.
    async fn close(&self) {}
}

/// The parts of a line, ready to run.
pub struct Line {
    /// Where records come from; it begins at `recovered.checkpoint`.
    pub source: Box<dyn Source>,
    /// What turns them into rows.
    pub transform: Arc<dyn Transform>,
    /// Where rows go.
    pub sink: Box<dyn Sink>,
    /// Who decides what is committed; recovered.
    pub log: CommitLog,
    /// What the log said.
    pub recovered: Recovered,
    /// The keys that are in the lake already, for a transform that looks beyond its own horizon.
    pub keys: Option<Box<dyn CommittedKeys>>,
    /// How it behaves.
    pub settings: Settings,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How a line behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose line it is; written into the `rejected` table.
    pub pipeline: PipelineId,
    /// When an epoch ends.
    pub cadence: Cadence,
    /// Bytes of records between reading and the sink, at most; one batch may be larger and then passes alone.
    pub budget: u64,
    /// How many batches are decoded side by side.
    pub decoders: NonZeroUsize,
    /// What happens when records were left out that nobody accounted for.
    pub on_gap: OnGap,
    /// Whether a claim is given up when somebody else committed to a day of it since the log was read.
    pub guarded: bool,
    /// Whether splits are given to other processes while they are read: then a fence means that some of ours were, and a
    /// new line goes on with the others.
    pub splits_move: bool,
    /// Whether the run never ends for what may pass, once a line of it could be built: a stream outlives whatever is away
    /// for a while.
    pub is_endless: bool,
    /// How long a drain may take before it becomes an abort.
    pub drain_deadline: Duration,
}

impl Settings {
    /// 64 MiB in flight, a decoder a core, a minute to an epoch and to a drain.
    pub fn new(pipeline: PipelineId) -> Self {
        Self {
            pipeline,
            cadence: Cadence { every: Duration::from_secs(60), input: None, splits: Cadence::SPLITS },
            budget: 64 << 20,
            decoders: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            on_gap: OnGap::Fail,
            guarded: false,
            splits_move: false,
            is_endless: false,
            drain_deadline: Duration::from_secs(60),
        }
    }
}

/// When an epoch ends, beside the end of input, a drain and a sink that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// So long after its first record was read.
    pub every: Duration,
    /// After so many bytes of records, if at all.
    pub input: Option<u64>,
    /// After this many splits: the record of a commit names each of them.
    pub splits: usize,
}

impl Cadence {
    /// A record of some 1 MiB, and a commit for 200 MB of objects of 20 KB.
    pub const SPLITS: usize = 10_000;
}

/// What happens when records were left out that nobody accounted for (INV-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnGap {
    /// The line ends with an error, and nothing after the gap is committed.
    #[default]
    Fail,
    /// It is counted, warned about and left behind.
    Continue,
}

/// Why an epoch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealReason {
    /// Its time was up.
    Age,
    /// It had its bytes.
    Input,
    /// It had its splits.
    Splits,
    /// The sink was full.
    Memory,
    /// What followed in a split did not begin where the epoch ended.
    Gap,
    /// Nothing follows: the end of input, a drain, or a source that failed.
    End,
}

impl SealReason {
    /// The label of logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Input => "input",
            Self::Splits => "splits",
            Self::Memory => "memory",
            Self::Gap => "gap",
            Self::End => "end",
        }
    }
}
