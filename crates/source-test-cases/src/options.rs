//! What a source of executions is told.

use std::num::NonZeroU32;
use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{SplitId, Timestamp};

/// The options of a source of executions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of the source in the pipeline; its split begins with it.
    pub name: String,
    /// The id of the instance of Amazon Connect.
    pub instance: String,
    /// Of an instance that was never read: only executions that began then or later.
    pub since: Option<Timestamp>,
    /// How long an execution is left alone after it began.
    pub settle: Duration,
    /// How long one that is not over is waited for, from its beginning on.
    pub open_for: Duration,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// In a stream: how long after a sweep the next one begins. None: one sweep.
    pub poll: Option<Duration>,
    /// About how many bytes of memory the records of a batch take.
    pub batch_bytes: usize,
    /// How Amazon Connect is reached.
    pub connection: Connection,
}

impl Options {
    /// Two minutes: the service does not say how fast its list follows.
    pub const SETTLE: Duration = Duration::from_secs(120);

    /// An hour. A test takes minutes; one that hangs holds up those after it.
    pub const OPEN_FOR: Duration = Duration::from_secs(3_600);

    /// The defaults, for a source of this name that reads this instance once.
    pub fn new(name: impl Into<String>, instance: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            instance: instance.into(),
            since: None,
            settle: Self::SETTLE,
            open_for: Self::OPEN_FOR,
            rate: tributary_connect_api::Options::RATE,
            poll: None,
            batch_bytes: 8 << 20,
            connection: Connection::default(),
        }
    }

    /// The split.
    pub(crate) fn split(&self) -> SplitId {
        SplitId::new(format!("{}/test-cases@{}", self.name, self.instance))
    }
}
